//! Soak: a real broker's process under load, killed again and again, and what its clients saw judged
//! by the checker. The crash test runs it at the numbers of every check, the `soak` program at
//! whatever numbers somebody has time for.

mod books;
mod collectors;
mod senders;

use std::{
    fmt::Write as _,
    path::PathBuf,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tokio::task::JoinSet;

use crate::{
    checker::{self, Verdict, history::History},
    estate::{Estate, OPERATOR},
    process::{BrokerProcess, broker_binary},
};

/// Organisations that send, each with several submits under way.
const TRUSTS: [&str; 3] = ["RR8", "RBA", "RX1"];
/// Organisations that collect; the first with two collectors at once.
const PRACTICES: [&str; 4] = ["K81003", "A83008", "B82001", "C81010"];
/// Submits under way for each trust.
const SUBMITS: usize = 16;
/// A run that stands still for this long has failed.
const STANDSTILL: Duration = Duration::from_secs(90);

/// How much is to be done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How often the broker is killed.
    pub cycles: u32,
    /// How many documents are accepted before each kill.
    pub accepted_per_cycle: usize,
    /// Decides the documents and the moments of the kills.
    pub seed: u64,
    /// Where the history and the broker's log are kept; nowhere when not given.
    pub keep: Option<PathBuf>,
}

/// What a run shares.
struct Load {
    history: History,
    accepted: AtomicUsize,
    refused: AtomicUsize,
    stopping: AtomicBool,
    seed: u64,
}

impl Load {
    fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Randomness for one task, the same in every run with the same seed.
    fn random(&self, task: u64) -> StdRng {
        StdRng::seed_from_u64(self.seed.wrapping_mul(0x9e37_79b9).wrapping_add(task))
    }
}

/// Kills a broker under load as planned, and judges what came of it. Prints a line for each cycle.
pub async fn kill(plan: &Plan) -> Verdict {
    let estate = estate();
    let path = estate.path().join("history.jsonl");
    let load = Arc::new(Load {
        history: History::create(&path),
        accepted: AtomicUsize::new(0),
        refused: AtomicUsize::new(0),
        stopping: AtomicBool::new(false),
        seed: plan.seed,
    });
    let mut broker = BrokerProcess::start(&estate).await;
    let mut sending = JoinSet::new();
    for (number, trust) in TRUSTS.iter().enumerate() {
        let client = estate.client(trust);
        senders::begin(&mut sending, &client, &load, trust, number * SUBMITS);
    }
    let (finish, finished) = tokio::sync::watch::channel(false);
    let mut collecting = JoinSet::new();
    for practice in PRACTICES.iter().chain(PRACTICES.first()) {
        let client = estate.client(practice);
        collecting.spawn(collectors::collect(
            client,
            Arc::clone(&load),
            practice,
            finished.clone(),
        ));
    }
    let mut random = load.random(u64::MAX);
    for cycle in 1..=plan.cycles {
        let before = load.accepted();
        let begun = Instant::now();
        progress(&estate, &load, before + plan.accepted_per_cycle).await;
        tokio::time::sleep(Duration::from_millis(random.random_range(0..300))).await;
        broker.kill();
        let ran = begun.elapsed();
        let killed = Instant::now();
        // Every fourth time it is killed once more, while it reads its journal.
        if cycle % 4 == 0 {
            let starting = BrokerProcess::spawn(&estate);
            tokio::time::sleep(Duration::from_millis(random.random_range(0..200))).await;
            starting.kill();
        }
        broker = BrokerProcess::start(&estate).await;
        println!(
            "cycle {cycle}/{}: killed after {} ms, {} accepted ({} in all), back in {} ms",
            plan.cycles,
            ran.as_millis(),
            load.accepted() - before,
            load.accepted(),
            killed.elapsed().as_millis()
        );
    }
    load.stopping.store(true, Ordering::Relaxed);
    ended(sending).await;
    books::drained(&estate.client(OPERATOR), &estate).await;
    finish.send_replace(true);
    ended(collecting).await;
    for trust in TRUSTS {
        books::record(&estate.client(trust), trust, &load.history).await;
    }
    assert_eq!(
        load.refused.load(Ordering::Relaxed),
        0,
        "submits were refused; see the history"
    );
    let status = broker.stop().await;
    assert!(status.success(), "the broker ended with {status}");
    verify(&estate);
    let load = Arc::into_inner(load).expect("every task has ended");
    let verdict = checker::judge(&load.history.finish(&path));
    if let Some(folder) = &plan.keep {
        keep(folder, &estate);
    }
    verdict
}

/// Waits until so many documents are accepted in all.
async fn progress(estate: &Estate, load: &Load, accepted: usize) {
    let (mut last, mut moved) = (load.accepted(), Instant::now());
    while load.accepted() < accepted {
        tokio::time::sleep(Duration::from_millis(5)).await;
        if load.accepted() > last {
            (last, moved) = (load.accepted(), Instant::now());
        }
        if moved.elapsed() > STANDSTILL {
            let log = crate::process::read_log(estate);
            let end: String = log
                .lines()
                .rev()
                .take(20)
                .fold(String::new(), |mut all, line| {
                    let _ = writeln!(all, "{line}");
                    all
                });
            panic!(
                "nothing was accepted for {} s; the log ends:\n{end}",
                STANDSTILL.as_secs()
            );
        }
    }
}

/// Has the broker's own `verify` read the whole store that is left.
fn verify(estate: &Estate) {
    let mut command = Command::new(broker_binary());
    let output = command
        .arg("verify")
        .arg("--store")
        .arg(estate.data())
        .output();
    let output = output.expect("a program that can be started");
    let told = String::from_utf8_lossy(&output.stdout);
    println!("verify: {}", told.trim_end());
    assert!(output.status.success(), "the store is damaged");
}

async fn ended(mut tasks: JoinSet<()>) {
    while let Some(task) = tasks.join_next().await {
        task.expect("no panic in a client");
    }
}

fn estate() -> Estate {
    let estate = Estate::new();
    let mailbox = |practice| format!("[[mailbox]]\norganisation = \"{practice}\"\n");
    estate.write("directory.toml", &PRACTICES.map(mailbox).concat());
    // A delivery may be on lease at many kills; none may become a dead letter by that.
    estate.write(
        "routing.toml",
        "version = 1\n\
         [defaults]\nworkflow = \"LETTERS\"\n\
         [[workflow]]\nid = \"LETTERS\"\nattempts_max = 1000\n\
         retry_base_seconds = 1\nretry_ceiling_seconds = 1\n\
         [[allow]]\nsender = \"*\"\nworkflow = \"*\"\nrecipient = \"*\"\n",
    );
    let quiet = estate
        .configuration()
        .replace("filter = \"debug", "filter = \"info");
    estate.write("broker.toml", &quiet);
    estate
}

fn keep(folder: &std::path::Path, estate: &Estate) {
    std::fs::create_dir_all(folder).expect("a folder to keep the history in");
    for file in ["history.jsonl", "broker.log"] {
        std::fs::copy(estate.path().join(file), folder.join(file)).expect("room for the history");
    }
}
