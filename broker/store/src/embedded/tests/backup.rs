//! A backup of a store in use has everything up to the entry it states, and a store made of it takes
//! nothing twice.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{Bench, block_on, commit};
use crate::{
    Committed, Store, StoreError,
    conformance::sample::{PRACTICES, acknowledge, at, claim, draft},
    embedded::{Embedded, OpenError, Options, backup, is_backup, restore, verify_backup},
};

/// Submits and collects until it is told to end; how many were accepted. A third is never settled, or
/// everything is, some segments later.
fn work(store: &Embedded, end: &AtomicBool, settles_all: bool) -> u64 {
    block_on(async {
        let mut number = 0;
        while !end.load(Ordering::Relaxed) {
            number += 1;
            store.commit(draft(number).accept()).await.unwrap();
            store.shared.tell(at(number));
            if settles_all && number < 60 {
                continue;
            }
            let claimed = store.claim(claim(PRACTICES[0], 1, at(number))).await;
            let settles = settles_all || number % 3 > 0;
            for one in claimed.unwrap().iter().filter(|_| settles) {
                let settle = acknowledge(one, at(number));
                store.commit(settle).await.unwrap();
            }
        }
        number
    })
}

/// Everything a store says was accepted, in order.
async fn accepted(store: &Embedded) -> Vec<axle_model::id::MessageId> {
    let (mut ids, mut from) = (Vec::new(), 1);
    while from <= *store.ledger_head().borrow() {
        for entry in store.ledger(from, 1_000).await.unwrap() {
            from = entry.sequence + 1;
            for record in entry.records {
                if let axle_core::change::Recorded::Accepted { message, .. } = record {
                    ids.push(message);
                }
            }
        }
    }
    ids
}

#[test]
fn a_backup_of_a_store_in_use_is_whole_up_to_the_entry_it_states() {
    assert_eq!(dropped_while_backed_up(false), 0);
}

#[test]
fn a_backup_is_whole_also_when_bodies_are_dropped_while_it_is_made() {
    assert!(dropped_while_backed_up(true) > 0);
}

/// Backs a store up under load, and looks at what the backups hold; how many bytes of bodies were
/// dropped meanwhile.
fn dropped_while_backed_up(drops: bool) -> u64 {
    let (mut bench, place) = (Bench::new(), tempfile::tempdir().unwrap());
    // Long enough that the copies come faster than the segments.
    bench.segment_bytes_max = 32 << 10;
    let data = place.path().join("data");
    let options = Options {
        checkpoint_interval: match drops {
            true => Duration::from_millis(1),
            false => Duration::from_hours(1),
        },
        ..bench.options(&data)
    };
    let store = Arc::new(Embedded::open(&options, at(0)).unwrap());
    let end = Arc::new(AtomicBool::new(false));
    let worker = std::thread::spawn({
        let (store, end) = (store.clone(), end.clone());
        move || work(&store, &end, drops)
    });
    let mut before = 0;
    let mut backups = Vec::new();
    while backups.len() < 5 {
        // What was answered before the backup began must be in it.
        let durable = *store.ledger_head().borrow();
        if durable < before + if drops { 200 } else { 20 } {
            std::thread::yield_now();
            continue;
        }
        before = durable;
        let to = place.path().join(format!("backup-{}", backups.len()));
        let stated = backup(&data, &to, None).unwrap();
        assert!(stated.entries >= durable, "{stated:?} after {durable}");
        backups.push((to, stated));
    }
    end.store(true, Ordering::Relaxed);
    let number = worker.join().unwrap();
    assert!(number > 20);
    let dropped = store.counters().bytes_reclaimed.load(Ordering::Relaxed);
    let all = block_on(accepted(&store));
    for (folder, stated) in backups {
        assert!(is_backup(&folder));
        let (again, report) = verify_backup(&folder, None).unwrap();
        assert_eq!((again, report.entries), (stated, stated.entries));
        assert!(report.is_sound(), "{report}");
        let restored = folder.with_extension("restored");
        restore(&folder, &restored, None).unwrap();
        check(&bench, &restored, stated.entries, &all);
    }
    dropped
}

/// The restored store has the beginning of what was accepted, and knows it again.
fn check(bench: &Bench, restored: &Path, entries: u64, all: &[axle_model::id::MessageId]) {
    let store = Embedded::open(&bench.options(restored), at(0)).unwrap();
    block_on(async {
        assert_eq!(*store.ledger_head().borrow(), entries);
        let kept = accepted(&store).await;
        assert_eq!(kept, all[..kept.len()]);
        for number in 1..=kept.len() as u64 {
            let body = store.body(draft(number).id()).await;
            match body {
                Ok(body) => assert_eq!(body, draft(number).body),
                Err(StoreError::Dropped { message }) => {
                    let message = store.load(message).await.unwrap();
                    assert!(message.unwrap().is_settled(), "{number}");
                }
                Err(other) => panic!("{number}: {other}"),
            }
            let repeat = store.commit(draft(number).accept()).await.unwrap();
            assert!(matches!(repeat, Committed::Repeat(_)), "{repeat:?}");
        }
        assert_eq!(*store.ledger_head().borrow(), entries);
        assert_eq!(commit(&store, [1_000_000]).await.len(), 1);
    });
}

#[test]
fn a_damaged_or_half_made_backup_is_not_restored_and_nothing_is_written_over() {
    let (bench, place) = (Bench::new(), tempfile::tempdir().unwrap());
    let data = place.path().join("data");
    let store = Embedded::open(&bench.options(&data), at(0)).unwrap();
    block_on(commit(&store, 1..=30));
    let folder = place.path().join("backup");
    backup(&data, &folder, None).unwrap();
    let refused = backup(&data, &folder, None).unwrap_err();
    assert!(matches!(refused, OpenError::Format { .. }), "{refused}");
    let refused = restore(&folder, &data, None).unwrap_err();
    assert!(matches!(refused, OpenError::Format { .. }), "{refused}");
    for name in ["journal/0000000002.log", "FORMAT", "BACKUP"] {
        let path = folder.join(name);
        let whole = fs::read(&path).unwrap();
        for at in [whole.len() / 3, whole.len() - 1] {
            let mut bytes = whole.clone();
            bytes[at] ^= 4;
            fs::write(&path, bytes).unwrap();
            let refused = restore(&folder, &place.path().join("new"), None).unwrap_err();
            assert!(refused.to_string().contains(name), "{refused}");
        }
        fs::remove_file(&path).unwrap();
        assert!(restore(&folder, &place.path().join("new"), None).is_err());
        fs::write(&path, whole).unwrap();
    }
    assert!(!place.path().join("new").exists());
    restore(&folder, &place.path().join("new"), None).unwrap();
}

#[test]
fn a_segment_that_a_crash_left_without_a_header_does_not_spoil_the_backups_after_it() {
    let (bench, place) = (Bench::new(), tempfile::tempdir().unwrap());
    let data = place.path().join("data");
    let store = Embedded::open(&bench.options(&data), at(0)).unwrap();
    block_on(commit(&store, 1..=3));
    drop(store);
    fs::write(data.join("journal/0000000002.log"), [0; 4_000]).unwrap();
    let store = Embedded::open(&bench.options(&data), at(0)).unwrap();
    block_on(commit(&store, 4..=6));
    let folder = place.path().join("backup");
    let stated = backup(&data, &folder, None).unwrap();
    let restored = place.path().join("restored");
    restore(&folder, &restored, None).unwrap();
    check(
        &bench,
        &restored,
        stated.entries,
        &block_on(accepted(&store)),
    );
}
