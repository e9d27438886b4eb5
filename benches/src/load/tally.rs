//! The tally: what was sent, accepted, delivered and acknowledged, by the number of each document,
//! from all tasks at once.

use std::{
    sync::{
        OnceLock,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    time::{Duration, Instant},
};

use hdrhistogram::CreationError;
use serde::Serialize;

use super::latency::Latencies;

/// What has happened in a run so far.
#[derive(Debug)]
pub struct Tally {
    begun: Instant,
    documents: Documents,
    next: AtomicU64,
    accepted: AtomicU64,
    acknowledged: AtomicU64,
    duplicated: AtomicU64,
    damaged: AtomicU64,
    failed: AtomicU64,
    /// Documents due earlier do not count for latency; nanoseconds.
    measured_from: AtomicU64,
    stopped: AtomicBool,
    submits: Latencies,
    deliveries: Latencies,
}

/// Counts of one moment.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Counts {
    /// Documents whose sender has a receipt.
    pub accepted: u64,
    /// Documents whose recipient acknowledged them, confirmed.
    pub acknowledged: u64,
    /// Deliveries of a document that had been delivered before.
    pub duplicated: u64,
    /// Deliveries that were none of this run's documents.
    pub damaged: u64,
    /// Submits and acknowledgements that failed.
    pub failed: u64,
}

impl Tally {
    /// Nothing yet.
    pub fn new() -> Result<Self, CreationError> {
        Ok(Self {
            begun: Instant::now(),
            documents: Documents::default(),
            next: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            duplicated: AtomicU64::new(0),
            damaged: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            measured_from: AtomicU64::new(u64::MAX),
            stopped: AtomicBool::new(false),
            submits: Latencies::new()?,
            deliveries: Latencies::new()?,
        })
    }

    /// The number of a document that is sent now and was due at `due`; `None` when there are too many.
    /// Its latency counts when it was due while measuring.
    pub fn send(&self, due: Instant) -> Option<u64> {
        let sequence = self.next.fetch_add(1, Relaxed);
        let document = self.documents.at(sequence)?;
        let due = self.nanos(due);
        if due >= self.measured_from.load(Relaxed) {
            document.store(due.clamp(1, DUE), Release);
        }
        Some(sequence)
    }

    /// The sender of a document has its receipt.
    pub fn accept(&self, sequence: u64) {
        self.accepted.fetch_add(1, Relaxed);
        self.mark(sequence, ACCEPTED, &self.submits);
    }

    /// A document has arrived.
    pub fn deliver(&self, sequence: u64) {
        if self.mark(sequence, DELIVERED, &self.deliveries) & DELIVERED != 0 {
            self.duplicated.fetch_add(1, Relaxed);
        }
    }

    /// Something arrived that nobody sent.
    pub fn damage(&self) {
        self.damaged.fetch_add(1, Relaxed);
    }

    /// An acknowledgement was confirmed.
    pub fn acknowledge(&self) {
        self.acknowledged.fetch_add(1, Relaxed);
    }

    /// A call failed. True for the first.
    pub fn fail(&self) -> bool {
        self.failed.fetch_add(1, Relaxed) == 0
    }

    /// From now on latencies count.
    pub fn measure(&self) {
        self.measured_from
            .store(self.nanos(Instant::now()), Relaxed);
    }

    /// From now on nothing more is due.
    pub fn stop(&self) {
        self.stopped.store(true, Relaxed);
    }

