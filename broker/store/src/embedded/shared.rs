//! What the committer, the checkpoint and the callers share. Locks are held for as long as memory
//! takes, never across a write or a sync.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use axle_core::{change::Refused, message::Message};
use axle_model::{digest::Digest, id::MessageId, time::Timestamp};
use bytes::Bytes;
use tokio::sync::watch;

use super::{
    Counters,
    at_rest::What,
    body::{self, Bodies, Unread},
    index::{Index, Stored, Unusable},
    ledger::Ledger,
    located::Located,
    reclaim::PassedOver,
    reserve::Reserve,
    segment::{Locator, Segments},
};
use crate::{
    Query, StoreError,
    arrivals::Arrivals,
    state::{Earlier, Glimpse, Half, MessageKeys, Page, Prior, State, wanted},
};

/// A message is looked for so often while it moves between memory and index. It moves once in a
/// checkpoint, so more than twice is next to impossible.
const LOOKS_MAX: usize = 16;

/// The store, as its threads and its callers see it.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) state: Mutex<State<Located>>,
    pub(super) index: Index,
    pub(super) segments: Arc<Segments>,
    pub(super) bodies: Bodies,
    pub(super) ledger: Ledger,
    pub(super) arrivals: Arrivals,
    pub(super) head: watch::Sender<u64>,
    /// Counts how often keys left the state because the index holds them. Who looked in the index
    /// before and in the state after must look again when it has moved.
    pub(super) evictions: AtomicU64,
    /// Held while the index is written.
    pub(super) checkpointing: Mutex<()>,
    pub(super) counters: Arc<Counters>,
    pub(super) space: Space,
    /// Held while a segment is rewritten; which ones could not be.
    pub(super) reclaiming: Mutex<PassedOver>,
    /// How long the body of a settled message is kept.
    pub(super) retention: Duration,
    /// The newest time anybody has told, in microseconds.
    pub(super) told_micros: AtomicU64,
    /// The segment up to which the index has followed.
    pub(super) followed: AtomicU32,
    /// Whether the committer is to be woken for a lease.
    pub(super) asleep: AtomicBool,
    pub(super) stopped: OnceLock<Arc<str>>,
    /// A file that says why the index is to be rebuilt at the next start.
    pub(super) rebuild: PathBuf,
    /// The directory's lock, which ends with the store.
    pub(super) _lock: fs::File,
}

/// The room on the disk.
#[derive(Debug)]
pub(super) struct Space {
    /// What is kept of it.
    pub(super) reserve: Arc<Reserve>,
    /// How many there were when last asked.
    pub(super) free_bytes: AtomicU64,
}

impl Shared {
    /// The state, for a moment.
    pub(super) fn state(&self) -> MutexGuard<'_, State<Located>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The right to rewrite a segment.
    pub(super) fn reclaiming(&self) -> MutexGuard<'_, PassedOver> {
        let reclaiming = self.reclaiming.lock();
        reclaiming.unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of what time it is.
    pub(super) fn tell(&self, now: Timestamp) {
        self.told_micros
            .fetch_max(now.as_micros(), Ordering::Relaxed);
        self.state().tell(now);
    }

