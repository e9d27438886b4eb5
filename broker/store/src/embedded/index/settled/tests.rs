//! Settled history in blocks: everything that was written is found, once, whatever it shares a block with.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "these are tests: a broken promise ends them"
)]

use std::{fs, time::Duration};

use sled::Config;
use tempfile::TempDir;

use super::*;
use crate::{
    Store as _,
    conformance::sample::{PRACTICES, acknowledge, at, claim, draft},
    embedded::{
        Embedded, Options,
        index::{APPLIED, WRITING},
        segment::Locator,
        verify,
    },
    state::State,
};

/// With the directory of its file.
fn settled() -> (Settled, TempDir) {
    let db = Config::new().temporary(true).open().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("settled");
    let settled = Settled::open(db.open_tree("settled").unwrap(), &path, Sealed::default());
    (settled.unwrap(), directory)
}

/// An id of the `number`th window, and in it of the `place`th message.
fn id(number: u128, place: u128) -> MessageId {
    MessageId::from_bytes((number << WINDOW_BITS | place).to_be_bytes())
}

fn entries(ids: impl IntoIterator<Item = MessageId>) -> Vec<Entry<Located>> {
    long_entries(ids, 0)
}

/// The same, whose records are longer by so much.
fn long_entries(ids: impl IntoIterator<Item = MessageId>, longer: usize) -> Vec<Entry<Located>> {
    let mut state = State::<Located>::default();
    for (number, id) in (1..).zip(ids) {
        let mut message = draft(number).message();
        message.id = id;
        message.labels.insert("long".into(), "x".repeat(longer));
        let body = Located::Whole(Locator {
            length: message.size,
            ..Locator::default()
        });
        state.accept(Arc::new(message), number, body);
    }
    state.take_changed().entries
}

/// Writes messages as one checkpoint does.
fn write(settled: &Settled, ids: impl IntoIterator<Item = MessageId>) {
    settled.put(entries(ids).iter()).unwrap();
}

fn newest_first(settled: &Settled, before: Option<MessageId>) -> Vec<MessageId> {
    let read = settled
        .newest_first(before)
        .map(|message| message.unwrap().id);
    read.collect()
}

fn holds(settled: &Settled, id: MessageId) -> bool {
    let found = settled.get(id).unwrap();
    found
        .inspect(|stored| assert_eq!(stored.message.id, id))
        .is_some()
}

#[test]
fn what_several_checkpoints_wrote_is_found_once_each_and_newest_first() {
    let (settled, _directory) = settled();
    // Each of three checkpoints settles some of every window, and the last in no order.
    let all = (1..=20).flat_map(|window| (0..40).map(move |place| id(window, place * 3)));
    let all: Vec<_> = all.collect();
    for checkpoint in 0..3 {
        let mut some: Vec<_> = all.iter().copied().skip(checkpoint).step_by(3).collect();
        some.rotate_left(checkpoint * 100);
        write(&settled, some);
    }
    // A checkpoint that is made good writes some again.
    write(&settled, all.iter().copied().skip(7).step_by(5));
    assert!(
        settled.places.len() * 3 < all.len(),
        "{}",
        settled.places.len()
    );

    for (at, &one) in all.iter().enumerate() {
        assert!(holds(&settled, one), "{one}");
        if at % 37 == 0 {
            let expected: Vec<_> = all[..at].iter().rev().copied().collect();
            assert_eq!(newest_first(&settled, Some(one)), expected);
        }
    }
    for absent in [
        id(0, 0),
        id(3, 1),
        id(3, 1 << 80),
        id(3, 200),
        id(4, 118),
        id(21, 0),
    ] {
        assert!(!holds(&settled, absent), "{absent}");
    }
    assert_eq!(
        newest_first(&settled, None),
        all.iter().rev().copied().collect::<Vec<_>>()
    );
}

#[test]
fn an_entry_comes_back_as_it_was_also_when_it_is_too_long_for_a_block() {
    let (settled, directory) = settled();
    for longer in [0, 2_000, 20_000] {
        let window = longer as u128;
        let all = long_entries((0..5).map(|place| id(window, place)), longer);
        settled.put(all.iter()).unwrap();
        for entry in &all {
            let stored = settled.get(entry.message.id).unwrap().unwrap();
            assert!(stored.is(entry, false));
        }
        assert_eq!(newest_first(&settled, Some(id(window, 5)))[..5].len(), 5);
    }
    let path = directory.path().join("settled");
    let reopened = Settled::open(settled.places.clone(), &path, Sealed::default()).unwrap();
    assert_eq!(reopened.end(), settled.end());
    assert!(holds(&reopened, id(20_000, 3)));
}

