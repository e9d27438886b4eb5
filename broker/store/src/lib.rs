//! The memory of Axle: one trait, [`Store`], and the stores that keep its promise: what `commit`
//! has answered survives. Stores decide nothing about documents; they keep what the core decided.

mod arrivals;
#[cfg(any(test, feature = "testing"))]
pub mod conformance;
pub mod embedded;
mod entry;
mod error;
pub mod failpoint;
#[cfg(any(test, feature = "testing"))]
pub mod faulty;
pub mod memory;
mod state;

use std::{future::Future, sync::Arc};

use axle_core::{
    alarm::AgedDeliveries,
    change::{Change, LedgerEntry, Refused},
    delivery::{Delivery, State},
    lease::LeaseToken,
    message::Message,
    reconcile::Named,
    totals::Totals,
};
use axle_model::{
    digest::Digest,
    id::{DeliveryId, MessageId, SubmissionId},
    mailbox::MailboxId,
    ods::OdsCode,
    time::Timestamp,
};
use bytes::Bytes;
use tokio::sync::watch;

pub use arrivals::Waiter;
pub use error::StoreError;

/// Where messages and their bodies are kept.
///
/// Time is always an argument. What a method returns is durable, leases aside: a lease lost in a
/// crash is a redelivery.
pub trait Store: Send + Sync + 'static {
    /// Makes one change true, all of it or nothing: each step counts only on the version it was
    /// decided on, and no delivery takes two. Durable when it returns.
    fn commit(&self, change: Change) -> impl Future<Output = Result<Committed, StoreError>> + Send;

    /// Leases what waits in a mailbox, urgent before routine and oldest first, up to the limits.
    /// Empty when nothing is available at `claim.now`; what is past its deadline no longer is, unless
    /// the claim says so.
    fn claim(&self, claim: Claim) -> impl Future<Output = Result<Vec<Claimed>, StoreError>> + Send;

    /// Deliveries whose time has come at `now`: leases that ran out, answers overdue, and deadlines
    /// passed. They stay
    /// due until a change moves them. Deliveries whose rest is over by `now` become available and
    /// wake those who wait; they are not returned.
    fn due(
        &self,
        now: Timestamp,
        max: usize,
    ) -> impl Future<Output = Result<Vec<Due>, StoreError>> + Send;

    /// A message, settled or not.
    fn load(
        &self,
        id: MessageId,
    ) -> impl Future<Output = Result<Option<Arc<Message>>, StoreError>> + Send;

    /// The message made of a sender's submission.
    fn find_submission(
        &self,
        sender: OdsCode,
        submission: &SubmissionId,
    ) -> impl Future<Output = Result<Option<Arc<Message>>, StoreError>> + Send;

    /// The messages that a document's name leads to ([`Message::names`]), each once: those that go by it
    /// and are not [over](Message::is_over), those that [replace](Message::replaces) it, and those that
    /// go by it and [asked](Message::asks) for an answer, over or not.
    fn find_document(
        &self,
        name: &Digest,
    ) -> impl Future<Output = Result<Vec<Arc<Message>>, StoreError>> + Send;

    /// The newest refusal of what a sender names so, whether or not it was accepted since.
    fn find_refusal(
        &self,
        sender: OdsCode,
        named: &Named,
    ) -> impl Future<Output = Result<Option<Arc<Refused>>, StoreError>> + Send;

    /// Adds a piece to a document that is uploaded, or begins one. Durable when it returns, with how
    /// much there is now. Nothing of it is visible before a change that accepts it as
    /// [`Uploaded`](axle_core::change::Body::Uploaded).
    fn append(&self, chunk: Chunk) -> impl Future<Output = Result<Upload, StoreError>> + Send;

    /// How far a sender's upload has come; `None` when there is none.
    fn upload(&self, sender: OdsCode, submission: &SubmissionId) -> Option<Upload>;

    /// The same, for the call of this number to go on with: only that one may add to it now, until
    /// another takes it up or begins it anew.
    fn take_up(&self, sender: OdsCode, submission: &SubmissionId, call: u64) -> Option<Upload>;

    /// What was uploaded, from `offset` on to the end of the piece it is in.
    fn uploaded(
        &self,
        sender: OdsCode,
        submission: &SubmissionId,
        offset: u64,
    ) -> impl Future<Output = Result<Bytes, StoreError>> + Send;

    /// Gives an upload up.
    fn discard(&self, sender: OdsCode, submission: &SubmissionId);

    /// Gives up every upload that nobody has added to since; how many that were.
    fn abandon(&self, before: Timestamp) -> usize;

    /// A stretch of the body of a message, from `offset` on to the end of the piece it is in, its
    /// checksum verified before a byte is returned; empty at the end. A body that was submitted at
    /// once is one piece.
    fn piece(
        &self,
        id: MessageId,
        offset: u64,
    ) -> impl Future<Output = Result<Bytes, StoreError>> + Send;

    /// The body of a message, its checksum verified before a byte is returned. All of it is in
    /// memory: for bodies that may be large, see [`piece`](Self::piece).
    fn body(&self, id: MessageId) -> impl Future<Output = Result<Bytes, StoreError>> + Send;

    /// Messages, newest first, a page at a time. A page may hold fewer than asked for, even none,
    /// and still have a successor: the work of one call is bounded.
    fn find(&self, query: Query) -> impl Future<Output = Result<Found, StoreError>> + Send;

    /// How one mailbox stands; all zero when nothing was ever delivered to it.
    fn mailbox(
        &self,
        id: &MailboxId,
    ) -> impl Future<Output = Result<MailboxState, StoreError>> + Send;

    /// How every mailbox stands that holds something.
    fn mailboxes(
        &self,
    ) -> impl Future<Output = Result<Vec<(MailboxId, MailboxState)>, StoreError>> + Send;

    /// Deliveries queued in a mailbox, resting ones included, oldest first, at most `max`; the
    /// broker's own reports are left out.
    fn waiting(
        &self,
        mailbox: &MailboxId,
        max: usize,
    ) -> impl Future<Output = Result<Vec<DeliveryId>, StoreError>> + Send;

    /// What is not settled and whose sender was warned that it waits too long.
    fn aged(&self) -> Vec<AgedDeliveries>;

    /// Ledger entries from sequence `from` on, in order, at most `max`. The work of one call is
    /// bounded: fewer than `max` may come before the head is reached, but never none.
    fn ledger(
        &self,
        from: u64,
        max: usize,
    ) -> impl Future<Output = Result<Vec<LedgerEntry>, StoreError>> + Send;

    /// The sequence of the newest durable ledger entry, 0 for none; changes as it grows.
    fn ledger_head(&self) -> watch::Receiver<u64>;

    /// Waits at these mailboxes: a hint of where something may be available, never the truth.
    fn wait_at(&self, mailboxes: Vec<MailboxId>) -> Waiter;

    /// How many deliveries were accepted since the store was begun, and how they ended.
    fn totals(&self) -> Totals;

    /// Whether the store can be written, and how full it is.
    fn health(&self) -> StoreHealth;
}

