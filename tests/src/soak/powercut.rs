//! Power cuts under load: what was not synced is gone, and everything accepted must still be
//! delivered (I2). The store is on a disk of its own; at a random moment the broker is stopped where
//! it is, what the disk's device holds is copied, and a broker goes on with the copy.

use std::time::{Duration, Instant};

use rand::Rng as _;

use super::{Outcome, Plan, Run, estate, image};
use crate::process::BrokerProcess;

/// Room for what a document leaves behind, and for an empty store.
const DOCUMENT_KIB: u64 = 24;
const EMPTY_MIB: u64 = 128;

/// Cuts the power under load as planned, and judges what came of it.
pub(super) async fn powercut(plan: &Plan) -> Outcome {
    if let Some(why) = image::missing() {
        return Outcome::Skipped { why };
    }
    let documents = u64::from(plan.count + 1) * plan.accepted as u64;
    let mut disk = image::Disk::new(EMPTY_MIB + documents * DOCUMENT_KIB / 1_024);
    let estate = estate();
    plan.encrypts(&estate);
    let run = Run::begin(estate, plan);
    disk.hold(run.estate());
    let mut broker = BrokerProcess::start(run.estate()).await;
    let mut random = run.random(u64::MAX);
    for cut in 1..=plan.count {
        let before = run.accepted();
        run.progress(plan.accepted).await;
        tokio::time::sleep(Duration::from_millis(random.random_range(0..300))).await;
        broker.pause();
        let begun = Instant::now();
        disk.cut(|| broker.kill());
        // Every fourth time the power fails once more, while the broker reads its journal.
        if cut % 4 == 0 {
            let starting = BrokerProcess::spawn(run.estate());
            tokio::time::sleep(Duration::from_millis(random.random_range(0..200))).await;
            starting.pause();
            disk.cut(|| starting.kill());
        }
        broker = BrokerProcess::start(run.estate()).await;
        println!(
            "cut {cut}/{}: {} accepted before it ({} in all), back in {} ms",
            plan.count,
            run.accepted() - before,
            run.accepted(),
            begun.elapsed().as_millis()
        );
    }
    run.finish(broker).await.into()
}
