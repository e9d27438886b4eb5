//! An encrypted store: what is on the disk says nothing, and cannot be put in another's place.

use std::{fs, path::Path};

use axle_core::change::{Acceptance, Body, Change};
use axle_model::{digest::Digest, id::MessageId};
use bytes::Bytes;

use super::{Bench, block_on, commit, keys, missing, only_piece};
use crate::{
    Store, StoreError,
    conformance::sample::{Draft, PRACTICES, acknowledge, at, claim, draft},
    embedded::{
        Embedded, MasterKeys, OpenError, Options, backup,
        files::Files as _,
        frame::{Draft as Entry, Frame},
        restore, verify_backup,
    },
};

const NUMBER: &str = "9990000018";
const NAME: &str = "O'Brien";
/// Longer than what is kept within a record or a block.
const LETTER_BYTES: usize = 20_000;

/// A letter that names its patient wherever a sender can.
fn letter(number: u64) -> Draft {
    Draft {
        submission: format!("{NUMBER}-{number}"),
        patient: Some(NUMBER.to_owned()),
        body: format!("{NAME}, {NUMBER} ")
            .repeat(LETTER_BYTES / 20)
            .into_bytes(),
        ..draft(number)
    }
}

fn accept(letter: &Draft) -> Change {
    let mut message = letter.message();
    message.correlation_id = Some(format!("about {NUMBER}").into());
    message.labels.insert("patient".to_owned(), NAME.to_owned());
    let body = Body::Whole(Bytes::from(letter.body.clone()));
    Change::from(Acceptance { message, body })
}

fn options(directory: &Path, master_keys: Option<MasterKeys>) -> Options {
    Options {
        directory: directory.to_path_buf(),
        master_keys,
        segment_bytes_max: 100_000,
        reserve_bytes: Some(0),
        ..Options::default()
    }
}

/// Letters that wait, one that is settled, and one that is still on its way.
async fn fill(store: &Embedded) {
    for number in 1..=9 {
        store.commit(accept(&letter(number))).await.unwrap();
    }
    let claimed = store.claim(claim(PRACTICES[0], 1, at(10))).await.unwrap();
    store
        .commit(acknowledge(&claimed[0], at(10)))
        .await
        .unwrap();
    store.append(only_piece(&letter(10))).await.unwrap();
    store.close().await.unwrap();
}

/// How many files of a folder hold any of these.
fn files_with(folder: &Path, planted: &[&[u8]]) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            count += files_with(&path, planted);
            continue;
        }
        let bytes = fs::read(path).unwrap();
        let holds = |planted: &&[u8]| bytes.windows(planted.len()).any(|bytes| bytes == *planted);
        count += usize::from(planted.iter().any(holds));
    }
    count
}

#[test]
fn a_planted_number_and_name_are_in_no_byte_of_the_store_or_of_a_backup() {
    // Whoever has numbers to try finds a patient by its digest as well.
    let order_key = Digest::of(NUMBER.as_bytes());
    let planted: [&[u8]; 3] = [NUMBER.as_bytes(), NAME.as_bytes(), order_key.as_bytes()];
    for master in [None, Some(keys())] {
        let place = tempfile::tempdir().unwrap();
        let [data, copy] = ["data", "copy"].map(|name| place.path().join(name));
        let store = Embedded::open(&options(&data, master.clone()), at(0)).unwrap();
        block_on(fill(&store));
        drop(store);
        backup(&data, &copy, master.as_ref()).unwrap();
        let found = [&data, &copy].map(|folder| files_with(folder, &planted));
        if master.is_some() {
            assert_eq!(found, [0, 0]);
        } else {
            // The journal's two files, and those of the index with what waits and what is over.
            assert!(found[0] >= 4 && found[1] >= 2, "{found:?}");
        }
    }
}

#[test]
fn a_backup_is_read_and_restored_by_the_key_alone() {
    let place = tempfile::tempdir().unwrap();
    let [data, copy, restored] = ["data", "copy", "new"].map(|name| place.path().join(name));
    let store = Embedded::open(&options(&data, Some(keys())), at(0)).unwrap();
    block_on(fill(&store));
    drop(store);
    let key = keys();
    assert!(matches!(
        backup(&data, &copy, None),
        Err(OpenError::Key { .. })
    ));
    backup(&data, &copy, Some(&key)).unwrap();
    let other = MasterKeys::parse(&"fedcba9876543210".repeat(4)).unwrap();
    for wrong in [None, Some(&other)] {
        assert!(matches!(
            verify_backup(&copy, wrong),
            Err(OpenError::Key { .. })
        ));
        assert!(matches!(
            restore(&copy, &restored, wrong),
            Err(OpenError::Key { .. })
        ));
    }
    let (_, report) = verify_backup(&copy, Some(&key)).unwrap();
    assert!(report.is_sound(), "{report}");
    restore(&copy, &restored, Some(&key)).unwrap();
    assert!(matches!(
        Embedded::open(&options(&restored, None), at(0)),
        Err(OpenError::Key { .. })
    ));
    let store = Embedded::open(&options(&restored, Some(key)), at(0)).unwrap();
    block_on(async {
        for number in 1..=9 {
            let letter = letter(number);
            assert_eq!(store.body(letter.id()).await.unwrap(), letter.body);
        }
        let (last, message) = (letter(10), letter(10).message());
        let uploaded = store.uploaded(message.sender, &message.submission, 7).await;
        assert_eq!(uploaded.unwrap(), last.body[7..]);
    });
}

