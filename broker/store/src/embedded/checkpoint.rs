//! The checkpoint: the thread that feeds the index, off everybody's path. It writes only what is
//! still true when it runs; a document that came and went between two checkpoints costs its final
//! record and its keys.

use std::{
    sync::{
        Arc, PoisonError,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError, Sender},
    },
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::{
    committer::{Command, Snapshot},
    files::File,
    index::Unusable,
    reclaim,
    reserve::has_room_for_index,
    shared::{Shared, Space},
};
use crate::StoreError;

/// What the checkpoint is asked.
#[derive(Debug)]
pub(super) enum Wish {
    /// To run now.
    Now,
    /// To give a segment blocks up to there.
    Prepare(Arc<dyn File>, u64),
    /// To run a last time.
    Finish(oneshot::Sender<Result<(), StoreError>>),
    /// To end as it is.
    Quit,
}

/// So many segments are rewritten between two checkpoints.
const RECLAIMED_AT_A_TIME: usize = 4;

/// The checkpoint's own.
#[derive(Debug)]
pub(super) struct Checkpoint {
    shared: Arc<Shared>,
    commands: Sender<Command>,
    wishes: Receiver<Wish>,
    interval: Duration,
    /// What the disk had no room for.
    unwritten: Option<Snapshot>,
}

impl Checkpoint {
    pub(super) const fn new(
        shared: Arc<Shared>,
        commands: Sender<Command>,
        wishes: Receiver<Wish>,
        interval: Duration,
    ) -> Self {
        Self {
            shared,
            commands,
            wishes,
            interval,
            unwritten: None,
        }
    }

    /// Works until it is told to end.
    pub(super) fn run(mut self) {
        let mut due = Instant::now() + self.interval;
        loop {
            // Whatever else it is asked meanwhile, it runs when it is due.
            let left = due.saturating_duration_since(Instant::now());
            match self.wishes.recv_timeout(left) {
                Ok(Wish::Now) | Err(RecvTimeoutError::Timeout) => {
                    // A failure has stopped the store, which says why.
                    drop(self.take());
                    due = Instant::now() + self.interval;
                    self.tidy();
                    self.shared.segments.at_rest().renew(self.shared.now());
                    for _ in 0..RECLAIMED_AT_A_TIME {
                        if !reclaim::step(&self.shared) {
                            break;
                        }
                    }
                }
                Ok(Wish::Prepare(segment, end)) => {
                    if let Err(error) = segment.prepare(end) {
                        // Nothing depends on it but speed.
                        tracing::debug!(%error, "a segment was not given blocks ahead");
                    }
                }
                Ok(Wish::Finish(answer)) => {
                    let finished = self.take().and_then(|()| {
                        let synced = self.shared.index.sync();
                        synced.map_err(|unusable| self.shared.stop_for_index(&unusable))
                    });
                    drop(answer.send(finished));
                    return;
                }
                Ok(Wish::Quit) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Merges keys, as far as the disk has room that nobody else is to have.
    fn tidy(&self) {
        let Space {
            reserve,
            free_bytes,
        } = &self.shared.space;
        let free = free_bytes.load(Ordering::Relaxed);
        let has_room = |bytes| !reserve.forbids(free.saturating_sub(bytes));
        if let Err(unusable) = self.shared.index.tidy(has_room) {
            drop(self.shared.stop_for_index(&unusable));
        }
    }

    /// Brings the index up to the journal. On a full disk the index waits: the journal has everything,
    /// and a start replays it.
    fn take(&mut self) -> Result<(), StoreError> {
        if !self.has_room() {
            return Ok(());
        }
        if let Some(snapshot) = self.unwritten.take() {
            self.write(snapshot)?;
        }
        if self.unwritten.is_some() {
            return Ok(());
        }
        match self.snapshot()? {
            Some(snapshot) if !snapshot.changed.is_empty() => self.write(snapshot),
            Some(_) | None => self.shared.running(),
        }
    }

    fn has_room(&self) -> bool {
        let unwritten = self.unwritten.as_ref();
        let unwritten = unwritten.map_or(0, |snapshot| snapshot.changed.entries.len());
        let messages = unwritten + self.shared.state().changes();
        let free = self.shared.measure_space();
        has_room_for_index(self.shared.index.path(), messages, free)
    }

    /// What changed; `None` when the store has stopped.
    fn snapshot(&self) -> Result<Option<Snapshot>, StoreError> {
        let (answer, answered) = oneshot::channel();
        let gone = |_| {
            self.shared
                .stop("the thread that writes the journal has ended")
        };
        self.commands
            .send(Command::Snapshot(answer))
            .map_err(|_| gone(()))?;
        answered.blocking_recv().map_err(|_| gone(()))
    }

    /// Writes what changed to the index. Where somebody else was quicker to take the room, it is kept, and
    /// written again later: what is there already is then written as it is.
    fn write(&mut self, snapshot: Snapshot) -> Result<(), StoreError> {
        let Snapshot { changed, applied } = &snapshot;
        let writing = self.shared.checkpointing.lock();
        let writing = writing.unwrap_or_else(PoisonError::into_inner);
        match self.shared.index.write(changed, applied) {
            // sled would not survive that; the files beside it do.
            Err(unusable @ Unusable::Files(_)) if unusable.is_full() => {
                tracing::warn!(%unusable, "the index waits until the disk has room");
                drop(writing);
                self.unwritten = Some(snapshot);
                return Ok(());
            }
            written => written.map_err(|unusable| self.shared.stop_for_index(&unusable))?,
        }
        self.shared
            .followed
            .store(applied.at.segment, Ordering::Release);
        let mut state = self.shared.state();
        state.forget(changed);
        self.shared.evictions.fetch_add(1, Ordering::Release);
        drop((state, writing));
        self.shared
            .counters
            .checkpoints
            .fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
