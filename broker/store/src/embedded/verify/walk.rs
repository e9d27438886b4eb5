//! The walk of a verification: one pass over the journal, with the state it makes beside it.

use std::{io, path::PathBuf, sync::Arc};

use axle_core::message::Message;
use axle_model::digest::Digest;
use sha2::{Digest as _, Sha256};

use super::Report;
use crate::{
    embedded::{
        at_rest::What,
        body::{self, Unread},
        files::is_blank,
        find::Found,
        format::OpenError,
        frame::{Frame, Kind, Window},
        index::Unusable,
        located::Located,
        recover::Paths,
        segment::{Header, Locator, Position, Segments},
        written::Written,
    },
    state::{Body as _, Changed, Entry, State, refusal_keys},
};

/// The index is held against the journal this many entries at a time.
const COMPARED_AT_A_TIME: u64 = 10_000;

/// A verification under way.
pub(super) struct Walk<'v> {
    segments: &'v Segments,
    index_path: PathBuf,
    /// The index, as long as there is more to compare.
    index: Option<Found>,
    report: Report,
    state: State<Located>,
    /// Up to which entry the index has followed.
    applied: u64,
    end: Position,
}

/// One segment of it.
struct Segment<'s> {
    header: &'s Header,
    next: Option<&'s Header>,
    path: PathBuf,
    window: Window<'s>,
}

impl<'v> Walk<'v> {
    pub(super) fn new(
        segments: &'v Segments,
        paths: &Paths,
        index: Option<Found>,
        report: Report,
    ) -> Self {
        let applied = index.as_ref().and_then(|found| found.applied);
        Self {
            segments,
            index_path: paths.index.clone(),
            applied: applied.map_or(0, |applied| applied.at.sequence),
            // An index that has followed nothing, or was cut short, says nothing to compare.
            index: index.filter(|found| {
                found.applied.is_some() && !found.index.was_writing().unwrap_or(true)
            }),
            report,
            state: State::default(),
            end: crate::embedded::replay::start(&[]),
        }
    }

    pub(super) fn run(mut self) -> Result<Report, OpenError> {
        let headers = self.segments.headers();
        for (index, header) in headers.iter().enumerate() {
            let path = self.segments.path(header.number);
            let failed = |error: io::Error| OpenError::files("reading", &path)(error);
            let opened = self.segments.open(header.number).map_err(failed)?;
            let mut segment = Segment {
                header,
                next: headers.get(index + 1),
                path: path.clone(),
                window: opened.window().map_err(failed)?,
            };
            if header.first != self.end.sequence + 1 || header.previous != self.end.hash {
                let what = format!(
                    "it begins with entry {}, but the journal so far ends with entry {}",
                    header.first, self.end.sequence
                );
                self.report.add(&path, 0, what);
            }
            self.end = header.start();
            while self.step(&mut segment).map_err(failed)? {}
        }
        if self.applied > self.end.sequence {
            let what = format!(
                "the journal ends with entry {}, but entry {} was durable",
                self.end.sequence, self.applied
            );
            let path = self.segments.path(self.end.segment);
            self.report.add(&path, self.end.offset, what);
        }
        self.compare();
        self.balance();
        self.unsettled_have_their_bodies();
        self.report.messages_live = self.state.live();
        Ok(self.report)
    }

    /// Whether the body of a message was dropped.
    fn is_dropped(&self, entry: &Entry<Located>) -> bool {
        let mut pieces = entry.body.pieces().iter();
        pieces.any(|piece| self.segments.is_stripped(piece.segment))
    }

    /// Bodies are dropped only of what is settled.
    fn unsettled_have_their_bodies(&mut self) {
        let unsettled = self
            .state
            .entries()
            .filter(|entry| !entry.message.is_over());
        let without = unsettled.filter(|entry| self.is_dropped(entry));
        let lost: Vec<_> = without
            .map(|entry| (entry.message.id, entry.body.pieces().first().copied()))
            .collect();
        for (id, piece) in lost {
            let place = piece.unwrap_or_default();
            let path = self.segments.path(place.segment);
            let what = format!("the body of {id} was dropped, and it is not settled");
            self.report.add(&path, place.offset, what);
        }
    }

