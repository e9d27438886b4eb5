//! The ledger's reading end: the newest entries from memory, older ones from the segments. The
//! journal's frames are the ledger; nothing is stored twice.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    ops::RangeInclusive,
    sync::{Mutex, PoisonError},
};

use axle_core::change::LedgerEntry;
use axle_model::time::Timestamp;

use super::{
    frame::{Frame, Kind},
    segment::{self, Header, Segments},
    written::Written,
};

/// Of how many records entries are kept in memory.
const RECENT_MAX: usize = 16_384;
/// One call looks at about this many frames.
const FRAMES_MAX: usize = 10_000;
/// How many places in segments are remembered, for those who read page after page.
const PLACES_MAX: usize = 256;

/// The ledger's entries, for those who read them.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    recent: Mutex<Recent>,
    /// The segment, whether it was stripped then, and the offset of an entry, by its sequence.
    places: Mutex<BTreeMap<u64, (u32, bool, u64)>>,
}

/// The newest entries, without a gap, and what they weigh together.
#[derive(Debug, Default)]
struct Recent {
    entries: VecDeque<LedgerEntry>,
    weight: usize,
}

/// The records of an entry; that of a piece, which has none, takes room as well.
fn weight(entry: &LedgerEntry) -> usize {
    entry.records.len().max(1)
}

/// An entry could not be read.
#[derive(Debug, thiserror::Error)]
#[error("reading the ledger at byte {offset} of {}: {why}", segment::name(*.segment))]
pub(super) struct Unreadable {
    segment: u32,
    offset: u64,
    why: String,
}

impl Ledger {
    /// Takes new entries, in order.
    pub(super) fn push(&self, entries: impl Iterator<Item = LedgerEntry>) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        for entry in entries {
            recent.weight += weight(&entry);
            recent.entries.push_back(entry);
        }
        while recent.weight > RECENT_MAX
            && let Some(oldest) = recent.entries.pop_front()
        {
            recent.weight -= weight(&oldest);
        }
    }

    /// Entries `from` up to `head`, when they are all in memory.
    pub(super) fn recent(&self, from: u64, max: usize, head: u64) -> Option<Vec<LedgerEntry>> {
        if from > head {
            return Some(Vec::new());
        }
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = &recent.entries;
        let first = recent.front()?.sequence;
        let skipped = usize::try_from(from.checked_sub(first)?).ok()?;
        let durable = recent
            .iter()
            .skip(skipped)
            .take_while(|entry| entry.sequence <= head);
        Some(durable.take(max).cloned().collect())
    }

    /// Entries `from` up to `head`, from the segments. One call looks at a bounded number of frames.
    pub(super) fn read(
        &self,
        segments: &Segments,
        mut from: u64,
        max: usize,
        head: u64,
    ) -> Result<Vec<LedgerEntry>, Unreadable> {
        let mut entries = Vec::new();
        let mut frames = 0;
        while from <= head && entries.len() < max && frames < FRAMES_MAX {
            let Some((header, next)) = segments.holding(from) else {
                break;
            };
            let last = next.map_or(head, |next| head.min(next.first - 1));
            frames += self.read_segment(segments, &header, from..=last, max, &mut entries)?;
            from = last + 1;
        }
        let entry = |(sequence, written): (u64, Written)| written.entry(sequence);
        Ok(entries.into_iter().map(entry).collect())
    }

    /// When the newest of what entry `head` records happened; `None` when there is no entry.
    pub(super) fn newest_time(
        &self,
        segments: &Segments,
        head: u64,
    ) -> Result<Option<Timestamp>, Unreadable> {
        let mut entries = Vec::new();
        if let Some((header, _)) = segments.holding(head) {
            self.read_segment(segments, &header, head..=head, 1, &mut entries)?;
        }
        Ok(entries.pop().and_then(|(_, written)| written.time()))
    }

    /// Reads entries from one segment, up to `max` in all; returns how many frames it looked at.
    fn read_segment(
        &self,
        segments: &Segments,
        header: &Header,
        wanted: RangeInclusive<u64>,
        max: usize,
        entries: &mut Vec<(u64, Written)>,
    ) -> Result<usize, Unreadable> {
        let unreadable = |offset, why: String| Unreadable {
            segment: header.number,
            offset,
            why,
        };
        let failed = |error: io::Error| unreadable(0, error.to_string());
        let opened = segments.open(header.number).map_err(failed)?;
        let (header, mut window) = (&opened.header, opened.window().map_err(failed)?);
        let mut offset = self.place(header, *wanted.start());
        let mut frames = 0;
        loop {
            let frame = Frame::read(&mut window, offset).map_err(failed)?;
            let frame = frame.ok_or_else(|| unreadable(offset, "no whole frame".to_owned()))?;
            offset = frame.end();
            frames += 1;
            if wanted.contains(&frame.sequence) && frame.kind != Kind::Close {
                let place = frame.body_at(header.number);
                let entry = Written::read(&frame, place, segments.at_rest());
                let entry = entry.map_err(|error| unreadable(frame.offset, error.to_string()))?;
                entries.push((frame.sequence, entry));
            }
            if frame.sequence >= *wanted.end() {
                return Ok(frames);
            }
            if entries.len() >= max {
                self.remember(frame.sequence + 1, (header.number, header.stripped, offset));
                return Ok(frames);
            }
        }
    }

    /// Where to begin looking for an entry: at the nearest place known before it.
    fn place(&self, header: &Header, sequence: u64) -> u64 {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let mut nearest = places.range(header.first..=sequence).rev();
        let known =
            nearest.find(|(_, place)| (place.0, place.1) == (header.number, header.stripped));
        known.map_or(segment::HEADER as u64, |(_, &(_, _, offset))| offset)
    }

    /// Remembers where a page ended, since the next one is likely to begin there.
    fn remember(&self, sequence: u64, place: (u32, bool, u64)) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= PLACES_MAX {
            places.pop_first();
        }
        places.insert(sequence, place);
    }
}
