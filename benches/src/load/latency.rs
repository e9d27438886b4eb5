//! Latencies, told by all tasks at once. They are kept as histograms, whose size does not grow with the
//! length of a run.

use std::{
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use hdrhistogram::{CreationError, Histogram};
use serde::Serialize;

/// So many histograms are written to in turn, so that tasks seldom wait for each other. One for each
/// task would be 190 KB for each of a thousand.
const SHARDS: usize = 16;
/// So many figures of each latency are kept.
const FIGURES: u8 = 3;
/// One hour, in microseconds; what takes longer counts as this.
const MICROS_MAX: u64 = 3_600_000_000;

/// Latencies of one kind.
#[derive(Debug)]
pub struct Latencies {
    turn: AtomicUsize,
    shards: Vec<Mutex<Histogram<u64>>>,
    /// What has been taken from the shards.
    whole: Mutex<Histogram<u64>>,
}

impl Latencies {
    /// None yet.
    pub fn new() -> Result<Self, CreationError> {
        let histogram = || Histogram::new_with_bounds(1, MICROS_MAX, FIGURES).map(Mutex::new);
        Ok(Self {
            turn: AtomicUsize::new(0),
            shards: (0..SHARDS).map(|_| histogram()).collect::<Result<_, _>>()?,
            whole: histogram()?,
        })
    }

    /// One more.
    pub fn record(&self, took: Duration) {
        let turn = self.turn.fetch_add(1, Relaxed) % SHARDS;
        let micros = u64::try_from(took.as_micros()).unwrap_or(MICROS_MAX);
        if let Some(shard) = self.shards.get(turn) {
            held(shard).saturating_record(micros);
        }
    }

    /// Quantiles of what was recorded since this was last called.
    pub fn lately(&self) -> Quantiles {
        let mut whole = held(&self.whole);
        let mut lately = Histogram::new_from(&whole);
        for shard in &self.shards {
            let mut shard = held(shard);
            // All have the same bounds, so that each fits into the other.
            let _ = lately.add(&*shard);
            shard.reset();
        }
        let _ = whole.add(&lately);
        Quantiles::of(&lately)
    }

    /// Quantiles of everything recorded.
    pub fn whole(&self) -> Quantiles {
        self.lately();
        Quantiles::of(&held(&self.whole))
    }
}

/// A task that panicked while it counted has counted or not: the rest is as good as before.
fn held(histogram: &Mutex<Histogram<u64>>) -> MutexGuard<'_, Histogram<u64>> {
    histogram.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Quantiles of a latency, in milliseconds; zeros when there was none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Quantiles {
    /// Half were faster.
    pub p50: f64,
    /// 9 of 10 were.
    pub p90: f64,
    /// 99 of 100 were.
    pub p99: f64,
    /// 999 of 1,000 were.
    pub p999: f64,
    /// The slowest.
    pub max: f64,
}

impl Quantiles {
    fn of(micros: &Histogram<u64>) -> Self {
        let at = |share| micros.value_at_quantile(share) as f64 / 1000.0;
        Self {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: at(1.0),
        }
    }
}

impl fmt::Display for Quantiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            p50,
            p90,
            p99,
            p999,
            max,
        } = self;
        write!(
            f,
            "{p50:.2} / {p90:.2} / {p99:.2} / {p999:.2} / {max:.2} ms"
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::{sync::Arc, thread, time::Duration};

    use super::{Latencies, Quantiles};

    fn record(latencies: &Latencies, micros: impl IntoIterator<Item = u64>) {
        for micros in micros {
            latencies.record(Duration::from_micros(micros));
        }
    }

    #[test]
    fn quantiles_are_those_of_all_that_was_recorded_in_whatever_order() {
        let latencies = Latencies::new().unwrap();
        record(&latencies, (1..=1000).rev());
        let expected = Quantiles {
            p50: 0.5,
            p90: 0.9,
            p99: 0.99,
            p999: 0.999,
            max: 1.0,
        };
        assert_eq!(latencies.whole(), expected);
    }

    #[test]
    fn what_is_told_as_lately_is_told_once_and_stays_in_the_whole() {
        let latencies = Latencies::new().unwrap();
        assert_eq!(latencies.whole(), Quantiles::default());
        record(&latencies, [100; 99]);
        assert!((latencies.lately().max - 0.1).abs() < 1e-9);
        record(&latencies, [900; 101]);
        assert!((latencies.lately().p50 - 0.9).abs() < 1e-9);
        assert_eq!(latencies.lately(), Quantiles::default());
        let whole = latencies.whole();
        assert!((whole.p50 - 0.9).abs() < 1e-9 && whole.p90 > 0.8, "{whole}");
        record(&latencies, [100; 10]);
        assert!((latencies.whole().p50 - 0.1).abs() < 1e-9);
    }

    #[test]
    fn nothing_is_lost_that_is_recorded_while_it_is_told() {
        let latencies = Arc::new(Latencies::new().unwrap());
        let recording = Arc::clone(&latencies);
        let recorder = thread::spawn(move || record(&recording, (0..50_000).map(|_| 7)));
        while !recorder.is_finished() {
            latencies.lately();
        }
        recorder.join().unwrap();
        latencies.lately();
        assert_eq!(super::held(&latencies.whole).len(), 50_000);
    }

    #[test]
    fn what_takes_longer_than_an_hour_counts_as_an_hour() {
        let latencies = Latencies::new().unwrap();
        latencies.record(Duration::from_hours(5));
        let hours = latencies.whole().max / 3_600_000.0;
        assert!((hours - 1.0).abs() < 0.001, "{hours}");
    }
}
