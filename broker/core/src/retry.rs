//! Retry: how long a delivery rests before it is offered again. Exponential back-off with jitter, so
//! that a thousand deliveries that failed together do not come back together.

use std::time::Duration;

use axle_model::time::Timestamp;

/// How often, and how far apart, a delivery is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Offers before the delivery is set aside as a dead letter.
    pub attempts_max: u32,
    /// The rest after the first failed offer; each further one doubles it.
    pub base: Duration,
    /// The longest rest.
    pub ceiling: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts_max: 10,
            base: Duration::from_secs(2),
            ceiling: Duration::from_secs(600),
        }
    }
}

impl Retry {
    /// When the delivery may be offered again after its `attempt`th offer (from 1) failed at `now`.
    /// Between half and the whole of the back-off, as `seed` decides.
    pub fn next(&self, attempt: u32, seed: u64, now: Timestamp) -> Timestamp {
        let doublings = attempt.saturating_sub(1).min(31);
        let whole = self.base.saturating_mul(1 << doublings).min(self.ceiling);
        let half = whole / 2;
        let jitter = half.mul_f64((seed >> 11) as f64 / (1u64 << 53) as f64);
        now.after(half + jitter)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axle_model::time::Timestamp;

    use super::Retry;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000);

    #[test]
    fn the_rest_doubles_and_then_stays() {
        let retry = Retry::default();
        let rests: Vec<u64> = [1, 2, 3, 10, 1_000]
            .map(|attempt| retry.next(attempt, 0, NOW).since(NOW).as_secs())
            .into();
        assert_eq!(rests, [1, 2, 4, 300, 300]);
    }

    #[test]
    fn the_seed_spreads_the_rest_over_its_upper_half() {
        let retry = Retry {
            base: Duration::from_secs(8),
            ..Retry::default()
        };
        let rest = |seed| retry.next(1, seed, NOW).since(NOW);
        assert_eq!(rest(0), Duration::from_secs(4));
        let most = rest(u64::MAX);
        assert!(
            most > Duration::from_millis(7_999) && most <= Duration::from_secs(8),
            "{most:?}"
        );
    }
}
