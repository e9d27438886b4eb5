//! Planted bugs: a store that breaks one promise now and then, to see that the simulation finds it.
//! Each is what a real mistake would look like from outside the store; none is in the broker.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axle_core::{
    alarm::AgedDeliveries,
    change::{Change, LedgerEntry, Recorded, Refused},
    event::EventKind,
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
use axle_store::{
    Chunk, Claim, Claimed, Committed, Due, Found, MailboxState, Query, Store, StoreError,
    StoreHealth, Upload, Waiter, faulty::Faulty, memory::Memory,
};
use bytes::Bytes;
use tokio::sync::watch;

use super::world::PRACTICES;
use crate::documents::ods;

/// A bug to plant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// What was submitted before a crash is not recognised after it.
    ForgetsSubmissions,
    /// A receipt is given before the document is durable.
    AnswersBeforeCommit,
    /// An acknowledgement is confirmed before it is durable.
    ConfirmsBeforeCommit,
    /// Two collectors are given one delivery.
    GivesTwice,
    /// An acknowledgement counts under any lease, not only the newest.
    CountsAnyLease,
    /// A rejection for another try is confirmed, and the try never comes about.
    LosesRetry,
    /// Attempts are not counted: a delivery that always fails is offered for ever.
    CountsNoAttempts,
    /// The notice that a document did not arrive goes to somebody else.
    MisleadsNotice,
    /// A document lies in another practice's mailbox.
    Misroutes,
    /// A delivery ends before its deadline.
    ExpiresEarly,
    /// The body of another document is served.
    MixesBodies,
}

impl Bug {
    /// All there are.
    pub const ALL: [Self; 11] = [
        Self::ForgetsSubmissions,
        Self::AnswersBeforeCommit,
        Self::ConfirmsBeforeCommit,
        Self::GivesTwice,
        Self::CountsAnyLease,
        Self::LosesRetry,
        Self::CountsNoAttempts,
        Self::MisleadsNotice,
        Self::Misroutes,
        Self::ExpiresEarly,
        Self::MixesBodies,
    ];
}

/// The store of the simulation, with at most one bug planted.
#[derive(Debug)]
pub(super) struct Planted {
    store: Faulty<Memory>,
    bug: Option<Bug>,
    crashed: bool,
    notes: Mutex<Notes>,
}

/// What a bug remembers.
#[derive(Debug, Default)]
struct Notes {
    chances: u32,
    answered: Vec<Change>,
    given: Option<Claimed>,
    bodies: Vec<MessageId>,
}

/// A bug strikes once in so many chances.
const CHANCES: u32 = 10;
/// What a forgotten submission is called the second time.
const AGAIN: &str = "~again";

impl Planted {
    pub(super) fn new(store: Faulty<Memory>, bug: Option<Bug>) -> Self {
        Self {
            store,
            bug,
            crashed: false,
            notes: Mutex::default(),
        }
    }

    pub(super) const fn faulty(&self) -> &Faulty<Memory> {
        &self.store
    }

    /// What the next process finds after a crash.
    pub(super) async fn after_crash(&self) -> Self {
        self.begun_again(self.store.after_crash().await, true)
    }

    /// What the next process finds after a stop in good order.
    pub(super) async fn after_stop(&self) -> Self {
        self.begun_again(self.store.after_stop().await, self.crashed)
    }

    fn begun_again(&self, store: Faulty<Memory>, crashed: bool) -> Self {
        let chances = self.notes().chances;
        let next = Self::new(store, self.bug);
        next.notes().chances = chances;
        Self { crashed, ..next }
    }

    /// Whether this bug is planted, and strikes this time: once in a while, as real ones do.
    pub(super) fn strikes(&self, bug: Bug) -> bool {
        if self.bug != Some(bug) {
            return false;
        }
        let mut notes = self.notes();
        notes.chances += 1;
        notes.chances.is_multiple_of(CHANCES)
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The change as the bug makes it; `None` when the bug says it is done and leaves it.
    fn spoilt(&self, mut change: Change) -> Option<Change> {
        // A report goes with its step; the bugs are about what organisations send.
        if let (Some(acceptance), []) = (&mut change.accept, &change.advance[..]) {
            let message = &mut acceptance.message;
            if self.crashed && self.strikes(Bug::ForgetsSubmissions) {
                let again = format!("{}{AGAIN}", message.submission);
                message.submission = SubmissionId::parse(&again).expect("a submission id");
                message.document = None;
            }
            if self.strikes(Bug::ExpiresEarly) {
                let lifetime = message.expire_time.since(message.accept_time);
                message.expire_time = message.accept_time.after(lifetime / 2);
            }
            if self.strikes(Bug::Misroutes) {
                let last = message.deliveries.last_mut();
                let other = MailboxId::of(ods(PRACTICES[0]));
                last.expect("a recipient").mailbox = other;
            }
            self.notes().bodies.push(message.id);
            if self.strikes(Bug::AnswersBeforeCommit) {
                self.notes().answered.push(change);
                return None;
            }
        } else if let Some(advance) = change.advance.first_mut() {
            let kind = &advance.step.event.kind;
            let retried = matches!(kind, EventKind::Rejected { until: Some(_), .. });
            if retried && self.strikes(Bug::LosesRetry) {
                return None;
            }
            let taken = *kind == EventKind::Acknowledged;
            if taken && self.strikes(Bug::ConfirmsBeforeCommit) {
                self.notes().answered.push(change);
                return None;
            }
            if self.strikes(Bug::CountsNoAttempts) {
                advance.step.attempts = 0;
            }
        }
        Some(change)
    }

    /// A message under the name its sender gave it.
    fn as_sent(message: Arc<Message>) -> Arc<Message> {
        let Some(name) = message.submission.as_str().strip_suffix(AGAIN) else {
            return message;
        };
        let submission = SubmissionId::parse(name).expect("a submission id");
        let mut message = Arc::unwrap_or_clone(message);
        message.submission = submission;
        Arc::new(message)
    }
}

impl Store for Planted {
    async fn commit(&self, change: Change) -> Result<Committed, StoreError> {
        let answered = std::mem::take(&mut self.notes().answered);
        for earlier in answered {
            drop(self.store.commit(earlier).await);
        }
        match self.spoilt(change) {
            Some(change) => self.store.commit(change).await,
            None => Ok(Committed::Done),
        }
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
        let mailbox = claim.mailbox.clone();
        let mut claimed = self.store.claim(claim).await?;
        for one in &mut claimed {
            one.message = Self::as_sent(one.message.clone());
        }
        let given = claimed.first().cloned();
        let earlier = std::mem::replace(&mut self.notes().given, given);
        if self.strikes(Bug::GivesTwice) {
            let here = |one: &Claimed| one.delivery().is_some_and(|one| one.mailbox == mailbox);
            claimed.extend(earlier.filter(here));
        }
        Ok(claimed)
    }

