//! Crash: a real broker, broken in every way we know under load, keeps everything it accepted. Each
//! test is a row of the table of proofs at the numbers of every check. The same row, longer:
//! `cargo run --release -p axle-tests --bin soak -- kill --count 1000`.
#![allow(clippy::print_stdout, reason = "the checker's line is the result")]

mod mutants;

use axle_tests::{
    skip,
    soak::{Outcome, Plan, Row},
};

/// Runs a row as often as every check does, and fails on any breach.
async fn prove(test: &str, row: Row) {
    let (count, accepted) = row.usual();
    let seed = rand::random();
    println!("seed {seed}");
    let plan = Plan {
        count,
        accepted,
        seed,
        keep: None,
    };
    let outcome = row.run(&plan).await;
    println!("{outcome}");
    let breaches = outcome.breaches();
    assert!(breaches.is_empty(), "seed {seed}: {breaches:#?}");
    match outcome {
        Outcome::Judged(verdict) => {
            assert!(verdict.accepted >= count as usize * accepted, "{verdict}");
        }
        Outcome::Counted { .. } => {}
        Outcome::Skipped { why } => skip::loudly(test, &why),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_at_every_place_along_a_commit_stops_acceptance_and_loses_nothing() {
    let test = "a_fault_at_every_place_along_a_commit_stops_acceptance_and_loses_nothing";
    prove(test, Row::Failpoints).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_damaged_stores_serve_nothing_wrong_and_name_what_is_lost() {
    let test = "five_hundred_damaged_stores_serve_nothing_wrong_and_name_what_is_lost";
    prove(test, Row::Bitflip).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_simulated_lives_break_no_promise() {
    let test = "two_hundred_simulated_lives_break_no_promise";
    prove(test, Row::Simulate).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_kills_under_load_lose_duplicate_and_misroute_nothing() {
    let test = "fifty_kills_under_load_lose_duplicate_and_misroute_nothing";
    prove(test, Row::Kill).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_power_cuts_under_load_lose_duplicate_and_misroute_nothing() {
    let test = "twenty_power_cuts_under_load_lose_duplicate_and_misroute_nothing";
    prove(test, Row::Powercut).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_disks_lost_after_a_backup_cost_nothing_that_was_accepted_before_it() {
    let test = "three_disks_lost_after_a_backup_cost_nothing_that_was_accepted_before_it";
    prove(test, Row::Restore).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_fills_of_the_disk_lose_nothing_and_stop_only_what_is_new() {
    let test = "twenty_fills_of_the_disk_lose_nothing_and_stop_only_what_is_new";
    prove(test, Row::Diskfull).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_jumps_of_the_clock_expire_nothing_early_and_change_no_order() {
    let test = "twenty_jumps_of_the_clock_expire_nothing_early_and_change_no_order";
    prove(test, Row::Clock).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_pauses_let_no_two_leases_settle_one_delivery() {
    let test = "twenty_pauses_let_no_two_leases_settle_one_delivery";
    prove(test, Row::Pause).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_partitions_lose_nothing_and_are_over_in_ten_seconds() {
    let test = "ten_partitions_lose_nothing_and_are_over_in_ten_seconds";
    prove(test, Row::Network).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_torn_and_mixed_images_open_or_name_what_is_damaged() {
    let test = "a_hundred_torn_and_mixed_images_open_or_name_what_is_damaged";
    prove(test, Row::Torn).await;
}
