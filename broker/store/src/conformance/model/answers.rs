//! Answers that take working out: which deliveries are on offer, in their order and in that of their
//! patients, and which are due.

use axle_core::{delivery::State, message::Message};
use axle_model::{digest::Digest, id::DeliveryId};

use super::Model;
use crate::{Due, DueFor, conformance::sample::mailbox};

impl Model {
    /// The deliveries a claim of up to `most` should get, in order.
    pub(super) fn claimed(&self, practice: &str, most: usize) -> Vec<DeliveryId> {
        let now = self.now();
        let all = self
            .messages
            .iter()
            .enumerate()
            .flat_map(|(turn, message)| {
                let here = message.deliveries.iter();
                let here = here.filter(|delivery| delivery.mailbox == mailbox(practice));
                here.map(move |delivery| (turn, message, delivery))
            });
        let waits = |state: State| !state.is_terminal() && state != State::DeadLettered;
        let waiting: Vec<_> = all.filter(|(_, _, one)| waits(one.state)).collect();
        let mut offered = Vec::new();
        for (index, (turn, message, delivery)) in waiting.iter().enumerate() {
            let of_line =
                |other: &Message| other.order_key.is_some() && other.order_key == message.order_key;
            let before = waiting[..index].iter();
            let mut before = before.filter(|(_, other, _)| of_line(other));
            let blocked = before.any(|(_, other, one)| {
                let held = one
                    .tried_since
                    .is_none_or(|since| since.after(other.order_hold) > now);
                held || matches!(one.state, State::Leased { .. })
            });
            let ready = matches!(delivery.state, State::Queued { not_before } if not_before <= now);
            if blocked || !ready || message.expire_time <= now {
                continue;
            }
            // As urgent as what waits for it.
            let behind = waiting[index..]
                .iter()
                .filter(|(_, other, _)| of_line(other));
            let urgency = behind.map(|(_, other, _)| other.priority).min();
            let urgency = urgency.unwrap_or(message.priority);
            let id = DeliveryId {
                message: message.id,
                recipient: delivery.recipient,
            };
            let place = (urgency, *turn, delivery.recipient);
            offered.push((place, id, message.order_key, index));
        }
        offered.sort_by_key(|(place, ..)| *place);
        offered.truncate(most);
        // Whatever stands behind one that is taken waits; what stands before it had its turn and passes.
        let mut taken: Vec<(Option<Digest>, usize)> = Vec::new();
        offered.retain(|(_, _, line, index)| {
            let mut before = taken.iter();
            let waits = line.is_some() && before.any(|(other, at)| other == line && at < index);
            if !waits {
                taken.push((*line, *index));
            }
            !waits
        });
        offered.into_iter().map(|(_, id, ..)| id).collect()
    }

    pub(super) fn due(&self) -> Vec<Due> {
        let mut due = Vec::new();
        for message in &self.messages {
            for delivery in &message.deliveries {
                let what = match delivery.state {
                    State::Leased { until } if until <= self.now() => DueFor::Lapse,
                    State::Queued { .. } | State::DeadLettered
                        if message.expire_time <= self.now() =>
                    {
                        DueFor::Expire
                    }
                    _ if delivery
                        .answers
                        .due()
                        .is_some_and(|(until, _)| until <= self.now()) =>
                    {
                        DueFor::Answer
                    }
                    _ => continue,
                };
                let (message, recipient) = (message.id, delivery.recipient);
                let delivery = DeliveryId { message, recipient };
                due.push(Due { delivery, what });
            }
        }
        due.sort_by_key(|one| one.delivery);
        due
    }
}
