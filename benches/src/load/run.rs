//! One run: an estate, a broker, load for the warm-up and the measured time, then the rest is
//! collected. Throughput and cost are those of the measured time; latencies are those of documents
//! sent within it, however late they came; lost and duplicated are of the whole run.

use std::{
    io::Write as _,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use axle_broker::clock::{Clock as _, SystemClock};
use axle_client::{connection::Client, error::ClientError};
use axle_model::ods::OdsCode;
use tokio::{sync::watch, task::JoinSet, time::sleep};

use super::{
    account::{self, Account},
    collect,
    job::{Job, Payload},
    process::BrokerProcess,
    report::{Outcome, Quantiles},
    submit::{self, Outgoing},
    tally::{Counts, Tally},
};
use crate::{
    documents::Template,
    estate::{Estate, EstateError, TRUST},
};

/// How long what is left may take to arrive.
const DRAIN_MAX: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What was counted in the measured time.
struct Measured {
    seconds: f64,
    counts: Counts,
    broker: Account,
    own: Account,
}

/// Plays `job` against a broker of its own with its data in `folder`.
pub async fn run(job: &Job, folder: &Path) -> Result<Outcome, EstateError> {
    let estate = Estate::new(folder, job.practices, job.mailboxes)?;
    let broker = BrokerProcess::start(&estate)?;
    let client = |who: &str| Client::connect(&estate.profile(who, broker.address()));
    let tally = Arc::new(Tally::default());
    let templates = templates(job, &estate)?;
    let document_bytes = templates.first().map_or(0, Template::size) as f64;
    let outgoing = Outgoing::new(job, rand::random(), &estate, templates, Arc::clone(&tally));
    let outgoing = Arc::new(outgoing);

    let (stop, stopped) = watch::channel(false);
    let mut practices = JoinSet::new();
    for (number, code) in estate.practices().iter().enumerate() {
        let collector = collect::open(&client(code.as_str())?, job.outstanding_max()).await;
        let incoming = Arc::clone(&outgoing);
        practices.spawn(collect::collect(
            incoming,
            number,
            collector,
            stopped.clone(),
        ));
    }
    let producers = (0..job.producers)
        .map(|_| client(TRUST))
        .collect::<Result<Vec<_>, _>>()?;
    let sending = tokio::spawn(submit::submit(outgoing, producers, *job));
    let measured = measure(job, &tally, broker.id()).await;
    let submit_latencies = sending.await.unwrap_or_default();
    let drained = drain(&tally).await;
    let memory = account::memory_peak_bytes(broker.id());
    stop.send_replace(true);
    let mut latencies = Vec::new();
    while let Some(practice) = practices.join_next().await {
        latencies.extend(practice.unwrap_or_default());
    }
    broker.stop()?;

    let Measured {
        seconds,
        counts,
        broker,
        own,
    } = measured;
    let acknowledged = counts.acknowledged as f64;
    let whole = tally.counts();
    Ok(Outcome {
        job: *job,
        documents_per_second: acknowledged / seconds,
        mib_per_second: acknowledged * document_bytes / seconds / (1024.0 * 1024.0),
        submits_per_second: counts.accepted as f64 / seconds,
        submit_ms: Quantiles::of(submit_latencies),
        end_to_end_ms: Quantiles::of(latencies),
        broker_cpu_seconds_per_1000: broker.cpu_seconds * 1000.0 / acknowledged,
        client_cpu_seconds_per_1000: own.cpu_seconds * 1000.0 / acknowledged,
        broker_cores: broker.cpu_seconds / seconds,
        broker_memory_peak_bytes: memory,
        written_per_payload_byte: broker.written_bytes as f64
            / (counts.accepted as f64 * document_bytes),
        drain_seconds: drained.as_secs_f64(),
        lost: tally.lost(),
        whole_run: whole,
    })
}

fn templates(job: &Job, estate: &Estate) -> Result<Vec<Template>, EstateError> {
    let (trust, now) = (OdsCode::parse(TRUST)?, SystemClock.now());
    let template = |&practice| match job.payload {
        Payload::Opaque => Template::opaque(job.document_bytes),
        Payload::Fhir => Template::letter(trust, practice, now, job.document_bytes),
    };
    Ok(estate.practices().iter().map(template).collect())
}

/// Waits for the warm-up, then for the measured time, and stops the producers.
async fn measure(job: &Job, tally: &Tally, broker: u32) -> Measured {
    sleep(Duration::from_secs_f64(job.warmup_seconds)).await;
    let own = std::process::id();
    let (counts, accounts) = (tally.counts(), (Account::of(broker), Account::of(own)));
    let begun = Instant::now();
    tally.measure();
    sleep(Duration::from_secs_f64(job.measured_seconds)).await;
    let (after, seconds) = (tally.counts(), begun.elapsed().as_secs_f64());
    let measured = Measured {
        seconds,
        counts: Counts {
            accepted: after.accepted - counts.accepted,
            acknowledged: after.acknowledged - counts.acknowledged,
            ..after
        },
        broker: Account::of(broker) - accounts.0,
        own: Account::of(own) - accounts.1,
    };
    tally.stop();
    measured
}

/// Waits until everything accepted is acknowledged, or it has taken too long.
async fn drain(tally: &Tally) -> Duration {
    let begun = Instant::now();
    loop {
        let Counts {
            accepted,
            acknowledged,
            ..
        } = tally.counts();
        if acknowledged >= accepted || begun.elapsed() > DRAIN_MAX {
            return begun.elapsed();
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// A latency as it is kept.
pub(super) fn micros(took: Duration) -> u32 {
    u32::try_from(took.as_micros()).unwrap_or(u32::MAX)
}

/// Counts a failure; says the first, for the rest are likely to be the same.
pub(super) fn complain(tally: &Tally, what: &str, error: &ClientError) {
    if tally.fail() {
        // Nobody to tell when even that fails.
        let _ = writeln!(std::io::stderr(), "{what}: {error}");
    }
}