    /// Whether nothing more is due.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Relaxed)
    }

    /// How it stands.
    pub fn counts(&self) -> Counts {
        Counts {
            accepted: self.accepted.load(Relaxed),
            acknowledged: self.acknowledged.load(Relaxed),
            duplicated: self.duplicated.load(Relaxed),
            damaged: self.damaged.load(Relaxed),
            failed: self.failed.load(Relaxed),
        }
    }

    /// Times from when a document was due to its receipt.
    pub fn submits(&self) -> &Latencies {
        &self.submits
    }

    /// Times from when a document was due to its delivery.
    pub fn deliveries(&self) -> &Latencies {
        &self.deliveries
    }

    /// Documents whose sender has a receipt and that never arrived.
    pub fn lost(&self) -> u64 {
        let states = self.documents.all().map(|state| state & !DUE);
        states.filter(|&state| state == ACCEPTED).count() as u64
    }

    /// Notes something of a document, with the time it took if that counts; what was noted before.
    fn mark(&self, sequence: u64, what: u64, latencies: &Latencies) -> u64 {
        let Some(document) = self.documents.at(sequence) else {
            return 0;
        };
        let before = document.fetch_or(what, Release);
        let due = before & DUE;
        if due != 0 && before & what == 0 {
            let took = self.nanos(Instant::now()).saturating_sub(due);
            latencies.record(Duration::from_nanos(took));
        }
        before
    }

    fn nanos(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.begun);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}

const ACCEPTED: u64 = 1 << 63;
const DELIVERED: u64 = 1 << 62;
/// The rest of a document's word: when it was due, in nanoseconds; 0 when its latency does not count.
const DUE: u64 = DELIVERED - 1;

const STRETCH: usize = 1 << 18;
/// Enough for a day at 12,000 documents a second.
const STRETCHES: usize = 1 << 12;

/// A word for each document, which is what a long run costs in memory. They are made a stretch at a
/// time, as documents are sent.
#[derive(Debug)]
struct Documents(Vec<OnceLock<Box<[AtomicU64]>>>);

impl Default for Documents {
    fn default() -> Self {
        Self((0..STRETCHES).map(|_| OnceLock::new()).collect())
    }
}

impl Documents {
    fn at(&self, sequence: u64) -> Option<&AtomicU64> {
        let place = usize::try_from(sequence).ok()?;
        let empty = || (0..STRETCH).map(|_| AtomicU64::new(0)).collect();
        let stretch = self.0.get(place / STRETCH)?.get_or_init(empty);
        stretch.get(place % STRETCH)
    }

    fn all(&self) -> impl Iterator<Item = u64> {
        let made = self.0.iter().filter_map(OnceLock::get);
        made.flatten().map(|word| word.load(Acquire))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::{
        thread::sleep,
        time::{Duration, Instant},
    };

    use super::{STRETCH, Tally};

    fn send(tally: &Tally) -> u64 {
        tally.send(Instant::now()).unwrap()
    }

    #[test]
    fn what_was_accepted_and_never_came_is_lost_and_what_came_twice_is_duplicated() {
        let tally = Tally::new().unwrap();
        tally.measure();
        let [kept, lost, unanswered] = [(); 3].map(|()| send(&tally));
        tally.accept(kept);
        tally.accept(lost);
        for sequence in [kept, kept, unanswered] {
            tally.deliver(sequence);
        }
        assert_eq!((tally.lost(), tally.counts().duplicated), (1, 1));
    }

    #[test]
    fn only_what_is_due_while_measuring_counts_for_latency() {
        let tally = Tally::new().unwrap();
        let (long_due, before) = (Instant::now(), send(&tally));
        sleep(Duration::from_millis(2));
        tally.measure();
        tally.accept(before);
        tally.accept(tally.send(long_due).unwrap());
        assert!(tally.submits().whole().max == 0.0);
        tally.accept(send(&tally));
        assert!(tally.submits().whole().max > 0.0);
    }

    #[test]
    fn a_latency_begins_when_a_document_was_due_and_not_when_it_was_sent() {
        let tally = Tally::new().unwrap();
        tally.measure();
        let due = Instant::now();
        sleep(Duration::from_millis(20));
        let sequence = tally.send(due).unwrap();
        tally.accept(sequence);
        tally.deliver(sequence);
        assert!(tally.submits().whole().max >= 20.0);
        assert!(tally.deliveries().whole().max >= 20.0);
    }

    #[test]
    fn more_documents_are_counted_than_one_stretch_holds() {
        let tally = Tally::new().unwrap();
        for _ in 0..=STRETCH {
            tally.accept(send(&tally));
        }
        assert_eq!(tally.lost(), STRETCH as u64 + 1);
    }
}
