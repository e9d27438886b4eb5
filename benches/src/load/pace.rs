//! A pace: documents are due at fixed times, however the broker keeps up. Latencies are counted from
//! when a document was due, so that a broker that stalls pays for every document that had to wait.

use std::{
    io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use tokio::sync::{Mutex, mpsc};

use super::tally::Tally;

/// When documents are due, for all who send.
#[derive(Debug)]
pub struct Pace {
    due: Mutex<mpsc::UnboundedReceiver<Instant>>,
}

impl Pace {
    /// Begins to have `per_second` documents due in a second, until the tally says stop.
    pub fn begin(per_second: u32, tally: Arc<Tally>) -> io::Result<Self> {
        let (tell, due) = mpsc::unbounded_channel();
        // A thread, since the runtime's own timers are only good to a millisecond.
        thread::Builder::new().spawn(move || {
            let begun = Instant::now();
            for number in 0.. {
                let due = begun + offset(number, per_second);
                thread::sleep(due.saturating_duration_since(Instant::now()));
                if tally.is_stopped() || tell.send(due).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self {
            due: Mutex::new(due),
        })
    }

    /// When the next document is or was due, once it is; `None` at the end.
    pub async fn next(&self) -> Option<Instant> {
        self.due.lock().await.recv().await
    }

    /// Documents that are due and were taken by nobody yet.
    pub async fn waiting(&self) -> u64 {
        self.due.lock().await.len() as u64
    }
}

/// How long after the first document this one is due. From the number and not from the one before, so
/// that nothing is rounded away in the long run.
fn offset(number: u64, per_second: u32) -> Duration {
    let per_second = u64::from(per_second.max(1));
    let rest = number % per_second * 1_000_000_000 / per_second;
    Duration::from_secs(number / per_second) + Duration::from_nanos(rest)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::{sync::Arc, time::Duration};

    use tokio::time::sleep;

    use super::{Pace, offset};
    use crate::load::tally::Tally;

    #[test]
    fn a_second_holds_as_many_as_were_asked_for_also_after_hours() {
        for per_second in [1, 3, 100, 7_919, 15_000] {
            let hour = u64::from(per_second) * 3_600;
            assert_eq!(offset(hour, per_second), Duration::from_hours(1));
            assert!(offset(hour - 1, per_second) < Duration::from_hours(1));
        }
        assert_eq!(offset(1, 100), Duration::from_millis(10));
    }

    #[tokio::test]
    async fn who_was_held_up_still_learns_when_each_was_due() {
        let tally = Arc::new(Tally::new().unwrap());
        let pace = Pace::begin(200, Arc::clone(&tally)).unwrap();
        let first = pace.next().await.unwrap();
        sleep(Duration::from_millis(60)).await;
        tally.stop();
        assert!(pace.waiting().await >= 10);
        let mut number = 0;
        while let Some(due) = pace.next().await {
            number += 1;
            assert_eq!(due - first, Duration::from_millis(5) * number);
        }
        assert!(number >= 11, "{number}");
    }
}
