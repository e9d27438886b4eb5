//! A group: the changes made durable by one sync. Each is judged against what is true and against
//! what the group itself has staged.

use std::sync::{Arc, atomic::Ordering};

use axle_core::{
    change::{Advance, LedgerEntry},
    message::Message,
};
use bytes::Bytes;
use tokio::sync::oneshot;

use super::Outcome;
use crate::{
    StoreError,
    embedded::{
        frame::Kind,
        journal::{Journal, Placed},
        proposal::{Acceptable, Progress, Proposal},
        record::{AdvanceRecord, encode},
        segment::Locator,
        shared::Shared,
    },
    entry, failpoint,
    state::{Earlier, Keys, Verdict},
};

/// What one sync will make true.
#[derive(Debug, Default)]
pub(super) struct Group {
    staged: Vec<Staged>,
    entries: Vec<LedgerEntry>,
    answers: Vec<Answer>,
    /// The keys of what is staged.
    keys: Keys,
    leases: usize,
}

/// Who waits, and for what.
#[derive(Debug)]
struct Answer {
    to: oneshot::Sender<Result<Outcome, StoreError>>,
    what: Result<Outcome, StoreError>,
}

/// A change on its way to the disk.
#[derive(Debug)]
enum Staged {
    Accept {
        message: Arc<Message>,
        sequence: u64,
        at: Locator,
        body: Bytes,
    },
    Advance(Advance),
}

impl Group {
    /// Whether anything is to be written.
    pub(super) fn is_empty(&self) -> bool {
        self.staged.is_empty() && self.leases == 0
    }

    /// Whether somebody waits for it to be durable.
    pub(super) fn is_awaited(&self) -> bool {
        !self.staged.is_empty()
    }

    /// Judges a change, and stages it if it holds.
    pub(super) fn commit(
        &mut self,
        shared: &Shared,
        journal: &mut Journal,
        proposal: Proposal,
        to: oneshot::Sender<Result<Outcome, StoreError>>,
    ) {
        let what = shared.running().and_then(|()| match proposal {
            Proposal::Accept(acceptable) => self.accept(shared, journal, *acceptable),
            Proposal::Advance(step) => {
                let Progress {
                    advance,
                    record,
                    entry,
                } = *step;
                self.judge_advance(shared, journal, &advance)?;
                let placed = journal.stage(Kind::Advance, &record, Bytes::new(), 0);
                self.enter(entry, placed);
                self.staged.push(Staged::Advance(advance));
                Ok(Outcome::Done)
            }
        });
        self.answers.push(Answer { to, what });
    }

    fn accept(
        &mut self,
        shared: &Shared,
        journal: &mut Journal,
        mut new: Acceptable,
    ) -> Result<Outcome, StoreError> {
        if let Some(free_bytes) = shared.is_full() {
            return Err(StoreError::Full { free_bytes });
        }
        match self.judge_accept(shared, &mut new)? {
            Verdict::Repeat(earlier) => {
                shared.counters.repeats.fetch_add(1, Ordering::Relaxed);
                return Ok(Outcome::Repeat(earlier));
            }
            Verdict::SubmissionConflict(earlier) => {
                return Err(StoreError::SubmissionConflict { earlier });
            }
            Verdict::DocumentConflict(earlier) => {
                return Err(StoreError::DocumentConflict { earlier });
            }
            Verdict::New => {}
        }
        let placed = journal.stage(Kind::Accept, &new.record, new.body.clone(), new.body_crc);
        self.enter(new.entry, placed);
        self.keys.insert(&new.keys, Earlier::of(&new.message));
        self.staged.push(Staged::Accept {
            message: new.message,
            sequence: placed.sequence,
            at: placed.body,
            body: new.body,
        });
        Ok(Outcome::Done)
    }

    fn judge_accept(&self, shared: &Shared, new: &mut Acceptable) -> Result<Verdict, StoreError> {
        if failpoint::is_planted("forget-submissions") {
            return Ok(Verdict::New);
        }
        let state = shared.state();
        if new.evictions != shared.evictions.load(Ordering::Acquire) {
            new.prior = shared.prior(&new.keys)?;
        }
        let (staged, kept, prior) = (&self.keys, state.keys(), &new.prior);
        let submission = &new.keys.submission;
        let earlier = staged
            .submission(submission)
            .or_else(|| kept.submission(submission));
        let documents = staged.documents(&new.keys).chain(kept.documents(&new.keys));
        let documents = documents.chain(prior.documents.iter().copied());
        let known = Earlier::judge(&new.message, earlier.or(prior.submission), documents);
        // Ids are random: this would be a defect of whoever made it, and must not merge messages.
        if known == Verdict::New && state.message(new.message.id).is_some() {
            return Ok(Verdict::SubmissionConflict(new.message.id));
        }
        Ok(known)
    }

    fn judge_advance(
        &mut self,
        shared: &Shared,
        journal: &mut Journal,
        advance: &Advance,
    ) -> Result<(), StoreError> {
        let mut state = shared.state();
        let (leases, reserved) = (state.take_leases(), state.reserve(advance));
        drop(state);
        self.stage_leases(journal, leases);
        if let Err(StoreError::Unknown { message }) = reserved
            && shared.stored(message)?.is_some()
        {
            return Err(StoreError::Stale {
                delivery: advance.delivery,
            });
        }
        reserved
    }

    fn enter(&mut self, mut entry: LedgerEntry, placed: Placed) {
        entry.sequence = placed.sequence;
        self.entries.push(entry);
    }

    /// Stages leases, which are true already.
    pub(super) fn stage_leases(&mut self, journal: &mut Journal, leases: Vec<Advance>) {
        for advance in leases {
            let record = encode(&AdvanceRecord::from(&advance));
            let placed = journal.stage(Kind::Advance, &record, Bytes::new(), 0);
            self.enter(entry::advanced(&advance), placed);
            self.leases += 1;
        }
    }

    /// Makes true what is durable now.
    pub(super) fn apply(&mut self, shared: &Shared) {
        let accepted = self.staged.iter().filter_map(|staged| match staged {
            Staged::Accept { message, body, .. } => Some((message.id, body.clone())),
            Staged::Advance(_) => None,
        });
        shared.bodies.keep(accepted);
        shared.ledger.push(self.entries.drain(..));
        let commits = self.staged.len() as u64;
        shared
            .counters
            .commits
            .fetch_add(commits, Ordering::Relaxed);
        let mut state = shared.state();
        for staged in self.staged.drain(..) {
            match staged {
                Staged::Accept {
                    message,
                    sequence,
                    at,
                    ..
                } => state.accept(message, sequence, at),
                Staged::Advance(advance) => {
                    // Judged when it was staged, and nothing else moved it since.
                    if let Err(misfit) = state.advance(&advance) {
                        drop(state);
                        shared.stop(&format!("{} does not fit: {misfit:?}", advance.delivery));
                        return;
                    }
                }
            }
        }
        state.release_all();
        drop(state);
        self.leases = 0;
    }

    /// Answers everybody: as judged, or that the store has stopped.
    pub(super) fn answer(&mut self, running: &Result<(), StoreError>) {
        self.tell(running);
        self.staged.clear();
        self.entries.clear();
        self.keys.clear();
        self.leases = 0;
    }

    pub(super) fn tell(&mut self, running: &Result<(), StoreError>) {
        for Answer { to, what } in self.answers.drain(..) {
            // Whoever asked may be gone; what was committed stays committed.
            drop(to.send(running.clone().and(what)));
        }
    }
}
