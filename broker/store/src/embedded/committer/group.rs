//! A group: the changes made durable by one sync. Each is judged against what is true and against
//! what the group itself has staged.

use std::{
    mem,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use axle_core::{
    change::{Advance, LedgerEntry, Refused},
    message::Message,
};
use axle_model::{id::MessageId, ods::OdsCode};
use bytes::Bytes;
use tokio::sync::oneshot;

use super::Outcome;
use crate::{
    StoreError, UPLOADS_MAX,
    embedded::{
        frame::Kind,
        journal::{Journal, Placed, Ready},
        located::Located,
        proposal::{Acceptable, Proposal, ReadyChange, ReadyPiece},
        segment::Locator,
        shared::Shared,
        written,
    },
    entry, failpoint,
    state::{Body as _, Earlier, Keys, StoredPiece, Verdict},
};

/// An entry of the ledger records no more leases than this.
const LEASES_MAX: usize = 256;

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
        at: Located,
        body: Bytes,
    },
    Advance(Advance),
    Piece(StoredPiece<Locator>),
    Refuse(Refused),
}

impl Group {
    /// How many changes and steps it is to make true.
    pub(super) const fn len(&self) -> usize {
        self.staged.len()
    }

    /// Whether all of it is steps of deliveries.
    pub(super) fn only_settles(&self) -> bool {
        let settles = |staged: &Staged| matches!(staged, Staged::Advance(_));
        !self.staged.is_empty() && self.staged.iter().all(settles)
    }

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
            Proposal::Change(change) => self.judge(shared, journal, change),
            Proposal::Piece(piece) => self.judge_piece(shared, journal, piece),
        });
        self.answers.push(Answer { to, what });
    }

    fn judge(
        &mut self,
        shared: &Shared,
        journal: &mut Journal,
        mut new: ReadyChange,
    ) -> Result<Outcome, StoreError> {
        // The steps first: what was decided on a delivery that has moved on is decided again, whatever
        // else was to become true with it.
        self.judge_advances(shared, journal, &new.advances)?;
        let accepted = match &mut new.accept {
            Some(accept) => self.judge_accept(shared, accept),
            None => Ok(None),
        };
        if !matches!(accepted, Ok(None)) {
            let mut state = shared.state();
            for advance in &new.advances {
                state.release(&advance.delivery);
            }
        }
        if let Some(earlier) = accepted? {
            shared.counters.repeats.fetch_add(1, Ordering::Relaxed);
            return Ok(Outcome::Repeat(earlier));
        }
        let body = new
            .accept
            .as_mut()
            .map(|accept| mem::take(&mut accept.ready));
        let placed = journal.stage(new.kind, &new.record, body.unwrap_or_default());
        self.enter(new.entry, placed);
        if let Some(accept) = new.accept {
            self.keys.insert(&accept.keys, Earlier::of(&accept.message));
            self.staged.push(Staged::Accept {
                message: accept.message,
                sequence: placed.sequence,
                at: accept.uploaded.unwrap_or(Located::Whole(placed.body)),
                body: accept.body,
            });
        }
        let advances = new.advances.into_iter().map(Staged::Advance);
        self.staged.extend(advances);
        self.staged.extend(new.refused.map(Staged::Refuse));
        Ok(Outcome::Done)
    }

    fn judge_piece(
        &mut self,
        shared: &Shared,
        journal: &mut Journal,
        new: ReadyPiece,
    ) -> Result<Outcome, StoreError> {
        if let Some(free_bytes) = shared.is_full() {
            return Err(StoreError::Full { free_bytes });
        }
        let key = shared
            .state()
            .uploads_mut()
            .reserve(&new.chunk, UPLOADS_MAX)?;
        let placed = journal.stage(Kind::Piece, &new.record, new.ready);
        self.enter(LedgerEntry::default(), placed);
        let piece = StoredPiece::of(key, &new.chunk, placed.body);
        self.staged.push(Staged::Piece(piece));
        Ok(Outcome::Done)
    }

    /// The earlier message that a new one repeats; an error when it may not be accepted.
    fn judge_accept(
        &self,
        shared: &Shared,
        new: &mut Acceptable,
    ) -> Result<Option<MessageId>, StoreError> {
        // What the broker itself reports takes the room that is kept for settling.
        if new.message.sender != OdsCode::BROKER
            && let Some(free_bytes) = shared.is_full()
        {
            return Err(StoreError::Full { free_bytes });
        }
        match self.recognise(shared, new)? {
            Verdict::New => {
                // Between the decision and now it may have been given up, and its bytes dropped.
                if let Some(uploaded) = &new.uploaded {
                    let (key, pieces) = (new.keys.submission, uploaded.pieces());
                    shared.state().uploads_mut().complete(key, pieces)?;
                }
                Ok(None)
            }
            Verdict::Repeat(earlier) => Ok(Some(earlier)),
            Verdict::SubmissionConflict(earlier) => Err(StoreError::SubmissionConflict { earlier }),
            Verdict::DocumentConflict(earlier) => Err(StoreError::DocumentConflict { earlier }),
        }
    }

    fn recognise(&self, shared: &Shared, new: &mut Acceptable) -> Result<Verdict, StoreError> {
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
        if known == Verdict::New && state.holds(new.message.id) {
            return Ok(Verdict::SubmissionConflict(new.message.id));
        }
        Ok(known)
    }

    /// Reserves the delivery of every step, or none of them.
    fn judge_advances(
        &mut self,
        shared: &Shared,
        journal: &mut Journal,
        advances: &[Advance],
    ) -> Result<(), StoreError> {
        if advances.is_empty() {
            return Ok(());
        }
        // What is reserved below stays awake until it has moved: only this thread lets the index
        // begin to be written, and nothing is put to rest that was roused after that.
        shared.rouse(advances.iter().map(|one| one.delivery.message).collect())?;
        let mut state = shared.state();
        let leases = state.take_leases();
        let mut judged = Ok(());
        for (reserved, advance) in advances.iter().enumerate() {
            judged = state.reserve(advance);
            if judged.is_err() {
                for earlier in advances.iter().take(reserved) {
                    state.release(&earlier.delivery);
                }
                break;
            }
        }
        drop(state);
        self.stage_leases(journal, leases);
        if let Err(StoreError::Unknown { message }) = judged
            && shared.stored(message)?.is_some()
        {
            let settled = advances.iter().find(|one| one.delivery.message == message);
            return settled.map_or(Ok(()), |advance| {
                Err(StoreError::Stale {
                    delivery: advance.delivery,
                })
            });
        }
        judged
    }

    fn enter(&mut self, mut entry: LedgerEntry, placed: Placed) {
        entry.sequence = placed.sequence;
        self.entries.push(entry);
    }

    /// Stages leases, which are true already.
    pub(super) fn stage_leases(&mut self, journal: &mut Journal, leases: Vec<Advance>) {
        for leases in leases.chunks(LEASES_MAX) {
            let (kind, record) = written::encoded(None, None, leases, None);
            let placed = journal.stage(kind, &record, Ready::default());
            self.enter(entry::of(None, leases, None), placed);
            self.leases += leases.len();
        }
    }

    /// Makes true what is durable now.
    pub(super) fn apply(&mut self, shared: &Shared) {
        let accepted = self.staged.iter().filter_map(|staged| match staged {
            Staged::Accept {
                message,
                body,
                at: Located::Whole(_),
                ..
            } => Some((message.id, body.clone())),
            Staged::Accept { .. } | Staged::Advance(_) | Staged::Piece(_) | Staged::Refuse(_) => {
                None
            }
        });
        shared.bodies.keep(accepted, Instant::now());
        let commits = self.staged.len() as u64;
        shared
            .counters
            .commits
            .fetch_add(commits, Ordering::Relaxed);
        let mut settled = Vec::new();
        let mut state = shared.state();
        for entry in &self.entries {
            state.count(entry);
        }
        shared.ledger.push(self.entries.drain(..));
        for staged in self.staged.drain(..) {
            match staged {
                Staged::Accept {
                    message,
                    sequence,
                    at,
                    ..
                } => state.accept(message, sequence, at),
                Staged::Piece(piece) => state.take_piece(piece),
                Staged::Refuse(refused) => state.refusals().insert(refused),
                Staged::Advance(advance) => {
                    // Judged when it was staged, and nothing else moved it since.
                    if let Err(misfit) = state.advance(&advance) {
                        drop(state);
                        shared.stop(&format!("{} does not fit: {misfit:?}", advance.delivery));
                        return;
                    }
                    let id = advance.delivery.message;
                    let entry = state.message(id);
                    if entry.is_none_or(|entry| entry.message.is_settled()) {
                        settled.push(id);
                    }
                }
            }
        }
        state.release_all();
        drop(state);
        shared.bodies.forget(&settled);
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
