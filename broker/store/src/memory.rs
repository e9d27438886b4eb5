//! The memory store: keeps the whole contract of [`Store`] except that nothing outlives the process.
//! For tests and simulation; never for documents that matter.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axle_core::{
    alarm::AgedDeliveries,
    change::{self, Acceptance, Change, LedgerEntry, Refused},
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
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tokio::sync::watch;

use crate::{
    Chunk, Claim, Claimed, Committed, Due, Found, MailboxState, Query, Store, StoreError,
    StoreHealth, UPLOADS_MAX, Upload, Waiter,
    arrivals::Arrivals,
    entry,
    state::{Body, Earlier, Glimpse, MessageKeys, Page, Piece, State, StoredPiece, Verdict},
};

/// A store without a disk.
#[derive(Debug)]
pub struct Memory {
    inner: Mutex<Inner>,
    arrivals: Arrivals,
    head: watch::Sender<u64>,
}

#[derive(Debug)]
struct Inner {
    state: State<Kept>,
    ledger: Vec<LedgerEntry>,
    nonces: StdRng,
}

/// A body: the pieces it came in.
#[derive(Clone, Debug, Default)]
struct Kept(Arc<[Bytes]>);

impl Body for Kept {
    type Piece = Bytes;

    fn of(pieces: Vec<Bytes>) -> Self {
        Self(pieces.into())
    }

    fn pieces(&self) -> &[Bytes] {
        &self.0
    }
}

impl Piece for Bytes {
    fn segment(&self) -> Option<u32> {
        None
    }
}

/// The rest of the piece that holds the byte at `offset`; empty at the end.
fn rest(pieces: &[Bytes], mut offset: u64) -> Bytes {
    for piece in pieces {
        match usize::try_from(offset) {
            Ok(at) if at < piece.len() => return piece.slice(at..),
            Ok(_) | Err(_) => offset -= piece.len() as u64,
        }
    }
    Bytes::new()
}

impl Default for Memory {
    fn default() -> Self {
        Self::seeded(rand::random())
    }
}

impl Memory {
    /// A store whose leases are the same in every run with the same seed: for simulation.
    pub fn seeded(seed: u64) -> Self {
        let inner = Inner {
            state: State::default(),
            ledger: Vec::new(),
            nonces: StdRng::seed_from_u64(seed),
        };
        Self {
            inner: Mutex::new(inner),
            arrivals: Arrivals::default(),
            head: watch::Sender::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does `work`, then tells those who wait what came of it.
    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        let mut inner = self.lock();
        let result = work(&mut inner);
        let (arrived, head) = (inner.state.take_arrived(), inner.ledger.len() as u64);
        drop(inner);
        self.arrivals.tell(&arrived);
        self.head
            .send_if_modified(|last| std::mem::replace(last, head) != head);
        result
    }
}

impl Inner {
    fn commit(&mut self, change: Change) -> Result<Committed, StoreError> {
        let Change {
            accept,
            advance,
            refuse,
        } = change;
        for step in &advance {
            self.state.check(step)?;
        }
        if let Some(acceptance) = &accept
            && let Some(earlier) = self.judge(&acceptance.message)?
        {
            let entry = self.state.message(earlier);
            let entry = entry.ok_or(StoreError::Unknown { message: earlier })?;
            return Ok(Committed::Repeat(entry.message.clone()));
        }
        let message = accept.as_ref().map(|acceptance| &acceptance.message);
        let body = accept.as_ref().map(|acceptance| self.body_of(acceptance));
        let body = body.transpose()?.unwrap_or_default();
        let sequence = self.record(entry::of(message, &advance, refuse.as_ref()));
        if let Some(acceptance) = accept {
            let message = Arc::new(acceptance.message);
            self.state.accept(message, sequence, body);
        }
        for step in &advance {
            self.state.advance(step).map_err(|_| StoreError::Stale {
                delivery: step.delivery,
            })?;
        }
        if let Some(refused) = refuse {
            self.state.refusals().insert(refused);
        }
        Ok(Committed::Done)
    }

