//! The committer: the one thread that writes. What gathered while it was busy becomes the next
//! group: it is written as it gathers, one sync, and only then is anybody answered. Leases do not wait for it: they
//! are given out by the state, which reserves what a change on its way is about, and follow here,
//! each before anything that was decided on it. One lost in a crash is a redelivery.

mod group;
mod patience;

use std::{
    io,
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError, Sender},
    },
    time::{Duration, Instant},
};

use axle_model::id::MessageId;
use tokio::sync::oneshot;

use super::{
    checkpoint::Wish, index::Applied, journal::Journal, located::Located, proposal::Proposal,
    shared::Shared,
};
use crate::{StoreError, failpoint, state::Changed};
use group::Group;
use patience::Patience;

/// Leases nobody waits for are made durable this much later.
const LEASES_LINGER: Duration = Duration::from_millis(50);
/// What only settles waits so long for a document to share its sync: whoever submits one waits for the
/// sync before it as well, and hardly anybody for the confirmation of an acknowledgement.
const SETTLED_LINGER: Duration = Duration::from_micros(300);
/// A group takes no more than about this many changes.
const GROUP_CHANGES_MAX: usize = 1_024;
/// The free space is asked for again after this many bytes.
const SPACE_EVERY_BYTES: u64 = 256 << 10;
/// Slower than this the journal is quiet; and how often it is looked at.
const QUIET_BYTES_PER_SECOND: f64 = 24e6;
const LOOKED_EVERY: Duration = Duration::from_secs(1);
/// While the index is this many checkpoints behind, the journal waits for it: a start must not have
/// to replay without end.
const CHECKPOINTS_BEHIND_MAX: u64 = 8;

/// What the committer is asked.
#[derive(Debug)]
pub(super) enum Command {
    /// To make a change true.
    Commit(Proposal, oneshot::Sender<Result<Outcome, StoreError>>),
    /// To wake up and take the leases that were given out to the journal.
    Leased,
    /// For what changed since it was last asked, all of it durable.
    Snapshot(oneshot::Sender<Option<Snapshot>>),
    /// To close the journal in good order, and stop.
    Close(oneshot::Sender<Result<(), StoreError>>),
}

/// What became of a change.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    Done,
    Repeat(MessageId),
}

/// What the index is to hold.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) changed: Changed<Located>,
    pub(super) applied: Applied,
}

/// The committer's own.
#[derive(Debug)]
pub(super) struct Committer {
    shared: Arc<Shared>,
    journal: Journal,
    commands: Receiver<Command>,
    wishes: Sender<Wish>,
    group: Group,
    patience: Patience,
    group_bytes_max: usize,
    checkpoint_bytes: u64,
    /// Bytes appended when the index last took what changed.
    snapshot_at: u64,
    wished: bool,
    space_at: u64,
    /// Whether little was appended of late; what had been when that was looked at, and when it was.
    quiet: bool,
    looked: (u64, Instant),
    /// Since when there is something that no sync has covered: leases.
    behind_since: Option<Instant>,
}

/// What sizes the committer works in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub(super) group_bytes_max: usize,
    pub(super) checkpoint_bytes: u64,
}

impl Committer {
    pub(super) fn new(
        shared: Arc<Shared>,
        journal: Journal,
        commands: Receiver<Command>,
        wishes: Sender<Wish>,
        sizes: Sizes,
    ) -> Self {
        Self {
            shared,
            journal,
            commands,
            wishes,
            group: Group::default(),
            patience: Patience::default(),
            group_bytes_max: sizes.group_bytes_max,
            checkpoint_bytes: sizes.checkpoint_bytes,
            snapshot_at: 0,
            wished: false,
            space_at: 0,
            quiet: true,
            looked: (0, Instant::now()),
            behind_since: None,
        }
    }

    /// Works until nobody can ask any more.
    pub(super) fn run(mut self) {
        while let Some(last) = self.gather() {
            self.patience.end(self.group.len());
            self.stage_leases();
            if failpoint::is_planted("answer-early") {
                self.group.tell(&Ok(()));
            }
            if let Err(error) = self.write_group(last.is_some()) {
                self.shared.stop(&format!("writing the journal: {error}"));
            }
            self.group.answer(&self.shared.running());
            if let Some(command) = last {
                self.serve_alone(command);
            }
            self.keep_up();
        }
        // Nobody waits for the leases given out last; whoever has one is glad of it.
        self.stage_leases();
        if let Err(error) = self.write_group(true) {
            self.shared.stop(&format!("writing the journal: {error}"));
        }
    }

