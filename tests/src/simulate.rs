//! Simulation: the real engine and the real core over the memory store with faults, in a world of
//! simulated trusts, practices, operators and a network, under a clock of its own. One thread, one
//! source of chance: a seed is a run, the same to the byte each time. A reference model hears all of
//! it, and the checker judges the history as it does that of a real broker.

mod clock;
mod door;
mod model;
mod network;
mod planted;
mod practice;
#[cfg(test)]
mod tests;
mod trust;
mod world;

use std::collections::BTreeMap;

use axle_model::digest::Digest;

pub use planted::Bug;

use crate::checker::Verdict;

/// What one seed came to.
#[derive(Clone, Debug)]
pub struct Run {
    /// The seed.
    pub seed: u64,
    /// Of the whole history and ledger: two runs with one digest were the same run.
    pub digest: Digest,
    /// How often the broker was killed.
    pub crashes: u32,
    /// How often each thing happened to a delivery, by its word.
    pub happened: BTreeMap<&'static str, u64>,
    /// What the checker says; nothing when the model had found a breach before.
    pub verdict: Verdict,
    /// Every promise broken, in a sentence; the run ends with the first.
    pub breaches: Vec<String>,
    /// The ledger and then the history, a line for each entry; empty when no promise was broken.
    pub record: String,
}

/// Lives through the run that a seed is, with at most one bug planted.
pub fn run(seed: u64, bug: Option<Bug>) -> Run {
    world::World::new(seed, bug).run()
}
