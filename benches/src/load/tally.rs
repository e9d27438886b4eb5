//! The tally: what was sent, accepted, delivered and acknowledged, by the number of each document,
//! from all tasks at once.

use std::{
    sync::atomic::{
        AtomicBool, AtomicU8, AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
    time::{Duration, Instant},
};

use serde::Serialize;

/// No run sends more documents.
pub const DOCUMENTS_MAX: u64 = 4_000_000;

const ACCEPTED: u8 = 1;
const DELIVERED: u8 = 2;

/// What has happened in a run so far.
#[derive(Debug)]
pub struct Tally {
    begun: Instant,
    sent_at: Vec<AtomicU64>,
    states: Vec<AtomicU8>,
    next: AtomicU64,
    accepted: AtomicU64,
    acknowledged: AtomicU64,
    duplicated: AtomicU64,
    damaged: AtomicU64,
    failed: AtomicU64,
    measuring: AtomicBool,
    stopped: AtomicBool,
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

impl Default for Tally {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            sent_at: (0..DOCUMENTS_MAX).map(|_| AtomicU64::new(0)).collect(),
            states: (0..DOCUMENTS_MAX).map(|_| AtomicU8::new(0)).collect(),
            next: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            duplicated: AtomicU64::new(0),
            damaged: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            measuring: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
        }
    }
}

impl Tally {
    /// The number of the next document to send, or `None` when no more are to be sent. Its latency
    /// counts when it is sent while measuring; time 0 stands for one that does not count.
    pub fn send(&self) -> Option<u64> {
        if self.stopped.load(Relaxed) {
            return None;
        }
        let sequence = self.next.fetch_add(1, Relaxed);
        let sent_at = self.sent_at.get(usize::try_from(sequence).ok()?)?;
        if self.measuring.load(Relaxed) {
            sent_at.store(self.now().max(1), Release);
        }
        Some(sequence)
    }

    /// The sender of a document has its receipt. The time that took, if it counts.
    pub fn accept(&self, sequence: u64) -> Option<Duration> {
        self.accepted.fetch_add(1, Relaxed);
        self.mark(sequence, ACCEPTED);
        self.latency(sequence)
    }

    /// A document has arrived. The time that took, if it counts.
    pub fn deliver(&self, sequence: u64) -> Option<Duration> {
        if self.mark(sequence, DELIVERED) & DELIVERED != 0 {
            self.duplicated.fetch_add(1, Relaxed);
            return None;
        }
        self.latency(sequence)
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
        self.measuring.store(true, Relaxed);
    }

    /// From now on nothing is sent.
    pub fn stop(&self) {
        self.stopped.store(true, Relaxed);
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

    /// Documents whose sender has a receipt and that never arrived.
    pub fn lost(&self) -> u64 {
        let lost = self
            .states
            .iter()
            .filter(|state| state.load(Acquire) == ACCEPTED);
        lost.count() as u64
    }

    fn mark(&self, sequence: u64, state: u8) -> u8 {
        let index = usize::try_from(sequence).unwrap_or(usize::MAX);
        self.states
            .get(index)
            .map_or(0, |states| states.fetch_or(state, Release))
    }

    fn latency(&self, sequence: u64) -> Option<Duration> {
        let index = usize::try_from(sequence).ok()?;
        let sent_at = self.sent_at.get(index)?.load(Acquire);
        let took = self.now().saturating_sub(sent_at);
        (sent_at != 0).then_some(Duration::from_nanos(took))
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::Tally;

    #[test]
    fn what_was_accepted_and_never_came_is_lost_and_what_came_twice_is_duplicated() {
        let tally = Tally::default();
        let [kept, lost, unanswered] = [(); 3].map(|()| tally.send().unwrap());
        tally.accept(kept);
        tally.accept(lost);
        for sequence in [kept, kept, unanswered] {
            tally.deliver(sequence);
        }
        assert_eq!((tally.lost(), tally.counts().duplicated), (1, 1));
    }

    #[test]
    fn only_what_is_sent_while_measuring_counts_for_latency() {
        let tally = Tally::default();
        let before = tally.send().unwrap();
        tally.measure();
        let within = tally.send().unwrap();
        assert!(tally.accept(before).is_none() && tally.accept(within).is_some());
        tally.stop();
        assert_eq!(tally.send(), None);
    }
}
