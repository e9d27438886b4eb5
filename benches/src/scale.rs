//! Scale: what a store full of documents costs a broker, against an empty one beside it in turn. The
//! documents wait for practices that are away, in mailboxes of their own; the load goes to others. So
//! both brokers do the same work, and only one has all the rest to carry.

mod fill;

use std::{
    fs, io,
    path::Path,
    time::{Duration, Instant},
};

use axle_broker::clock::{Clock as _, SystemClock};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::{
    estate::{Estate, EstateError},
    load::{
        account, job::Job, process::BrokerProcess, report::Outcome, run, sample::disk_bytes,
        target::Target,
    },
    spread::Spread,
};
pub use fill::{Filling, fill};

/// How long a broker is left alone before its memory is read.
const SETTLING: Duration = Duration::from_secs(1);

/// What a broker with so many documents came to, beside one with none. Medians of all rounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The job in a few words.
    pub job: String,
    /// When it was measured, in RFC 3339.
    pub at: String,
    /// Documents in the store before the load.
    pub documents: u64,
    /// Those of them that wait for somebody to collect them.
    pub waiting: u64,
    /// The mailboxes they are in, besides those of the load.
    pub mailboxes: usize,
    /// What the store takes on the disk before the load, in bytes.
    pub store_bytes: u64,
    /// From the start of the process until it listens, after a stop in good order.
    pub start_seconds: f64,
    /// The same after it was killed when the load had ended.
    pub start_after_kill_seconds: f64,
    /// What it holds in memory before any load.
    pub rss_after_start_bytes: Option<u64>,
    /// With the documents.
    pub filled: Costs,
    /// With an empty store.
    pub empty: Costs,
    /// Documents/s of the first to those of the second, round by round: the median.
    pub ratio: f64,
    /// The lowest such ratio.
    pub ratio_lowest: f64,
    /// The highest.
    pub ratio_highest: f64,
}

/// What a load came to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Costs {
    /// Documents acknowledged.
    pub documents_per_second: f64,
    /// 99 of 100 submits took less.
    pub submit_p99_ms: f64,
    /// Processor time of the broker for 1,000 of them.
    pub broker_cpu_seconds_per_1000: f64,
    /// The most memory the broker held.
    pub broker_memory_peak_bytes: f64,
}

/// One broker's start and its load.
struct Round {
    start: Duration,
    start_after_kill: Duration,
    rss_after_start_bytes: Option<u64>,
    outcome: Outcome,
}

/// Plays `job` on a copy of the store in `filled`, which holds `documents`, and on an empty one, in turn.
pub async fn measure(
    job: &Job,
    estate: &Estate,
    filled: &Path,
    filling: &Filling,
    documents: u64,
    rounds: usize,
) -> Result<Point, EstateError> {
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..rounds.max(1) {
        for (rounds, store) in [(&mut with, Some(filled)), (&mut without, None)] {
            let folder = tempfile::tempdir_in(estate.path())?;
            let place = folder.path().join("data");
            if let Some(store) = store {
                copy(store, &place)?;
            }
            rounds.push(play(job, estate, &place).await?);
        }
    }
    let rates = with.iter().zip(&without).map(|(with, without)| {
        with.outcome.documents_per_second / without.outcome.documents_per_second
    });
    let ratio = Spread::of(rates).unwrap_or_default();
    let median = |of: fn(&Round) -> f64| Spread::of(with.iter().map(of)).unwrap_or_default().median;
    let rss = with.iter().filter_map(|round| round.rss_after_start_bytes);
    Ok(Point {
        job: job.title(),
        at: SystemClock.now().to_string(),
        documents,
        waiting: filling.waiting(documents),
        mailboxes: filling.practices.len(),
        store_bytes: disk_bytes(filled),
        start_seconds: median(|round| round.start.as_secs_f64()),
        start_after_kill_seconds: median(|round| round.start_after_kill.as_secs_f64()),
        rss_after_start_bytes: rss.max(),
        filled: Costs::of(&with),
        empty: Costs::of(&without),
        ratio: ratio.median,
        ratio_lowest: ratio.lowest,
        ratio_highest: ratio.highest,
    })
}

/// Copies a store that nobody has open, down to the disk: what is still to be written would be written
/// during the load.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let place = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &place)?;
        } else {
            fs::copy(entry.path(), &place)?;
            fs::File::open(&place)?.sync_all()?;
        }
    }
    Ok(())
}

/// Load on a broker on `store`, which is killed after it, and starts once more.
async fn play(job: &Job, estate: &Estate, store: &Path) -> Result<Round, EstateError> {
    let begun = Instant::now();
    let broker = BrokerProcess::start_on(estate, store, None)?;
    let start = begun.elapsed();
    sleep(SETTLING).await;
    let rss_after_start_bytes = account::memory_bytes(broker.id());
    let target = Target::of_estate(estate, &broker)?;
    let outcome = run::run(job, &target, None).await?;
    if !outcome.is_clean() {
        let table = outcome.table();
        return Err(EstateError::Wish(format!(
            "this load is worth nothing, for something went wrong in it:\n{table}"
        )));
    }
    drop(broker);
    let begun = Instant::now();
    let again = BrokerProcess::start_on(estate, store, None)?;
    let start_after_kill = begun.elapsed();
    drop(again);
    Ok(Round {
        start,
        start_after_kill,
        rss_after_start_bytes,
        outcome,
    })
}

impl Costs {
    fn of(rounds: &[Round]) -> Self {
        let median = |of: fn(&Outcome) -> f64| {
            let figures = rounds.iter().map(|round| of(&round.outcome));
            Spread::of(figures).unwrap_or_default().median
        };
        Self {
            documents_per_second: median(|outcome| outcome.documents_per_second),
            submit_p99_ms: median(|outcome| outcome.submit_ms.p99),
            broker_cpu_seconds_per_1000: median(|outcome| {
                outcome.broker_cpu_seconds_per_1000.unwrap_or_default()
            }),
            broker_memory_peak_bytes: median(|outcome| {
                outcome.broker_memory_peak_bytes.unwrap_or_default() as f64
            }),
        }
    }
}
