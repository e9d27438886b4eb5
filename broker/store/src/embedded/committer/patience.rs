//! Patience: how long a group waits for more to share its sync. A sync, and the wake-ups and writes to
//! sockets that follow it, cost about the same for one change as for a hundred; so while changes come
//! fast, a moment more of waiting is work saved. Where they come one at a time nobody waits.

use std::{
    thread,
    time::{Duration, Instant},
};

/// A group waits this long at a time.
const STEP: Duration = Duration::from_micros(300);
/// And so often at most.
const STEPS_MAX: u32 = 12;
/// It waits where so many may be expected in one step, and goes on while each step brings some.
const WORTH_IT: f64 = 2.0;

/// What the committer knows of how fast changes come.
#[derive(Debug)]
pub(super) struct Patience {
    /// When this group was begun.
    begun: Instant,
    /// Changes in a step, from the beginning of the group before to that of this one.
    expected: f64,
    steps: u32,
    seen: usize,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            expected: 0.0,
            steps: 0,
            seen: 0,
        }
    }
}

impl Patience {
    /// Begins a group.
    pub(super) fn begin(&mut self) {
        // A group of nothing but leases says nothing.
        if self.seen > 0 {
            let now = Instant::now();
            let steps = (now - self.begun).div_duration_f64(STEP);
            self.expected = self.seen as f64 / steps;
            self.begun = now;
        }
        (self.steps, self.seen) = (0, 0);
    }

    /// Ends it, with so many changes.
    pub(super) const fn end(&mut self, count: usize) {
        self.seen = count;
    }

    /// Whether another step of waiting is likely to bring more; `count` are there already.
    pub(super) fn pays(&mut self, count: usize) -> bool {
        let came = count - self.seen;
        self.seen = count;
        let pays = self.expected >= WORTH_IT && came > 0 && self.steps < STEPS_MAX;
        self.steps += u32::from(pays);
        pays
    }

    /// Waits a step.
    pub(super) fn wait() {
        thread::sleep(STEP);
    }
}
