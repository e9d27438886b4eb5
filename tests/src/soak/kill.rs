//! `kill -9` at random moments under load: everything accepted must be delivered, once, to its
//! recipient (I1).

use std::time::{Duration, Instant};

use rand::Rng as _;

use super::{Plan, Run, estate};
use crate::{checker::Verdict, process::BrokerProcess};

/// Kills a broker under load as planned, and judges what came of it.
pub(super) async fn kill(plan: &Plan) -> Verdict {
    let estate = estate();
    plan.encrypts(&estate);
    let run = Run::begin(estate, plan);
    let mut broker = BrokerProcess::start(run.estate()).await;
    let mut random = run.random(u64::MAX);
    for cycle in 1..=plan.count {
        let before = run.accepted();
        let begun = Instant::now();
        run.progress(plan.accepted).await;
        tokio::time::sleep(Duration::from_millis(random.random_range(0..300))).await;
        broker.kill();
        let ran = begun.elapsed();
        let killed = Instant::now();
        // Every fourth time it is killed once more, while it reads its journal.
        if cycle % 4 == 0 {
            let starting = BrokerProcess::spawn(run.estate());
            tokio::time::sleep(Duration::from_millis(random.random_range(0..200))).await;
            starting.kill();
        }
        broker = BrokerProcess::start(run.estate()).await;
        println!(
            "cycle {cycle}/{}: killed after {} ms, {} accepted ({} in all), back in {} ms",
            plan.count,
            ran.as_millis(),
            run.accepted() - before,
            run.accepted(),
            killed.elapsed().as_millis()
        );
    }
    run.finish(broker).await
}
