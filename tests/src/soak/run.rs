//! A run: trusts that send and practices that collect without end, whatever becomes of the broker,
//! which is the row's own. At the end everything is drained, and the history judged.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use rand::{SeedableRng as _, rngs::StdRng};
use tokio::{sync::watch, task::JoinSet};

use super::{
    PRACTICES, Plan, TRUSTS, books,
    collectors::{self, Pace},
    senders,
};
use crate::{
    checker::{
        self, Verdict,
        history::{Entry, History, What},
    },
    estate::{Estate, OPERATOR},
    process::{BrokerProcess, broker_binary, log_tail},
};

/// A run that stands still for this long has failed.
pub(super) const STANDSTILL: Duration = Duration::from_secs(90);

/// What the tasks of a run share.
pub(super) struct Load {
    pub(super) history: History,
    pub(super) accepted: AtomicUsize,
    pub(super) refused: AtomicUsize,
    /// Submits refused because the disk is full.
    pub(super) full: AtomicUsize,
    pub(super) pace: Pace,
    answers: Mutex<BTreeMap<&'static str, u64>>,
    stopping: AtomicBool,
    seed: u64,
}

/// Load on a broker, across its restarts.
pub struct Run {
    estate: Estate,
    load: Arc<Load>,
    keep: Option<PathBuf>,
    sending: JoinSet<()>,
    collecting: JoinSet<()>,
    /// Whether the collectors are to wait.
    hold: watch::Sender<bool>,
    finish: watch::Sender<bool>,
}

impl Load {
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// An organisation has a receipt, or its acknowledgement was confirmed.
    pub(super) fn answered(&self, organisation: &'static str) {
        let mut answers = self.answers.lock().expect("nobody panicked here");
        *answers.entry(organisation).or_default() += 1;
    }

    pub(super) fn random(&self, task: u64) -> StdRng {
        StdRng::seed_from_u64(self.seed.wrapping_mul(0x9e37_79b9).wrapping_add(task))
    }
}

impl Run {
    /// Begins to send and to collect. A broker need not be there yet.
    pub fn begin(estate: Estate, plan: &Plan) -> Self {
        Self::begin_at(Pace::default(), estate, plan)
    }

    /// The same, with collectors that work otherwise.
    pub(super) fn begin_at(pace: Pace, estate: Estate, plan: &Plan) -> Self {
        let load = Arc::new(Load {
            history: History::create(&estate.path().join("history.jsonl")),
            accepted: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            full: AtomicUsize::new(0),
            pace,
            answers: Mutex::default(),
            stopping: AtomicBool::new(false),
            seed: plan.seed,
        });
        let mut sending = JoinSet::new();
        for (number, trust) in TRUSTS.iter().enumerate() {
            senders::begin(&mut sending, &estate.client(trust), &load, trust, number);
        }
        let (hold, held) = watch::channel(false);
        let (finish, finished) = watch::channel(false);
        let mut collecting = JoinSet::new();
        for practice in PRACTICES.iter().chain(PRACTICES.first()) {
            let client = estate.client(practice);
            let load = Arc::clone(&load);
            let (held, finished) = (held.clone(), finished.clone());
            collecting.spawn(collectors::collect(client, load, practice, held, finished));
        }
        Self {
            estate,
            load,
            keep: plan.keep.clone(),
            sending,
            collecting,
            hold,
            finish,
        }
    }

    /// The folder, the certificates and the configuration.
    pub const fn estate(&self) -> &Estate {
        &self.estate
    }

    /// How many documents were accepted so far.
    pub fn accepted(&self) -> usize {
        self.load.accepted.load(Ordering::Relaxed)
    }

    /// How many submits were refused because the disk is full.
    pub fn refused_for_space(&self) -> usize {
        self.load.full.load(Ordering::Relaxed)
    }

    /// Lets the collectors wait, or go on.
    pub fn hold(&self, wait: bool) {
        self.hold.send_replace(wait);
    }

