//! The steady clock on a machine whose clocks a test sets.
#![allow(
    clippy::unwrap_used,
    reason = "a failure to prepare a test is its failure"
)]

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use axle_model::time::Timestamp;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tempfile::TempDir;

use super::{ClockState, Machine, SteadyClock};
use crate::clock::Clock as _;

/// 2026-11-22T09:30:00Z.
const START: Timestamp = Timestamp::from_micros(1_795_339_800_000_000);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// A machine that is switched on, with the folder of a store.
#[derive(Clone)]
struct Bench {
    clocks: Arc<Mutex<Clocks>>,
    folder: Arc<TempDir>,
}

struct Clocks {
    /// The true time.
    time: Timestamp,
    /// How many seconds the wall clock is ahead of it.
    wrong: i64,
    count: Duration,
    boot: &'static str,
}

struct Fake(Arc<Mutex<Clocks>>, &'static str);

impl Machine for Fake {
    fn wall(&self) -> Timestamp {
        let clocks = self.0.lock().unwrap();
        let micros = clocks.time.as_micros();
        Timestamp::from_micros(micros.saturating_add_signed(clocks.wrong * 1_000_000))
    }

    fn count(&self) -> Duration {
        self.0.lock().unwrap().count
    }

    fn boot(&self) -> Option<&str> {
        Some(self.1)
    }
}

impl Bench {
    fn new() -> Self {
        let clocks = Clocks {
            time: START,
            wrong: 0,
            count: HOUR,
            boot: "first",
        };
        Self {
            clocks: Arc::new(Mutex::new(clocks)),
            folder: Arc::new(tempfile::tempdir().unwrap()),
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("CLOCK")
    }

    /// Starts a broker's clock on a store whose newest entry is of then.
    fn start(&self, newest: Option<Timestamp>) -> SteadyClock<Fake> {
        let boot = self.clocks.lock().unwrap().boot;
        SteadyClock::on(Fake(Arc::clone(&self.clocks), boot), &self.file(), newest).unwrap()
    }

    /// Time passes, with a clock that looks every second, as it does, or not at all.
    fn pass(&self, span: Duration, clock: Option<&SteadyClock<Fake>>) {
        let step = clock.map_or(span, |_| Duration::from_secs(1).min(span));
        let mut left = span;
        while left > Duration::ZERO {
            left -= step.min(left);
            {
                let mut clocks = self.clocks.lock().unwrap();
                clocks.time = clocks.time.after(step);
                clocks.count += step;
            }
            clock.inspect(|clock| clock.tick());
        }
    }

    fn set_wrong(&self, seconds: i64) {
        self.clocks.lock().unwrap().wrong = seconds;
    }

    /// The power is gone for so long.
    fn switch_off(&self, span: Duration) {
        let mut clocks = self.clocks.lock().unwrap();
        clocks.time = clocks.time.after(span);
        clocks.count = MINUTE;
        clocks.boot = if clocks.boot == "first" {
            "second"
        } else {
            "first"
        };
    }

    fn time(&self) -> Timestamp {
        self.clocks.lock().unwrap().time
    }
}

fn seconds_ahead(clock: &SteadyClock<Fake>, bench: &Bench) -> f64 {
    let micros = super::offset(clock.now(), bench.time());
    micros as f64 / 1e6
}

#[test]
fn a_wall_clock_that_jumps_is_told_and_not_followed_and_nothing_expires_until_it_is_right() {
    for seconds in [-2 * 86_400, 3 * 86_400, 600, -600] {
        let bench = Bench::new();
        let clock = bench.start(None);
        bench.pass(MINUTE, Some(&clock));
        assert!(!clock.expiry_rests());
        bench.set_wrong(seconds);
        bench.pass(HOUR, Some(&clock));
        let state = ClockState {
            jumps: 1,
            offset_micros: seconds * 1_000_000,
            rests: true,
        };
        assert_eq!(clock.state(), state);
        assert_eq!(clock.now(), bench.time(), "a jump of {seconds} s");
        bench.set_wrong(0);
        bench.pass(Duration::from_secs(1), Some(&clock));
        assert!(!clock.expiry_rests(), "it came back from {seconds} s");
        assert_eq!(clock.now(), bench.time());
    }
}

#[test]
fn a_small_drift_is_corrected_by_a_hundredth_of_the_time_that_passes() {
    for seconds in [1, -1, 200] {
        let bench = Bench::new();
        let clock = bench.start(None);
        bench.set_wrong(seconds);
        bench.pass(Duration::from_secs(51), Some(&clock));
        let ahead = seconds_ahead(&clock, &bench);
        let wanted = 0.5 * seconds.signum() as f64;
        assert!((ahead - wanted).abs() < 0.02, "{ahead} s ahead");
        bench.pass(6 * HOUR, Some(&clock));
        let ahead = seconds_ahead(&clock, &bench);
        assert!((ahead - seconds as f64).abs() < 0.01, "{ahead} s ahead");
        assert_eq!((clock.state().jumps, clock.expiry_rests()), (0, false));
    }
}

#[test]
fn a_restart_does_not_make_a_wrong_wall_clock_believed() {
    for seconds in [3 * 86_400, -2 * 86_400, 600] {
        let bench = Bench::new();
        drop(bench.start(None));
        bench.set_wrong(seconds);
        bench.pass(MINUTE, None);
        let again = bench.start(Some(START));
        assert_eq!(again.now(), bench.time(), "wrong by {seconds} s");
        assert!(again.expiry_rests());
        bench.set_wrong(0);
        again.tick();
        assert!(!again.expiry_rests());
    }
}

#[test]
fn what_fell_due_while_the_broker_was_off_is_given_as_long_again_and_a_day_at_most() {
    for (off, rest) in [
        (MINUTE, Duration::ZERO),
        (3 * HOUR, 3 * HOUR),
        (7 * DAY, DAY),
    ] {
        for power in [true, false] {
            let bench = Bench::new();
            drop(bench.start(None));
            match power {
                true => bench.pass(off, None),
                false => bench.switch_off(off),
            }
            let clock = bench.start(Some(START));
            assert_eq!(clock.now(), bench.time());
            assert_eq!(
                clock.expiry_rests(),
                rest > Duration::ZERO,
                "off for {off:?}"
            );
            bench.pass(rest.saturating_sub(MINUTE), Some(&clock));
            assert_eq!(
                clock.expiry_rests(),
                rest > Duration::ZERO,
                "off for {off:?}"
            );
            bench.pass(MINUTE, Some(&clock));
            assert!(!clock.expiry_rests(), "off for {off:?}");
            assert_eq!(clock.state().jumps, 0, "being off is no jump");
        }
    }
}

#[test]
fn a_wall_clock_behind_the_ledger_is_approached_at_half_speed_and_never_by_a_step_back() {
    let bench = Bench::new();
    drop(bench.start(None));
    bench.switch_off(MINUTE);
    let newest = bench.time().after(2 * HOUR);
    let clock = bench.start(Some(newest));
    assert_eq!(clock.now(), newest);
    assert!(clock.expiry_rests(), "one of the two is wrong");
    bench.pass(HOUR, Some(&clock));
    assert_eq!(clock.now(), newest.after(HOUR / 2));
    // A restart in between changes nothing.
    let clock = bench.start(Some(clock.now()));
    bench.pass(3 * HOUR, Some(&clock));
    assert!(seconds_ahead(&clock, &bench) < 300.0);
    assert!(!clock.expiry_rests(), "they have met");
}

#[test]
fn a_machine_that_forgets_the_time_is_believed_once_it_has_heard_it() {
    let bench = Bench::new();
    drop(bench.start(None));
    bench.switch_off(HOUR);
    bench.set_wrong(-30 * 365 * 86_400);
    let clock = bench.start(Some(START));
    assert_eq!((clock.now(), clock.expiry_rests()), (START, true));
    bench.pass(MINUTE, Some(&clock));
    bench.set_wrong(0);
    bench.pass(Duration::from_secs(1), Some(&clock));
    assert_eq!(clock.now(), bench.time());
    assert!(clock.expiry_rests(), "as long as it was off");
    bench.pass(HOUR + MINUTE, Some(&clock));
    assert!(!clock.expiry_rests());
}

#[test]
fn a_damaged_mark_counts_as_none() {
    let bench = Bench::new();
    drop(bench.start(None));
    let mut mark = std::fs::read(bench.file()).unwrap();
    let place = mark.len() - 70;
    mark[place] ^= 1;
    std::fs::write(bench.file(), mark).unwrap();
    bench.pass(MINUTE, None);
    bench.set_wrong(600);
    // With the mark the wall clock's word would not be taken.
    let clock = bench.start(Some(START));
    assert_eq!(clock.now(), bench.time().after(10 * MINUTE));
}

#[test]
fn the_time_never_goes_backwards_whatever_is_done_to_the_machine() {
    for seed in 0..200 {
        let mut random = StdRng::seed_from_u64(seed);
        let bench = Bench::new();
        let mut clock = bench.start(None);
        let mut last = clock.now();
        for step in 0..100 {
            match random.random_range(0..10) {
                0 => bench.set_wrong(random.random_range(-400_000..400_000)),
                1 => bench.set_wrong(random.random_range(-400..400)),
                2 => bench.switch_off(Duration::from_secs(random.random_range(0..100_000))),
                3 => bench.pass(Duration::from_secs(random.random_range(0..1_000)), None),
                _ => {
                    let span = Duration::from_millis(random.random_range(0..5_000));
                    bench.pass(span, Some(&clock));
                }
            }
            let on = clock.0.machine.1 == bench.clocks.lock().unwrap().boot;
            if !on || random.random_bool(0.1) {
                clock = bench.start(Some(last));
            }
            let now = clock.now();
            assert!(now >= last, "seed {seed}, step {step}: {last} became {now}");
            last = now;
        }
    }
}
