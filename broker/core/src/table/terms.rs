//! Terms: how the documents of a workflow travel. What a workflow does not say the table's defaults
//! say, and what those do not is as senders know it from elsewhere.

use std::time::Duration;

use axle_model::{envelope::Priority, mailbox::WorkflowId};
use toml::Spanned;

use super::{amount, entry::Entry};
use crate::{order::Order, retry::Retry};

/// The terms of a workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Whether it carries payloads that the broker does not read.
    pub opaque: bool,
    /// How long a document waits to be collected before it ends as expired.
    pub lifetime: Duration,
    /// How often it is offered.
    pub retry: Retry,
    /// How long a routine document may wait until its sender is warned.
    pub warn_routine: Duration,
    /// The same for an urgent one.
    pub warn_urgent: Duration,
    /// Which of a sender's documents are delivered in order.
    pub order: Order,
    /// How long later documents of a patient wait for an earlier one once it has been tried.
    pub order_hold: Duration,
    /// How long after its collection the infrastructure response (ITK3) to a document is waited for.
    pub inf_due: Duration,
    /// The same for the business response, which a person may have to give.
    pub bus_due: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        // Five days is what senders know from MESH.
        let lifetime = Duration::from_hours(5 * 24);
        Self {
            opaque: false,
            lifetime,
            retry: Retry::default(),
            warn_routine: Duration::from_hours(24),
            warn_urgent: Duration::from_hours(1),
            order: Order::default(),
            order_hold: Duration::from_hours(4),
            inf_due: Duration::from_hours(4),
            bus_due: Duration::from_hours(72),
        }
    }
}

impl Terms {
    /// How long a document may wait until its sender is warned.
    pub const fn warn_after(&self, priority: Priority) -> Duration {
        match priority {
            Priority::Routine => self.warn_routine,
            Priority::Urgent => self.warn_urgent,
        }
    }

    /// Reads when the answers to a document are due, where the entry says so.
    pub(super) fn read_due(&mut self, entry: &mut Entry<'_, '_>) {
        let (inf, bus) = due(entry);
        self.inf_due = inf.unwrap_or(self.inf_due);
        self.bus_due = bus.unwrap_or(self.bus_due);
    }

    /// Reads a `[[workflow]]`: its id, and its terms as far as they differ from these.
    pub(super) fn read(mut self, entry: &mut Entry<'_, '_>) -> (Option<Spanned<WorkflowId>>, Self) {
        entry.must("id");
        let id = entry.read("id", WorkflowId::parse);
        self.opaque = entry.flag("opaque").unwrap_or(self.opaque);
        let order = entry.read("order", |text| match text {
            "patient" => Ok(Order::Patient),
            "patient_ref" => Ok(Order::PatientRef),
            "none" => Ok(Order::None),
            _ => Err("write \"patient\", \"patient_ref\" or \"none\""),
        });
        self.order = order.map_or(self.order, Spanned::into_inner);
        let hours = entry.number("expires_after_hours");
        let hours = hours.map(|hours| Duration::from_hours(hours.into()));
        self.lifetime = hours.unwrap_or(self.lifetime);
        if let Some(attempts) = entry.number("attempts_max") {
            self.retry.attempts_max = attempts;
        }
        for (key, span) in [
            ("retry_base_seconds", &mut self.retry.base),
            ("retry_ceiling_seconds", &mut self.retry.ceiling),
            ("warn_after_seconds", &mut self.warn_routine),
            ("warn_urgent_after_seconds", &mut self.warn_urgent),
            ("order_hold_seconds", &mut self.order_hold),
        ] {
            if let Some(seconds) = entry.number(key) {
                *span = Duration::from_secs(seconds.into());
            }
        }
        self.read_due(entry);
        (id, self)
    }
}

/// When the answers to a document are due, as far as the entry says.
pub(super) fn due(entry: &mut Entry<'_, '_>) -> (Option<Duration>, Option<Duration>) {
    let mut read = |key| entry.read(key, amount::span).map(Spanned::into_inner);
    (read("inf_due"), read("bus_due"))
}
