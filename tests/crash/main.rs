//! Crash: a real broker killed at random moments under load keeps everything it accepted. The same
//! run, longer: `cargo run --release -p axle-tests --bin soak -- kill --count 1000`.
#![allow(clippy::print_stdout, reason = "the checker's line is the result")]

use axle_tests::soak::{self, Plan};

#[tokio::test(flavor = "multi_thread")]
async fn twenty_kills_under_load_lose_duplicate_and_misroute_nothing() {
    let seed = rand::random();
    println!("seed {seed}");
    let plan = Plan {
        cycles: 20,
        accepted_per_cycle: 1_000,
        seed,
        keep: None,
    };
    let verdict = soak::kill(&plan).await;
    println!("{verdict}");
    let breaches: Vec<String> = verdict.breaches().collect();
    assert!(verdict.is_clean(), "seed {seed}: {breaches:#?}");
    assert!(verdict.accepted >= 20_000, "{verdict}");
}
