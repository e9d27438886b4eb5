//! The machine's clock jumps under load, by days and by seconds, with restarts in between: documents
//! that nobody collects do not expire before their time, leases neither end early nor last, and ids
//! keep their order (I16). The broker's process is told the time by libfaketime; this one, and the
//! machine's count of seconds, know the truth.

mod fake;
mod waiting;

use std::time::Instant;

use axle_pki::issue::Request;

use self::{
    fake::FakeTime,
    waiting::{Leases, Waiting},
};
use super::{Outcome, PRACTICES, Plan, Run, TRUSTS, estate};
use crate::{
    broker::get,
    documents::{now, ods},
    estate::{Estate, OPERATOR},
    process::BrokerProcess,
    wait,
};

/// How many seconds the clock is wrong, one after the other. It is never ahead by little: the checker holds what the
/// broker says against this machine's clock, and a broker that follows is then ahead of it.
const WRONG_SECONDS: [i64; 6] = [3 * 86_400, -2 * 86_400, -1, 0, 600, -600];
/// Every so many jumps the broker is killed and started while the clock is wrong.
const RESTART_EVERY: u32 = 5;
/// Certificates are valid whatever the clock says.
const DAYS_BEFORE: u64 = 10;

/// Has the clock jump under load as planned, and judges what came of it.
pub(super) async fn clock(plan: &Plan) -> Outcome {
    let estate = estate();
    waiting::admit(&estate);
    certify(&estate);
    let Some(mut fake) = FakeTime::new(&estate) else {
        let why = "libfaketime is missing".to_owned();
        return Outcome::Skipped { why };
    };
    let mut broker = start(&mut fake, &estate).await;
    let mut waiting = Waiting::begin(&estate).await;
    let leases = Leases::begin(&estate).await;
    let run = Run::begin(estate, plan);
    let estate = run.estate();
    for (jump, seconds) in (1..=plan.count).zip(WRONG_SECONDS.into_iter().cycle()) {
        let (before, begun) = (run.accepted(), Instant::now());
        fake.set(seconds);
        if jump % RESTART_EVERY == 0 {
            leases.restarted();
            broker.kill();
            broker = start(&mut fake, estate).await;
        }
        seen(estate, seconds).await;
        waiting.submit().await;
        run.progress(plan.accepted).await;
        waiting.check().await;
        println!(
            "jump {jump}/{}: {seconds} s from the truth for {} ms, {} accepted ({} in all)",
            plan.count,
            begun.elapsed().as_millis(),
            run.accepted() - before,
            run.accepted()
        );
    }
    fake.set(0);
    seen(estate, 0).await;
    leases.finish().await;
    waiting.finish().await;
    run.finish(broker).await.into()
}

async fn start(fake: &mut FakeTime, estate: &Estate) -> BrokerProcess {
    let mut broker = BrokerProcess::spawn_by(fake.command(), estate);
    fake.tells(broker.id());
    broker.ready(estate).await;
    broker
}

/// Waits until the broker has seen how wrong the clock is.
async fn seen(estate: &Estate, seconds: i64) {
    let what = format!("the broker to see a clock that is {seconds} s wrong");
    wait::until(&what, async || {
        let metrics = get(estate.http_port(), "/metrics").await?;
        let mut lines = metrics.lines();
        let offset = lines.find_map(|line| line.strip_prefix("axle_clock_offset_seconds "))?;
        let offset: f64 = offset.parse().expect("a number");
        ((offset - seconds as f64).abs() < 2.0).then_some(())
    })
    .await;
}

/// Gives everybody, the broker too, a certificate that is valid days before and after the truth.
fn certify(estate: &Estate) {
    for part in ["pem", "key"] {
        let own = estate.path().join(format!("pki/broker.{part}"));
        std::fs::remove_file(own).expect("the broker's certificate");
    }
    let since = now().as_micros() - DAYS_BEFORE * 86_400 * 1_000_000;
    let since = axle_model::time::Timestamp::from_micros(since);
    let request = || Request {
        days: 4 * u32::try_from(DAYS_BEFORE).expect("days"),
        ..Request::default()
    };
    let server_names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let broker = Request {
        server_names,
        ..request()
    };
    estate.issue_at("broker", &broker, since);
    let operator = Request {
        operator: true,
        ..request()
    };
    estate.issue_at(OPERATOR, &operator, since);
    for organisation in TRUSTS.iter().chain(&PRACTICES).chain(&waiting::OWN) {
        let holder = Request {
            organisation: Some(ods(organisation)),
            ..request()
        };
        estate.issue_at(organisation, &holder, since);
    }
}