/// What became of a change.
#[derive(Clone, Debug)]
pub enum Committed {
    /// It is true now.
    Done,
    /// The same submission (or the same document from the same sender, to the same recipients) was
    /// accepted before: this is the message it became, and nothing was changed.
    Repeat(Arc<Message>),
}

/// One sender has no more uploads under way than this.
const UPLOADS_MAX: usize = 64;

/// A piece of a document that is uploaded.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// Who sends it.
    pub sender: OdsCode,
    /// The sender's own name for the document.
    pub submission: SubmissionId,
    /// What the submission is, for telling a resumption from another document.
    pub request: Digest,
    /// The call that sends it, by a number that no other has. The pieces of two are never mixed: each
    /// knows the digest of its own only.
    pub call: u64,
    /// Where the piece begins. 0 begins the upload anew.
    pub offset: u64,
    /// The piece.
    pub data: Bytes,
    /// The time of its arrival.
    pub now: Timestamp,
}

/// How far an upload has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upload {
    /// What the submission is.
    pub request: Digest,
    /// Bytes that are durable.
    pub length: u64,
    /// When the newest came.
    pub time: Timestamp,
}

/// A collector's wish.
#[derive(Clone, Debug)]
pub struct Claim {
    /// From which mailbox.
    pub mailbox: MailboxId,
    /// At most this many deliveries.
    pub deliveries_max: usize,
    /// At most this many bytes of bodies in all; the first delivery is given whatever its size.
    pub bytes_max: u64,
    /// The lease runs until then.
    pub until: Timestamp,
    /// What the collector calls itself.
    pub consumer: Box<str>,
    /// The organisation that collects: the mailbox's.
    pub organisation: OdsCode,
    /// The time of the claim.
    pub now: Timestamp,
    /// Whether what is past its deadline is given as well, since nothing expires for now.
    pub late: bool,
}

