//! The simulation is the same each time, meets everything that can happen, and finds every bug that
//! is planted. That it finds nothing in the broker as it is, the crash tests say.
#![allow(clippy::panic, reason = "tests fail by panicking")]

use std::collections::BTreeSet;

use super::{Bug, run};

const SEEDS: u64 = 200;

#[test]
fn a_seed_is_the_same_run_to_the_byte_each_time() {
    for seed in 0..3 {
        assert_eq!(
            run(seed, None).digest,
            run(seed, None).digest,
            "seed {seed}"
        );
    }
    assert_ne!(run(0, None).digest, run(1, None).digest);
}

#[test]
fn a_few_seeds_meet_everything_that_can_happen() {
    let runs: Vec<_> = (0..10).map(|seed| run(seed, None)).collect();
    let breaches: Vec<_> = runs.iter().flat_map(|run| &run.breaches).collect();
    assert!(breaches.is_empty(), "{breaches:#?}");
    let met: BTreeSet<_> = runs.iter().flat_map(|run| run.happened.keys()).collect();
    let all = [
        "acknowledged",
        "dead-lettered",
        "expired",
        "extended",
        "lapsed",
        "leased",
        "put off",
        "rejected",
        "released",
        "requeued",
        // What was parked, once it is let go.
        "rerouted",
    ];
    assert_eq!(met, all.iter().collect());
    let crashes: u32 = runs.iter().map(|run| run.crashes).sum();
    let recovered: usize = runs.iter().map(|run| run.verdict.recovered).sum();
    assert!(crashes > 20 && recovered > 0, "{crashes} {recovered}");
}

#[test]
fn every_planted_bug_is_found_within_two_hundred_seeds() {
    for bug in Bug::ALL {
        let found = (0..SEEDS).find_map(|seed| {
            let breach = run(seed, Some(bug)).breaches.into_iter().next()?;
            Some((seed, breach))
        });
        let (seed, breach) = found.unwrap_or_else(|| panic!("{bug:?} was not found"));
        println!("{bug:?}: seed {seed}: {breach}");
    }
}
