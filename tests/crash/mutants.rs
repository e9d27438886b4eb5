//! Mutants: the checker is shown brokers that break a rule, and must see it each time. A proof that
//! cannot fail proves nothing.

use axle_tests::{checker::Verdict, skip, soak::mutants};

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_is_never_synced_loses_documents_in_a_power_cut_and_this_is_seen() {
    match mutants::without_the_sync().await {
        Ok(verdict) => assert!(!verdict.lost.is_empty(), "{verdict}"),
        Err(why) => skip::loudly("a_journal_that_is_never_synced", &why),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_before_the_write_loses_documents_and_this_is_seen() {
    let verdict = mutants::answering_early().await;
    assert!(!verdict.lost.is_empty(), "{verdict}");
    println!("{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_submission_is_delivered_twice_and_this_is_seen() {
    let verdict = mutants::forgetting_submissions().await;
    assert!(!verdict.duplicated.is_empty(), "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_was_lost_settles_a_delivery_and_this_is_seen() {
    let verdict = mutants::with_latecomers("any-lease").await;
    assert!(!verdict.duplicated.is_empty(), "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_broker_refuses_whoever_comes_late_and_is_found_clean() {
    let verdict: Verdict = mutants::with_latecomers("").await;
    let breaches: Vec<String> = verdict.breaches().collect();
    assert!(verdict.is_clean(), "{breaches:#?}");
}
