//! The clock: where wall-clock time enters the broker, and the only place.

mod steady;

use std::time::{SystemTime, UNIX_EPOCH};

use axle_model::time::Timestamp;

pub use steady::{ClockState, Machine, SteadyClock, ThisMachine};

/// Tells the time, and draws lots: all that a run cannot foretell, so that a simulation can.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;

    /// 128 bits that nobody can guess; a clock that is simulated draws them from its seed.
    fn chance(&self) -> u128 {
        rand::random()
    }

    /// Whether nothing may expire for now, because the time is in doubt, or was while the broker was
    /// away. Leases run out all the same.
    fn expiry_rests(&self) -> bool {
        false
    }
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // A clock before 1970 counts as 1970: everything is then due at once, nothing is lost.
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_micros(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }
}
