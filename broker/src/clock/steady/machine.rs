//! The machine, as far as it tells the time: its wall clock, and its count of seconds since it was
//! switched on, which nobody can set.

use std::{env, fs, time::Duration};

use axle_model::time::Timestamp;
use rustix::time::{ClockId, clock_gettime};

use crate::clock::{Clock as _, SystemClock};

/// Names the boot where /proc is hidden, as in the service's unit.
const BOOT_VARIABLE: &str = "AXLE_BOOT_ID";
const BOOT_FILE: &str = "/proc/sys/kernel/random/boot_id";

/// What a clock is made of.
pub trait Machine: Send + Sync + 'static {
    /// What its wall clock says.
    fn wall(&self) -> Timestamp;

    /// How long it has been on, sleep included. Never goes backwards; begins anew with each boot.
    fn count(&self) -> Duration;

    /// The name of this boot; `None` when it has none, and counts cannot be compared across restarts.
    fn boot(&self) -> Option<&str>;
}

/// The machine this process runs on.
#[derive(Debug)]
pub struct ThisMachine {
    boot: Option<String>,
}

impl Default for ThisMachine {
    fn default() -> Self {
        let boot = env::var(BOOT_VARIABLE).or_else(|_| fs::read_to_string(BOOT_FILE));
        Self {
            boot: boot.ok().map(|boot| boot.trim().replace('-', "")),
        }
    }
}

impl Machine for ThisMachine {
    fn wall(&self) -> Timestamp {
        SystemClock.now()
    }

    fn count(&self) -> Duration {
        Duration::try_from(clock_gettime(ClockId::Boottime)).unwrap_or_default()
    }

    fn boot(&self) -> Option<&str> {
        self.boot.as_deref()
    }
}
