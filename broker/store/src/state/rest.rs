//! Rest: a message that the index holds as it is and that nobody is about to touch is kept here as a
//! slip: what queues and timers ask of it. Who wants more reads it from the index, outside the state's
//! lock, and wakes it with what was read.

use std::{slice, sync::Arc};

use axle_core::{
    delivery::{Delivery, State as Waits},
    message::Message,
};
use axle_model::{
    id::{DeliveryId, MessageId},
    ods::OdsCode,
    time::Timestamp,
};

use super::{Body, Entry, State, names_of, order};

/// A message as it is kept here.
#[derive(Debug)]
pub(super) enum Kept<B> {
    /// Whole.
    Awake(Entry<B>),
    /// The rest of it is in the index.
    Resting(Slip),
}

/// What is kept here of a message at rest.
#[derive(Debug)]
pub(super) struct Slip {
    sender: OdsCode,
    size: u64,
    expire_time: Timestamp,
    deliveries: Stubs,
}

/// Nearly all messages have one delivery, which takes no room of its own then.
#[derive(Debug)]
enum Stubs {
    One(Stub),
    Several(Box<[Stub]>),
}

/// What is kept here of its deliveries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stub {
    pub(super) recipient: OdsCode,
    pub(super) aged: bool,
    pub(super) version: u32,
    pub(super) state: Waits,
}

/// As much of a message as queues and timers ask for; all else of it is blank. It is never shown.
#[derive(Debug)]
pub(crate) struct Outline {
    pub(crate) message: Message,
    pub(crate) sequence: u64,
}

/// What a look finds here.
#[derive(Clone, Debug)]
pub(crate) enum Glimpse<T> {
    Awake(T),
    /// It is to be read from the index.
    Resting(MessageId),
}

impl Slip {
    fn of(message: &Message) -> Self {
        Self {
            sender: message.sender,
            size: message.size,
            expire_time: message.expire_time,
            deliveries: Stubs::of(&message.deliveries),
        }
    }

    /// Whether a message is the one that was put to rest, and not an earlier or later state of it.
    fn fits(&self, message: &Message) -> bool {
        let versions = message.deliveries.iter().map(|one| one.version);
        versions.eq(self.deliveries.all().iter().map(|one| one.version))
    }
}

impl Stubs {
    fn of(deliveries: &[Delivery]) -> Self {
        match deliveries {
            [one] => Self::One(Stub::of(one)),
            several => Self::Several(several.iter().map(Stub::of).collect()),
        }
    }

    fn all(&self) -> &[Stub] {
        match self {
            Self::One(one) => slice::from_ref(one),
            Self::Several(several) => several,
        }
    }
}

impl Stub {
    const fn of(delivery: &Delivery) -> Self {
        Self {
            recipient: delivery.recipient,
            aged: delivery.aged,
            version: delivery.version,
            state: delivery.state,
        }
    }
}

impl<B> Kept<B> {
    pub(super) fn sender(&self) -> OdsCode {
        match self {
            Self::Awake(entry) => entry.message.sender,
            Self::Resting(slip) => slip.sender,
        }
    }

    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Awake(entry) => entry.message.size,
            Self::Resting(slip) => slip.size,
        }
    }

    pub(super) fn expire_time(&self) -> Timestamp {
        match self {
            Self::Awake(entry) => entry.message.expire_time,
            Self::Resting(slip) => slip.expire_time,
        }
    }

    /// Its deliveries, in their order.
    pub(super) fn stubs(&self) -> impl Iterator<Item = Stub> {
        (0..).map_while(|place: usize| match self {
            Self::Awake(entry) => entry.message.deliveries.get(place).map(Stub::of),
            Self::Resting(slip) => slip.deliveries.all().get(place).copied(),
        })
    }

    /// The delivery for `recipient`.
    pub(super) fn stub(&self, recipient: OdsCode) -> Option<Stub> {
        self.stubs().find(|one| one.recipient == recipient)
    }

    pub(super) const fn awake(&self) -> Option<&Entry<B>> {
        match self {
            Self::Awake(entry) => Some(entry),
            Self::Resting(_) => None,
        }
    }

    pub(super) const fn is_resting(&self) -> bool {
        matches!(self, Self::Resting(_))
    }

    /// The message, if it is all here.
    pub(super) fn glimpse(&self, id: MessageId) -> Glimpse<Arc<Message>> {
        match self {
            Self::Awake(entry) => Glimpse::Awake(entry.message.clone()),
            Self::Resting(_) => Glimpse::Resting(id),
        }
    }
}

