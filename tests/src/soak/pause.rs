//! A broker that stands still, as a virtual machine does while it is moved: SIGSTOP and SIGCONT under
//! load, with leases short enough to run out meanwhile and collectors slow enough to lose theirs.
//! However late an acknowledgement comes, only one lease's counts (I17).

use std::time::{Duration, Instant};

use rand::Rng as _;

use super::{Plan, Run, collectors::Pace, estate};
use crate::{checker::Verdict, process::BrokerProcess};

/// The shortest that a broker gives: most pauses are longer.
const PACE: Pace = Pace {
    lease: Duration::from_secs(1),
    hold_max: Duration::from_secs(4),
};
/// One pause in ten is as long as a machine's move when there is time for it.
const LONG: std::ops::Range<u64> = 3_000..60_000;
const SHORT: std::ops::Range<u64> = 200..2_200;
const LONG_FROM: u32 = 100;

/// Stops a broker under load as planned and lets it go on, and judges what came of it.
pub(super) async fn pause(plan: &Plan) -> Verdict {
    let run = Run::begin_at(PACE, estate(), plan);
    let broker = BrokerProcess::start(run.estate()).await;
    let mut random = run.random(u64::MAX);
    for number in 1..=plan.count {
        let before = run.accepted();
        run.progress(plan.accepted).await;
        let long = plan.count >= LONG_FROM && random.random_bool(0.1);
        let span = random.random_range(if long { LONG } else { SHORT });
        broker.pause();
        let begun = Instant::now();
        tokio::time::sleep(Duration::from_millis(span)).await;
        broker.go_on();
        println!(
            "pause {number}/{}: {} ms, {} accepted before it ({} in all)",
            plan.count,
            begun.elapsed().as_millis(),
            run.accepted() - before,
            run.accepted()
        );
    }
    run.finish(broker).await
}
