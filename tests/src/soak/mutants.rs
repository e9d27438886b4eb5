//! Mutants: brokers with one rule broken on purpose, under the load and the faults of the rows. The
//! checker must see each of them, or it would not see a broker that broke the rule by mistake.

use std::fs;

use super::{Plan, Run, estate, failing, image, latecomer};
use crate::{checker::Verdict, estate::Estate, process::BrokerProcess, wait};

/// Documents accepted before it comes to the point.
const ACCEPTED: usize = 200;
const DISK_MIB: u64 = 192;
const DEATHS: usize = 5;
const LATECOMERS: usize = 3;
/// Fewer than fill what the journal holds back until a sync: what of them is on the disk was synced.
const HELD_BACK: usize = 100;

fn begin(estate: Estate) -> Run {
    let plan = Plan {
        count: 1,
        accepted: ACCEPTED,
        seed: rand::random(),
        keep: None,
    };
    Run::begin(estate, &plan)
}

/// A broker that never syncs its journal loses its power. `Err` when no power can be cut here.
///
/// # Errors
/// What this machine lacks.
///
/// # Panics
/// When what is left is not a store.
pub async fn without_the_sync() -> Result<Verdict, String> {
    if let Some(why) = image::missing() {
        return Err(why);
    }
    let mut disk = image::Disk::new(DISK_MIB);
    let run = begin(estate());
    disk.hold(run.estate());
    // Nobody misses a document that was collected before the power went.
    run.hold(true);
    let broker = failing::start(run.estate(), "skip-sync").await;
    run.progress(HELD_BACK).await;
    broker.pause();
    disk.cut(|| broker.kill());
    // It is synced, and may know of what the journal has lost: what is left is to be the journal's word.
    let _ = fs::remove_dir_all(run.estate().data().join("index"));
    let broker = BrokerProcess::start(run.estate()).await;
    run.hold(false);
    Ok(run.judge(broker).await.0)
}

/// A broker that answers before it has written dies between the two, several times: what it was about
/// to write may have been leases alone, which nobody was promised.
pub async fn answering_early() -> Verdict {
    let run = begin(estate());
    run.hold(true);
    // It stands still first, so that the answers arrive.
    let plan = "answer-early,before-write=sleep@50,before-write=abort@50";
    for _ in 0..DEATHS {
        let mut broker = failing::spawn(run.estate(), plan);
        wait::until("the broker to die", async || broker.ended()).await;
    }
    let broker = BrokerProcess::start(run.estate()).await;
    run.hold(false);
    run.judge(broker).await.0
}

/// A broker that does not know a submission again hears some of them twice.
pub async fn forgetting_submissions() -> Verdict {
    let run = begin(estate());
    let broker = failing::start(run.estate(), "forget-submissions").await;
    run.progress(ACCEPTED).await;
    run.judge(broker).await.0
}

/// A broker that takes any lease for the newest hears from collectors that come late. A sound one,
/// with nothing planted, refuses them.
pub async fn with_latecomers(plan: &str) -> Verdict {
    let estate = estate();
    let directory = std::fs::read_to_string(estate.path().join("directory.toml"));
    let practice = format!("[[mailbox]]\norganisation = \"{}\"\n", latecomer::PRACTICE);
    let directory = directory.expect("a directory") + &practice;
    estate.write("directory.toml", &directory);
    let run = begin(estate);
    let broker = failing::start(run.estate(), plan).await;
    for number in 0..LATECOMERS {
        latecomer::come_late(&run, number).await;
    }
    run.judge(broker).await.0
}