    async fn due(&self, now: Timestamp, max: usize) -> Result<Vec<Due>, StoreError> {
        self.store.due(now, max).await
    }

    async fn load(&self, id: MessageId) -> Result<Option<Arc<Message>>, StoreError> {
        Ok(self.store.load(id).await?.map(Self::as_sent))
    }

    async fn find_submission(
        &self,
        sender: OdsCode,
        submission: &SubmissionId,
    ) -> Result<Option<Arc<Message>>, StoreError> {
        self.store.find_submission(sender, submission).await
    }

    async fn find_document(&self, name: &Digest) -> Result<Vec<Arc<Message>>, StoreError> {
        self.store.find_document(name).await
    }

    async fn find_refusal(
        &self,
        sender: OdsCode,
        named: &Named,
    ) -> Result<Option<Arc<Refused>>, StoreError> {
        self.store.find_refusal(sender, named).await
    }

    async fn waiting(
        &self,
        mailbox: &MailboxId,
        max: usize,
    ) -> Result<Vec<DeliveryId>, StoreError> {
        self.store.waiting(mailbox, max).await
    }

    fn aged(&self) -> Vec<AgedDeliveries> {
        self.store.aged()
    }

    async fn append(&self, chunk: Chunk) -> Result<Upload, StoreError> {
        self.store.append(chunk).await
    }

    fn upload(&self, sender: OdsCode, submission: &SubmissionId) -> Option<Upload> {
        self.store.upload(sender, submission)
    }

    fn take_up(&self, sender: OdsCode, submission: &SubmissionId, call: u64) -> Option<Upload> {
        self.store.take_up(sender, submission, call)
    }

    async fn uploaded(
        &self,
        sender: OdsCode,
        submission: &SubmissionId,
        offset: u64,
    ) -> Result<Bytes, StoreError> {
        self.store.uploaded(sender, submission, offset).await
    }

    fn discard(&self, sender: OdsCode, submission: &SubmissionId) {
        self.store.discard(sender, submission);
    }

    fn abandon(&self, before: Timestamp) -> usize {
        self.store.abandon(before)
    }

    async fn piece(&self, id: MessageId, offset: u64) -> Result<Bytes, StoreError> {
        self.store.piece(id, offset).await
    }

    fn totals(&self) -> Totals {
        self.store.totals()
    }

    async fn body(&self, id: MessageId) -> Result<Bytes, StoreError> {
        let other = self.notes().bodies.iter().copied().find(|&one| one != id);
        match other.filter(|_| self.strikes(Bug::MixesBodies)) {
            Some(other) => self.store.body(other).await.or(Ok(Bytes::new())),
            None => self.store.body(id).await,
        }
    }

    async fn find(&self, query: Query) -> Result<Found, StoreError> {
        let mut found = self.store.find(query).await?;
        found.messages = found.messages.into_iter().map(Self::as_sent).collect();
        Ok(found)
    }

    async fn mailbox(&self, id: &MailboxId) -> Result<MailboxState, StoreError> {
        self.store.mailbox(id).await
    }

    async fn mailboxes(&self) -> Result<Vec<(MailboxId, MailboxState)>, StoreError> {
        self.store.mailboxes().await
    }

    async fn ledger(&self, from: u64, max: usize) -> Result<Vec<LedgerEntry>, StoreError> {
        let mut entries = self.store.ledger(from, max).await?;
        // The same ones each time.
        if self.bug == Some(Bug::MisleadsNotice) {
            let tenth = |entry: &&mut LedgerEntry| entry.sequence.is_multiple_of(CHANCES.into());
            for record in entries
                .iter_mut()
                .filter(tenth)
                .flat_map(|entry| &mut entry.records)
            {
                if let Recorded::Advanced { event, sender, .. } = record
                    && event.is_notice()
                {
                    *sender = ods(PRACTICES[0]);
                }
            }
        }
        Ok(entries)
    }

    fn ledger_head(&self) -> watch::Receiver<u64> {
        self.store.ledger_head()
    }

    fn wait_at(&self, mailboxes: Vec<MailboxId>) -> Waiter {
        self.store.wait_at(mailboxes)
    }

    fn health(&self) -> StoreHealth {
        self.store.health()
    }
}
