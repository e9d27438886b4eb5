//! Bodies that are not needed really go, and nothing else does, whatever happens meanwhile.

use std::{fs, sync::Arc, time::Duration};

use axle_core::change::Change;
use axle_model::id::MessageId;
use tokio::sync::oneshot;

use super::{Bench, block_on, commit};

use crate::{
    Committed, Store, StoreError,
    conformance::sample::{
        Draft, PRACTICES, acknowledge, advance, answer, at, both, claim, draft, ods,
    },
    embedded::{
        Embedded, at_rest::AtRest, checkpoint::Wish, files::Files as _, reclaim, segment::Segments,
        verify,
    },
};

/// These are never collected.
const UNREAD: [u64; 2] = [17, 31];
const COUNT: u64 = 40;

/// Commits and settles everything but a few, and lets the index follow. Nobody has told the store
/// that time has passed, so it drops nothing by itself.
async fn settle_all_but_a_few(store: &Embedded) {
    commit(store, 1..=COUNT).await;
    loop {
        let claimed = store.claim(claim(PRACTICES[0], 100, at(1_000))).await;
        let claimed = claimed.unwrap();
        let unread = |id: MessageId| UNREAD.iter().any(|&number| draft(number).id() == id);
        let read: Vec<_> = claimed
            .iter()
            .filter(|one| !unread(one.message.id))
            .collect();
        if read.is_empty() {
            break;
        }
        for one in read {
            store.commit(acknowledge(one, at(1_001))).await.unwrap();
        }
    }
    follow(store).await;
}

/// Lets the index have everything. The checkpoint's thread ends with that, so that from here on
/// nobody drops anything but the test.
async fn follow(store: &Embedded) {
    let (answer, finished) = oneshot::channel();
    store.wishes.send(Wish::Finish(answer)).unwrap();
    finished.await.unwrap().unwrap();
}

/// Drops what is not needed by then; how many segments were rewritten.
fn reclaim(store: &Embedded, seconds: u64) -> usize {
    store.shared.tell(at(seconds));
    std::iter::from_fn(|| reclaim::step(&store.shared).then_some(())).count()
}

/// What was unread has its body; what was settled is still known, in full and once.
async fn check(store: &Embedded) {
    for number in UNREAD {
        let body = store.body(draft(number).id()).await.unwrap();
        assert_eq!(body, draft(number).body);
    }
    for number in 1..=COUNT {
        let repeat = store.commit(draft(number).accept()).await.unwrap();
        assert!(
            matches!(&repeat, Committed::Repeat(first) if first.id == draft(number).id()),
            "{repeat:?}"
        );
    }
    let mut from = 1;
    let head = *store.ledger_head().borrow();
    while from <= head {
        let entries = store.ledger(from, 7).await.unwrap();
        for entry in entries {
            assert_eq!(entry.sequence, from);
            from += 1;
        }
    }
    assert_eq!(store.totals().pending(), UNREAD.len() as u64);
}

async fn is_dropped(store: &Embedded, number: u64) -> bool {
    matches!(
        store.body(draft(number).id()).await,
        Err(StoreError::Dropped { .. })
    )
}

#[test]
fn settled_bodies_go_and_everything_else_stays() {
    let mut bench = Bench::new();
    let store = bench.open().unwrap();
    block_on(async {
        settle_all_but_a_few(&store).await;
        // Read half a page from a segment that is about to change under the reader.
        let page = store.ledger(1, 3).await.unwrap();
        assert_eq!(page.len(), 3);
        assert!(reclaim(&store, 2_000) > 0);
        assert!(is_dropped(&store, 1).await);
        check(&store).await;
        assert_eq!(reclaim(&store, 2_000), 0, "once is enough");
    });
    drop(store);
    for keeps_index in [true, false] {
        if !keeps_index {
            bench.remove_index();
        }
        bench.files = bench.files.cut_power(|| false);
        let store = bench.open().unwrap();
        block_on(async {
            assert!(is_dropped(&store, 1).await);
            check(&store).await;
        });
    }
}

#[test]
fn a_body_is_kept_until_its_recipient_has_answered() {
    let mut bench = Bench::new();
    let store = bench.open().unwrap();
    let asking = Draft {
        answers: both(5_000, 5_000),
        ..draft(COUNT + 1)
    };
    let store = block_on(async {
        store.commit(asking.accept()).await.unwrap();
        settle_all_but_a_few(&store).await;
        assert!(reclaim(&store, 2_000) > 0);
        drop(store);
        bench.files = bench.files.cut_power(|| false);
        let store = bench.open().unwrap();
        follow(&store).await;
        assert_eq!(reclaim(&store, 2_000), 0);
        assert_eq!(store.body(asking.id()).await.unwrap(), asking.body);
        for number in [20013, 30001] {
            let message = store.load(asking.id()).await.unwrap().unwrap();
            let step = advance(&message, ods(PRACTICES[0]), answer(number), at(2_001));
            store.commit(Change::from(step)).await.unwrap();
        }
        commit(&store, COUNT + 2..=COUNT + 20).await;
        drop(store);
        let store = bench.open().unwrap();
        follow(&store).await;
        store
    });
    assert!(reclaim(&store, 3_000) > 0, "nobody needs it any more");
    assert!(block_on(is_dropped(&store, COUNT + 1)));
}

