//! The clock of a simulated broker: it stands until the world moves it on, and its lots are drawn
//! from the world's seed.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axle_broker::clock::Clock;
use axle_model::time::Timestamp;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

/// When every run begins: 2026-11-22T10:30:00Z, an hour after the synthetic documents were written.
pub(super) const START: Timestamp = Timestamp::from_micros(1_795_343_400_000_000);

/// A clock that is moved by hand; its copies are the same clock.
#[derive(Clone, Debug)]
pub(super) struct VirtualClock(Arc<Mutex<Moment>>);

#[derive(Debug)]
struct Moment {
    now: Timestamp,
    random: StdRng,
}

impl VirtualClock {
    pub(super) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Moment {
            now: START,
            random: StdRng::seed_from_u64(seed),
        })))
    }

    /// Moves it on.
    pub(super) fn advance(&self, span: Duration) {
        let mut moment = self.lock();
        moment.now = moment.now.after(span);
    }

    fn lock(&self) -> MutexGuard<'_, Moment> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        self.lock().now
    }

    fn chance(&self) -> u128 {
        self.lock().random.random()
    }
}
