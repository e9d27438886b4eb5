//! How what tells the practice of patients stands, for a scrape. Nothing here is of any patient.

use prometheus_client::registry::Registry;

use super::{Snapshot, gauges, one};
use crate::demographics::{EventCounts, Standing};

impl Snapshot {
    /// Nothing when there is nobody to ask.
    pub(super) fn register_demographics(&self, registry: &mut Registry) {
        let Some(standing) = &self.demographics else {
            return;
        };
        let Standing {
            troubles: _,
            breaker_open,
            snapshot_time,
            patients,
            events,
        } = standing;
        one(
            registry,
            "demographics_breaker_open",
            "Whether the demographics service is left alone after failures",
            u64::from(*breaker_open),
        );
        one(
            registry,
            "demographics_patients",
            "Patients in the snapshot, or answers of the service that are remembered",
            *patients,
        );
        if let Some(time) = snapshot_time {
            one(
                registry,
                "demographics_snapshot_timestamp_seconds",
                "When the snapshot of patients in force was taken",
                time.as_millis() / 1_000,
            );
        }
        let EventCounts {
            changed,
            known,
            strangers,
            unusable,
        } = *events;
        let counts = [
            ("changed", changed),
            ("known", known),
            ("strangers", strangers),
            ("unusable", unusable),
        ];
        registry.register(
            "demographics_events",
            "Events of patients in the folder, by what became of them",
            gauges("outcome", counts),
        );
    }
}
