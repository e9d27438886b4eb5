//! Failpoints (I3, I13): at each named place along a commit the broker dies, its thread panics, an
//! I/O error comes back, or everything stands still for a while. From the moment it stops for safety
//! no document is accepted and nobody is told that it is ready; a restart recovers all.

use std::time::{Duration, Instant};

use rand::{Rng as _, rngs::StdRng};

use super::{Outcome, Plan, Run, estate, failing};
use crate::{
    broker::answer,
    checker::history::{self, Entry, What},
    documents::now,
    estate::Estate,
    process::{BrokerProcess, log_tail, read_log},
};

/// The places, and how often each is passed at most before something happens there. The index and
/// the segments are rarely come by; the first segment is that of the start.
const PLACES: [(&str, u64, u64); 7] = [
    ("before-write", 1, 150),
    ("before-sync", 1, 150),
    ("before-apply", 1, 150),
    ("before-answer", 1, 150),
    ("before-applied", 1, 3),
    ("before-segment", 1, 2),
    ("segment-made", 2, 3),
];
const FAULTS: [&str; 4] = ["abort", "error", "panic", "sleep"];
/// A fault that has not come by then never will.
const PATIENCE: Duration = Duration::from_secs(90);
/// The daemon's exit code when its store has stopped: try again.
const STOPPED: i32 = 75;

/// The time in which a broker that has stopped for safety may promise nothing more: from its own
/// word in the log to the start of the next.
struct Outage {
    name: String,
    from_micros: u64,
    to_micros: u64,
}

/// Brings about each fault at each place in turn, and judges what came of it.
pub(super) async fn failpoints(plan: &Plan) -> Outcome {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let kept = plan.keep.clone().unwrap_or(folder.path().to_path_buf());
    let plan = Plan {
        keep: Some(kept.clone()),
        ..plan.clone()
    };
    let estate = estate();
    let small = estate
        .configuration()
        .replace("[store]", "[store]\nsegment_bytes_max = 1048576")
        .replace("filter = \"debug", "filter = \"info");
    estate.write("broker.toml", &small);
    plan.encrypts(&estate);
    let run = Run::begin(estate, &plan);
    let mut random = run.random(u64::MAX);
    let (mut outages, mut breaches, mut unready) = (Vec::new(), Vec::new(), 0);
    for number in 0..plan.count as usize {
        let (place, fault) = (
            PLACES[number % PLACES.len()],
            FAULTS[number / PLACES.len() % FAULTS.len()],
        );
        let trial = Trial::new(place, fault, &mut random);
        let before = run.accepted();
        let seen = trial.run(&run, &plan).await;
        println!(
            "{}/{}: {}, {} accepted before it, {} times unready",
            number + 1,
            plan.count,
            trial.plan,
            run.accepted() - before,
            seen.unready
        );
        outages.extend(seen.outage);
        breaches.extend(seen.breaches);
        unready += seen.unready;
    }
    let broker = BrokerProcess::start(run.estate()).await;
    let verdict = run.finish(broker).await;
    breaches.extend(verdict.breaches());
    let late = answered(&outages, &history::read(&kept.join("history.jsonl")));
    let accepted_late = late.len();
    breaches.extend(late);
    if outages.len() > FAULTS.len() && unready == 0 {
        breaches.push("no broker that had stopped ever said that it is not ready".to_owned());
    }
    Outcome::Counted {
        line: format!(
            "failpoints: faults={} stopped={} accepted_after_a_stop={accepted_late} \
             unready_answers={unready}\n{verdict}",
            plan.count,
            outages.len()
        ),
        breaches,
    }
}

/// One fault at one place.
struct Trial {
    plan: String,
    fault: &'static str,
}

/// What was seen of it.
#[derive(Default)]
struct Seen {
    outage: Option<Outage>,
    unready: u32,
    breaches: Vec<String>,
}

impl Trial {
    fn new(place: (&str, u64, u64), fault: &'static str, random: &mut StdRng) -> Self {
        let (name, first, last) = place;
        let plan = format!("{name}={fault}@{}", random.random_range(first..=last));
        Self { plan, fault }
    }

    /// Runs a broker until the fault has come and it has ended, by itself or by `kill -9`.
    async fn run(&self, run: &Run, plan: &Plan) -> Seen {
        let log_before = read_log(run.estate()).len();
        let mut broker = failing::spawn(run.estate(), &self.plan);
        if self.fault == "sleep" {
            until_logged(run.estate(), log_before, "a failpoint fires").await;
            run.progress(plan.accepted).await;
            broker.kill();
            return Seen::default();
        }
        let mut ready = Vec::new();
        let mut seen = Seen::default();
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = broker.ended() {
                break status;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "{} never came; the log ends:\n{}",
                self.plan,
                log_tail(run.estate())
            );
            let asked = now().as_micros();
            match answer(run.estate().http_port(), "/readyz").await {
                Some((200, _)) => ready.push(asked),
                Some((503, text)) if text.contains("store: ") => seen.unready += 1,
                Some(_) | None => {}
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        };
        if self.fault == "abort" {
            return seen;
        }
        let log = read_log(run.estate()).split_off(log_before);
        let Some(from_micros) = moment(&log, "the store has stopped") else {
            let why = format!("{}: it never said that it had stopped", self.plan);
            seen.breaches.push(why);
            return seen;
        };
        if status.code() != Some(STOPPED) {
            let why = format!("{}: it ended with {status}", self.plan);
            seen.breaches.push(why);
        }
        if ready.iter().any(|asked| *asked > from_micros) {
            let why = format!("{}: it said that it was ready after that", self.plan);
            seen.breaches.push(why);
        }
        seen.outage = Some(Outage {
            name: self.plan.clone(),
            from_micros,
            to_micros: now().as_micros(),
        });
        seen
    }
}

/// Submits that were begun after a broker had stopped and answered before the next one was started.
fn answered(outages: &[Outage], entries: &[Entry]) -> Vec<String> {
    let mut begun = std::collections::BTreeMap::new();
    let mut breaches = Vec::new();
    for Entry {
        wall_micros, what, ..
    } in entries
    {
        if let What::Invoke { key, .. } = what {
            begun.insert(key, *wall_micros);
        }
        if let What::Ok { key, message } = what {
            let during = |outage: &&Outage| {
                begun[key] > outage.from_micros && *wall_micros < outage.to_micros
            };
            let outage = outages.iter().find(during);
            breaches
                .extend(outage.map(|outage| format!("{}: {message} was accepted", outage.name)));
        }
    }
    breaches
}

/// Waits for a line in the log.
async fn until_logged(estate: &Estate, from: usize, words: &str) {
    let begun = Instant::now();
    while !read_log(estate)[from..].contains(words) {
        assert!(begun.elapsed() < PATIENCE, "{}", log_tail(estate));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// When a line with these words was logged, in microseconds since 1970.
fn moment(log: &str, words: &str) -> Option<u64> {
    let line = log.lines().find(|line| line.contains(words))?;
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    let time: prost_types::Timestamp = line["timestamp"].as_str()?.parse().ok()?;
    let seconds = u64::try_from(time.seconds).ok()?;
    Some(seconds * 1_000_000 + u64::try_from(time.nanos).ok()? / 1_000)
}