    /// The equation of the ledger: what was accepted has ended or is pending.
    fn balance(&mut self) {
        let (totals, pending) = (self.state.totals(), self.state.pending());
        self.report.totals = totals;
        if totals.accepted != totals.ended() + pending {
            let what = format!(
                "{} deliveries were accepted, but {} have ended and {pending} are pending",
                totals.accepted,
                totals.ended()
            );
            let path = self.segments.path(self.end.segment);
            self.report.add(&path, self.end.offset, what);
        }
    }

    /// Looks at the next frame; `false` at the end of the segment.
    fn step(&mut self, segment: &mut Segment<'_>) -> io::Result<bool> {
        if segment
            .next
            .is_some_and(|next| self.end.sequence + 1 >= next.first)
        {
            return Ok(false);
        }
        let at = self.end.offset;
        let Some(frame) = Frame::read(&mut segment.window, at)? else {
            let opened = self.segments.open(segment.header.number)?;
            if segment.next.is_none() && is_blank(opened.file.as_ref(), at)? {
                return Ok(false);
            }
            return self.unreadable(segment, at);
        };
        if frame.kind == Kind::Close {
            self.end.offset = frame.end();
            return Ok(true);
        }
        if frame.sequence != self.end.sequence + 1 || frame.previous != self.end.hash {
            let what = format!("entry {} does not follow the one before it", frame.sequence);
            self.report.add(&segment.path, at, what);
        }
        let body = frame.body(&mut segment.window)?;
        if body.is_none() && !frame.stripped && self.claims(segment, frame.end())? < frame.sequence
        {
            self.report.torn += 1;
            return Ok(false);
        }
        self.take(&segment.path, segment.header.number, &frame, body);
        Ok(true)
    }

    /// The newest entry that something behind `offset` says was durable.
    fn claims(&self, segment: &mut Segment<'_>, mut offset: u64) -> io::Result<u64> {
        let next = segment.next.map_or(0, |next| next.first - 1);
        let mut claimed = self.applied.max(next);
        while let Some(frame) = segment.window.find(offset)? {
            claimed = claimed.max(frame.durable);
            offset = frame.end();
        }
        Ok(claimed)
    }

    /// Goes on behind what cannot be read, if it was promised.
    fn unreadable(&mut self, segment: &mut Segment<'_>, at: u64) -> io::Result<bool> {
        if self.claims(segment, at)? <= self.end.sequence {
            self.report.torn += 1;
            return Ok(false);
        }
        let what = format!(
            "entry {} cannot be read, and was durable",
            self.end.sequence + 1
        );
        self.report.add(&segment.path, at, what);
        let found = segment.window.find(at)?;
        let Some(frame) = found else {
            return Ok(false);
        };
        self.end.offset = frame.offset;
        self.end.sequence = frame.sequence - u64::from(frame.kind != Kind::Close);
        self.end.hash = frame.previous;
        Ok(true)
    }

    /// Looks at what a frame says.
    fn take(&mut self, path: &std::path::Path, number: u32, frame: &Frame, body: Option<Vec<u8>>) {
        self.report.entries += 1;
        let at = frame.body_at(number);
        if body.is_none() && frame.stripped {
            self.report.bodies_dropped += 1;
        } else if body.is_none() {
            let what = format!("the body of entry {} is damaged", frame.sequence);
            self.report.add(path, at.offset, what);
        }
        if let Err(what) = self.make_true(frame, at, body) {
            self.report.add(path, frame.offset, what);
        }
        self.end = Position {
            sequence: frame.sequence,
            segment: number,
            last: frame.offset,
            offset: frame.end(),
            hash: frame.hash(),
        };
        if frame.sequence.is_multiple_of(COMPARED_AT_A_TIME) || frame.sequence == self.applied {
            self.compare();
        }
    }

    fn make_true(
        &mut self,
        frame: &Frame,
        at: Locator,
        body: Option<Vec<u8>>,
    ) -> Result<(), String> {
        let unreadable = |error| format!("entry {}: {error}", frame.sequence);
        let written = Written::read(frame, at, self.segments.at_rest()).map_err(unreadable)?;
        self.state.count(&written.entry(frame.sequence));
        if let Some(piece) = written.piece {
            self.state.take_piece(piece);
        }
        let mut problem = None;
        if let Some((message, located)) = written.accept {
            self.report.messages += 1;
            self.report.body_bytes += message.size;
            let id = message.id;
            problem = match self.digest(frame, &message, &located, body) {
                Ok(digest) if digest.is_none_or(|digest| digest == message.digest) => None,
                Ok(_) => Some("does not have the digest of its record".to_owned()),
                Err(what) => Some(what),
            }
            .map(|what| format!("the body of {id} {what}"));
            self.state
                .accept(Arc::new(message), frame.sequence, located);
        }
        if let Some(refused) = written.refused {
            self.state.refusals().insert(refused);
        }
        for advance in &written.advances {
            let misfit = |misfit| format!("entry {} does not fit: {misfit:?}", frame.sequence);
            self.state.advance(advance).map_err(misfit)?;
        }
        problem.map_or(Ok(()), Err)
    }

