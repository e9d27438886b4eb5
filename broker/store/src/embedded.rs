//! The embedded store: a journal that is the durability, and sled as the index that can be lost.
//!
//! ```text
//! data/
//!   FORMAT                 schema version and node id
//!   LOCK                   held by the process that has it open
//!   RESERVE                room that is given up when the disk is full
//!   journal/0000000001.log segments of frames: every change, with the bytes of every document
//!   index/                 sled: messages and idempotency keys, rebuilt from the journal when lost
//! ```
//! One thread writes (`committer`): what gathers while it is busy is one append and one sync, and
//! only then is anybody answered. One thread feeds the index (`checkpoint`). What is not settled
//! is in memory; the rest is in the index. Dropping the store is as safe as killing the process;
//! [`Embedded::close`] spares the next start the replay.

mod backup;
mod body;
mod checkpoint;
mod committer;
mod convert;
mod files;
mod format;
mod frame;
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
mod shared;
mod verify;
mod written;

use std::{
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU32, AtomicU64, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
};

use axle_core::{
    alarm::AgedDeliveries,
    change::{Change, LedgerEntry, Recorded, Refused},
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
use bytes::{Bytes, BytesMut};
use tokio::sync::{Semaphore, futures::OwnedNotified, oneshot, watch};

pub use backup::{Stated, backup, is_backup, restore, verify_backup};
pub use format::OpenError;
pub use options::{Counters, Options};
pub use verify::{Problem, Report, verify};

use self::{
    body::Bodies,
    checkpoint::{Checkpoint, Wish},
    committer::{Command, Committer, Outcome, Sizes},
    files::{Disk, Files},
    journal::Journal,
    ledger::Ledger,
    located::Located,
    proposal::Proposal,
    recover::Paths,
    reserve::Reserve,
    shared::{Shared, Space},
};
use crate::{
    Chunk, Claim, Claimed, Committed, Due, Found, MailboxState, Query, Store, StoreError,
    StoreHealth, Upload,
    arrivals::Arrivals,
    state::{MessageKeys, refusal_key},
};

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
        let mut recovered = recover::recover(files, &paths, options.index_cache_bytes)?;
        let begun = Journal::begin(
            recovered.segments.clone(),
            recovered.node,
            recovered.end,
            options.segment_bytes_max,
        );
        let journal = begun.map_err(OpenError::files("beginning a segment in", &paths.journal))?;
        recovered.state.wake(now);
        recovered.state.begin_holdings(now);
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
            retention: options.body_retention,
            told_micros: AtomicU64::new(now.as_micros()),
            followed: AtomicU32::new(recovered.followed),
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

    /// When what the newest ledger entry records happened. Blocks while it is read.
    pub fn newest_time(&self) -> Option<Timestamp> {
        let Shared {
            ledger, segments, ..
        } = &*self.shared;
        let head = *self.shared.head.borrow();
        let newest = ledger.read(segments, head.max(1), 1, head);
        let newest =
            newest.inspect_err(|error| tracing::error!(%error, "reading the newest entry"));
        let records = newest.ok()?.pop()?.records;
        records.iter().map(Recorded::time).max()
    }

    fn send(&self, command: Command) -> Result<(), StoreError> {
        let commands = self.commands.as_ref().ok_or_else(|| self.ended())?;
        commands.send(command).map_err(|_| self.ended())
    }

    fn ended(&self) -> StoreError {
        self.shared
            .stop("a thread of the store has ended; the log says why")
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

impl Store for Embedded {
    async fn commit(&self, change: Change) -> Result<Committed, StoreError> {
        self.shared.running()?;
        let proposal = Proposal::change(change, &self.shared)?;
        match self.propose(proposal).await? {
            Outcome::Done => Ok(Committed::Done),
            Outcome::Repeat(earlier) => {
                let stored = self.shared.stored(earlier)?;
                let stored = stored.ok_or(StoreError::Unknown { message: earlier })?;
                Ok(Committed::Repeat(stored.message))
            }
        }
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
        self.shared.running()?;
        let mut state = self.shared.state();
        let known = state.has_leases();
        let claimed = state.claim(&claim, rand::random);
        let arrived = state.take_arrived();
        drop(state);
        self.shared.arrivals.tell(&arrived);
        if !claimed.is_empty() && !known {
            self.send(Command::Leased)?;
        }
        Ok(claimed)
    }

    async fn due(&self, now: Timestamp, max: usize) -> Result<Vec<Due>, StoreError> {
        self.shared.tell(now);
        let mut state = self.shared.state();
        let (due, arrived) = (state.due(now, max), state.take_arrived());
        drop(state);
        self.shared.arrivals.tell(&arrived);
        Ok(due)
    }

    async fn load(&self, id: MessageId) -> Result<Option<Arc<Message>>, StoreError> {
        Ok(self.shared.stored(id)?.map(|stored| stored.message))
    }

    async fn find_submission(
        &self,
        sender: OdsCode,
        submission: &SubmissionId,
    ) -> Result<Option<Arc<Message>>, StoreError> {
        let key = MessageKeys::submission(sender, submission);
        let known = self.shared.state().keys().submission(&key);
        let earlier = match known {
            Some(earlier) => Some(earlier),
            None => self.shared.submission(&key)?,
        };
        match earlier {
            Some(earlier) => self.load(earlier.message).await,
            None => Ok(None),
        }
    }

    async fn find_document(&self, name: &Digest) -> Result<Vec<Arc<Message>>, StoreError> {
        self.shared.named(name)
    }

    async fn find_refusal(
        &self,
        sender: OdsCode,
        named: &Named,
    ) -> Result<Option<Arc<Refused>>, StoreError> {
        // The state first: what leaves it is in the index by then.
        let late = self.shared.state().refusals().find(sender, named);
        match late {
            Some(refused) => Ok(Some(refused)),
            None => self.shared.refusal(&refusal_key(sender, named)),
        }
    }

    async fn body(&self, id: MessageId) -> Result<Bytes, StoreError> {
        let stored = self.shared.stored(id)?;
        let stored = stored.ok_or(StoreError::Unknown { message: id })?;
        match stored.body {
            Located::Whole(at) => self.shared.whole(id, at),
            Located::Pieces(pieces) => {
                self.aside(move |shared| {
                    let mut body = BytesMut::new();
                    for &piece in &*pieces {
                        body.extend_from_slice(&shared.read(id, piece)?);
                    }
                    Ok(body.freeze())
                })
                .await
            }
        }
    }

    async fn piece(&self, id: MessageId, offset: u64) -> Result<Bytes, StoreError> {
        let stored = self.shared.stored(id)?;
        let stored = stored.ok_or(StoreError::Unknown { message: id })?;
        let Some((at, from)) = stored.body.piece(offset) else {
            return Ok(Bytes::new());
        };
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        match stored.body {
            Located::Whole(at) => Ok(self.shared.whole(id, at)?.slice(from..)),
            Located::Pieces(_) => {
                self.aside(move |shared| Ok(shared.read(id, at)?.slice(from..)))
                    .await
            }
        }
    }

    async fn append(&self, chunk: Chunk) -> Result<Upload, StoreError> {
        self.shared.running()?;
        let key = MessageKeys::submission(chunk.sender, &chunk.submission);
        self.propose(Proposal::piece(chunk)).await?;
        let taken = self.shared.state().uploads().state(&key);
        taken.ok_or(StoreError::UploadUnknown)
    }

    fn upload(&self, sender: OdsCode, submission: &SubmissionId) -> Option<Upload> {
        let key = MessageKeys::submission(sender, submission);
        self.shared.state().uploads().state(&key)
    }

    async fn uploaded(
        &self,
        sender: OdsCode,
        submission: &SubmissionId,
        offset: u64,
    ) -> Result<Bytes, StoreError> {
        let key = MessageKeys::submission(sender, submission);
        let place = {
            let state = self.shared.state();
            let upload = state.uploads().get(&key).ok_or(StoreError::UploadUnknown)?;
            upload.piece(offset)
        };
        let Some((at, from)) = place else {
            return Ok(Bytes::new());
        };
        self.aside(move |shared| {
            let piece = body::read(&shared.segments, at).map_err(|unread| {
                tracing::error!(%unread, "a piece of an upload cannot be read");
                StoreError::UploadUnknown
            })?;
            Ok(piece.slice(usize::try_from(from).unwrap_or(usize::MAX)..))
        })
        .await
    }

    fn discard(&self, sender: OdsCode, submission: &SubmissionId) {
        let key = MessageKeys::submission(sender, submission);
        self.shared.state().end_upload(&key);
    }

    fn abandon(&self, before: Timestamp) -> usize {
        self.shared.state().abandon(before)
    }

    async fn find(&self, query: Query) -> Result<Found, StoreError> {
        self.aside(move |shared| {
            // The state first: what leaves it is in the index by then.
            let unsettled = shared.state().find(&query);
            let settled = shared.index.find(&query);
            let settled = settled.map_err(|unusable| shared.stop_for_index(&unusable))?;
            Ok(unsettled.merge(settled, query.page_max))
        })
        .await
    }

    async fn mailbox(&self, id: &MailboxId) -> Result<MailboxState, StoreError> {
        Ok(self.shared.state().mailbox(id))
    }

    async fn mailboxes(&self) -> Result<Vec<(MailboxId, MailboxState)>, StoreError> {
        Ok(self.shared.state().mailboxes())
    }

    async fn waiting(
        &self,
        mailbox: &MailboxId,
        max: usize,
    ) -> Result<Vec<DeliveryId>, StoreError> {
        Ok(self.shared.state().waiting(mailbox, max))
    }

    fn aged(&self) -> Vec<AgedDeliveries> {
        self.shared.state().aged()
    }

    async fn ledger(&self, from: u64, max: usize) -> Result<Vec<LedgerEntry>, StoreError> {
        let (from, head) = (from.max(1), *self.shared.head.borrow());
        if let Some(entries) = self.shared.ledger.recent(from, max, head) {
            return Ok(entries);
        }
        self.aside(move |shared| {
            let read = shared.ledger.read(&shared.segments, from, max, head);
            read.map_err(|unreadable| {
                tracing::error!(%unreadable, "the ledger cannot be read");
                let why = unreadable.to_string().into();
                StoreError::Stopped { why }
            })
        })
        .await
    }

    fn totals(&self) -> Totals {
        self.shared.state().totals()
    }

    fn ledger_head(&self) -> watch::Receiver<u64> {
        self.shared.head.subscribe()
    }

    fn arrival(&self, mailbox: &MailboxId) -> OwnedNotified {
        self.shared.arrivals.next(mailbox)
    }

    fn health(&self) -> StoreHealth {
        let free = self.shared.space.free_bytes.load(Ordering::Relaxed);
        let state = self.shared.state();
        StoreHealth {
            stopped: self.shared.stopped.get().map(|why| why.to_string()),
            free_bytes: Some(free).filter(|&free| free != u64::MAX),
            messages_live: state.live(),
            deliveries_pending: state.pending(),
            totals: state.totals(),
        }
    }
}

#[cfg(test)]
mod tests;
