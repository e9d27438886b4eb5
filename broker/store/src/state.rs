//! State: what is true now, in memory, for both stores. It holds durable facts only (leases aside,
//! whose loss is a redelivery); it does no I/O, reads no clock and draws no random bits.

mod aged;
mod follow;
mod holdings;
mod keys;
mod mailbox;
mod order;
mod refusals;
mod reserve;
mod rest;
mod runs;
mod search;
mod standing;
mod timers;
mod uploads;
mod waiting;

use std::{
    cmp::Ordering,
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use axle_core::{
    change::{Advance, Refused},
    message::Message,
    totals::Totals,
};
use axle_model::{
    digest::Digest,
    id::{DeliveryId, MessageId},
    mailbox::MailboxId,
    ods::OdsCode,
    time::Timestamp,
};

pub(crate) use keys::{Earlier, Half, Keys, MessageKeys, Prior, Verdict};
pub(crate) use refusals::{Refusals, key as refusal_key, keys as refusal_keys};
pub(crate) use rest::{Glimpse, Outline};
pub(crate) use search::{Page, wanted};
pub(crate) use uploads::{Body, ChangedUploads, Piece, StoredPiece, Uploads};

use crate::StoreError;
use aged::Aged;
use holdings::Holdings;
use mailbox::Mailbox;
use rest::Kept;
use runs::Runs;
use timers::Timers;

/// Everything known of the messages that are not over, and of those over only just now. `B`
/// is where a store finds a message's body.
#[derive(Debug)]
pub(crate) struct State<B: Body> {
    messages: Runs<MessageId, Kept<B>>,
    mailboxes: HashMap<MailboxId, Mailbox>,
    timers: Timers,
    aged: Aged,
    keys: Keys,
    refusals: Refusals,
    live: u64,
    /// Deliveries that are not settled.
    pending: u64,
    totals: Totals,
    /// What is not over, by what later documents and answers may call it.
    names: Runs<(Half, MessageId)>,
    /// Those of what the index gave back, until all of it is here: they are sorted once.
    restored_names: Vec<(Half, MessageId)>,
    dirty: Vec<MessageId>,
    /// Whether an index has what is at rest here.
    beside_index: bool,
    /// Awake, perhaps for nothing: to be looked at when the index has been written next.
    drowsy: Vec<MessageId>,
    /// The same, since before that writing began.
    drowsing: Vec<MessageId>,
    arrived: Vec<MailboxId>,
    /// Leases given out that the journal does not have yet, in the order in which they were.
    leases: Vec<Advance>,
    /// Deliveries that a change on its way to the disk is about: nobody may lease them.
    reserved: HashSet<DeliveryId>,
    uploads: Uploads<B::Piece>,
    holdings: Holdings,
}

/// A message and what the store keeps with it.
#[derive(Clone, Debug)]
pub(crate) struct Entry<B> {
    pub(crate) message: Arc<Message>,
    /// The ledger entry of its acceptance: its place in every queue.
    pub(crate) sequence: u64,
    pub(crate) body: B,
    /// Whether the index holds it among those that are not over.
    pub(crate) indexed: bool,
    dirty: bool,
}

/// Why a step that a journal records does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// The message is not here.
    Absent,
    /// The step was taken before.
    Past,
    /// Steps are missing between what is known and this one.
    Ahead,
    /// It fits, but the message must be [roused](State::rouse) first.
    Asleep,
}

/// What changed since the last checkpoint, as it stood at one moment.
#[derive(Debug)]
pub(crate) struct Changed<B: Body> {
    pub(crate) entries: Vec<Entry<B>>,
    pub(crate) keys: Vec<(MessageKeys, Earlier)>,
    pub(crate) refusals: Vec<Arc<Refused>>,
    pub(crate) live: u64,
    pub(crate) totals: Totals,
    pub(crate) uploads: ChangedUploads<B::Piece>,
}

impl<B: Body> Changed<B> {
    /// Whether nothing did.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
            && self.keys.is_empty()
            && self.refusals.is_empty()
            && self.uploads.is_empty()
    }
}

