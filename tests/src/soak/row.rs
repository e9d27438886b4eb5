//! The rows of the table of proofs: what each is called, how much it usually does, and what it comes
//! to. A row is a function of a [`Plan`] in a file of its own.

use std::fmt;

use clap::ValueEnum;

use super::{
    Plan, bitflip, clock, diskfull, failpoints, kill, network, pause, powercut, restore, simulate,
    torn,
};
use crate::checker::Verdict;

/// A way to break a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Row {
    /// Bit rot: a flipped bit, a file cut short, two blocks exchanged, in any file of the store.
    Bitflip,
    /// Jumps of the machine's clock, by days and by seconds.
    Clock,
    /// A disk that is full, under load, and with another program taking the last byte.
    Diskfull,
    /// A fault at each named place along a commit: death, a panic, an I/O error, a stall.
    Failpoints,
    /// `kill -9` at random moments under load.
    Kill,
    /// A network that loses, holds up and tears.
    Network,
    /// SIGSTOP and SIGCONT, with leases that run out meanwhile.
    Pause,
    /// Power cuts: what never reached the disk is gone.
    Powercut,
    /// The restore drill: backed up under load, the disk lost, and on with the backup.
    Restore,
    /// Whole lives of a broker in a simulated world, one for each seed.
    Simulate,
    /// Torn and reordered writes: mixtures of what was synced and what was not.
    Torn,
}

/// What a row came to. Its `Display` is the line that is printed last.
#[derive(Debug)]
pub enum Outcome {
    /// What the checker says of the history of a run under load.
    Judged(Verdict),
    /// A row without such a history: its own line, and a sentence for every promise broken.
    Counted {
        /// What was done, in figures.
        line: String,
        /// What went wrong.
        breaches: Vec<String>,
    },
    /// This machine cannot do it.
    Skipped {
        /// What is missing.
        why: String,
    },
}

impl Row {
    /// How often its fault is brought about, and how many documents are accepted before each, unless
    /// one says otherwise.
    pub const fn usual(self) -> (u32, usize) {
        match self {
            Self::Bitflip => (500, 0),
            Self::Clock => (20, 100),
            Self::Diskfull => (20, 100),
            Self::Failpoints => (28, 200),
            Self::Kill => (50, 300),
            Self::Network => (10, 100),
            Self::Pause => (20, 100),
            Self::Powercut => (20, 300),
            Self::Restore => (3, 200),
            Self::Simulate => (200, 0),
            Self::Torn => (100, 60),
        }
    }

    /// Does as planned. Prints a line for each fault.
    pub async fn run(self, plan: &Plan) -> Outcome {
        match self {
            Self::Bitflip => {
                let plan = plan.clone();
                let flipped = tokio::task::spawn_blocking(move || bitflip::bitflip(&plan));
                flipped.await.expect("no panic in the examination")
            }
            Self::Clock => clock::clock(plan).await,
            Self::Diskfull => diskfull::diskfull(plan).await,
            Self::Failpoints => failpoints::failpoints(plan).await,
            Self::Kill => kill::kill(plan).await.into(),
            Self::Network => network::network(plan).await,
            Self::Pause => pause::pause(plan).await.into(),
            Self::Powercut => powercut::powercut(plan).await,
            Self::Restore => restore::restore(plan).await,
            Self::Simulate => {
                let plan = plan.clone();
                let simulated = tokio::task::spawn_blocking(move || simulate::simulate(&plan));
                simulated.await.expect("no panic in the simulation")
            }
            Self::Torn => torn::torn(plan).await,
        }
    }
}

impl Outcome {
    /// Every promise broken, in a sentence.
    pub fn breaches(&self) -> Vec<String> {
        match self {
            Self::Judged(verdict) => verdict.breaches().collect(),
            Self::Counted { breaches, .. } => breaches.clone(),
            Self::Skipped { .. } => Vec::new(),
        }
    }
}

impl From<Verdict> for Outcome {
    fn from(verdict: Verdict) -> Self {
        Self::Judged(verdict)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Judged(verdict) => verdict.fmt(f),
            Self::Counted { line, .. } => f.write_str(line),
            Self::Skipped { why } => write!(f, "skipped: {why}"),
        }
    }
}