#[test]
fn what_was_written_before_there_was_a_key_is_served_beside_what_is_encrypted() {
    let mut bench = Bench::new();
    let plain = block_on(commit(&bench.open().unwrap(), 1..=20));
    bench.master_keys = Some(keys());
    let store = bench.open().unwrap();
    let encrypted = block_on(commit(&store, 21..=40));
    block_on(store.close()).unwrap();
    drop(store);
    for keeps_index in [true, false] {
        if !keeps_index {
            bench.remove_index();
        }
        let store = bench.open().unwrap();
        let all = [&*plain, &encrypted].concat();
        assert_eq!(block_on(missing(&store, &all)), []);
        drop(store);
    }
    bench.master_keys = None;
    assert!(matches!(bench.open(), Err(OpenError::Key { .. })));
}

/// Two messages alike but for what they are about, in one segment.
fn two(master_keys: Option<MasterKeys>) -> (Bench, Vec<MessageId>) {
    let mut bench = Bench::new();
    bench.segment_bytes_max = 1 << 20;
    bench.master_keys = master_keys;
    let store = bench.open().unwrap();
    let acknowledged = block_on(commit(&store, [1, 3, 5]));
    drop(store);
    bench.remove_index();
    (bench, acknowledged)
}

/// An entry, and its body as it is written.
type Written = (Frame, Vec<u8>);

/// Writes the first segment anew after its entries were changed, with every checksum and the chain as if
/// that were how they came.
fn forge(bench: &Bench, change: impl FnOnce(&mut [Written])) {
    let listed = bench.open().unwrap();
    let opened = listed.shared.segments.open(1).unwrap();
    let mut window = opened.window().unwrap();
    let mut entries: Vec<Written> = Vec::new();
    let mut offset = crate::embedded::segment::HEADER as u64;
    while let Some(frame) = Frame::read(&mut window, offset).unwrap() {
        offset = frame.end();
        let body = frame.body(&mut window).unwrap().unwrap();
        entries.push((frame, body));
    }
    drop(listed);
    bench.remove_index();
    change(&mut entries);
    let (mut bytes, mut previous) = (opened.header.encode().to_vec(), opened.header.previous);
    for ((frame, body), sequence) in entries.iter().zip(1..) {
        let entry = Entry {
            kind: frame.kind,
            sequence,
            durable: frame.durable,
            previous,
            record: &frame.record,
            body_length: body.len() as u64,
            body_crc: crc32c::crc32c(body),
        };
        entry.encode(opened.header.mark, &mut bytes);
        bytes.extend_from_slice(body);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        previous = entry.hash();
    }
    bench.files.damage(&bench.segment(1), |written| {
        written.fill(0);
        written[..bytes.len()].copy_from_slice(&bytes);
    });
    // The segment that this start began says what came before it.
    bench.files.remove(&bench.segment(2)).unwrap();
}

fn swap_records(entries: &mut [Written]) {
    let (one, other) = entries.split_at_mut(1);
    std::mem::swap(&mut one[0].0.record, &mut other[0].0.record);
    std::mem::swap(&mut one[0].1, &mut other[0].1);
}

fn swap_bodies(entries: &mut [Written]) {
    let (one, other) = entries.split_at_mut(1);
    std::mem::swap(&mut one[0].1, &mut other[0].1);
}

#[test]
fn two_swapped_records_are_detected_though_every_checksum_holds() {
    // Without a key nobody can tell.
    let (bench, _) = two(None);
    forge(&bench, swap_records);
    drop(bench.open().unwrap());

    let (bench, _) = two(Some(keys()));
    forge(&bench, |_| {});
    drop(bench.open().unwrap());
    let (bench, _) = two(Some(keys()));
    forge(&bench, swap_records);
    match bench.open() {
        Err(OpenError::Damaged { path, what, .. }) => {
            assert_eq!(path, bench.segment(1));
            assert!(what.contains("seal"), "{what}");
        }
        other => panic!("{:?}", other.map(drop)),
    }
}

#[test]
fn two_swapped_bodies_are_detected_though_every_checksum_holds() {
    let (bench, ids) = two(None);
    forge(&bench, swap_bodies);
    let store = bench.open().unwrap();
    assert_eq!(block_on(store.body(ids[0])).unwrap(), draft(3).body);
    drop(store);

    let (bench, ids) = two(Some(keys()));
    forge(&bench, swap_bodies);
    let store = bench.open().unwrap();
    for id in &ids[..2] {
        let refused = block_on(store.body(*id)).unwrap_err();
        assert!(
            matches!(&refused, StoreError::Damaged { place, .. } if place.contains("seal")),
            "{refused}"
        );
    }
    assert_eq!(block_on(store.body(ids[2])).unwrap(), draft(5).body);
}