    /// The digest of a message's body; `None` when it was dropped, or is damaged, which is told apart.
    fn digest(
        &self,
        frame: &Frame,
        message: &Message,
        located: &Located,
        body: Option<Vec<u8>>,
    ) -> Result<Option<Digest>, String> {
        match (located, body) {
            (Located::Whole(_), Some(mut body)) => {
                if frame.sealed && !body.is_empty() {
                    let opened = self
                        .segments
                        .at_rest()
                        .open(What::Body(message.id), &mut body);
                    opened.map_err(|unopened| format!("cannot be read: {unopened}"))?;
                }
                Ok(Some(Digest::of(&body)))
            }
            (Located::Whole(_), None) => Ok(None),
            (Located::Pieces(_), _) => self.digest_of_pieces(message, located),
        }
    }

    fn digest_of_pieces(
        &self,
        message: &Message,
        body: &Located,
    ) -> Result<Option<Digest>, String> {
        let mut hasher = Sha256::new();
        for (what, piece) in body.parts(message) {
            match body::read(self.segments, what, piece) {
                Ok(read) => hasher.update(&read),
                Err(Unread::Dropped) => return Ok(None),
                Err(unread) => return Err(format!("has a piece that is {unread}")),
            }
        }
        Ok(Some(Digest::from_bytes(hasher.finalize().into())))
    }

    /// Holds what changed against the index, and forgets what is settled.
    fn compare(&mut self) {
        let changed = self.state.take_changed();
        if let Some(found) = &self.index
            && self.end.sequence <= self.applied
        {
            let mut differences = Vec::new();
            let compared = self.differences(found, &changed, &mut differences);
            differences.extend(compared.err().map(|unusable| unusable.to_string()));
            for what in differences {
                self.report.add(&self.index_path, 0, what);
            }
            self.report.index_entries = Some(self.end.sequence);
        }
        self.state.forget(&changed);
        drop(self.state.take_arrived());
    }

    /// What the index says otherwise than the journal.
    fn differences(
        &self,
        found: &Found,
        changed: &Changed<Located>,
        differences: &mut Vec<String>,
    ) -> Result<(), Unusable> {
        for entry in changed
            .entries
            .iter()
            .filter(|entry| entry.message.is_over())
        {
            let stored = found.index.settled(entry.message.id)?;
            let dropped = self.is_dropped(entry);
            if !stored.is_some_and(|stored| stored.is(entry, dropped)) {
                differences.push(format!("{} is not as the journal has it", entry.message.id));
            }
        }
        for (keys, earlier) in &changed.keys {
            if found.index.submission(&keys.submission)? != Some(*earlier) {
                differences.push(format!("{} has no idempotency key", earlier.message));
            }
        }
        for key in changed.refusals.iter().flat_map(|one| refusal_keys(one)) {
            if found.index.refusal(&key)?.is_none() {
                differences.push("a refused submission is not known".to_owned());
            }
        }
        if self.end.sequence == self.applied {
            for entry in self
                .state
                .entries()
                .filter(|entry| !entry.message.is_over())
            {
                let stored = found.state.message(entry.message.id);
                let same = stored.is_some_and(|stored| {
                    stored.message == entry.message
                        && (stored.sequence, &stored.body) == (entry.sequence, &entry.body)
                });
                if !same {
                    differences.push(format!("{} is not as the journal has it", entry.message.id));
                }
            }
            if found.state.totals() != self.state.totals() {
                let counts = (found.state.totals(), self.state.totals());
                differences.push(format!(
                    "its totals are {:?}, and not {:?}",
                    counts.0, counts.1
                ));
            }
            if found.state.live() != self.state.live() {
                let counts = (found.state.live(), self.state.live());
                differences.push(format!(
                    "{} unsettled messages, and not {}",
                    counts.0, counts.1
                ));
            }
        }
        Ok(())
    }
}
