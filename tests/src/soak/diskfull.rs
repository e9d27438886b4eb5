//! A disk that is full (I12): submits are refused, what is there is collected and acknowledged, a
//! restart works, and when there is room again the broker goes on by itself. The disk is small; the
//! trusts fill what is left of it, and every other time another program takes the very last byte.

use std::time::{Duration, Instant};

use super::{Outcome, Plan, Run, TRUSTS, estate, image};
use crate::{process::BrokerProcess, wait};

/// Room for what a document leaves behind, and for an empty store.
const DOCUMENT_KIB: u64 = 16;
const EMPTY_MIB: u64 = 48;
/// What is left for the trusts to fill, and what the broker keeps free by itself.
const LEFT_BYTES: u64 = (RESERVE_BYTES / 2) + (5 << 18);
const RESERVE_BYTES: u64 = 4 << 20;
/// A broker that has room again accepts within this time.
const HEAL_LIMIT: Duration = Duration::from_secs(10);

/// What happens while the disk is full.
#[derive(Clone, Copy, Debug)]
enum Turn {
    /// Nothing more.
    Alone,
    /// The broker is killed and restarted.
    Killed,
    /// Another program takes all that is left.
    Exhausted,
    /// Another program does, and the broker is killed and restarted.
    ExhaustedAndKilled,
    /// Another program takes everything in the middle of the load, and the broker is killed.
    Surprised,
}

impl Turn {
    const ALL: [Self; 5] = [
        Self::Alone,
        Self::Exhausted,
        Self::Killed,
        Self::ExhaustedAndKilled,
        Self::Surprised,
    ];

    const fn kills(self) -> bool {
        matches!(
            self,
            Self::Killed | Self::ExhaustedAndKilled | Self::Surprised
        )
    }

    const fn exhausts(self) -> bool {
        matches!(
            self,
            Self::Exhausted | Self::ExhaustedAndKilled | Self::Surprised
        )
    }
}

/// Fills the disk as often as planned, and judges what came of it.
pub(super) async fn diskfull(plan: &Plan) -> Outcome {
    if let Some(why) = image::missing() {
        return Outcome::Skipped { why };
    }
    // Beside what is planned, each fill takes what is left.
    let documents = u64::from(plan.count + 1) * (plan.accepted as u64 + (LEFT_BYTES >> 12));
    let disk = image::Disk::new(EMPTY_MIB + documents * DOCUMENT_KIB / 1_024);
    let estate = estate();
    let reserve = format!("reserve_bytes = {RESERVE_BYTES}");
    let configuration = estate
        .configuration()
        .replace("reserve_bytes = 0", &reserve);
    estate.write("broker.toml", &configuration);
    let run = Run::begin(estate, plan);
    disk.hold(run.estate());
    let mut broker = BrokerProcess::start(run.estate()).await;
    for fill in 1..=plan.count {
        run.progress(plan.accepted).await;
        let turn = Turn::ALL[fill as usize % Turn::ALL.len()];
        broker = filled(&run, &disk, broker, turn).await;
        // Only the broker makes room now, and all that was accepted is still delivered.
        run.hold(false);
        let begun = Instant::now();
        run.drained().await;
        let (drained, free) = (begun.elapsed(), disk.free());
        disk.relieve(&["ballast", "last", "more"]);
        let begun = Instant::now();
        run.progress(1).await;
        let healed = begun.elapsed();
        assert!(
            healed < HEAL_LIMIT,
            "it went on after {} ms only",
            healed.as_millis()
        );
        println!(
            "fill {fill}/{} {turn:?}: {} accepted in all, {} refused, drained in {} ms with {free} \
             bytes free, accepts again after {} ms",
            plan.count,
            run.accepted(),
            run.refused_for_space(),
            drained.as_millis(),
            healed.as_millis()
        );
    }
    run.finish(broker).await.into()
}

/// Has the disk filled while nobody collects, and does what the turn says.
async fn filled(
    run: &Run,
    disk: &image::Disk,
    mut broker: BrokerProcess,
    turn: Turn,
) -> BrokerProcess {
    run.hold(true);
    let refused = run.refused_for_space();
    if matches!(turn, Turn::Surprised) {
        run.progress(100).await;
    } else {
        disk.fill("ballast", LEFT_BYTES);
        all_refused(run, refused).await;
    }
    if turn.exhausts() {
        disk.fill("last", 0);
        all_refused(run, refused).await;
    }
    if turn.kills() {
        broker.kill();
        // What is left over from the last one goes to another program, too.
        if turn.exhausts() {
            disk.fill("more", 0);
        }
        broker = BrokerProcess::start(run.estate()).await;
    }
    broker
}

/// Waits until every sender was refused.
async fn all_refused(run: &Run, before: usize) {
    wait::until("submits to be refused for want of space", async || {
        (run.refused_for_space() >= before + TRUSTS.len() * 16).then_some(())
    })
    .await;
}
