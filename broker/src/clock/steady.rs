//! Steady: the daemon's clock. The machine's count of seconds since it was switched on carries the
//! time; the wall clock only corrects it, slowly. A wall clock that jumps is told and not followed.
//! The time never goes backwards, also across a restart, and while it is in doubt nothing expires.
//! Why it is so: `broker/decisions/0006-clock.md`.

mod machine;
mod mark;
#[cfg(test)]
mod tests;

use std::{
    fmt, io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axle_model::time::Timestamp;
pub use machine::{Machine, ThisMachine};
use mark::Mark;

use super::Clock;

/// How often the time is held against the wall clock.
const TICK: Duration = Duration::from_secs(1);
/// The two may differ by so much, in microseconds; more is a jump of the wall clock.
const DRIFT_MICROS_MAX: i64 = 300 * 1_000_000;
/// How fast a drift is corrected, in millionths: a lease of a minute is at most 0.6 s off.
const SLEW_MAX: i64 = 10_000;
/// How slowly the time goes after a start at which the wall clock was behind the ledger.
const SLEW_BEHIND: i64 = -500_000;
/// After a time in which nobody could collect, nothing expires for as long, but at most for this.
const REST_MAX: Duration = Duration::from_hours(24);

/// The clock; its copies are the same clock.
pub struct SteadyClock<M = ThisMachine>(Arc<Inner<M>>);

struct Inner<M> {
    machine: M,
    mark: Mark,
    state: Mutex<State>,
}

/// How a clock stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockState {
    /// How often the wall clock was seen to jump.
    pub jumps: u64,
    /// By how many microseconds the wall clock was last seen ahead of the time.
    pub offset_micros: i64,
    /// Whether nothing may expire.
    pub rests: bool,
}

struct State {
    /// The time at `since`, a count of the machine's.
    time: Timestamp,
    since: Duration,
    /// How much faster than the machine's count the time goes, in millionths.
    slew: i64,
    /// Whether the time and the wall clock have agreed since the time was last taken from the ledger.
    settled: bool,
    /// Nothing expires before then.
    rests_until: Timestamp,
    seen: ClockState,
}

impl SteadyClock {
    /// Begins where the machine's count leads from the mark in `file`, or, where it does not reach
    /// back so far, with the wall clock; never before `newest`, when something was last recorded.
    pub fn begin(file: &Path, newest: Option<Timestamp>) -> io::Result<Self> {
        Self::on(ThisMachine::default(), file, newest)
    }
}

impl<M: Machine> SteadyClock<M> {
    fn on(machine: M, file: &Path, newest: Option<Timestamp>) -> io::Result<Self> {
        let (mark, left) = Mark::open(file)?;
        let since = machine.count();
        let last = left.as_ref().map(|left| left.time).max(newest);
        let carried = left
            .filter(|left| machine.boot() == Some(&left.boot) && left.count <= since)
            .map(|left| left.time.after(since.saturating_sub(left.count)));
        let mut state = State {
            time: carried.max(last).unwrap_or_else(|| machine.wall()),
            since,
            slew: 0,
            settled: carried.is_some() || last.is_none(),
            rests_until: Timestamp::default(),
            seen: ClockState::default(),
        };
        state.was_away_since(last.unwrap_or(state.time));
        let clock = Self(Arc::new(Inner {
            machine,
            mark,
            state: Mutex::new(state),
        }));
        clock.tick();
        Ok(clock)
    }

    /// Holds the time against the wall clock, until it is dropped.
    pub async fn keep(&self) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let clock = self.clone();
            // It writes to a disk, which may take its time.
            let _ = tokio::task::spawn_blocking(move || clock.tick()).await;
        }
    }

    /// How it stands.
    pub fn state(&self) -> ClockState {
        self.locked().seen
    }

    fn tick(&self) {
        let Inner { machine, mark, .. } = &*self.0;
        let mut state = self.locked();
        let count = machine.count();
        state.compare(count, machine.wall());
        let (time, settled) = (state.time, state.settled);
        drop(state);
        // Without a mark the next start is like this one: it begins with the ledger.
        let Some(boot) = machine.boot().filter(|_| settled) else {
            return;
        };
        if let Err(error) = mark.write(boot, count, time) {
            tracing::warn!(%error, "noting the time beside the store; a restart would ask the wall clock");
        }
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M: Machine> Clock for SteadyClock<M> {
    fn now(&self) -> Timestamp {
        let state = self.locked();
        state.at(self.0.machine.count())
    }

    fn expiry_rests(&self) -> bool {
        self.locked().seen.rests
    }
}

impl State {
    /// The time at a count of the machine's.
    fn at(&self, count: Duration) -> Timestamp {
        let gone = count.saturating_sub(self.since).as_micros();
        let gone = i64::try_from(gone).unwrap_or(i64::MAX);
        let slewed = gone.saturating_add(gone.saturating_mul(self.slew) / 1_000_000);
        self.time
            .after(Duration::from_micros(slewed.unsigned_abs()))
    }

    /// Holds the time against the wall clock.
    fn compare(&mut self, count: Duration, wall: Timestamp) {
        self.time = self.at(count);
        self.since = count;
        let last = self.time;
        if !self.settled && wall > last {
            // The broker was off, who knows how long: there is nothing but the wall clock to ask.
            self.time = wall;
            self.was_away_since(last);
        }
        let offset = offset(wall, self.time);
        let agree = offset.abs() <= DRIFT_MICROS_MAX;
        self.settled |= agree;
        self.slew = match (agree, self.settled) {
            (true, _) => offset.clamp(-SLEW_MAX, SLEW_MAX),
            (false, true) => 0,
            (false, false) => SLEW_BEHIND,
        };
        self.tell(offset, agree);
    }

    /// Nobody could collect since then: what passed its deadline meanwhile is given as long again.
    fn was_away_since(&mut self, last: Timestamp) {
        let span = self.time.since(last);
        if span.as_micros() > u128::from(DRIFT_MICROS_MAX.unsigned_abs()) {
            self.rests_until = self.time.after(span.min(REST_MAX));
            tracing::warn!(%last, until = %self.rests_until, "the broker was away; nothing expires for a while");
        }
    }

    fn tell(&mut self, offset_micros: i64, agree: bool) {
        let before = self.seen;
        let jumped = offset_micros.abs_diff(before.offset_micros);
        let jumped = jumped > DRIFT_MICROS_MAX.unsigned_abs();
        self.seen = ClockState {
            jumps: before.jumps + u64::from(jumped),
            offset_micros,
            rests: !agree || self.time < self.rests_until,
        };
        let ahead_seconds = offset_micros / 1_000_000;
        match (jumped, agree) {
            (true, false) => tracing::error!(
                ahead_seconds,
                "the machine's clock jumped; the broker's time goes on steadily, and nothing expires \
                 until the two agree: set the machine's clock, or, if it is right, stop the broker, \
                 remove CLOCK from the store's directory and start it again"
            ),
            (true, true) => tracing::info!(ahead_seconds, "the machine's clock is right again"),
            (false, _) => {}
        }
    }
}

/// By how many microseconds `wall` is ahead of `time`.
fn offset(wall: Timestamp, time: Timestamp) -> i64 {
    let micros = |time: Timestamp| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
    micros(wall) - micros(time)
}

impl<M> Clone for SteadyClock<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M> fmt::Debug for SteadyClock<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SteadyClock").finish_non_exhaustive()
    }
}