    fn body_of(&self, acceptance: &Acceptance) -> Result<Kept, StoreError> {
        let message = &acceptance.message;
        match &acceptance.body {
            change::Body::Whole(bytes) => Ok(Kept::of(vec![bytes.clone()])),
            &change::Body::Uploaded(call) => {
                let key = MessageKeys::submission(message.sender, &message.submission);
                let pieces = self.state.uploads().whole(&key, message, call);
                pieces.map(Kept::of)
            }
        }
    }

    /// The earlier message that a message repeats.
    fn judge(&self, message: &Message) -> Result<Option<MessageId>, StoreError> {
        let (keys, known) = (MessageKeys::of(message), self.state.keys());
        let submission = known.submission(&keys.submission);
        match Earlier::judge(message, submission, known.documents(&keys)) {
            Verdict::New => Ok(None),
            Verdict::Repeat(earlier) => Ok(Some(earlier)),
            Verdict::SubmissionConflict(earlier) => Err(StoreError::SubmissionConflict { earlier }),
            Verdict::DocumentConflict(earlier) => Err(StoreError::DocumentConflict { earlier }),
        }
    }

    fn record(&mut self, mut entry: LedgerEntry) -> u64 {
        entry.sequence = self.ledger.len() as u64 + 1;
        let sequence = entry.sequence;
        self.state.count(&entry);
        self.ledger.push(entry);
        sequence
    }
}

impl Store for Memory {
    async fn commit(&self, change: Change) -> Result<Committed, StoreError> {
        self.with(|inner| inner.commit(change))
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
        self.with(|inner| {
            let Inner { state, nonces, .. } = inner;
            // Nothing rests here.
            let claimed = state.claim(&claim, || nonces.random()).unwrap_or_default();
            for advance in inner.state.take_leases() {
                inner.record(entry::of(None, [&advance], None));
            }
            Ok(claimed)
        })
    }

    async fn due(&self, now: Timestamp, max: usize) -> Result<Vec<Due>, StoreError> {
        Ok(self.with(|inner| inner.state.due(now, max)))
    }

    async fn load(&self, id: MessageId) -> Result<Option<Arc<Message>>, StoreError> {
        let inner = self.lock();
        Ok(inner.state.message(id).map(|entry| entry.message.clone()))
    }

    async fn find_submission(
        &self,
        sender: OdsCode,
        submission: &SubmissionId,
    ) -> Result<Option<Arc<Message>>, StoreError> {
        let inner = self.lock();
        let key = MessageKeys::submission(sender, submission);
        let earlier = inner.state.keys().submission(&key);
        let entry = earlier.and_then(|earlier| inner.state.message(earlier.message));
        Ok(entry.map(|entry| entry.message.clone()))
    }

    async fn find_document(&self, name: &Digest) -> Result<Vec<Arc<Message>>, StoreError> {
        let inner = self.lock();
        let found = inner.state.named(name).into_iter();
        let entries = found.filter_map(|id| inner.state.message(id));
        Ok(entries.map(|entry| entry.message.clone()).collect())
    }

    async fn find_refusal(
        &self,
        sender: OdsCode,
        named: &Named,
    ) -> Result<Option<Arc<Refused>>, StoreError> {
        Ok(self.lock().state.refusals().find(sender, named))
    }

    async fn body(&self, id: MessageId) -> Result<Bytes, StoreError> {
        let inner = self.lock();
        let entry = inner.state.message(id);
        let entry = entry.ok_or(StoreError::Unknown { message: id })?;
        Ok(match &*entry.body.0 {
            [whole] => whole.clone(),
            pieces => pieces.concat().into(),
        })
    }

    async fn piece(&self, id: MessageId, offset: u64) -> Result<Bytes, StoreError> {
        let inner = self.lock();
        let entry = inner.state.message(id);
        let entry = entry.ok_or(StoreError::Unknown { message: id })?;
        Ok(rest(&entry.body.0, offset))
    }

