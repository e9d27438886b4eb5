//! Torn and reordered writes (I15). A broker under load is stopped again and again, and its store's
//! folder is read twice: as a power cut would leave it, which covers every sync, and as it was
//! written. Mixed block by block the two are what a disk can hold after a power cut: such a store
//! must open and have everything accepted. Beyond the promise, blocks that were synced are put back
//! to an earlier moment, or to zeros: such a store opens, or says which file is damaged and where,
//! and serves nothing wrong. The mixtures are files, and are opened in this process.

mod examination;
mod folder;

use std::time::Duration;

use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};

use self::{
    examination::{Promise, Tally},
    folder::Folder,
};
use super::{Outcome, Plan, Run, estate, image};
use crate::{checker::history::Entry, process::BrokerProcess};

/// Power cuts of one store; then a new one is begun, for a long one takes long to examine.
const CUTS: u32 = 5;
/// Mixtures made of each cut.
const MIXTURES: u32 = 10;
/// So often the broker is stopped until it is caught between a write and its sync.
const ATTEMPTS: u32 = 20;
const DISK_MIB: u64 = 96;
/// The shortest segments there can be.
const SEGMENT_BYTES: u64 = 1 << 20;

/// A power cut.
struct Cut {
    /// Some time before.
    earlier: Folder,
    /// What had reached the disk.
    synced: Folder,
    /// What the broker had written.
    written: Folder,
    /// What the clients knew.
    history: Vec<Entry>,
}

/// Mixes as many images as planned, and examines each.
pub(super) async fn torn(plan: &Plan) -> Outcome {
    if let Some(why) = image::missing() {
        return Outcome::Skipped { why };
    }
    let mut tally = Tally::default();
    for (round, first) in (0..plan.count)
        .step_by((CUTS * MIXTURES) as usize)
        .enumerate()
    {
        let count = (plan.count - first).min(CUTS * MIXTURES);
        let plan = Plan {
            count: count.div_ceil(MIXTURES),
            seed: plan.seed.wrapping_add(round as u64),
            ..plan.clone()
        };
        let cuts = cuts(&plan, &mut tally).await;
        let mut random = StdRng::seed_from_u64(plan.seed);
        for image in 0..count {
            let number = (image / MIXTURES) as usize;
            let cut = &cuts[number];
            let (mixture, promise) = match image % 2 {
                0 => (cut.synced.torn(&cut.written, &mut random), Promise::Kept),
                _ => {
                    // The segment of an earlier cut was gone on with, and sealed by a restart.
                    let earlier = cuts[..number].choose(&mut random).unwrap_or(cut);
                    let stale = cut.synced.stale(&earlier.earlier, &mut random);
                    (stale, Promise::Named)
                }
            };
            tally.examine(&mixture, &cut.history, promise).await;
        }
        println!("{tally}");
    }
    let (line, breaches) = tally.end();
    Outcome::Counted { line, breaches }
}

/// Cuts the power as planned under load. The run itself must come out clean, too.
async fn cuts(plan: &Plan, tally: &mut Tally) -> Vec<Cut> {
    let disk = image::Disk::new(DISK_MIB);
    let estate = estate();
    let short = format!("reserve_bytes = 0\nsegment_bytes_max = {SEGMENT_BYTES}");
    let configuration = estate.configuration().replace("reserve_bytes = 0", &short);
    estate.write("broker.toml", &configuration);
    let run = Run::begin(estate, plan);
    disk.hold(run.estate());
    let mut broker = BrokerProcess::start(run.estate()).await;
    let mut random = run.random(u64::MAX);
    let mut cuts = Vec::new();
    for _ in 0..plan.count {
        run.hold(true);
        run.progress(plan.accepted.div_ceil(2)).await;
        broker.pause();
        let earlier = Folder::read(&disk.path());
        broker.go_on();
        run.progress(plan.accepted / 2).await;
        // Many leases at once: those are written, and nobody waits for their sync.
        run.hold(false);
        tokio::time::sleep(Duration::from_millis(random.random_range(0..300))).await;
        cuts.push(Cut::of(&run, &disk, &broker, &mut random, earlier).await);
        broker.kill();
        broker = BrokerProcess::start(run.estate()).await;
    }
    tally.breaches.extend(run.finish(broker).await.breaches());
    cuts
}

impl Cut {
    /// Stops the broker in the middle of a write, if it can be caught there.
    async fn of(
        run: &Run,
        disk: &image::Disk,
        broker: &BrokerProcess,
        random: &mut StdRng,
        earlier: Folder,
    ) -> Self {
        let mut attempts = ATTEMPTS;
        loop {
            attempts -= 1;
            tokio::time::sleep(Duration::from_millis(random.random_range(0..50))).await;
            broker.pause();
            let written = Folder::read(&disk.path());
            let synced = disk.peek(Folder::read);
            if synced != written || attempts == 0 {
                let history = run.history();
                return Self {
                    earlier,
                    synced,
                    written,
                    history,
                };
            }
            broker.go_on();
        }
    }
}