impl<B: Body> State<B> {
    /// A state whose messages may be read from an index, and so may rest.
    pub(crate) fn beside_index() -> Self {
        Self {
            beside_index: true,
            ..Self::default()
        }
    }

    /// Whether it has an index beside it.
    pub(crate) const fn lets_rest(&self) -> bool {
        self.beside_index
    }

    /// Takes back a message that the index keeps, at rest from the beginning. Whether it may be so;
    /// otherwise nothing has changed. Nobody finds it by its name before all have
    /// [settled in](Self::settle_in).
    pub(crate) fn restore_resting(&mut self, outline: &Outline, body: &B) -> bool {
        let Outline { message, sequence } = outline;
        let stirs = |one: &Delivery| {
            let last = one.timeline.last().map(|event| event.time);
            let last = last.unwrap_or_default();
            let rests = match one.state {
                Waits::Leased { .. } => true,
                Waits::Queued { not_before } => not_before > last,
                Waits::DeadLettered
                | Waits::Acknowledged
                | Waits::Rejected
                | Waits::Expired
                | Waits::Withdrawn => false,
            };
            rests || order::hold_end(message, one).is_some_and(|end| end > last)
        };
        if !self.beside_index || message.is_over() || message.deliveries.iter().any(stirs) {
            return false;
        }
        self.enter(message, *sequence, body);
        self.restored_names.extend(names_of(message));
        // Nobody waits yet, and there may be very many.
        self.arrived.clear();
        let slip = Slip::of(message);
        self.messages.insert(message.id, Kept::Resting(slip));
        true
    }

    /// Whether this message is here, and at rest.
    pub(crate) fn is_resting(&self, id: MessageId) -> bool {
        self.messages.get(&id).is_some_and(Kept::is_resting)
    }

    /// A message that is not over, or only just; `None` when it is not here.
    pub(crate) fn glimpse(&self, id: MessageId) -> Option<Glimpse<&Entry<B>>> {
        Some(match self.messages.get(&id)? {
            Kept::Awake(entry) => Glimpse::Awake(entry),
            Kept::Resting(_) => Glimpse::Resting(id),
        })
    }

    /// Wakes a message with what was read from the index. What was read of it at another time than
    /// now changes nothing.
    pub(crate) fn rouse(&mut self, message: Arc<Message>, sequence: u64, body: B) {
        let id = message.id;
        let Some(kept) = self.messages.get_mut(&id) else {
            return;
        };
        if matches!(kept, Kept::Resting(slip) if slip.fits(&message)) {
            *kept = Kept::Awake(Entry {
                message,
                sequence,
                body,
                indexed: true,
                dirty: false,
            });
            self.drowsy.push(id);
        }
    }

    /// Puts a message to rest, if the index holds it as it is and nothing is about to move it.
    pub(super) fn lay_down(&mut self, id: MessageId) {
        let Some(Kept::Awake(entry)) = self.messages.get(&id) else {
            return;
        };
        if !self.beside_index || entry.dirty || !entry.indexed {
            return;
        }
        let message = &entry.message;
        let delivery_id = |one: &Delivery| DeliveryId {
            message: id,
            recipient: one.recipient,
        };
        let mut deliveries = message.deliveries.iter();
        if deliveries.any(|one| self.reserved.contains(&delivery_id(one))) {
            // Nothing tells when a reservation came to nothing.
            self.drowsy.push(id);
            return;
        }
        // Those who hold a lease will be back, and what rests or holds up its line moves by itself.
        let moves = |one: &Delivery| match one.state {
            Waits::Leased { .. } => true,
            Waits::Queued { not_before } => {
                self.timers.rests.contains(&(not_before, delivery_id(one)))
            }
            Waits::DeadLettered
            | Waits::Acknowledged
            | Waits::Rejected
            | Waits::Expired
            | Waits::Withdrawn => false,
        };
        let holds = |one: &Delivery| {
            let end = order::hold_end(message, one);
            end.is_some_and(|end| self.timers.holds.contains(&(end, delivery_id(one))))
        };
        let mut deliveries = message.deliveries.iter();
        if !deliveries.any(|one| moves(one) || holds(one)) {
            let slip = Slip::of(message);
            self.messages.insert(id, Kept::Resting(slip));
        }
    }
}