#[test]
fn a_block_is_never_written_over_and_what_it_does_not_hold_is_put_elsewhere() {
    let (settled, _directory) = settled();
    write(&settled, [1, 2, 4].map(|place| id(9, place)));
    write(&settled, [3, 6].map(|place| id(9, place)));
    let before: Vec<_> = settled.places.iter().map(|entry| entry.unwrap()).collect();
    // Under 1 there is a block, and behind what that holds there is one under 3.
    write(&settled, [1, 2, 3, 4, 5].map(|place| id(9, place)));
    let mut places: Vec<_> = (1..=6).map(|place| id(9, place)).collect();
    assert!(places.iter().all(|&one| holds(&settled, one)));
    places.reverse();
    assert_eq!(newest_first(&settled, None), places);
    for (key, value) in before {
        assert_eq!(settled.places.get(key).unwrap(), Some(value));
    }
    assert_eq!(settled.places.len(), 3);
    // One that does not hold the message it is under is not taken for it.
    let place = settled.places.get(id(9, 5).as_bytes()).unwrap().unwrap();
    settled.places.insert(id(9, 7).as_bytes(), place).unwrap();
    let refused = settled.put(entries([id(9, 7)]).iter());
    assert!(matches!(refused, Err(Unusable::Malformed(_))));
}

#[test]
fn only_the_windows_are_read_that_are_needed() {
    let (settled, _directory) = settled();
    for window in 1..=3 {
        write(&settled, (0..20).map(|place| id(window, place)));
    }
    let damaged = settled.blocks.add(b"damaged".to_vec()).unwrap().written();
    settled
        .places
        .insert(id(2, 3).as_bytes(), &damaged)
        .unwrap();
    settled.blocks.sync().unwrap();
    let mut read = settled.newest_first(None);
    assert!(read.by_ref().take(20).all(|message| message.is_ok()));
    assert!(matches!(read.next(), Some(Err(Unusable::Malformed(_)))));
    assert!(holds(&settled, id(1, 5)) && holds(&settled, id(3, 5)));
    assert!(!holds(&settled, id(3, 30)));
    assert!(settled.get(id(2, 9)).is_err());
}

#[test]
fn a_block_that_is_cut_or_says_other_lengths_is_malformed_and_nothing_worse() {
    let (settled, _directory) = settled();
    let (first, last) = (id(1, 1), id(1, 3));
    write(&settled, [first, id(1, 2), last]);
    let block = settled.block(first).unwrap().unwrap();
    // With a checksum that is right: another build may have written it.
    let put = |block: &[u8]| {
        let place = settled.blocks.add(block.to_vec()).unwrap().written();
        settled.places.insert(first.as_bytes(), &place).unwrap();
        settled.blocks.sync().unwrap();
    };
    for end in 0..block.len() {
        put(&block[..end]);
        let found = settled.get(last);
        assert!(
            matches!(found, Err(Unusable::Malformed(_)) | Ok(None)),
            "{end}"
        );
    }
    for at in 0..block.len() {
        let mut other = block.clone();
        other[at] ^= 0xff;
        put(&other);
        for sought in [first, last] {
            let found = settled.get(sought);
            assert!(matches!(found, Err(Unusable::Malformed(_)) | Ok(_)), "{at}");
        }
        let read = settled.newest_first(None).take(9);
        drop(read.map(|read| read.is_ok()).collect::<Vec<_>>());
    }
}

#[test]
fn a_damaged_file_says_so_and_never_anything_untrue() {
    let (settled, directory) = settled();
    write(&settled, (0..40).map(|place| id(1, place)));
    let path = directory.path().join("settled");
    let whole = fs::read(&path).unwrap();
    for at in (0..whole.len()).step_by(61) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x20;
        fs::write(&path, damaged).unwrap();
        let found = (0..40).map(|place| settled.get(id(1, place)));
        assert!(matches!(
            found.collect::<Result<Vec<_>, _>>(),
            Err(Unusable::Untrue(_))
        ));
    }
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let shorter = Settled::open(settled.places.clone(), &path, Sealed::default()).unwrap();
    assert!(matches!(shorter.get(id(1, 39)), Err(Unusable::Untrue(_))));
}

