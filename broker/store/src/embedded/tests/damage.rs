//! Damage: never served, never guessed around, always named.

use std::{fs, path::PathBuf};

use axle_model::id::MessageId;

use super::{Bench, block_on, commit, missing};
use crate::{
    Committed, Store, StoreError,
    conformance::sample::draft,
    embedded::{OpenError, files::Files as _, frame, segment},
};

/// A store that held ten messages in one segment, and how it ended.
fn bench(closed: bool) -> (Bench, Vec<MessageId>) {
    let mut bench = Bench::new();
    bench.segment_bytes_max = 1 << 20;
    let store = bench.open().unwrap();
    let acknowledged = block_on(commit(&store, 1..=10));
    if closed {
        block_on(store.close()).unwrap();
    }
    drop(store);
    (bench, acknowledged)
}

/// Where the bytes of a message's body are in the first segment.
fn body_of(bench: &Bench, number: u64) -> usize {
    let mut found = None;
    let body = draft(number).body;
    bench.files.damage(&bench.segment(1), |bytes| {
        found = bytes.windows(body.len()).position(|window| window == body);
    });
    found.unwrap()
}

fn flip(bench: &Bench, at: usize) {
    bench
        .files
        .damage(&bench.segment(1), |bytes| bytes[at] ^= 4);
}

fn refused(bench: &Bench) -> (PathBuf, u64) {
    match bench.open() {
        Err(OpenError::Damaged { path, offset, .. }) => (path, offset),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it opened"),
    }
}

#[test]
fn a_damaged_body_is_never_served_and_the_rest_is() {
    for closed in [true, false] {
        for keeps_index in [true, false] {
            let (bench, mut acknowledged) = bench(closed);
            flip(&bench, body_of(&bench, 4));
            if !keeps_index {
                bench.remove_index();
            }
            let store = bench.open().unwrap();
            let damaged = acknowledged.remove(3);
            let error = block_on(store.body(damaged)).unwrap_err();
            assert!(
                matches!(&error, StoreError::Damaged { place, .. } if place.contains("0000000001.log")),
                "{error}"
            );
            assert_eq!(block_on(missing(&store, &acknowledged)), []);
        }
    }
}

#[test]
fn no_flipped_bit_of_the_journal_is_ever_served() {
    let (mut bench, acknowledged) = bench(true);
    let mut used = 0;
    bench.files.damage(&bench.segment(1), |bytes| {
        used = bytes.iter().rposition(|&byte| byte != 0).unwrap();
    });
    let mut refusals = 0;
    let whole = bench.files.clone();
    for at in (0..=used).step_by(67) {
        bench.remove_index();
        bench.files = whole.cut_power(|| false);
        flip(&bench, at);
        match bench.open() {
            Err(OpenError::Damaged { .. }) => refusals += 1,
            Err(other) => panic!("byte {at}: {other}"),
            Ok(store) => {
                let damaged = block_on(missing(&store, &acknowledged));
                assert!(damaged.len() <= 1, "byte {at}: {damaged:?}");
            }
        }
    }
    assert!(refusals > 10, "{refusals}");
}

#[test]
fn a_damaged_record_in_the_middle_is_refused_by_name() {
    let (bench, _) = bench(false);
    bench.remove_index();
    let record_end = body_of(&bench, 4) - 1;
    flip(&bench, record_end);
    let (path, offset) = refused(&bench);
    assert_eq!(path, bench.segment(1));
    assert!((offset as usize) < record_end && offset as usize + 1_000 > record_end);
}

#[test]
fn damage_at_the_very_end_is_seen_after_a_clean_close() {
    let (bench, _) = bench(true);
    bench.remove_index();
    flip(&bench, body_of(&bench, 10) - 1);
    assert_eq!(refused(&bench).0, bench.segment(1));
}

#[test]
fn what_the_index_knows_to_be_durable_must_be_there() {
    let (bench, _) = bench(true);
    let last = body_of(&bench, 10);
    bench
        .files
        .damage(&bench.segment(1), |bytes| bytes.truncate(last));
    refused(&bench);
}

