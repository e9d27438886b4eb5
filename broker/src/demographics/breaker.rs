//! The circuit breaker before a service: after failures in a row it is left alone for a while, so that
//! callers are answered at once and it can recover; then one look-up tries whether it is back.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// A breaker.
#[derive(Debug)]
pub(super) struct Breaker {
    failures_max: u32,
    pause: Duration,
    state: Mutex<State>,
}

/// What the breaker waits for.
#[derive(Clone, Copy, Debug)]
enum State {
    /// The next failure, of so many in a row so far.
    Failures(u32),
    /// The end of the pause.
    Pause { until: Instant },
    /// The verdict of the one look-up that tries.
    Trial,
}

/// One look-up that was let through. Dropped without a verdict it counts for nothing: its caller went
/// away.
pub(super) struct Attempt<'b> {
    breaker: &'b Breaker,
    since: Instant,
    settled: bool,
}

impl Breaker {
    /// One that opens after `failures_max` failures in a row, for `pause`.
    pub(super) const fn new(failures_max: u32, pause: Duration) -> Self {
        Self {
            failures_max,
            pause,
            state: Mutex::new(State::Failures(0)),
        }
    }

    /// Lets a look-up through, or not.
    pub(super) fn attempt(&self, now: Instant) -> Option<Attempt<'_>> {
        let mut state = self.state();
        match *state {
            State::Failures(_) => {}
            State::Pause { until } if now >= until => *state = State::Trial,
            State::Pause { .. } | State::Trial => return None,
        }
        drop(state);
        Some(Attempt {
            breaker: self,
            since: now,
            settled: false,
        })
    }

    /// Whether look-ups are held back.
    pub(super) fn is_open(&self) -> bool {
        !matches!(*self.state(), State::Failures(_))
    }

    fn failed(&self, now: Instant) {
        let mut state = self.state();
        let pause = State::Pause {
            until: now + self.pause,
        };
        *state = match *state {
            State::Failures(before) if before + 1 < self.failures_max => {
                State::Failures(before + 1)
            }
            State::Failures(_) | State::Trial => pause,
            // A straggler from before: the pause is not made longer.
            State::Pause { until } => State::Pause { until },
        };
    }

    fn left(&self, since: Instant) {
        let mut state = self.state();
        if matches!(*state, State::Trial) {
            *state = State::Pause { until: since };
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A state is one value: whoever panicked left it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    /// The service answered.
    pub(super) fn succeeded(mut self) {
        self.settled = true;
        *self.breaker.state() = State::Failures(0);
    }

    /// It did not, or not usefully.
    pub(super) fn failed(mut self, now: Instant) {
        self.settled = true;
        self.breaker.failed(now);
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.breaker.left(self.since);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use std::time::{Duration, Instant};

    use super::Breaker;

    const PAUSE: Duration = Duration::from_secs(10);

    fn opened(now: Instant) -> Breaker {
        let breaker = Breaker::new(3, PAUSE);
        for _ in 0..3 {
            assert!(!breaker.is_open());
            breaker.attempt(now).unwrap().failed(now);
        }
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_between_does_not() {
        let (breaker, now) = (Breaker::new(3, PAUSE), Instant::now());
        for _ in 0..10 {
            breaker.attempt(now).unwrap().failed(now);
            breaker.attempt(now).unwrap().failed(now);
            breaker.attempt(now).unwrap().succeeded();
        }
        assert!(!breaker.is_open());
        assert!(opened(now).attempt(now).is_none());
    }

    #[test]
    fn after_the_pause_one_tries_and_its_verdict_counts() {
        let now = Instant::now();
        let breaker = opened(now);
        let later = now + PAUSE;
        let trial = breaker.attempt(later).unwrap();
        assert!(breaker.attempt(later).is_none() && breaker.is_open());
        trial.failed(later);
        let nearly = later + PAUSE - Duration::from_millis(1);
        assert!(breaker.attempt(nearly).is_none());
        breaker.attempt(later + PAUSE).unwrap().succeeded();
        assert!(!breaker.is_open());
    }

    #[test]
    fn a_trial_whose_caller_went_away_leaves_the_trial_to_the_next() {
        let now = Instant::now();
        let breaker = opened(now);
        drop(breaker.attempt(now + PAUSE).unwrap());
        breaker.attempt(now + PAUSE).unwrap().succeeded();
        assert!(!breaker.is_open());
    }
}