impl<B: Body> Default for State<B> {
    fn default() -> Self {
        Self {
            messages: Runs::default(),
            mailboxes: HashMap::new(),
            timers: Timers::default(),
            keys: Keys::default(),
            live: 0,
            pending: 0,
            totals: Totals::default(),
            dirty: Vec::new(),
            beside_index: false,
            drowsy: Vec::new(),
            drowsing: Vec::new(),
            arrived: Vec::new(),
            leases: Vec::new(),
            reserved: HashSet::new(),
            uploads: Uploads::default(),
            holdings: Holdings::default(),
            aged: Aged::default(),
            names: Runs::default(),
            restored_names: Vec::new(),
            refusals: Refusals::default(),
        }
    }
}

impl<B: Body> State<B> {
    /// Whether a step may be taken: its delivery stands at the version it was decided on.
    pub(crate) fn check(&self, advance: &Advance) -> Result<(), StoreError> {
        let id = advance.delivery;
        let kept = self.messages.get(&id.message);
        let delivery = kept.and_then(|kept| kept.stub(id.recipient));
        match (kept, delivery) {
            (None, _) => Err(StoreError::Unknown {
                message: id.message,
            }),
            (Some(_), Some(delivery)) if delivery.version == advance.step.from => Ok(()),
            (Some(_), _) => Err(StoreError::Stale { delivery: id }),
        }
    }

    /// The keys of what was accepted lately.
    pub(crate) const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Takes a message that is durable now. One that is already here stays as it is.
    pub(crate) fn accept(&mut self, message: Arc<Message>, sequence: u64, body: B) {
        let keys = MessageKeys::of(&message);
        self.uploads.end(&keys.submission, &mut self.holdings);
        // Also of a message that is here: a checkpoint that was cut short may have written it and
        // not its keys, and without them the next repeat of its submission would be a second one.
        self.keys.insert(&keys, Earlier::of(&message));
        if !self.messages.contains_key(&message.id) {
            self.insert(message, sequence, body, false);
        }
    }

    /// Takes back a message that the index kept.
    pub(crate) fn restore(&mut self, message: Arc<Message>, sequence: u64, body: B) {
        let id = message.id;
        self.insert(message, sequence, body, true);
        self.lay_down(id);
    }

    fn insert(&mut self, message: Arc<Message>, sequence: u64, body: B, indexed: bool) {
        let id = message.id;
        self.enter(&message, sequence, &body);
        if !message.is_over() {
            for name in names_of(&message) {
                self.names.insert(name, ());
            }
        }
        if !indexed {
            self.dirty.push(id);
        }
        let entry = Entry {
            message,
            sequence,
            body,
            indexed,
            dirty: !indexed,
        };
        self.messages.insert(id, Kept::Awake(entry));
    }

    /// Puts a message's deliveries and moments where they wait. Its names are the caller's to keep.
    fn enter(&mut self, message: &Message, sequence: u64, body: &B) {
        let id = message.id;
        for delivery in &message.deliveries {
            self.place(message, sequence, delivery);
        }
        if !message.is_settled() {
            self.timers.deadlines.insert((message.expire_time, id), ());
        }
        if !message.is_over() {
            self.live += 1;
            self.watch_age(message);
            for segment in body.pieces().iter().filter_map(Piece::segment) {
                self.holdings.hold(segment);
            }
        }
    }

    /// Takes a step that is durable now, or is a lease.
    pub(crate) fn advance(&mut self, advance: &Advance) -> Result<(), Misfit> {
        let DeliveryId {
            message: id,
            recipient,
        } = advance.delivery;
        // Apart while the queues move, so that both can be written to.
        let mut messages = std::mem::take(&mut self.messages);
        let fit = match messages.get_mut(&id) {
            None => Err(Misfit::Absent),
            Some(kept) => fits(kept, advance).and_then(|()| match kept {
                Kept::Awake(entry) => self.advance_entry(entry, recipient, advance),
                Kept::Resting(_) => Err(Misfit::Asleep),
            }),
        };
        self.messages = messages;
        fit
    }