#[test]
fn a_missing_segment_is_refused() {
    let bench = Bench::new();
    let store = bench.open().unwrap();
    block_on(commit(&store, 1..=40));
    drop(store);
    bench.files.remove(&bench.segment(2)).unwrap();
    refused(&bench);
}

#[test]
fn a_frame_inside_a_document_is_not_taken_for_one() {
    // A document that carries a copy of the journal's own first frames, before a torn tail.
    let (bench, _) = bench(false);
    let mut copy = Vec::new();
    bench.files.damage(&bench.segment(1), |bytes| {
        copy = bytes[segment::HEADER..segment::HEADER + 4 * frame::HEADER].to_vec();
    });
    let store = bench.open().unwrap();
    let mut forged = draft(11);
    forged.body = copy;
    block_on(store.commit(forged.accept())).unwrap();
    drop(store);
    let record_end = {
        let body = forged.body.clone();
        let mut at = 0;
        bench.files.damage(&bench.segment(2), |bytes| {
            at = bytes
                .windows(body.len())
                .position(|window| window == body)
                .unwrap();
            bytes[at - 1] ^= 1;
        });
        at
    };
    assert!(record_end > 0);
    // Nothing later says that entry 11 was durable, so it is a torn tail.
    bench.remove_index();
    let store = bench.open().unwrap();
    assert_eq!(*store.ledger_head().borrow(), 10);
}

#[test]
fn any_damage_to_the_index_costs_a_rebuild_at_most() {
    let (bench, acknowledged) = bench(true);
    let db = bench.directory.path().join("index/db");
    let whole = fs::read(&db).unwrap();
    let damages: [fn(&mut Vec<u8>); 5] = [
        |bytes| bytes.truncate(bytes.len() / 2),
        |bytes| bytes.clear(),
        |bytes| bytes.fill(0xff),
        |bytes| bytes[100] ^= 1,
        |bytes| bytes.iter_mut().step_by(97).for_each(|byte| *byte ^= 1),
    ];
    for damage in damages {
        let mut bytes = whole.clone();
        damage(&mut bytes);
        fs::write(&db, &bytes).unwrap();
        let store = bench.open().unwrap();
        assert_eq!(block_on(missing(&store, &acknowledged)), []);
        assert_eq!(store.health().messages_live, 10);
        drop(store);
    }
}

#[test]
fn damage_to_the_keys_costs_a_rebuild_at_most_and_no_repeat_is_taken_for_new() {
    let (bench, _) = bench(true);
    let keys = bench.directory.path().join("index/keys");
    let newest = keys.join("00000001-00000001.run");
    let damages: [&dyn Fn(); 4] = [
        &|| fs::remove_dir_all(&keys).unwrap(),
        &|| fs::remove_file(&newest).unwrap(),
        &|| fs::write(&newest, &fs::read(&newest).unwrap()[..300]).unwrap(),
        &|| {
            let mut bytes = fs::read(&newest).unwrap();
            // In a block: it is only seen when a key in it is looked up.
            bytes[300] ^= 1;
            fs::write(&newest, bytes).unwrap();
        },
    ];
    for damage in damages {
        damage();
        let mut store = bench.open().unwrap();
        let mut again = block_on(store.commit(draft(3).accept()));
        if matches!(again, Err(StoreError::Stopped { .. })) {
            drop(store);
            store = bench.open().unwrap();
            again = block_on(store.commit(draft(3).accept()));
        }
        let repeats =
            |one| matches!(one, Committed::Repeat(message) if message.id == draft(3).id());
        assert!(repeats(again.unwrap()));
        assert_eq!(store.health().messages_live, 10);
        block_on(store.close()).unwrap();
        drop(store);
    }
}

#[test]
fn another_process_and_another_format_are_refused() {
    let (bench, _) = bench(true);
    let store = bench.open().unwrap();
    assert!(matches!(bench.open(), Err(OpenError::InUse { .. })));
    drop(store);
    let format = bench.directory.path().join("FORMAT");
    bench.files.damage(&format, |bytes| bytes[20] ^= 1);
    assert!(matches!(bench.open(), Err(OpenError::Format { .. })));
    bench.files.remove(&format).unwrap();
    assert!(matches!(bench.open(), Err(OpenError::Format { .. })));
}
