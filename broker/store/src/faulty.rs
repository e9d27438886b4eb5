//! The faulty store: another store with the faults of a disk and of a process around it, all drawn
//! from a seed: the same seed and the same calls give the same faults. For simulation over a store
//! that answers at once, as the memory store does. It needs no runtime and reads no clock.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axle_core::{
    alarm::AgedDeliveries,
    change::{Advance, Change, LedgerEntry, Refused},
    delivery::Step,
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
use tokio::sync::{futures::OwnedNotified, watch};

use crate::{
    Chunk, Claim, Claimed, Committed, Due, Found, MailboxState, Query, Store, StoreError,
    StoreHealth, Upload,
};

/// How often each fault happens, in a thousand calls that could meet it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Odds {
    /// A change is refused for want of room; nothing was changed.
    pub full: u32,
    /// The store stops instead of making a change.
    pub stopped_before: u32,
    /// The store makes a change or gives leases, and stops before it can say so.
    pub stopped_after: u32,
    /// A change takes its time, before it is made or before it is answered.
    pub delayed: u32,
    /// Leases wait for the next change, or the next claim, to be written.
    pub unwritten: u32,
}

/// A store whose disk and process fail as a seed decides.
///
/// A store that has stopped stays so until it is begun again, by [`after_crash`](Self::after_crash)
/// or [`after_stop`](Self::after_stop).
#[derive(Debug)]
pub struct Faulty<S> {
    fresh: fn(u64) -> S,
    store: S,
    inner: Mutex<Inner>,
    head: watch::Sender<u64>,
}

#[derive(Debug)]
struct Inner {
    random: StdRng,
    odds: Odds,
    stopped: Option<Arc<str>>,
    /// All that is durable, in order.
    journal: Vec<Durable>,
    /// Leases given out since: a crash forgets them.
    leases: Vec<Durable>,
    /// Changes under way, in the order in which they came: a crash may go either way.
    waiting: BTreeMap<u64, Change>,
    tickets: u64,
}

/// What a journal would hold.
#[derive(Clone, Debug)]
enum Durable {
    Change(Change),
    Piece(Chunk),
}

/// What a change will meet.
struct Fate {
    ticket: u64,
    /// How often whoever waits is told to ask again before the change is made.
    before: u32,
    /// And how often before it is answered.
    after: u32,
    stops: bool,
}

/// One call is delayed by at most this many questions.
const DELAY_MAX: u32 = 12;

impl<S: Store> Faulty<S> {
    /// An empty store of which everything follows from `seed`. `fresh` makes an empty store to keep
    /// things in; its argument is a seed of its own.
    pub fn new(fresh: fn(u64) -> S, seed: u64, odds: Odds) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let store = fresh(random.random());
        let inner = Inner {
            random,
            odds,
            stopped: None,
            journal: Vec::new(),
            leases: Vec::new(),
            waiting: BTreeMap::new(),
            tickets: 0,
        };
        Self {
            fresh,
            store,
            inner: Mutex::new(inner),
            head: watch::Sender::new(0),
        }
    }

    /// Other odds from now on.
    pub fn set_odds(&self, odds: Odds) {
        self.lock().odds = odds;
    }

    /// What the next process finds after this one was killed: all that was answered, of the changes
    /// under way those up to some point, and no lease that no later change waited for.
    pub async fn after_crash(&self) -> Self {
        let survivors = {
            let mut inner = self.lock();
            let count = inner.waiting.len();
            let survive = inner.random.random_range(0..=count);
            let mut survivors = Vec::new();
            if survive > 0 {
                // A lease is written before whatever was decided on it.
                survivors.extend(inner.leases.iter().cloned());
            }
            let waiting = inner.waiting.values().take(survive).cloned();
            survivors.extend(waiting.map(Durable::Change));
            survivors
        };
        self.begun_again(survivors).await
    }

    /// What the next process finds after this one was stopped in good order: everything.
    pub async fn after_stop(&self) -> Self {
        let leases = self.lock().leases.clone();
        self.begun_again(leases).await
    }

    async fn begun_again(&self, survivors: Vec<Durable>) -> Self {
        let (seed, odds, mut journal) = {
            let mut inner = self.lock();
            (inner.random.random(), inner.odds, inner.journal.clone())
        };
        journal.extend(survivors);
        let next = Self::new(self.fresh, seed, odds);
        for durable in journal {
            // What was never answered may no longer fit; then it never was.
            let fits = match durable.clone() {
                Durable::Change(change) => {
                    matches!(next.store.commit(change).await, Ok(Committed::Done))
                }
                Durable::Piece(chunk) => next.store.append(chunk).await.is_ok(),
            };
            if fits {
                next.keep(durable);
            }
        }
        next
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Draws what a change will meet.
    fn begin(&self, change: &Change) -> Result<Fate, StoreError> {
        let mut inner = self.lock();
        inner.running()?;
        let odds = inner.odds;
        if inner.happens(odds.full) {
            return Err(StoreError::Full { free_bytes: 0 });
        }
        if inner.happens(odds.stopped_before) {
            return Err(inner.stop("a write failed"));
        }
        let ticket = inner.tickets;
        inner.tickets += 1;
        inner.waiting.insert(ticket, change.clone());
        Ok(Fate {
            ticket,
            before: inner.delay(),
            after: inner.delay(),
            stops: inner.happens(odds.stopped_after),
        })
    }

    /// A change is durable, and with it every lease before it.
    fn keep(&self, durable: Durable) {
        let mut inner = self.lock();
        inner.write_leases();
        inner.journal.push(durable);
        drop(inner);
        self.head.send_replace(*self.store.ledger_head().borrow());
    }
}