    async fn append(&self, chunk: Chunk) -> Result<Upload, StoreError> {
        self.with(|inner| {
            let key = inner.state.uploads_mut().reserve(&chunk, UPLOADS_MAX)?;
            let data = chunk.data.clone();
            inner.state.take_piece(StoredPiece::of(key, &chunk, data));
            inner.state.release_all();
            let taken = inner
                .state
                .uploads()
                .state(&key)
                .ok_or(StoreError::UploadUnknown);
            // It is an entry of the journal, and so of the ledger, though it records nothing.
            inner.record(LedgerEntry::default());
            taken
        })
    }

    fn upload(&self, sender: OdsCode, submission: &SubmissionId) -> Option<Upload> {
        let key = MessageKeys::submission(sender, submission);
        self.lock().state.uploads().state(&key)
    }

    fn take_up(&self, sender: OdsCode, submission: &SubmissionId, call: u64) -> Option<Upload> {
        let key = MessageKeys::submission(sender, submission);
        self.lock().state.uploads_mut().take_up(&key, call)
    }

    async fn uploaded(
        &self,
        sender: OdsCode,
        submission: &SubmissionId,
        offset: u64,
    ) -> Result<Bytes, StoreError> {
        let key = MessageKeys::submission(sender, submission);
        let inner = self.lock();
        let upload = inner.state.uploads().get(&key);
        let upload = upload.ok_or(StoreError::UploadUnknown)?;
        let pieces = upload.pieces.iter().map(|(_, piece)| piece.clone());
        Ok(rest(&pieces.collect::<Vec<_>>(), offset))
    }

    fn discard(&self, sender: OdsCode, submission: &SubmissionId) {
        let key = MessageKeys::submission(sender, submission);
        self.lock().state.end_upload(&key);
    }

    fn abandon(&self, before: Timestamp) -> usize {
        self.lock().state.abandon(before)
    }

    async fn find(&self, query: Query) -> Result<Found, StoreError> {
        let Page { messages, floor } = self.lock().state.find(&query);
        let here = |glimpse| match glimpse {
            Glimpse::Awake(message) => Some(message),
            Glimpse::Resting(_) => None,
        };
        let messages = messages.into_iter().filter_map(here).collect();
        let page = Page { messages, floor };
        Ok(page.merge(Page::default(), query.page_max))
    }

    async fn mailbox(&self, id: &MailboxId) -> Result<MailboxState, StoreError> {
        Ok(self.lock().state.mailbox(id))
    }

    async fn mailboxes(&self) -> Result<Vec<(MailboxId, MailboxState)>, StoreError> {
        Ok(self.lock().state.mailboxes())
    }

    async fn waiting(
        &self,
        mailbox: &MailboxId,
        max: usize,
    ) -> Result<Vec<DeliveryId>, StoreError> {
        Ok(self.lock().state.waiting(mailbox, max))
    }

    fn aged(&self) -> Vec<AgedDeliveries> {
        self.lock().state.aged()
    }

    async fn ledger(&self, from: u64, max: usize) -> Result<Vec<LedgerEntry>, StoreError> {
        let skipped = usize::try_from(from.saturating_sub(1)).unwrap_or(usize::MAX);
        let inner = self.lock();
        Ok(inner
            .ledger
            .iter()
            .skip(skipped)
            .take(max)
            .cloned()
            .collect())
    }

    fn ledger_head(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    fn wait_at(&self, mailboxes: Vec<MailboxId>) -> Waiter {
        self.arrivals.wait_at(mailboxes)
    }

    fn totals(&self) -> Totals {
        self.lock().state.totals()
    }

    fn health(&self) -> StoreHealth {
        let inner = self.lock();
        StoreHealth {
            messages_live: inner.state.live(),
            deliveries_pending: inner.state.pending(),
            totals: inner.state.totals(),
            ..StoreHealth::default()
        }
    }
}