    fn advance_entry(
        &mut self,
        entry: &mut Entry<B>,
        recipient: OdsCode,
        advance: &Advance,
    ) -> Result<(), Misfit> {
        let before = entry.message.delivery(recipient).ok_or(Misfit::Absent)?;
        let (was_settled, was_over) = (entry.message.is_settled(), entry.message.is_over());
        self.unplace(&entry.message, entry.sequence, before);
        let left = advance
            .step
            .mailbox
            .is_some()
            .then(|| before.mailbox.clone());
        let message = Arc::make_mut(&mut entry.message);
        let all = &mut message.deliveries;
        if let Some(delivery) = all.iter_mut().find(|one| one.recipient == recipient) {
            delivery.record(advance.step.clone());
        }
        if let Some(after) = entry.message.delivery(recipient) {
            self.place(&entry.message, entry.sequence, after);
        }
        if let Some(left) = left {
            self.move_line(&entry.message, &left);
        }
        if entry.message.is_settled() && !was_settled {
            let deadline = (entry.message.expire_time, entry.message.id);
            self.timers.deadlines.remove(&deadline);
        }
        if entry.message.is_over() && !was_over {
            self.live = self.live.saturating_sub(1);
            for segment in entry.body.pieces().iter().filter_map(Piece::segment) {
                self.holdings.release(segment, advance.step.event.time);
            }
            for name in names_of(&entry.message) {
                self.names.remove(&name);
            }
        }
        self.watch_age(&entry.message);
        if !entry.dirty {
            entry.dirty = true;
            self.dirty.push(entry.message.id);
        }
        Ok(())
    }

    /// A message that is not over, or only just, and is all here: any that is, in a state without an
    /// index.
    pub(crate) fn message(&self, id: MessageId) -> Option<&Entry<B>> {
        self.messages.get(&id)?.awake()
    }

    /// Whether a message is here, whole or at rest.
    pub(crate) fn holds(&self, id: MessageId) -> bool {
        self.messages.contains_key(&id)
    }

    /// What is not over and goes by this name, what of late replaces it, and what of late goes by it
    /// and asked for an answer.
    pub(crate) fn named(&self, name: &Digest) -> Vec<MessageId> {
        let name = Half::of(name);
        let first = (name, MessageId::from_bytes([0; 16]));
        let live = self.names.onward(&first);
        let live = live.map(|&(of, ())| of).take_while(|(of, _)| *of == name);
        let live = live.map(|(_, message)| message);
        let found: BTreeSet<_> = live.chain(self.keys.led_to(name)).collect();
        found.into_iter().collect()
    }

    /// The documents under way.
    pub(crate) const fn uploads(&self) -> &Uploads<B::Piece> {
        &self.uploads
    }

    /// The same, for who is about to add a piece.
    pub(crate) const fn uploads_mut(&mut self) -> &mut Uploads<B::Piece> {
        &mut self.uploads
    }

    /// Takes note that all is here that comes from the index.
    pub(crate) fn settle_in(&mut self) {
        self.uploads.settle_in();
        let mut names = std::mem::take(&mut self.restored_names);
        let awake = std::mem::take(&mut self.names);
        names.extend(awake.iter().map(|&(name, ())| name));
        names.sort_unstable();
        for name in names {
            self.names.insert(name, ());
        }
    }

    /// Takes note of what time it is.
    pub(crate) fn tell(&mut self, now: Timestamp) {
        self.holdings.tell(now);
    }

    /// Which segments hold bodies that are needed.
    pub(crate) const fn holdings(&self) -> &Holdings {
        &self.holdings
    }

    /// The mailboxes in which something became available since this was last asked.
    pub(crate) fn take_arrived(&mut self) -> Vec<MailboxId> {
        std::mem::take(&mut self.arrived)
    }

    /// In how many messages something changed since `take_changed` was last asked.
    pub(crate) const fn changes(&self) -> usize {
        self.dirty.len()
    }

    /// All that is whole here, oldest first.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry<B>> {
        self.messages.iter().filter_map(|(_, kept)| kept.awake())
    }
}

/// Whether a step is the next of its delivery.
fn fits<B>(kept: &Kept<B>, advance: &Advance) -> Result<(), Misfit> {
    let delivery = kept.stub(advance.delivery.recipient);
    let version = delivery.ok_or(Misfit::Absent)?.version;
    match version.cmp(&advance.step.from) {
        Ordering::Less => Err(Misfit::Ahead),
        Ordering::Greater => Err(Misfit::Past),
        Ordering::Equal => Ok(()),
    }
}

/// A message under each of its names.
fn names_of(message: &Message) -> impl Iterator<Item = (Half, MessageId)> {
    message
        .names
        .iter()
        .map(|name| (Half::of(name), message.id))
}

#[cfg(test)]
mod tests;
