//! A backup of a store in use has everything up to the entry it states, and a store made of it takes
//! nothing twice.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{Bench, block_on, commit};
use crate::{
    Committed, Store,
    conformance::sample::{PRACTICES, acknowledge, at, claim, draft},
    embedded::{Embedded, OpenError, backup, is_backup, restore, verify_backup},
};

/// Submits and collects until it is told to end; how many were accepted.
fn work(store: &Embedded, end: &AtomicBool) -> u64 {
    block_on(async {
        let mut number = 0;
        while !end.load(Ordering::Relaxed) {
            number += 1;
            store.commit(draft(number).accept()).await.unwrap();
            let claimed = store.claim(claim(PRACTICES[0], 1, at(number))).await;
            for one in claimed.unwrap().iter().filter(|_| number % 3 > 0) {
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
    let (bench, place) = (Bench::new(), tempfile::tempdir().unwrap());
    let data = place.path().join("data");
    let store = Arc::new(Embedded::open(&bench.options(&data), at(0)).unwrap());
    let end = Arc::new(AtomicBool::new(false));
    let worker = std::thread::spawn({
        let (store, end) = (store.clone(), end.clone());
        move || work(&store, &end)
    });
    let mut before = 0;
    let mut backups = Vec::new();
    while backups.len() < 5 {
        // What was answered before the backup began must be in it.
        let durable = *store.ledger_head().borrow();
        if durable < before + 20 {
            std::thread::yield_now();
            continue;
        }
        before = durable;
        let to = place.path().join(format!("backup-{}", backups.len()));
        let stated = backup(&data, &to).unwrap();
        assert!(stated.entries >= durable, "{stated:?} after {durable}");
        backups.push((to, stated));
    }
    end.store(true, Ordering::Relaxed);
    let number = worker.join().unwrap();
    assert!(number > 20);
    let all = block_on(accepted(&store));
    for (folder, stated) in backups {
        assert!(is_backup(&folder));
        let (again, report) = verify_backup(&folder).unwrap();
        assert_eq!((again, report.entries), (stated, stated.entries));
        assert!(report.is_sound(), "{report}");
        let restored = folder.with_extension("restored");
        restore(&folder, &restored).unwrap();
        check(&bench, &restored, stated.entries, &all);
    }
}

/// The restored store has the beginning of what was accepted, and knows it again.
fn check(bench: &Bench, restored: &Path, entries: u64, all: &[axle_model::id::MessageId]) {
    let store = Embedded::open(&bench.options(restored), at(0)).unwrap();
    block_on(async {
        assert_eq!(*store.ledger_head().borrow(), entries);
        let kept = accepted(&store).await;
        assert_eq!(kept, all[..kept.len()]);
        for number in 1..=kept.len() as u64 {
            assert_eq!(
                store.body(draft(number).id()).await.unwrap(),
                draft(number).body
            );
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
    backup(&data, &folder).unwrap();
    let refused = backup(&data, &folder).unwrap_err();
    assert!(matches!(refused, OpenError::Format { .. }), "{refused}");
    let refused = restore(&folder, &data).unwrap_err();
    assert!(matches!(refused, OpenError::Format { .. }), "{refused}");
    for name in ["journal/0000000002.log", "FORMAT", "BACKUP"] {
        let path = folder.join(name);
        let whole = fs::read(&path).unwrap();
        for at in [whole.len() / 3, whole.len() - 1] {
            let mut bytes = whole.clone();
            bytes[at] ^= 4;
            fs::write(&path, bytes).unwrap();
            let refused = restore(&folder, &place.path().join("new")).unwrap_err();
            assert!(refused.to_string().contains(name), "{refused}");
        }
        fs::remove_file(&path).unwrap();
        assert!(restore(&folder, &place.path().join("new")).is_err());
        fs::write(&path, whole).unwrap();
    }
    assert!(!place.path().join("new").exists());
    restore(&folder, &place.path().join("new")).unwrap();
}