    /// Waits until every mailbox is empty.
    ///
    /// # Panics
    /// When that takes too long.
    pub async fn drained(&self) {
        books::drained(&self.estate.client(OPERATOR), &self.estate).await;
    }

    /// How many receipts or confirmed acknowledgements each organisation has.
    pub(super) fn answers(&self) -> BTreeMap<&'static str, u64> {
        let answers = self.load.answers.lock();
        answers.expect("nobody panicked here").clone()
    }

    /// What the clients did and were told so far.
    pub(super) fn history(&self) -> Vec<Entry> {
        let path = self.estate.path().join("history.jsonl");
        self.load.history.so_far(&path)
    }

    /// Randomness for one purpose, the same in every run with the same seed. The senders use the
    /// smallest numbers.
    pub fn random(&self, purpose: u64) -> StdRng {
        self.load.random(purpose)
    }

    /// Waits until so many more documents are accepted.
    ///
    /// # Panics
    /// When none is for a long time; with the end of the log.
    pub async fn progress(&self, more: usize) {
        let wanted = self.accepted() + more;
        let (mut last, mut moved) = (self.accepted(), Instant::now());
        while self.accepted() < wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
            if self.accepted() > last {
                (last, moved) = (self.accepted(), Instant::now());
            }
            assert!(
                moved.elapsed() < STANDSTILL,
                "nothing was accepted for {} s; the log ends:\n{}",
                STANDSTILL.as_secs(),
                log_tail(&self.estate)
            );
        }
    }

    /// Writes down what a client of the row's own did or was told.
    pub(super) fn record(&self, what: What) {
        self.load.history.record(what);
    }

    /// Stops to send, waits until every mailbox is empty, stops this broker, which must serve, has
    /// its store verified, and judges.
    ///
    /// # Panics
    /// When any of this takes too long, a submit was refused for good, or the store is damaged.
    pub async fn finish(self, broker: BrokerProcess) -> Verdict {
        let (verdict, estate) = self.judge(broker).await;
        verify(&estate);
        verdict
    }

    /// The same, with a store that need not be sound, and what is left.
    pub(super) async fn judge(mut self, broker: BrokerProcess) -> (Verdict, Estate) {
        self.load.stopping.store(true, Ordering::Relaxed);
        ended(&mut self.sending).await;
        self.drained().await;
        self.finish.send_replace(true);
        ended(&mut self.collecting).await;
        for trust in TRUSTS {
            books::record(&self.estate.client(trust), trust, &self.load.history).await;
        }
        let refused = self.load.refused.load(Ordering::Relaxed);
        assert_eq!(refused, 0, "submits were refused; see the history");
        let status = broker.stop().await;
        assert!(status.success(), "the broker ended with {status}");
        let load = Arc::into_inner(self.load).expect("every task has ended");
        let history = self.estate.path().join("history.jsonl");
        let verdict = checker::judge(&load.history.finish(&history));
        if let Some(folder) = &self.keep {
            fs::create_dir_all(folder).expect("a folder to keep the history in");
            for file in ["history.jsonl", "broker.log"] {
                let kept = fs::copy(self.estate.path().join(file), folder.join(file));
                kept.expect("room for the history");
            }
        }
        (verdict, self.estate)
    }
}

/// Has the broker's own `verify` read the whole store that is left.
fn verify(estate: &Estate) {
    let mut command = Command::new(broker_binary());
    let output = command
        .arg("verify")
        .arg("--config")
        .arg(estate.path().join("broker.toml"))
        .output();
    let output = output.expect("a program that can be started");
    let told = String::from_utf8_lossy(&output.stdout);
    println!("verify: {}", told.trim_end());
    assert!(output.status.success(), "the store is damaged");
}

async fn ended(tasks: &mut JoinSet<()>) {
    while let Some(task) = tasks.join_next().await {
        task.expect("no panic in a client");
    }
}
