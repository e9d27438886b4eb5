//! Holdings: which segments of a journal hold bodies that are still needed, so that the others can
//! be rid of theirs.

use std::collections::BTreeMap;

use axle_model::time::Timestamp;

/// How many needed bodies each segment holds.
#[derive(Debug, Default)]
pub(crate) struct Holdings {
    segments: BTreeMap<u32, Holding>,
    /// When this began: what was settled before counts as settled then. Nothing is known until
    /// somebody has told the time.
    since: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Holding {
    needed: u64,
    /// When the newest of those no longer needed was settled.
    released: Timestamp,
}

impl Holdings {
    /// The time is `now`. The first time that is told counts as the one at which everything was
    /// settled that was settled before: nothing is dropped too early because a restart forgot.
    pub(super) fn tell(&mut self, now: Timestamp) {
        self.since.get_or_insert(now);
    }

    /// A segment holds one more.
    pub(super) fn hold(&mut self, segment: u32) {
        self.segments.entry(segment).or_default().needed += 1;
    }

    /// One is no longer needed since `at`.
    pub(super) fn release(&mut self, segment: u32, at: Timestamp) {
        let holding = self.segments.entry(segment).or_default();
        holding.needed = holding.needed.saturating_sub(1);
        holding.released = holding.released.max(at);
    }

    /// Whether a segment has held nothing that is needed since `before`.
    pub(crate) fn is_idle(&self, segment: u32, before: Timestamp) -> bool {
        let holding = self.segments.get(&segment).copied().unwrap_or_default();
        let settled = self.since.map(|since| holding.released.max(since));
        holding.needed == 0 && settled.is_some_and(|settled| settled <= before)
    }
}

#[cfg(test)]
mod tests {
    use super::{Holdings, Timestamp};

    const fn at(seconds: u64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn a_segment_is_idle_once_its_last_body_has_been_settled_for_long_enough() {
        let mut holdings = Holdings::default();
        assert!(!holdings.is_idle(1, at(99)), "nobody has told the time");
        holdings.tell(at(10));
        holdings.tell(at(20));
        holdings.hold(1);
        holdings.hold(1);
        assert!(!holdings.is_idle(1, at(99)), "two are needed");
        holdings.release(1, at(50));
        assert!(!holdings.is_idle(1, at(99)), "one is needed");
        holdings.release(1, at(40));
        assert!(!holdings.is_idle(1, at(49)), "one was settled after that");
        assert!(holdings.is_idle(1, at(50)));
        assert!(
            !holdings.is_idle(2, at(9)),
            "nobody knows when its bodies were settled"
        );
        assert!(holdings.is_idle(2, at(10)));
    }
}