    /// Stages the next group. `None` when the store is gone; otherwise what ended the group.
    fn gather(&mut self) -> Option<Option<Command>> {
        let waits = Instant::now();
        let mut next = match self.wait() {
            Ok(command) => Some(command),
            Err(RecvTimeoutError::Timeout) => {
                // If there are leases, they may be as old as that.
                self.behind_since.get_or_insert(waits);
                None
            }
            Err(RecvTimeoutError::Disconnected) => return None,
        };
        self.patience.begin();
        let (begun, mut bytes) = (Instant::now(), 0);
        while let Some(command) = next {
            match command {
                Command::Commit(proposal, answer) => {
                    bytes += proposal.bytes();
                    self.group
                        .commit(&self.shared, &mut self.journal, proposal, answer);
                }
                Command::Leased => {}
                alone @ (Command::Snapshot(_) | Command::Close(_)) => return Some(Some(alone)),
            }
            if bytes >= self.group_bytes_max || self.group.len() >= GROUP_CHANGES_MAX {
                break;
            }
            next = self.commands.try_recv().ok();
            if next.is_none() && self.patience.pays(self.group.len()) {
                // What is there is written now, while it is still in the processor's caches: a copy of
                // what has left them costs more than the syncs that are saved.
                if let Err(error) = self.write() {
                    self.shared.stop(&format!("writing the journal: {error}"));
                }
                Patience::wait();
                next = self.commands.try_recv().ok();
            } else if next.is_none() && self.group.only_settles() {
                let left = SETTLED_LINGER.saturating_sub(begun.elapsed());
                next = self.commands.recv_timeout(left).ok();
            }
        }
        Some(None)
    }

    /// Waits for a command; not for long while there may be leases to be made durable. Who gives one out
    /// wakes only a committer that sleeps: to be woken for each would cost more than all else of it.
    fn wait(&self) -> Result<Command, RecvTimeoutError> {
        let since = self.behind_since.unwrap_or_else(Instant::now);
        let left = LEASES_LINGER.saturating_sub(since.elapsed());
        match self.commands.recv_timeout(left) {
            Err(RecvTimeoutError::Timeout) if self.may_sleep() => {
                let command = self.commands.recv();
                self.shared.asleep.store(false, Ordering::SeqCst);
                command.map_err(|_| RecvTimeoutError::Disconnected)
            }
            waited => waited,
        }
    }

    /// Whether nothing is left to be made durable. From then on whoever gives out a lease says so.
    fn may_sleep(&self) -> bool {
        if self.behind_since.is_some() && self.shared.stopped.get().is_none() {
            return false;
        }
        self.shared.asleep.store(true, Ordering::SeqCst);
        let wakes = self.shared.state().has_leases();
        if wakes {
            self.shared.asleep.store(false, Ordering::SeqCst);
        }
        !wakes
    }

    fn stage_leases(&mut self) {
        let leases = self.shared.state().take_leases();
        self.group.stage_leases(&mut self.journal, leases);
    }

    /// Writes what is staged. It is not durable yet.
    fn write(&mut self) -> io::Result<()> {
        if self.shared.stopped.get().is_some() || !self.journal.has_staged() {
            return Ok(());
        }
        failpoint::hit("before-write")?;
        self.journal.write()?;
        let appended = &self.shared.counters.bytes_appended;
        appended.store(self.journal.appended(), Ordering::Relaxed);
        self.behind_since.get_or_insert_with(Instant::now);
        Ok(())
    }

    /// Writes what is staged, makes it durable, and makes it true.
    fn write_group(&mut self, wanted: bool) -> io::Result<()> {
        if self.shared.stopped.get().is_some() {
            return Ok(());
        }
        self.write()?;
        if !self.group.is_empty() {
            self.shared.counters.groups.fetch_add(1, Ordering::Relaxed);
        }
        let overdue = |since: Instant| since.elapsed() >= LEASES_LINGER;
        let sync = wanted || self.group.is_awaited() || self.behind_since.is_some_and(overdue);
        if sync && self.behind_since.is_some() {
            failpoint::hit("before-sync")?;
            self.sync()?;
            failpoint::hit("before-apply")?;
        }
        self.group.apply(&self.shared);
        self.shared.publish(self.journal.durable());
        failpoint::hit("before-answer")
    }

