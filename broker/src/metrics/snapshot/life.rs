//! The life of deliveries in figures: the equation of the ledger, what waits too long, and alarms.

use std::collections::BTreeMap;

use axle_core::{
    alarm::{Kind, Subject},
    totals::Totals,
};
use axle_model::envelope::Priority;
use prometheus_client::{
    metrics::{
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::ConstGauge,
    },
    registry::Registry,
};

use super::{Snapshot, gauges, one};

impl Snapshot {
    /// What was accepted has ended, or is pending.
    pub(super) fn register_equation(&self, registry: &mut Registry) {
        let Totals {
            accepted,
            acknowledged,
            rejected,
            expired,
            withdrawn,
        } = self.totals;
        registry.register(
            "deliveries_accepted",
            "Deliveries accepted since the store was begun",
            ConstCounter::new(accepted),
        );
        let ended: Family<[(&str, &str); 1], Counter> = Family::default();
        for (outcome, count) in [
            ("acknowledged", acknowledged),
            ("rejected", rejected),
            ("expired", expired),
            ("withdrawn", withdrawn),
        ] {
            ended.get_or_create(&[("outcome", outcome)]).inc_by(count);
        }
        registry.register(
            "deliveries_ended",
            "Deliveries that ended since the store was begun, by outcome",
            ended,
        );
        one(
            registry,
            "deliveries_pending",
            "Deliveries that have not ended, counted one by one",
            self.pending,
        );
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let imbalance = signed(accepted) - signed(self.totals.ended()) - signed(self.pending);
        registry.register(
            "ledger_imbalance",
            "Deliveries accepted that neither ended nor are pending: 0, or the ledger is broken",
            ConstGauge::new(imbalance),
        );
    }

    /// What somebody must look at; present at 0 too, so that an alert can tell 0 from nothing.
    pub(super) fn register_alarms(&self, registry: &mut Registry) {
        let mut aged = BTreeMap::from([Priority::Urgent, Priority::Routine].map(|one| (one, 0)));
        for waiting in &self.aged {
            *aged.entry(waiting.priority).or_default() += waiting.count;
        }
        let aged = aged.iter().map(|(one, count)| (one.as_str(), *count));
        registry.register(
            "deliveries_aged",
            "Deliveries that wait longer than their workflow allows without a warning, by priority",
            gauges("priority", aged),
        );
        let of_kind = |kind: Kind| {
            let subjects = self.alarms.keys().map(Subject::kind);
            (
                kind.as_str(),
                subjects.filter(|one| *one == kind).count() as u64,
            )
        };
        registry.register(
            "alarms",
            "Alarms in force, by kind",
            gauges("kind", Kind::ALL.map(of_kind)),
        );
    }
}
