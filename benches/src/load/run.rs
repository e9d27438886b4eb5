//! One run: load for the warm-up and the measured time, then the rest is collected. Throughput and cost
//! are those of the measured time; latencies are those of documents due within it, however late they
//! came; lost and duplicated are of the whole run.

use std::{
    fmt::Display,
    io::Write as _,
    sync::Arc,
    time::{Duration, Instant},
};

use axle_broker::clock::{Clock as _, SystemClock};
use axle_client::connection::Client;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{sleep, sleep_until, timeout},
};

use super::{
    account::{self, Account},
    collect,
    job::{Job, Payload},
    pace::Pace,
    report::Outcome,
    sample::Sampler,
    submit::{self, Outgoing},
    tally::{Counts, Tally},
    target::Target,
};
use crate::{documents::Template, estate::EstateError};

/// How long what is due or under way may take to be sent, and then what is left to arrive.
const DRAIN_MAX: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What was counted in the measured time.
struct Measured {
    seconds: f64,
    counts: Counts,
    broker: Option<Account>,
    own: Option<Account>,
}

/// What was seen after it.
struct Ended {
    unsent: u64,
    drained: Duration,
    memory_peak_bytes: Option<u64>,
}

/// Plays `job` against `target`, with samples if there is a sampler.
pub async fn run(
    job: &Job,
    target: &Target,
    sampler: Option<&Sampler>,
) -> Result<Outcome, EstateError> {
    let tally = Arc::new(Tally::new()?);
    let templates = templates(job, target);
    let document_bytes = templates.first().map_or(0, Template::size);
    let outgoing = Arc::new(Outgoing::new(job, target, templates, Arc::clone(&tally)));

    let (stop, stopped) = watch::channel(false);
    let practices = practices(job, target, &outgoing, &stopped).await?;
    let client = || Client::connect(&target.sender.profile);
    submit::try_each(&outgoing, client()?).await?;
    let producers = (0..job.producers)
        .map(|_| client())
        .collect::<Result<Vec<_>, _>>()?;
    let pace = job.rate.map(|rate| Pace::begin(rate, Arc::clone(&tally)));
    let pace = pace.transpose()?.map(Arc::new);
    let mut sending = tokio::spawn(submit::submit(outgoing, producers, *job, pace.clone()));
    let measured = measure(job, target, &tally, sampler).await;
    tally.stop();
    if timeout(DRAIN_MAX, &mut sending).await.is_err() {
        sending.abort();
        complain(&tally, "sending", &"it went on long after its end");
    }
    let ended = Ended {
        unsent: match &pace {
            Some(pace) => pace.waiting().await,
            None => 0,
        },
        drained: drain(&tally).await,
        memory_peak_bytes: target.host.process.and_then(account::memory_peak_bytes),
    };
    stop.send_replace(true);
    practices.join_all().await;
    Ok(outcome(job, document_bytes, &tally, &measured?, &ended))
}

/// Opens the streams of all practices, and collects from them until `stopped`.
async fn practices(
    job: &Job,
    target: &Target,
    outgoing: &Arc<Outgoing>,
    stopped: &watch::Receiver<bool>,
) -> Result<JoinSet<()>, EstateError> {
    let mut practices = JoinSet::new();
    for (number, practice) in target.practices.iter().enumerate() {
        let client = Client::connect(&practice.profile)?;
        let collector = collect::open(&client, job.outstanding_max()).await;
        let collector = collector.map_err(|error| EstateError::Beginning {
            what: format!("collecting as {}", practice.code),
            error,
        })?;
        let incoming = Arc::clone(outgoing);
        practices.spawn(collect::collect(
            incoming,
            number,
            collector,
            stopped.clone(),
        ));
    }
    Ok(practices)
}

fn templates(job: &Job, target: &Target) -> Vec<Template> {
    let (trust, now) = (target.sender.code, SystemClock.now());
    let practices = target.practices.iter();
    let template = practices.map(|practice| match job.payload {
        Payload::Opaque => Template::opaque(job.document_bytes),
        Payload::Fhir => Template::letter(trust, practice.code, now, job.document_bytes),
    });
    template.collect()
}

/// Waits for the warm-up, then for the measured time.
async fn measure(
    job: &Job,
    target: &Target,
    tally: &Tally,
    sampler: Option<&Sampler>,
) -> Result<Measured, EstateError> {
    sleep(Duration::from_secs_f64(job.warmup_seconds)).await;
    let accounts = || {
        let broker = target.host.process.and_then(Account::of);
        (broker, Account::of(std::process::id()))
    };
    let (counts, (broker, own)) = (tally.counts(), accounts());
    let begun = Instant::now();
    let until = begun + Duration::from_secs_f64(job.measured_seconds);
    tally.measure();
    if let Some(sampler) = sampler {
        sampler
            .watch(&job.title(), tally, &target.host, until)
            .await?;
    }
    sleep_until(until.into()).await;
    let (after, seconds) = (tally.counts(), begun.elapsed().as_secs_f64());
    let (broker_after, own_after) = accounts();
    let spent = |after: Option<Account>, before| {
        after
            .zip(before)
            .map(|(after, before): (Account, Account)| after - before)
    };
    Ok(Measured {
        seconds,
        counts: Counts {
            accepted: after.accepted - counts.accepted,
            acknowledged: after.acknowledged - counts.acknowledged,
            ..after
        },
        broker: spent(broker_after, broker),
        own: spent(own_after, own),
    })
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

fn outcome(
    job: &Job,
    document_bytes: usize,
    tally: &Tally,
    measured: &Measured,
    ended: &Ended,
) -> Outcome {
    let Measured {
        seconds,
        counts,
        broker,
        own,
    } = measured;
    let acknowledged = counts.acknowledged as f64;
    let accepted_bytes = counts.accepted as f64 * document_bytes as f64;
    let per_1000 = |account: Account| account.cpu_seconds * 1000.0 / acknowledged;
    let written = broker.and_then(|broker| broker.written_bytes);
    Outcome {
        job: *job,
        documents_per_second: acknowledged / seconds,
        mib_per_second: acknowledged * document_bytes as f64 / seconds / (1024.0 * 1024.0),
        submits_per_second: counts.accepted as f64 / seconds,
        submit_ms: tally.submits().whole(),
        end_to_end_ms: tally.deliveries().whole(),
        broker_cpu_seconds_per_1000: broker.map(per_1000),
        client_cpu_seconds_per_1000: own.map_or(0.0, per_1000),
        broker_cores: broker.map(|broker| broker.cpu_seconds / seconds),
        broker_memory_peak_bytes: ended.memory_peak_bytes,
        written_per_payload_byte: written.map(|written| written as f64 / accepted_bytes),
        drain_seconds: ended.drained.as_secs_f64(),
        lost: tally.lost(),
        unsent: ended.unsent,
        whole_run: tally.counts(),
    }
}

/// Counts a failure; says the first, for the rest are likely to be the same.
pub(super) fn complain(tally: &Tally, what: &str, error: &dyn Display) {
    if tally.fail() {
        // Nobody to tell when even that fails.
        let _ = writeln!(std::io::stderr(), "{what}: {error}");
    }
}