    fn sync(&mut self) -> io::Result<()> {
        let begun = Instant::now();
        self.journal.sync()?;
        self.behind_since = None;
        let nanoseconds = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let counters = &self.shared.counters;
        counters.syncs.fetch_add(1, Ordering::Relaxed);
        counters
            .sync_nanoseconds
            .fetch_add(nanoseconds, Ordering::Relaxed);
        Ok(())
    }

    /// Does what must see all before it durable.
    fn serve_alone(&mut self, command: Command) {
        match command {
            Command::Snapshot(answer) => {
                let snapshot = self.snapshot().ok();
                // Whoever asked may be gone; then the next one gets it from the journal.
                drop(answer.send(snapshot));
            }
            Command::Close(answer) => {
                let closed = self.shared.running().and_then(|()| self.close());
                if closed.is_ok() {
                    self.shared.stopped.get_or_init(|| "it was closed".into());
                }
                drop(answer.send(closed));
            }
            Command::Commit(..) | Command::Leased => {}
        }
    }

    fn close(&mut self) -> Result<(), StoreError> {
        self.stage_leases();
        let closed = self.write_group(true).and_then(|()| self.journal.close());
        closed.map_err(|error| self.shared.stop(&format!("closing: {error}")))
    }

    /// What changed, all of it durable: the state is looked at together with the leases that the
    /// journal does not have yet, and those are made durable first.
    fn snapshot(&mut self) -> Result<Snapshot, StoreError> {
        self.shared.running()?;
        let mut state = self.shared.state();
        let (leases, changed) = (state.take_leases(), state.take_changed());
        drop(state);
        self.group.stage_leases(&mut self.journal, leases);
        let written = self.write_group(true);
        written.map_err(|error| self.shared.stop(&format!("writing the journal: {error}")))?;
        self.snapshot_at = self.journal.appended();
        self.wished = false;
        let applied = Applied {
            at: self.journal.end(),
            live: changed.live,
            totals: changed.totals,
        };
        Ok(Snapshot { changed, applied })
    }

    /// While changes come one at a time, each waits for its own sync: it is shorter where the segment
    /// has blocks already. Where they come fast this would only double what is written.
    fn prepare(&mut self) {
        let (appended, passed) = (self.journal.appended(), self.looked.1.elapsed());
        if passed >= LOOKED_EVERY {
            let bytes = (appended - self.looked.0) as f64;
            self.quiet = bytes < QUIET_BYTES_PER_SECOND * passed.as_secs_f64();
            self.looked = (appended, Instant::now());
        }
        if !self.quiet || self.shared.is_full().is_some() {
            return;
        }
        if let Some((segment, end)) = self.journal.wants_blocks() {
            // The checkpoint is gone only when the store is.
            drop(self.wishes.send(Wish::Prepare(segment, end)));
        }
    }

    /// Keeps segments short, the index near, and an eye on the disk.
    fn keep_up(&mut self) {
        if self.shared.stopped.get().is_some() {
            return;
        }
        if self.journal.is_full() {
            match self.journal.rotate() {
                Ok(()) => self.behind_since = None,
                Err(error) => {
                    self.shared
                        .stop(&format!("beginning a segment of the journal: {error}"));
                }
            }
        }
        let appended = self.journal.appended();
        let behind = appended - self.snapshot_at;
        self.prepare();
        if behind >= self.checkpoint_bytes && !self.wished {
            self.wished = true;
            // The checkpoint is gone only when the store is.
            drop(self.wishes.send(Wish::Now));
        }
        if behind >= self.checkpoint_bytes.saturating_mul(CHECKPOINTS_BEHIND_MAX) {
            drop(self.shared.checkpointing.lock());
        }
        if appended - self.space_at >= SPACE_EVERY_BYTES || self.shared.is_full().is_some() {
            self.space_at = appended;
            self.shared.measure_space();
        }
    }
}
