//! Waiting: where a delivery waits follows from its state alone. Queues and timers are kept here as
//! deliveries move; nothing here decides.

use axle_core::{
    delivery::{Delivery, State as Waits},
    message::Message,
};
use axle_model::{
    id::{DeliveryId, MessageId},
    time::Timestamp,
};

use super::{
    Body, State,
    mailbox::Mailbox,
    order::{self, Waiting},
    rest::{Kept, Stub},
};
use crate::{Due, DueFor};

impl<B: Body> State<B> {
    /// Puts a delivery where its state says it waits, and lets its line move.
    pub(super) fn place(&mut self, message: &Message, sequence: u64, delivery: &Delivery) {
        if !delivery.state.is_terminal() {
            self.wait(message, sequence, delivery);
        }
        self.timers.answers.extend(overdue(message, delivery));
        self.move_line(message, &delivery.mailbox);
    }

    fn wait(&mut self, message: &Message, sequence: u64, delivery: &Delivery) {
        self.pending += 1;
        let id = DeliveryId {
            message: message.id,
            recipient: delivery.recipient,
        };
        // No entry() here: it would copy the name each time.
        if !self.mailboxes.contains_key(&delivery.mailbox) {
            self.mailboxes
                .insert(delivery.mailbox.clone(), Mailbox::default());
        }
        let Some(mailbox) = self.mailboxes.get_mut(&delivery.mailbox) else {
            return;
        };
        mailbox.hold(sequence, delivery, message);
        self.aged.hold(message, delivery);
        let now = last_time(delivery);
        let mut in_line = Waiting::new(delivery.recipient, delivery.state);
        let place = order::place_of(message, sequence, delivery);
        match delivery.state {
            Waits::Queued { not_before } if not_before > now => {
                self.timers.rests.insert((not_before, id));
            }
            Waits::Queued { .. } if place.is_some() => in_line.ready = true,
            Waits::Queued { .. } => {
                mailbox.offer(message.priority, sequence, delivery.recipient);
                self.arrived.push(delivery.mailbox.clone());
            }
            Waits::Leased { until } => {
                self.timers.leases.insert((until, id));
            }
            Waits::DeadLettered
            | Waits::Acknowledged
            | Waits::Rejected
            | Waits::Expired
            | Waits::Withdrawn => return,
        }
        let Some(place) = place else {
            return;
        };
        if let Some(end) = order::hold_end(message, delivery) {
            in_line.passed = end <= now;
            if !in_line.passed {
                self.timers.holds.insert((end, id));
            }
        }
        mailbox.line_up(place, message.priority, in_line);
    }

    /// Takes a delivery away from where it waits. Its line moves when it is placed again.
    pub(super) fn unplace(&mut self, message: &Message, sequence: u64, delivery: &Delivery) {
        if !delivery.state.is_terminal() {
            self.pending = self.pending.saturating_sub(1);
        }
        if let Some(moment) = overdue(message, delivery) {
            self.timers.answers.remove(&moment);
        }
        let id = DeliveryId {
            message: message.id,
            recipient: delivery.recipient,
        };
        let Some(mailbox) = self.mailboxes.get_mut(&delivery.mailbox) else {
            return;
        };
        mailbox.release(sequence, delivery);
        self.aged.release(message, delivery);
        let place = order::place_of(message, sequence, delivery);
        if let Some(place) = place {
            mailbox.leave_line(place);
        }
        if let Some(end) = order::hold_end(message, delivery) {
            self.timers.holds.remove(&(end, id));
        }
        match delivery.state {
            Waits::Queued { not_before } => {
                if !self.timers.rests.remove(&(not_before, id)) && place.is_none() {
                    mailbox.withhold(message.priority, sequence, id.recipient);
                }
            }
            Waits::Leased { until } => {
                self.timers.leases.remove(&(until, id));
            }
            Waits::DeadLettered
            | Waits::Acknowledged
            | Waits::Rejected
            | Waits::Expired
            | Waits::Withdrawn => {}
        }
    }

    /// Keeps the moment at which the sender of a message is to be warned, while there is one.
    pub(super) fn watch_age(&mut self, message: &Message) {
        let moment = (message.warn_time, message.id);
        let silent = |one: &Delivery| !one.aged && !one.state.is_terminal();
        if message.deliveries.iter().any(silent) {
            self.timers.warnings.insert(moment, ());
        } else {
            self.timers.warnings.remove(&moment);
        }
    }

    /// Makes available what has rested until `now`, and what has waited long enough for another.
    pub(crate) fn wake(&mut self, now: Timestamp) {
        while let Some(id) = self.timers.held(now) {
            self.change_in_line(id, |waiting| waiting.passed = true);
            self.drowsy.push(id.message);
        }
        while let Some(id) = self.timers.rested(now) {
            self.drowsy.push(id.message);
            let lined_up = self.change_in_line(id, |waiting| waiting.ready = true);
            if lined_up.is_some() {
                continue;
            }
            // Nothing rests while it has a moment to wait for.
            let Some(Kept::Awake(entry)) = self.messages.get(&id.message) else {
                continue;
            };
            let Some(delivery) = entry.message.delivery(id.recipient) else {
                continue;
            };
            if let Some(mailbox) = self.mailboxes.get_mut(&delivery.mailbox) {
                mailbox.offer(entry.message.priority, entry.sequence, id.recipient);
                self.arrived.push(delivery.mailbox.clone());
            }
        }
    }

    /// What [`Store::due`](crate::Store::due) says.
    pub(crate) fn due(&mut self, now: Timestamp, max: usize) -> Vec<Due> {
        self.wake(now);
        let lapsed = self.timers.lapsed(now).map(|delivery| Due {
            delivery,
            what: DueFor::Lapse,
        });
        let expired = self.timers.expired(now).flat_map(|id| {
            let stubs = self.messages.get(&id).into_iter().flat_map(Kept::stubs);
            let nobody_holds = |one: &Stub| match one.state {
                Waits::Queued { .. } | Waits::DeadLettered => true,
                Waits::Leased { .. }
                | Waits::Acknowledged
                | Waits::Rejected
                | Waits::Expired
                | Waits::Withdrawn => false,
            };
            let unheld = stubs.filter(nobody_holds);
            unheld.map(move |one| due_of(id, one, DueFor::Expire))
        });
        let aged = self.timers.aged(now).flat_map(|id| {
            let stubs = self.messages.get(&id).into_iter().flat_map(Kept::stubs);
            let silent = stubs.filter(|one| !one.aged && !one.state.is_terminal());
            silent.map(move |one| due_of(id, one, DueFor::Age))
        });
        let unanswered = self.timers.unanswered(now).map(|delivery| Due {
            delivery,
            what: DueFor::Answer,
        });
        // What is past its time may stay so while the clock is in doubt: that comes last.
        let first = lapsed.chain(aged);
        first.chain(unanswered).chain(expired).take(max).collect()
    }
}

/// When the next answer to a delivery is given up. One that is not settled waits for none yet.
fn overdue(message: &Message, delivery: &Delivery) -> Option<(Timestamp, DeliveryId)> {
    let (until, _) = delivery.answers.due()?;
    let (message, recipient) = (message.id, delivery.recipient);
    Some((until, DeliveryId { message, recipient }))
}

fn due_of(message: MessageId, delivery: Stub, what: DueFor) -> Due {
    let recipient = delivery.recipient;
    Due {
        delivery: DeliveryId { message, recipient },
        what,
    }
}

/// When the delivery's newest event happened.
fn last_time(delivery: &Delivery) -> Timestamp {
    delivery
        .timeline
        .last()
        .map(|event| event.time)
        .unwrap_or_default()
}
