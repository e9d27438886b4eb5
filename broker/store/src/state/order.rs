//! Order: of the documents about one patient in one mailbox only the oldest is on offer. Each
//! mailbox keeps its lines of such documents, in the order of the ledger and without those set
//! aside; a claim never looks here.
//!
//! A line moves on when its first document is settled or set aside. It also passes one that nobody
//! holds and that has been tried for longer than its hold, so that no document blocks its patient
//! for ever. What is urgent lifts those it waits for: they are offered as urgent too.

use std::collections::BTreeSet;

use axle_core::{
    delivery::{Delivery, State as Waits},
    message::Message,
};
use axle_model::{
    envelope::Priority, id::DeliveryId, mailbox::MailboxId, ods::OdsCode, time::Timestamp,
};

use super::{Body, State, keys::Half, mailbox::Mailbox, runs::Runs};

/// A place in a line: which line, then the order of the ledger, then of the message's recipients.
pub(super) type Place = (Half, u64, usize);

/// The lines of one mailbox.
#[derive(Debug, Default)]
pub(super) struct Lines {
    places: Runs<Place, Waiting>,
    /// The places of what is urgent.
    urgent: BTreeSet<Place>,
}

/// One that waits in a line, or is leased.
#[derive(Debug)]
pub(super) struct Waiting {
    recipient: OdsCode,
    leased: bool,
    /// Queued, and rested.
    pub(super) ready: bool,
    /// Tried for longer than its hold.
    pub(super) passed: bool,
    /// Among those at the front, which are looked at whenever the line changes.
    front: bool,
    /// On offer, as how urgent.
    offered: Option<Priority>,
}

/// The place of a message's delivery in its line; `None` when it waits for no other.
pub(super) fn place_of(message: &Message, sequence: u64, delivery: &Delivery) -> Option<Place> {
    let line = Half::of(message.order_key.as_ref()?);
    let mut deliveries = message.deliveries.iter();
    let index = deliveries.position(|one| one.recipient == delivery.recipient)?;
    Some((line, sequence, index))
}

/// From when on those behind a delivery need not wait for it, once it has been tried.
pub(super) fn hold_end(message: &Message, delivery: &Delivery) -> Option<Timestamp> {
    message.order_key?;
    Some(delivery.tried_since?.after(message.order_hold))
}

impl Waiting {
    pub(super) const fn new(recipient: OdsCode, state: Waits) -> Self {
        Self {
            recipient,
            leased: matches!(state, Waits::Leased { .. }),
            ready: false,
            passed: false,
            front: false,
            offered: None,
        }
    }

    /// Whether those behind it may be offered.
    const fn lets_pass(&self) -> bool {
        self.passed && !self.leased
    }
}

impl Mailbox {
    /// Lets a delivery take its place in its line. Nothing is offered before the line
    /// [moves](Self::move_line).
    pub(super) fn line_up(&mut self, place: Place, priority: Priority, waiting: Waiting) {
        if priority == Priority::Urgent {
            self.lines.urgent.insert(place);
        }
        self.lines.places.insert(place, waiting);
    }

    /// Takes a delivery out of its line.
    pub(super) fn leave_line(&mut self, place: Place) {
        self.lines.urgent.remove(&place);
        let left = self.lines.places.remove(&place);
        if let Some((recipient, priority)) =
            left.and_then(|one| Some((one.recipient, one.offered?)))
        {
            self.withhold(priority, place.1, recipient);
        }
    }

    /// One in its line.
    pub(super) fn in_line(&mut self, place: Place) -> Option<&mut Waiting> {
        self.lines.places.get_mut(&place)
    }

    /// Puts on offer what a line lets be offered now, and nothing else of it. Whether anything is
    /// new.
    pub(super) fn move_line(&mut self, line: Half) -> bool {
        let Lines { places, urgent } = &mut self.lines;
        let (first, last) = ((line, 0, 0), (line, u64::MAX, usize::MAX));
        let (mut open, mut moved) = (true, Vec::new());
        for (&place, one) in places.onward_mut(&first) {
            if place > last || (!open && !one.front) {
                break;
            }
            one.front = open;
            let lifted = urgent.range(place..=last).next().is_some();
            let priority = if lifted {
                Priority::Urgent
            } else {
                Priority::Routine
            };
            let offered = (open && one.ready).then_some(priority);
            let before = std::mem::replace(&mut one.offered, offered);
            if before != offered {
                moved.push((place.1, one.recipient, before, offered));
            }
            open &= one.lets_pass();
        }
        let mut new = false;
        for (sequence, recipient, before, offered) in moved {
            if let Some(priority) = before {
                self.withhold(priority, sequence, recipient);
            }
            if let Some(priority) = offered {
                self.offer(priority, sequence, recipient);
                new |= before.is_none();
            }
        }
        new
    }
}

impl<B: Body> State<B> {
    /// Lets a message's line in a mailbox move, and wakes those who wait there if something is new.
    pub(super) fn move_line(&mut self, message: &Message, mailbox: &MailboxId) {
        let Some(key) = &message.order_key else {
            return;
        };
        let Some(own) = self.mailboxes.get_mut(mailbox) else {
            return;
        };
        if own.move_line(Half::of(key)) {
            self.arrived.push(mailbox.clone());
        }
    }

    /// Changes how a delivery stands in its line, and lets the line move. Whether it has one.
    pub(super) fn change_in_line(
        &mut self,
        id: DeliveryId,
        change: impl FnOnce(&mut Waiting),
    ) -> Option<()> {
        let entry = self.messages.get(&id.message)?.awake()?;
        let delivery = entry.message.delivery(id.recipient)?;
        let place = place_of(&entry.message, entry.sequence, delivery)?;
        let mailbox = self.mailboxes.get_mut(&delivery.mailbox)?;
        change(mailbox.in_line(place)?);
        if mailbox.move_line(place.0) {
            self.arrived.push(delivery.mailbox.clone());
        }
        Some(())
    }
}
