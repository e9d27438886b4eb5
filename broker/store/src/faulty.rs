//! The faulty store: another store with the faults of a disk and of a process around it, all drawn
//! from a seed: the same seed and the same calls give the same faults. For simulation over a store
//! that answers at once, as the memory store does. It needs no runtime and reads no clock.

mod serve;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axle_core::{
    change::{Advance, Change},
    delivery::Step,
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tokio::sync::watch;

use crate::{Chunk, Claimed, Committed, Store, StoreError};

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
                Durable::Piece(chunk) => {
                    next.store
                        .take_up(chunk.sender, &chunk.submission, chunk.call);
                    next.store.append(chunk).await.is_ok()
                }
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

#[cfg(test)]
mod tests;
