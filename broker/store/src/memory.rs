//! The memory store: keeps the whole contract of [`Store`] except that nothing outlives the process.
//! For tests and simulation; never for documents that matter.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axle_core::{
    change::{Acceptance, Advance, Change, LedgerEntry},
    message::Message,
};
use axle_model::{
    id::{MessageId, SubmissionId},
    mailbox::MailboxId,
    ods::OdsCode,
    time::Timestamp,
};
use bytes::Bytes;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tokio::sync::{futures::OwnedNotified, watch};

use crate::{
    Claim, Claimed, Committed, Due, Found, MailboxState, Query, Store, StoreError, StoreHealth,
    arrivals::Arrivals,
    entry,
    state::{Earlier, MessageKeys, Page, State, Verdict},
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
    state: State<()>,
    bodies: HashMap<MessageId, Bytes>,
    ledger: Vec<LedgerEntry>,
    nonces: StdRng,
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
            bodies: HashMap::new(),
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
        match change {
            Change::Accept(acceptance) => self.accept(*acceptance),
            Change::Advance(advance) => {
                self.state.check(&advance)?;
                self.advance(&advance)?;
                Ok(Committed::Done)
            }
        }
    }

    fn accept(&mut self, acceptance: Acceptance) -> Result<Committed, StoreError> {
        let Acceptance { message, body } = acceptance;
        let (keys, known) = (MessageKeys::of(&message), self.state.keys());
        let verdict = Earlier::judge(
            &message,
            known.submission(&keys.submission),
            known.documents(&keys),
        );
        match verdict {
            Verdict::Repeat(earlier) => {
                let entry = self.state.message(earlier);
                let entry = entry.ok_or(StoreError::Unknown { message: earlier })?;
                return Ok(Committed::Repeat(entry.message.clone()));
            }
            Verdict::SubmissionConflict(earlier) => {
                return Err(StoreError::SubmissionConflict { earlier });
            }
            Verdict::DocumentConflict(earlier) => {
                return Err(StoreError::DocumentConflict { earlier });
            }
            Verdict::New => {}
        }
        let mut entry = entry::accepted(&message);
        entry.sequence = self.ledger.len() as u64 + 1;
        self.bodies.insert(message.id, body);
        self.state.accept(Arc::new(message), entry.sequence, ());
        self.ledger.push(entry);
        Ok(Committed::Done)
    }

    fn advance(&mut self, advance: &Advance) -> Result<(), StoreError> {
        let stale = |_| StoreError::Stale {
            delivery: advance.delivery,
        };
        self.state.advance(advance).map_err(stale)?;
        self.record(advance);
        Ok(())
    }

    fn record(&mut self, advance: &Advance) {
        let mut entry = entry::advanced(advance);
        entry.sequence = self.ledger.len() as u64 + 1;
        self.ledger.push(entry);
    }
}

impl Store for Memory {
    async fn commit(&self, change: Change) -> Result<Committed, StoreError> {
        self.with(|inner| inner.commit(change))
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
        self.with(|inner| {
            let Inner { state, nonces, .. } = inner;
            let claimed = state.claim(&claim, || nonces.random());
            for advance in inner.state.take_leases() {
                inner.record(&advance);
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

    async fn body(&self, id: MessageId) -> Result<Bytes, StoreError> {
        let body = self.lock().bodies.get(&id).cloned();
        body.ok_or(StoreError::Unknown { message: id })
    }

    async fn find(&self, query: Query) -> Result<Found, StoreError> {
        let page = self.lock().state.find(&query);
        Ok(page.merge(Page::default(), query.page_max))
    }

    async fn mailbox(&self, id: &MailboxId) -> Result<MailboxState, StoreError> {
        Ok(self.lock().state.mailbox(id))
    }

    async fn mailboxes(&self) -> Result<Vec<(MailboxId, MailboxState)>, StoreError> {
        Ok(self.lock().state.mailboxes())
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

    fn arrival(&self, mailbox: &MailboxId) -> OwnedNotified {
        self.arrivals.next(mailbox)
    }

    fn health(&self) -> StoreHealth {
        StoreHealth {
            messages_live: self.lock().state.live(),
            ..StoreHealth::default()
        }
    }
}
