//! Aged: what has waited longer than its workflow allows without a warning, by workflow and priority.

use std::collections::{BTreeMap, BTreeSet};

use axle_core::{alarm::AgedDeliveries, delivery::Delivery, message::Message};
use axle_model::{envelope::Priority, id::DeliveryId, mailbox::WorkflowId, time::Timestamp};

/// Deliveries whose sender was warned and which are not settled, oldest first.
#[derive(Debug, Default)]
pub(super) struct Aged(BTreeMap<(WorkflowId, Priority), BTreeSet<(Timestamp, DeliveryId)>>);

impl Aged {
    /// Counts a delivery that is not settled, if its sender was warned.
    pub(super) fn hold(&mut self, message: &Message, delivery: &Delivery) {
        if delivery.aged {
            let kind = (message.workflow.clone(), message.priority);
            self.0
                .entry(kind)
                .or_default()
                .insert(place(message, delivery));
        }
    }

    /// No longer counts it.
    pub(super) fn release(&mut self, message: &Message, delivery: &Delivery) {
        if !delivery.aged {
            return;
        }
        let kind = (message.workflow.clone(), message.priority);
        if let Some(waiting) = self.0.get_mut(&kind) {
            waiting.remove(&place(message, delivery));
            if waiting.is_empty() {
                self.0.remove(&kind);
            }
        }
    }

    /// How many of each kind there are.
    pub(super) fn told(&self) -> Vec<AgedDeliveries> {
        let told = self.0.iter().filter_map(|((workflow, priority), waiting)| {
            let &(oldest, _) = waiting.first()?;
            Some(AgedDeliveries {
                workflow: workflow.clone(),
                priority: *priority,
                count: waiting.len() as u64,
                oldest,
            })
        });
        told.collect()
    }
}

fn place(message: &Message, delivery: &Delivery) -> (Timestamp, DeliveryId) {
    let id = DeliveryId {
        message: message.id,
        recipient: delivery.recipient,
    };
    (message.accept_time, id)
}