impl Inner {
    fn happens(&mut self, in_a_thousand: u32) -> bool {
        self.random.random_range(0..1_000) < in_a_thousand
    }

    fn delay(&mut self) -> u32 {
        let delayed = self.odds.delayed;
        match self.happens(delayed) {
            true => self.random.random_range(1..=DELAY_MAX),
            false => 0,
        }
    }

    fn running(&self) -> Result<(), StoreError> {
        match &self.stopped {
            Some(why) => Err(StoreError::Stopped { why: why.clone() }),
            None => Ok(()),
        }
    }

    fn stop(&mut self, why: &str) -> StoreError {
        let why: Arc<str> = self.stopped.get_or_insert_with(|| why.into()).clone();
        StoreError::Stopped { why }
    }

    fn write_leases(&mut self) {
        self.journal.append(&mut self.leases);
    }
}

/// Lets others go first, so many times.
async fn linger(times: u32) {
    for _ in 0..times {
        tokio::task::yield_now().await;
    }
}

/// The change that a claim made of a delivery.
fn lease_of(claimed: &Claimed) -> Option<Change> {
    let delivery = claimed.delivery()?;
    let step = Step {
        from: delivery.version.checked_sub(1)?,
        state: delivery.state,
        attempts: delivery.attempts,
        lease: delivery.lease,
        mailbox: None,
        event: delivery.timeline.last()?.clone(),
    };
    Some(Change::from(Advance {
        delivery: claimed.token.delivery,
        sender: claimed.message.sender,
        step,
    }))
}

impl<S: Store> Store for Faulty<S> {
    async fn commit(&self, change: Change) -> Result<Committed, StoreError> {
        let fate = self.begin(&change)?;
        linger(fate.before).await;
        {
            let mut inner = self.lock();
            // Stopped meanwhile, it stays under way for ever: nobody knows what became of it.
            inner.running()?;
            inner.waiting.remove(&fate.ticket);
        }
        let committed = self.store.commit(change.clone()).await?;
        if matches!(committed, Committed::Done) {
            self.keep(Durable::Change(change));
        }
        if fate.stops {
            return Err(self.lock().stop("a sync failed"));
        }
        linger(fate.after).await;
        Ok(committed)
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
        self.lock().running()?;
        let claimed = self.store.claim(claim).await?;
        let mut inner = self.lock();
        let leases = claimed.iter().filter_map(lease_of).map(Durable::Change);
        inner.leases.extend(leases);
        let odds = inner.odds;
        if inner.happens(odds.stopped_after) {
            return Err(inner.stop("a sync failed"));
        }
        if !inner.happens(odds.unwritten) {
            inner.write_leases();
            drop(inner);
            self.head.send_replace(*self.store.ledger_head().borrow());
        }
        Ok(claimed)
    }

    async fn due(&self, now: Timestamp, max: usize) -> Result<Vec<Due>, StoreError> {
        self.store.due(now, max).await
    }

    async fn load(&self, id: MessageId) -> Result<Option<Arc<Message>>, StoreError> {
        self.store.load(id).await
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
        self.lock().running()?;
        let upload = self.store.append(chunk.clone()).await?;
        self.keep(Durable::Piece(chunk));
        Ok(upload)
    }

    fn upload(&self, sender: OdsCode, submission: &SubmissionId) -> Option<Upload> {
        self.store.upload(sender, submission)
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
        self.store.body(id).await
    }

    async fn find(&self, query: Query) -> Result<Found, StoreError> {
        self.store.find(query).await
    }

    async fn mailbox(&self, id: &MailboxId) -> Result<MailboxState, StoreError> {
        self.store.mailbox(id).await
    }

    async fn mailboxes(&self) -> Result<Vec<(MailboxId, MailboxState)>, StoreError> {
        self.store.mailboxes().await
    }

    async fn ledger(&self, from: u64, max: usize) -> Result<Vec<LedgerEntry>, StoreError> {
        let durable = *self.head.borrow();
        let mut entries = self.store.ledger(from, max).await?;
        entries.retain(|entry| entry.sequence <= durable);
        Ok(entries)
    }

    fn ledger_head(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    fn arrival(&self, mailbox: &MailboxId) -> OwnedNotified {
        self.store.arrival(mailbox)
    }

    fn health(&self) -> StoreHealth {
        StoreHealth {
            stopped: self.lock().stopped.as_deref().map(str::to_owned),
            ..self.store.health()
        }
    }
}

#[cfg(test)]
mod tests;