/// No checkpoint but the one at the end.
fn options(directory: &TempDir) -> Options {
    Options {
        directory: directory.path().to_path_buf(),
        checkpoint_interval: Duration::from_hours(1),
        ..Options::default()
    }
}

/// Accepts these, and settles whatever waits.
async fn settle(store: &Embedded, numbers: impl Iterator<Item = u64>) {
    for number in numbers {
        store.commit(draft(number).accept()).await.unwrap();
    }
    loop {
        let claimed = store.claim(claim(PRACTICES[0], 64, at(300))).await.unwrap();
        if claimed.is_empty() {
            return;
        }
        for one in claimed {
            store.commit(acknowledge(&one, at(301))).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_checkpoint_that_was_cut_short_is_made_good_and_verify_agrees() {
    let directory = tempfile::tempdir().unwrap();
    let options = options(&directory);
    // Of one that the replay brings back and one that it passes over, in turns, blocks are made.
    let store = Embedded::open(&options, at(0)).unwrap();
    for number in (2..=100).step_by(2) {
        let mut draft = draft(number);
        draft.patient = None;
        store.commit(draft.accept()).await.unwrap();
    }
    store.close().await.unwrap();
    drop(store);
    let store = Embedded::open(&options, at(0)).unwrap();
    let applied = store.shared.index.system.get(APPLIED).unwrap().unwrap();
    settle(&store, (1..=99).step_by(2)).await;
    store.close().await.unwrap();
    // As if the power had failed just before the last of it.
    let index = &store.shared.index;
    let of_nobody = |_: &[u8]| panic!("a message is not over");
    index.live.each(of_nobody).unwrap();
    index.system.insert(APPLIED, applied).unwrap();
    index.system.insert(WRITING, &[]).unwrap();
    index.sync().unwrap();
    drop(store);
    // A rebuild would remove it.
    let kept = directory.path().join("index/kept");
    fs::write(&kept, "").unwrap();

    let store = Embedded::open(&options, at(0)).unwrap();
    settle(&store, 101..=120).await;
    store.close().await.unwrap();
    for number in 1..=120 {
        let message = store.load(draft(number).id()).await.unwrap();
        assert!(message.is_some_and(|message| message.is_over()), "{number}");
    }
    let settled = &store.shared.index.settled;
    let newest = (1..=120).rev().map(|number| draft(number).id());
    assert_eq!(newest_first(settled, None), newest.collect::<Vec<_>>());
    drop(store);
    assert!(kept.exists());
    let report = verify(directory.path(), None).unwrap();
    assert!(report.is_sound(), "{report}");
    assert!(report.index_entries.is_some());

    // And it would see a block that is gone.
    let store = Embedded::open(&options, at(0)).unwrap();
    let settled = &store.shared.index.settled;
    settled.places.pop_max().unwrap().unwrap();
    store.close().await.unwrap();
    drop(store);
    let report = verify(directory.path(), None).unwrap();
    let lost = report
        .problems
        .iter()
        .filter(|problem| problem.what.contains("not as the journal"));
    assert!(lost.count() > 1, "{report}");
}

#[tokio::test]
async fn a_file_that_is_gone_or_too_short_costs_a_rebuild_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let options = options(&directory);
    let file = directory.path().join("index/settled");
    let store = Embedded::open(&options, at(0)).unwrap();
    settle(&store, 1..=20).await;
    store.close().await.unwrap();
    drop(store);
    let damages: [&dyn Fn(); 2] = [&|| fs::remove_file(&file).unwrap(), &|| {
        let whole = fs::read(&file).unwrap();
        fs::write(&file, &whole[..whole.len() - 1]).unwrap();
    }];
    for damage in damages {
        damage();
        let store = Embedded::open(&options, at(0)).unwrap();
        for number in 1..=20 {
            let message = store.load(draft(number).id()).await.unwrap();
            assert!(message.is_some_and(|message| message.is_over()), "{number}");
        }
        store.close().await.unwrap();
    }
}
