//! The embedded store: a journal that is the durability, and an index that can be lost.
//!
//! ```text
//! data/
//!   FORMAT                 schema version and node id
//!   KEYS, KEYS.copy        in an encrypted store, its own keys, wrapped by the key it is given
//!   LOCK                   held by the process that has it open
//!   RESERVE                room that is given up when the disk is full
//!   journal/0000000001.log segments of frames: every change, with the bytes of every document
//!   index/                 messages and idempotency keys, rebuilt from the journal when lost
//! ```
//! One thread writes (`committer`): what gathers while it is busy shares one sync, and
//! only then is anybody answered. One thread feeds the index (`checkpoint`). What is not settled
//! is in memory, whole or as a slip (decision 0018); the rest is in the index. Dropping the
//! store is as safe as killing the process; [`Embedded::close`] spares the next start the replay.

mod at_rest;
mod backup;
mod body;
mod checkpoint;
mod committer;
mod convert;
mod files;
mod find;
mod format;
mod frame;
mod hex;
mod index;
mod journal;
mod ledger;
mod located;
mod options;
mod proposal;
mod reclaim;
mod record;
mod recover;
mod replay;
mod reserve;
mod segment;
mod serve;
mod shared;
mod verify;
mod written;

use std::{
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
};

use axle_model::{id::MessageId, time::Timestamp};
use bytes::Bytes;
use tokio::sync::{Semaphore, oneshot, watch};

pub use at_rest::{MasterKeys, UnusableKey};
pub use backup::{Stated, backup, is_backup, restore, verify_backup};
pub use format::OpenError;
pub use options::{Counters, Options};
pub use verify::{Problem, Report, verify};

use self::{
    at_rest::What,
    body::Bodies,
    checkpoint::{Checkpoint, Wish},
    committer::{Command, Committer, Outcome, Sizes},
    files::{Disk, Files},
    journal::Journal,
    ledger::Ledger,
    proposal::Proposal,
    recover::Paths,
    reserve::Reserve,
    segment::Locator,
    shared::{Shared, Space},
};
use crate::{Claim, Claimed, StoreError, arrivals::Arrivals};

/// The embedded store.
#[derive(Debug)]
pub struct Embedded {
    shared: Arc<Shared>,
    commands: Option<mpsc::Sender<Command>>,
    wishes: mpsc::Sender<Wish>,
    /// The checkpoint's thread, then the committer's: in the order in which they end.
    threads: Vec<JoinHandle<()>>,
    /// What may be under way, in KiB.
    room: Semaphore,
    room_kib: u32,
}

impl Embedded {
    /// Opens the store in a directory, or begins one there. Blocks while the journal is replayed.
    pub fn open(options: &Options, now: Timestamp) -> Result<Self, OpenError> {
        let reserve = Arc::new(Reserve::new(&options.directory));
        let files = Arc::new(Disk::new(reserve.clone()));
        Self::open_with(files, reserve, options, now)
    }

    fn open_with(
        files: Arc<dyn Files>,
        reserve: Arc<Reserve>,
        options: &Options,
        now: Timestamp,
    ) -> Result<Self, OpenError> {
        let paths = Paths::new(&options.directory);
        format::make(&paths.directory)?;
        let lock = format::lock(&paths.directory)?;
        let space = || {
            let space = files.space(&paths.directory);
            space.unwrap_or((u64::MAX, u64::MAX))
        };
        let usual = (256 << 20).min(space().1 / 20);
        let reserve_bytes = options.reserve_bytes.unwrap_or(usual);
        reserve.begin(reserve_bytes, || space().0);
        let mut recovered = recover::recover(files, &paths, options, now)?;
        let begun = Journal::begin(
            recovered.segments.clone(),
            recovered.node,
            recovered.end,
            options.segment_bytes_max,
        );
        let journal = begun.map_err(OpenError::files("beginning a segment in", &paths.journal))?;
        recovered.state.wake(now);
        let shared = Arc::new(Shared {
            state: Mutex::new(recovered.state),
            index: recovered.index,
            segments: recovered.segments,
            bodies: Bodies::new(options.body_cache_bytes),
            ledger: Ledger::default(),
            arrivals: Arrivals::default(),
            head: watch::Sender::new(recovered.end.sequence),
            evictions: AtomicU64::new(0),
            checkpointing: Mutex::default(),
            counters: Arc::default(),
            space: Space {
                reserve,
                free_bytes: AtomicU64::new(u64::MAX),
            },
            reclaiming: Mutex::default(),
            retention: options.body_retention,
            told_micros: AtomicU64::new(now.as_micros()),
            followed: AtomicU32::new(recovered.followed),
            asleep: AtomicBool::new(false),
            stopped: OnceLock::new(),
            rebuild: paths.rebuild.clone(),
            _lock: lock,
        });
        shared.measure_space();
        Self::start(shared, journal, options).map_err(OpenError::files(
            "starting the threads of",
            &paths.directory,
        ))
    }

