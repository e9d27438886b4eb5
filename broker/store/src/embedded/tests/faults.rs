//! Power cuts, and a disk that fails at any moment.

use std::{collections::BTreeSet, sync::Arc};

use super::{Bench, block_on, commit, missing};
use crate::{
    Store, StoreError,
    conformance::sample::{PRACTICES, acknowledge, at, claim, draft},
    embedded::Embedded,
};

/// Commits from several tasks at once, so that groups have several members.
async fn commit_together(store: &Arc<Embedded>, count: u64) -> Vec<axle_model::id::MessageId> {
    let one = |number| {
        let store = store.clone();
        tokio::spawn(async move { commit(&store, [number]).await })
    };
    let mut acknowledged = Vec::new();
    for task in (1..=count).map(one).collect::<Vec<_>>() {
        acknowledged.extend(task.await.unwrap());
    }
    acknowledged
}

/// Commits, then cuts the power; what was acknowledged and is gone. With every seed another part of
/// what was not synced survives.
fn lost_by_a_power_cut(
    mut bench: Bench,
    seed: u64,
    keeps_index: bool,
    prepare: impl FnOnce(&Bench),
) -> usize {
    let store = Arc::new(bench.open().unwrap());
    prepare(&bench);
    let acknowledged = block_on(commit_together(&store, 40));
    assert_eq!(acknowledged.len(), 40);
    let mut random = seed;
    let files = bench.files.cut_power(|| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        seed > 0 && random >> 63 == 1
    });
    drop(store);
    bench.files = files;
    if !keeps_index {
        bench.remove_index();
    }
    match bench.open() {
        Ok(store) => block_on(missing(&store, &acknowledged)).len(),
        Err(error) => panic!("seed {seed}: {error}"),
    }
}

#[test]
fn what_was_acknowledged_survives_a_power_cut() {
    for seed in 0..20 {
        for keeps_index in [false, true] {
            for bench in [Bench::new(), Bench::encrypted()] {
                let lost = lost_by_a_power_cut(bench, seed, keeps_index, |_| {});
                assert_eq!(lost, 0, "seed {seed}");
            }
        }
    }
}

#[test]
fn without_the_sync_a_power_cut_loses_documents_and_this_is_seen() {
    assert!(lost_by_a_power_cut(Bench::new(), 0, true, |bench| bench.files.ignore_sync(true)) > 0);
}

#[test]
fn a_cut_in_the_middle_of_a_group_leaves_a_store_that_opens() {
    for seed in 1..30u64 {
        let mut bench = Bench::new();
        let store = bench.open().unwrap();
        let acknowledged = block_on(commit(&store, 1..=10));
        // From here on nothing is promised, whatever part of it arrives.
        bench.files.ignore_sync(true);
        block_on(commit(&store, 11..=20));
        let mut random = seed;
        bench.files = bench.files.cut_power(|| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(seed);
            random >> 63 == 1
        });
        drop(store);
        bench.remove_index();
        // The lying disk let later frames claim what it had not kept: that is damage and refused;
        // otherwise all that was promised is there.
        if let Ok(store) = bench.open() {
            assert_eq!(block_on(missing(&store, &acknowledged)), []);
            assert_eq!(block_on(commit(&store, 21..=22)).len(), 2);
        }
    }
}

#[test]
fn what_a_start_found_survives_the_next_power_cut() {
    let mut bench = Bench::new();
    let store = bench.open().unwrap();
    // Written, and the process killed before the sync: only the system's memory has it.
    bench.files.ignore_sync(true);
    block_on(commit(&store, 1..=5));
    drop(store);
    bench.files.ignore_sync(false);
    let store = bench.open().unwrap();
    let acknowledged = block_on(commit(&store, 1..=6));
    assert_eq!(acknowledged.len(), 6);
    bench.files = bench.files.cut_power(|| false);
    drop(store);
    bench.remove_index();
    let store = bench.open().unwrap();
    assert_eq!(block_on(missing(&store, &acknowledged)), []);
}

/// A little of everything; the ids acknowledged before the first failure. After it nothing is.
async fn work(store: &Embedded) -> Vec<axle_model::id::MessageId> {
    let mut acknowledged = Vec::new();
    for number in 1..=12 {
        // It may stop as soon as it has answered: over the next segment, or a lease.
        let stopped = store.health().stopped;
        let done = store.commit(draft(number).accept()).await;
        if done.is_ok() {
            assert_eq!(stopped, None);
            acknowledged.push(draft(number).id());
        } else {
            assert!(matches!(done, Err(StoreError::Stopped { .. })), "{done:?}");
        }
        let claimed = store.claim(claim(PRACTICES[0], 1, at(20))).await;
        for one in claimed
            .iter()
            .flatten()
            .filter(|_| number.is_multiple_of(3))
        {
            // It may be refused, but once something failed it may not succeed.
            let settled = store.commit(acknowledge(one, at(21))).await;
            assert!(settled.is_ok() || store.health().stopped.is_some());
        }
        if store.health().stopped.is_some() {
            let after = store.commit(draft(number + 100).accept()).await;
            assert!(
                matches!(after, Err(StoreError::Stopped { .. })),
                "{after:?}"
            );
        }
    }
    acknowledged
}

/// One life of a store, in which the `nth` operation on its files fails: a start, a little of
/// everything, a close. What it leaves behind must open, hold all that was acknowledged, and take
/// more. Which operation failed; `None` when there were not so many.
fn fail_the(nth: usize, started_before: bool) -> Option<&'static str> {
    let mut bench = Bench::new();
    let mut acknowledged = Vec::new();
    if started_before {
        // Killed, so that the next start has a tail to make durable.
        let store = bench.open().unwrap();
        acknowledged = block_on(commit(&store, 200..=210));
        drop(store);
    }
    bench.files.fail(Some(nth));
    if let Ok(store) = bench.open() {
        acknowledged.extend(block_on(work(&store)));
        // It may fail to close, as it may fail at anything.
        drop(block_on(store.close()));
    }
    let failed = bench.files.failed();
    bench.files.fail(None);
    if nth.is_multiple_of(2) {
        bench.files = bench.files.cut_power(|| false);
    }
    let store = bench
        .open()
        .unwrap_or_else(|error| panic!("operation {nth}: {error}"));
    let missing = block_on(missing(&store, &acknowledged));
    assert_eq!(missing, [], "operation {nth}: {failed:?}");
    assert_eq!(block_on(commit(&store, [500])).len(), 1, "operation {nth}");
    failed
}

#[test]
fn whichever_operation_fails_nothing_is_acknowledged_after_it_and_nothing_is_lost() {
    for (started_before, expected) in [
        (
            false,
            &[
                "append",
                "create",
                "create_directory",
                "rename",
                "sync",
                "sync_directory",
            ][..],
        ),
        (
            true,
            &[
                "append",
                "create",
                "create_directory",
                "sync",
                "sync_directory",
            ],
        ),
    ] {
        let failures = (1..).map_while(|nth| fail_the(nth, started_before));
        let failures: Vec<_> = failures.collect();
        let kinds: BTreeSet<_> = failures.iter().copied().collect();
        assert!(kinds.iter().eq(expected), "{kinds:?}");
        assert!(failures.len() > 30, "{failures:?}");
    }
}