#[test]
fn a_body_is_kept_for_its_retention() {
    let mut bench = Bench::new();
    bench.body_retention = Duration::from_secs(500);
    let store = bench.open().unwrap();
    block_on(settle_all_but_a_few(&store));
    reclaim(&store, 1_500);
    assert!(!block_on(is_dropped(&store, 1)));
    // A restart does not know when it was settled, and takes it to have been just now.
    drop(store);
    let store = bench.open_at(1_500).unwrap();
    reclaim(&store, 1_999);
    assert!(!block_on(is_dropped(&store, 1)));
    reclaim(&store, 2_000);
    assert!(block_on(is_dropped(&store, 1)));
}

#[test]
fn a_failure_or_a_power_cut_in_the_middle_loses_nothing() {
    for nth in 1..9 {
        for cut in [false, true] {
            let mut bench = Bench::new();
            let store = bench.open().unwrap();
            block_on(settle_all_but_a_few(&store));
            bench.files.fail(Some(nth));
            reclaim(&store, 2_000);
            bench.files.fail(None);
            block_on(check(&store));
            if cut {
                bench.files = bench.files.cut_power(|| nth % 2 == 0);
            }
            drop(store);
            bench.remove_index();
            let store = bench.open().unwrap();
            block_on(check(&store));
            block_on(follow(&store));
            reclaim(&store, 2_000);
            block_on(check(&store));
        }
    }
}

/// Makes a store whose first segments have lost their bodies; the sequence of its last entry.
fn stripped(bench: &Bench) -> u64 {
    let store = bench.open().unwrap();
    block_on(settle_all_but_a_few(&store));
    assert!(reclaim(&store, 2_000) > 0);
    *store.ledger_head().borrow()
}

#[test]
fn an_index_from_before_bodies_were_dropped_finds_its_place_again() {
    // What a crash leaves that comes before the index's newest place is on the disk.
    let bench = Bench::new();
    let store = bench.open().unwrap();
    block_on(async {
        commit(&store, 1..=2).await;
        store.close().await.unwrap();
    });
    drop(store);
    let index = bench.directory.path().join("index/db");
    let early = fs::read(&index).unwrap();
    let head = stripped(&bench);
    fs::write(&index, early).unwrap();
    let store = bench.open().unwrap();
    assert_eq!(*store.ledger_head().borrow(), head);
    block_on(check(&store));
}

#[test]
fn a_journal_that_ends_with_a_segment_without_bodies_is_read_to_its_end() {
    // As a backup has it whose last segment was full, and lost its bodies, while it was made.
    let mut bench = Bench::new();
    bench.segment_bytes_max = 1 << 20;
    let store = bench.open().unwrap();
    block_on(commit(&store, 1..=2));
    let claimed = block_on(store.claim(claim(PRACTICES[0], 2, at(1_000)))).unwrap();
    for one in &claimed {
        block_on(store.commit(acknowledge(one, at(1_001)))).unwrap();
    }
    drop(store);
    let store = bench.open().unwrap();
    let head = *store.ledger_head().borrow();
    block_on(commit(&store, [3]));
    block_on(follow(&store));
    assert_eq!(reclaim(&store, 2_000), 1);
    drop(store);
    bench.remove_index();
    bench.files.remove(&bench.segment(2)).unwrap();
    let store = bench.open().unwrap();
    assert_eq!(*store.ledger_head().borrow(), head);
}

#[test]
fn who_listed_the_segments_before_reads_one_that_was_replaced_as_it_is_now() {
    let bench = Bench::new();
    let store = bench.open().unwrap();
    block_on(settle_all_but_a_few(&store));
    let journal = bench.directory.path().join("journal");
    let files = Arc::new(bench.files.clone());
    let listed = Segments::new(
        files,
        journal,
        AtRest::default(),
        store.shared.segments.headers(),
    );
    assert!(reclaim(&store, 2_000) > 0);
    assert!(listed.open(1).unwrap().header.stripped);
}

#[test]
fn verify_tells_what_was_dropped_from_what_is_damaged() {
    let mut bench = Bench::new();
    let real = tempfile::tempdir().unwrap();
    bench.segment_bytes_max = 4_000;
    let store = Embedded::open(&bench.options(real.path()), at(0)).unwrap();
    store.shared.tell(at(0));
    block_on(async {
        settle_all_but_a_few(&store).await;
        assert!(reclaim(&store, 2_000) > 0);
    });
    drop(store);
    let report = verify(real.path(), None).unwrap();
    assert!(report.is_sound(), "{report}");
    assert!(report.bodies_dropped > 10, "{report}");
    assert_eq!(report.messages, COUNT);
    // One byte of a record in a segment without bodies.
    let path = real.path().join("journal").join("0000000001.log");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let report = verify(real.path(), None).unwrap();
    assert!(!report.is_sound(), "{report}");
    assert_eq!(report.problems[0].path, path);
}