    fn start(shared: Arc<Shared>, journal: Journal, options: &Options) -> std::io::Result<Self> {
        let (commands, to_committer) = mpsc::channel();
        let (wishes, to_checkpoint) = mpsc::channel();
        let sizes = Sizes {
            group_bytes_max: options.group_bytes_max,
            checkpoint_bytes: options.checkpoint_bytes,
        };
        let committer =
            Committer::new(shared.clone(), journal, to_committer, wishes.clone(), sizes);
        let checkpoint = Checkpoint::new(
            shared.clone(),
            commands.clone(),
            to_checkpoint,
            options.checkpoint_interval,
        );
        let thread = |name: &str| thread::Builder::new().name(name.to_owned());
        let committer = thread("axle-committer").spawn(move || committer.run())?;
        let checkpoint = thread("axle-checkpoint").spawn(move || checkpoint.run())?;
        if shared.state().changes() > 0 {
            // What was replayed must not be replayed again, however soon this start ends.
            drop(wishes.send(Wish::Now));
        }
        let room_kib = u32::try_from(options.pending_bytes_max >> 10)
            .unwrap_or(u32::MAX)
            .max(1);
        Ok(Self {
            shared,
            commands: Some(commands),
            wishes,
            threads: vec![checkpoint, committer],
            room: Semaphore::new(room_kib as usize),
            room_kib,
        })
    }

    /// Closes the store in good order: finishes what is under way, brings the index up to date and
    /// marks the journal's end. Commits made meanwhile or later are refused.
    pub async fn close(&self) -> Result<(), StoreError> {
        let (answer, finished) = oneshot::channel();
        self.wishes
            .send(Wish::Finish(answer))
            .map_err(|_| self.ended())?;
        finished.await.map_err(|_| self.ended())??;
        let (answer, closed) = oneshot::channel();
        self.send(Command::Close(answer))?;
        closed.await.map_err(|_| self.ended())?
    }

    /// What it has done since it was opened.
    pub fn counters(&self) -> Arc<Counters> {
        self.shared.counters.clone()
    }

    /// Hands a proposal to the committer and waits until it is durable.
    async fn propose(&self, proposal: Proposal) -> Result<Outcome, StoreError> {
        let kib = u32::try_from(proposal.bytes() >> 10).unwrap_or(u32::MAX);
        let _room = self.room.acquire_many(kib.min(self.room_kib)).await;
        let (answer, answered) = oneshot::channel();
        self.send(Command::Commit(proposal, answer))?;
        answered.await.map_err(|_| self.ended())?
    }

    /// Leases what a claim asks for, or says what has to be roused first.
    fn claim_awake(
        &self,
        claim: &Claim,
    ) -> Result<Result<Vec<Claimed>, Vec<MessageId>>, StoreError> {
        let mut state = self.shared.state();
        let claimed = state.claim(claim, rand::random);
        let arrived = state.take_arrived();
        drop(state);
        self.shared.arrivals.tell(&arrived);
        let leases = claimed.as_ref().is_ok_and(|claimed| !claimed.is_empty());
        if leases && self.shared.asleep.swap(false, Ordering::SeqCst) {
            self.send(Command::Leased)?;
        }
        Ok(claimed)
    }

    /// When what the newest ledger entry records happened. Blocks while it is read.
    pub fn newest_time(&self) -> Option<Timestamp> {
        let Shared {
            ledger, segments, ..
        } = &*self.shared;
        let head = *self.shared.head.borrow();
        let newest = ledger.newest_time(segments, head);
        let newest =
            newest.inspect_err(|error| tracing::error!(%error, "reading the newest entry"));
        newest.ok()?
    }

    fn send(&self, command: Command) -> Result<(), StoreError> {
        let commands = self.commands.as_ref().ok_or_else(|| self.ended())?;
        commands.send(command).map_err(|_| self.ended())
    }

    fn ended(&self) -> StoreError {
        self.shared
            .stop("a thread of the store has ended; the log says why")
    }

    /// A body that is in one piece, from memory when it was committed lately.
    async fn whole(&self, id: MessageId, at: Locator) -> Result<Bytes, StoreError> {
        match self.shared.bodies.recent_body(id) {
            Some(body) => Ok(body),
            None => {
                self.aside(move |shared| shared.read(id, What::Body(id), at))
                    .await
            }
        }
    }

    /// Runs what may read much from the disk where it does not hold up others.
    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = self.shared.clone();
        let done = tokio::task::spawn_blocking(move || work(&shared)).await;
        done.unwrap_or_else(|error| {
            let why = format!("reading the store: {error}").into();
            Err(StoreError::Stopped { why })
        })
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        // The checkpoint may have ended already.
        drop(self.wishes.send(Wish::Quit));
        self.commands = None;
        for thread in self.threads.drain(..) {
            // A thread that panicked has stopped the store; there is nobody left to tell.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests;
