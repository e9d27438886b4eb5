//! A bad network between clients and broker: partitions in one direction or both, a slow line,
//! connections reset in the middle of a document. Nothing is lost or doubled by it, and soon after it
//! is mended every organisation is served again (I20).

use std::{
    net::{Ipv4Addr, TcpListener},
    time::{Duration, Instant},
};

use rand::{Rng as _, rngs::StdRng};

use super::{
    Outcome, PRACTICES, Plan, Run, TRUSTS, estate,
    proxy::{Proxy, Weather},
};
use crate::{estate::Estate, process::BrokerProcess};

/// By then everybody is served again after a network was mended.
const RECOVERY_MAX: Duration = Duration::from_secs(10);

/// Spoils the network under load as planned, and judges what came of it.
pub(super) async fn network(plan: &Plan) -> Outcome {
    let estate = estate();
    let port = behind(&estate);
    let proxy = Proxy::start(estate.grpc_port(), (Ipv4Addr::LOCALHOST, port).into()).await;
    let run = Run::begin(estate, plan);
    let broker = BrokerProcess::start(run.estate()).await;
    let mut random = run.random(u64::MAX);
    let mut slowest = Duration::ZERO;
    for number in 1..=plan.count {
        let before = run.accepted();
        run.progress(plan.accepted).await;
        let (weather, span) = bad(number, &mut random);
        proxy.set(weather);
        tokio::time::sleep(span).await;
        proxy.set(Weather::Fair);
        let recovery = recovery(&run).await;
        slowest = slowest.max(recovery);
        println!(
            "network {number}/{}: {weather:?} for {} ms, everybody served {} ms after it, {} accepted \
             ({} in all)",
            plan.count,
            span.as_millis(),
            recovery.as_millis(),
            run.accepted() - before,
            run.accepted()
        );
        assert!(recovery < RECOVERY_MAX, "somebody waited for {recovery:?}");
    }
    println!("slowest recovery: {} ms", slowest.as_millis());
    run.finish(broker).await.into()
}

/// The next bad weather, each kind in its turn, and how long it lasts.
fn bad(number: u32, random: &mut StdRng) -> (Weather, Duration) {
    let partition = |to_broker, to_clients| Weather::Partition {
        to_broker,
        to_clients,
    };
    let weather = match number % 5 {
        0 => Weather::Torn,
        1 => partition(true, true),
        2 => partition(true, false),
        3 => partition(false, true),
        _ => Weather::Slow {
            delay: Duration::from_millis(random.random_range(20..200)),
            // Two megabits a second.
            bytes_per_second: 250_000,
        },
    };
    (
        weather,
        Duration::from_millis(random.random_range(1_000..5_000)),
    )
}

/// How long until every organisation has had another answer.
async fn recovery(run: &Run) -> Duration {
    let (before, begun) = (run.answers(), Instant::now());
    let served = || {
        let now = run.answers();
        let mut all = TRUSTS.iter().chain(&PRACTICES);
        all.all(|organisation| now.get(organisation) > before.get(organisation))
    };
    while !served() && begun.elapsed() < 2 * RECOVERY_MAX {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    begun.elapsed()
}

/// Has the broker listen elsewhere, so that a proxy can take its place; where.
fn behind(estate: &Estate) -> u16 {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr());
    let port = free.expect("a free port").port();
    let file = estate.path().join("broker.toml");
    let configuration = std::fs::read_to_string(file).expect("a configuration");
    let listen = |port| format!("listen = \"127.0.0.1:{port}\"");
    let behind = configuration.replace(&listen(estate.grpc_port()), &listen(port));
    estate.write("broker.toml", &behind);
    port
}