/// A leased delivery.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The message, with the lease recorded.
    pub message: Arc<Message>,
    /// The proof of the lease; names the delivery.
    pub token: LeaseToken,
}

/// A delivery whose time has come.
#[derive(Clone, Debug)]
pub struct Due {
    /// Which.
    pub delivery: DeliveryId,
    /// What its time has come for.
    pub what: DueFor,
}

/// What a delivery's time has come for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DueFor {
    /// Its lease has run out.
    Lapse,
    /// Its deadline has passed and nobody holds it.
    Expire,
    /// It is not settled, and its sender has not been warned yet.
    Age,
    /// An answer to it did not come in time.
    Answer,
}

/// Which messages are asked for.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Only those of this sender.
    pub sender: Option<OdsCode>,
    /// Only those with a delivery for this recipient.
    pub recipient: Option<OdsCode>,
    /// Only those with a delivery in one of these states (the words of `State::as_str`).
    pub states: Vec<&'static str>,
    /// Only those older than this one: the cursor of the page before.
    pub before: Option<MessageId>,
    /// At most this many.
    pub page_max: usize,
}

/// A page of messages.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Newest first.
    pub messages: Vec<Arc<Message>>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<MessageId>,
}

/// How a mailbox stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MailboxState {
    /// Deliveries waiting for a collector, resting ones included.
    pub queued: u64,
    /// Deliveries out on a lease.
    pub leased: u64,
    /// Deliveries set aside.
    pub dead_lettered: u64,
    /// When the oldest delivery that is not settled was accepted.
    pub oldest_time: Option<Timestamp>,
}

/// How the store stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreHealth {
    /// Why it stopped taking changes, if it did: after a failed write or sync it stays stopped until
    /// the process is started again.
    pub stopped: Option<String>,
    /// Bytes free on its disk; `None` when it has none.
    pub free_bytes: Option<u64>,
    /// Messages that are not [over](Message::is_over).
    pub messages_live: u64,
    /// Deliveries that are not settled, counted one by one: what the totals say is pending.
    pub deliveries_pending: u64,
    /// What [`Store::totals`] says, at the same moment.
    pub totals: Totals,
}

/// The delivery a claim is about, inside its message.
impl Claimed {
    /// The delivery leased.
    pub fn delivery(&self) -> Option<&Delivery> {
        self.message.delivery(self.token.delivery.recipient)
    }

    /// When the lease runs out.
    pub fn lease_until(&self) -> Option<Timestamp> {
        match self.delivery()?.state {
            State::Leased { until } => Some(until),
            State::Queued { .. }
            | State::DeadLettered
            | State::Acknowledged
            | State::Rejected
            | State::Expired
            | State::Withdrawn => None,
        }
    }
}
