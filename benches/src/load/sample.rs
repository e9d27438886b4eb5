//! Samples of a long run: how fast it goes and what the broker takes, again and again, so that it can be
//! seen whether that changes.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use axle_broker::clock::{Clock as _, SystemClock};
use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, interval_at};

use super::{
    account::{self, Account},
    tally::{Counts, Tally},
    target::Host,
};
use crate::lines;

/// How things went since the sample before, and how they stand. What cannot be looked at is `None`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The job in a few words.
    pub job: String,
    /// When it was taken, in RFC 3339.
    pub at: String,
    /// Seconds since the measurement began.
    pub seconds: f64,
    /// Documents acknowledged by their recipients.
    pub documents_per_second: f64,
    /// Documents accepted.
    pub submits_per_second: f64,
    /// 99 of 100 submits took less, in milliseconds.
    pub submit_p99_ms: f64,
    /// Memory that the broker holds.
    pub broker_rss_bytes: Option<u64>,
    /// How much of the machine it used, in cores.
    pub broker_cores: Option<f64>,
    /// What the journal takes on the disk.
    pub journal_bytes: Option<u64>,
    /// What the index takes.
    pub index_bytes: Option<u64>,
}

/// Takes samples into a file.
#[derive(Debug)]
pub struct Sampler {
    file: PathBuf,
    every: Duration,
}

/// What the next sample is compared with.
struct Before {
    at: Instant,
    counts: Counts,
    account: Option<Account>,
}

impl Sampler {
    /// Adds a sample to `file` each time `every` has passed.
    pub const fn new(file: PathBuf, every: Duration) -> Self {
        Self { file, every }
    }

    /// Takes samples of `job` until `until`.
    pub async fn watch(
        &self,
        job: &str,
        tally: &Tally,
        host: &Host,
        until: Instant,
    ) -> io::Result<()> {
        let begun = Instant::now();
        let mut before = Before::now(tally, host);
        let mut ticks = interval_at((begun + self.every).into(), self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            // The last one is at the end, give or take.
            if ticks.tick().await.into_std() > until + self.every / 2 {
                return Ok(());
            }
            let now = Before::now(tally, host);
            let mut sample = sample(&before, &now, host);
            sample.job = job.to_owned();
            sample.seconds = (now.at - begun).as_secs_f64();
            sample.submit_p99_ms = tally.submits().lately().p99;
            lines::append(&self.file, &sample)?;
            before = now;
        }
    }
}

impl Before {
    fn now(tally: &Tally, host: &Host) -> Self {
        Self {
            at: Instant::now(),
            counts: tally.counts(),
            account: host.process.and_then(Account::of),
        }
    }
}

fn sample(before: &Before, now: &Before, host: &Host) -> Sample {
    let seconds = (now.at - before.at).as_secs_f64();
    let rate = |before: u64, now: u64| now.saturating_sub(before) as f64 / seconds;
    let spent = now
        .account
        .zip(before.account)
        .map(|(now, before)| now - before);
    let taken = |part: &str| Some(disk_bytes(&host.store.as_ref()?.join(part)));
    Sample {
        job: String::new(),
        at: SystemClock.now().to_string(),
        seconds: 0.0,
        documents_per_second: rate(before.counts.acknowledged, now.counts.acknowledged),
        submits_per_second: rate(before.counts.accepted, now.counts.accepted),
        submit_p99_ms: 0.0,
        broker_rss_bytes: host.process.and_then(account::memory_bytes),
        broker_cores: spent.map(|spent| spent.cpu_seconds / seconds),
        journal_bytes: taken("journal"),
        index_bytes: taken("index"),
    }
}

/// What a folder takes on the disk, in bytes. Files that go meanwhile take nothing.
pub fn disk_bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let bytes = entries.filter_map(|entry| {
        let found = entry.metadata().ok()?;
        // Blocks are of 512 bytes whatever the file system's are (stat(2)).
        let within = if found.is_dir() {
            disk_bytes(&entry.path())
        } else {
            0
        };
        Some(found.blocks() * 512 + within)
    });
    bytes.sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::{
        fs,
        time::{Duration, Instant},
    };

    use super::{Before, Sample, Sampler, disk_bytes, sample};
    use crate::{
        lines,
        load::{account::Account, tally::Tally, target::Host},
    };

    #[test]
    fn a_sample_is_of_the_time_since_the_one_before() {
        let (tally, host) = (Tally::new().unwrap(), Host::default());
        let moment = |at, cpu_seconds| Before {
            at,
            counts: tally.counts(),
            account: Some(Account {
                cpu_seconds,
                written_bytes: None,
            }),
        };
        let begun = Instant::now();
        tally.acknowledge();
        let before = moment(begun, 7.0);
        (0..10).for_each(|_| tally.acknowledge());
        let now = moment(begun + Duration::from_secs(4), 9.0);
        let sample = sample(&before, &now, &host);
        assert!((sample.documents_per_second - 2.5).abs() < 1e-9);
        assert_eq!(sample.broker_cores, Some(0.5));
        assert_eq!(sample.journal_bytes, None, "nobody said where it is");
    }

    #[tokio::test]
    async fn samples_are_read_back_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("samples.jsonl");
        let (tally, host) = (Tally::new().unwrap(), Host::default());
        let sampler = Sampler::new(file.clone(), Duration::from_millis(10));
        let until = Instant::now() + Duration::from_millis(200);
        sampler.watch("W1", &tally, &host, until).await.unwrap();
        let samples: Vec<Sample> = lines::read(&file).unwrap();
        assert!(samples.iter().all(|sample| sample.job == "W1"));
        assert!(samples.len() > 1 && samples.is_sorted_by(|a, b| a.seconds < b.seconds));
    }

    #[test]
    fn a_folder_takes_what_its_files_and_folders_take() {
        let folder = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let empty = disk_bytes(folder.path());
        fs::create_dir(folder.path().join("within")).unwrap();
        fs::write(folder.path().join("within/file"), vec![1; 1 << 20]).unwrap();
        fs::File::open(folder.path().join("within/file"))
            .unwrap()
            .sync_all()
            .unwrap();
        assert!(disk_bytes(folder.path()) - empty >= 1 << 20);
        assert_eq!(disk_bytes(&folder.path().join("nowhere")), 0);
    }
}