    /// The newest time anybody has told.
    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.told_micros.load(Ordering::Relaxed))
    }

    /// Stops the store for good.
    pub(super) fn stop(&self, why: &str) -> StoreError {
        let why = self.stopped.get_or_init(|| {
            tracing::error!(why, "the store has stopped; restart the broker");
            why.into()
        });
        StoreError::Stopped { why: why.clone() }
    }

    /// Stops the store because the index cannot be used; the next start rebuilds it.
    pub(super) fn stop_for_index(&self, unusable: &Unusable) -> StoreError {
        let why = format!("the index cannot be used ({unusable}); a restart rebuilds it");
        if let Err(error) = fs::write(&self.rebuild, &why) {
            tracing::error!(%error, "marking the index for a rebuild; remove index/ by hand");
        }
        self.stop(&why)
    }

    /// An error once the store has stopped.
    pub(super) fn running(&self) -> Result<(), StoreError> {
        match self.stopped.get() {
            Some(why) => Err(StoreError::Stopped { why: why.clone() }),
            None => Ok(()),
        }
    }

    /// A message, wherever it is.
    pub(super) fn stored(&self, id: MessageId) -> Result<Option<Stored>, StoreError> {
        for _ in 0..LOOKS_MAX {
            // The state first: what leaves it is in the index by then.
            match self.state().glimpse(id) {
                Some(Glimpse::Awake(entry)) => return Ok(Some(Stored::of(entry))),
                Some(Glimpse::Resting(_)) => {}
                None => {
                    let found = self.index.settled(id);
                    return found.map_err(|unusable| self.stop_for_index(&unusable));
                }
            }
            if let Some(stored) = self.resting(id)? {
                return Ok(Some(stored));
            }
        }
        Err(self.lost(id))
    }

    /// A message that was at rest a moment ago, out of the index; `None` when it has ended since.
    fn resting(&self, id: MessageId) -> Result<Option<Stored>, StoreError> {
        let found = self.index.live(id);
        found.map_err(|unusable| self.stop_for_index(&unusable))
    }

    /// Wakes those of these messages that are at rest.
    pub(super) fn rouse(&self, mut ids: Vec<MessageId>) -> Result<(), StoreError> {
        for _ in 0..LOOKS_MAX {
            let state = self.state();
            ids.retain(|&id| state.is_resting(id));
            drop(state);
            if ids.is_empty() {
                return Ok(());
            }
            let mut found = Vec::with_capacity(ids.len());
            for &id in &ids {
                found.extend(self.resting(id)?);
            }
            let mut state = self.state();
            for one in found {
                state.rouse(one.message, one.sequence, one.body);
            }
        }
        match ids.first() {
            Some(&id) if self.state().is_resting(id) => Err(self.lost(id)),
            Some(_) | None => Ok(()),
        }
    }

    fn lost(&self, id: MessageId) -> StoreError {
        let what = format!("it does not have {id}, which is not settled");
        self.stop_for_index(&Unusable::Untrue(what))
    }

    /// A page of the state with all that is at rest read from the index.
    pub(super) fn page(
        &self,
        query: &Query,
        page: Page<Glimpse<Arc<Message>>>,
    ) -> Result<Page, StoreError> {
        let mut messages = Vec::with_capacity(page.messages.len());
        for glimpse in page.messages {
            match glimpse {
                Glimpse::Awake(message) => messages.push(message),
                Glimpse::Resting(id) => {
                    let stored = self.stored(id)?.map(|stored| stored.message);
                    // It may have moved on since.
                    messages.extend(stored.filter(|message| wanted(query, message)));
                }
            }
        }
        let floor = page.floor;
        Ok(Page { messages, floor })
    }

    /// A piece of the body of a message.
    pub(super) fn read(
        &self,
        message: MessageId,
        what: What,
        at: Locator,
    ) -> Result<Bytes, StoreError> {
        body::read(&self.segments, what, at).map_err(|unread| match unread {
            Unread::Damaged(place) => {
                tracing::error!(%message, place, "a stored body is damaged");
                StoreError::Damaged { message, place }
            }
            Unread::Dropped => StoreError::Dropped { message },
        })
    }

    /// The message that used this submission key, as far as the index knows.
    pub(super) fn submission(&self, key: &Half) -> Result<Option<Earlier>, StoreError> {
        let found = self.index.submission(key);
        found.map_err(|unusable| self.stop_for_index(&unusable))
    }

    /// What is not settled and goes by a name, and what replaces the documents of that name.
    pub(super) fn named(&self, name: &Digest) -> Result<Vec<Arc<Message>>, StoreError> {
        // The state first: what leaves it is in the index by then.
        let mut found = self.state().named(name);
        let leading = self.index.led_to(&Half::of(name));
        found.extend(leading.map_err(|unusable| self.stop_for_index(&unusable))?);
        found.sort_unstable();
        found.dedup();
        let mut messages = Vec::with_capacity(found.len());
        for id in found {
            messages.extend(self.stored(id)?.map(|stored| stored.message));
        }
        Ok(messages)
    }

    /// The newest refusal with this key, as far as the index knows.
    pub(super) fn refusal(&self, key: &Half) -> Result<Option<Arc<Refused>>, StoreError> {
        let found = self.index.refusal(key);
        let found = found.map_err(|unusable| self.stop_for_index(&unusable))?;
        Ok(found.map(Arc::new))
    }

    /// What the index knows of a message's keys.
    pub(super) fn prior(&self, keys: &MessageKeys) -> Result<Prior, StoreError> {
        let prior = self.index.prior(keys);
        prior.map_err(|unusable| self.stop_for_index(&unusable))
    }

    /// The bytes that are left when they are too few to accept anything.
    pub(super) fn is_full(&self) -> Option<u64> {
        let free = self.space.free_bytes.load(Ordering::Relaxed);
        self.space.reserve.forbids(free).then_some(free)
    }

    /// Takes note of how much room there is.
    pub(super) fn measure_space(&self) -> u64 {
        let free = self.segments.free_space();
        self.space.reserve.restore(free);
        self.space.free_bytes.store(free, Ordering::Relaxed);
        free
    }

    /// Makes known what became available.
    pub(super) fn publish(&self, durable: u64) {
        let arrived = self.state().take_arrived();
        self.arrivals.tell(&arrived);
        self.head
            .send_if_modified(|head| std::mem::replace(head, durable) != durable);
    }
}
