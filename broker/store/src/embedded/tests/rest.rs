//! What rests in the index is served like what does not, and a start waits for the index.

use std::{fs, os::unix::fs::MetadataExt as _, sync::atomic::Ordering, thread, time::Duration};

use axle_core::{
    change::Change,
    delivery::{Move, State},
    message::Message,
};
use axle_model::id::{MessageId, SubmissionId};

use super::{Bench, block_on, commit, missing};
use crate::{
    DueFor, Query, Store,
    conformance::sample::{PRACTICES, SENDER, acknowledge, advance, at, claim, draft, ods},
    embedded::{Embedded, checkpoint::Wish},
};

/// Lets what waits come to rest in some way: as it does after a while, or by a new start.
type LayDown = fn(&Bench, Embedded) -> Embedded;

const LAID_DOWN: [LayDown; 3] = [
    |_, store| {
        store.wishes.send(Wish::Now).unwrap();
        while !store.shared.state().is_resting(draft(1).id()) {
            thread::sleep(Duration::from_millis(1));
        }
        store
    },
    |bench, store| {
        block_on(store.close()).unwrap();
        drop(store);
        bench.open().unwrap()
    },
    |bench, store| {
        store.wishes.send(Wish::Now).unwrap();
        while !store.shared.state().is_resting(draft(1).id()) {
            thread::sleep(Duration::from_millis(1));
        }
        drop(store);
        bench.open().unwrap()
    },
];

fn state(store: &Embedded, id: MessageId) -> State {
    let message = block_on(store.load(id)).unwrap().unwrap();
    message.deliveries[0].state
}

fn step(store: &Embedded, message: &Message, wanted: Move) {
    let step = advance(message, ods(PRACTICES[0]), wanted, at(1_002));
    block_on(store.commit(Change::from(step))).unwrap();
}

#[test]
fn what_rests_is_found_claimed_withdrawn_and_expired_and_survives_the_next_start() {
    for lay_down in LAID_DOWN {
        let bench = Bench::new();
        let store = bench.open().unwrap();
        let ids = block_on(commit(&store, 1..=5));
        let store = lay_down(&bench, store);
        let resting = |id: &MessageId| store.shared.state().is_resting(*id);
        assert!(ids.iter().all(resting));
        assert_is_found(&store, &ids);
        assert!(ids.iter().all(resting), "a look rouses nothing");
        let given = block_on(store.claim(claim(PRACTICES[0], 2, at(1_000)))).unwrap();
        let given_ids: Vec<_> = given.iter().map(|one| one.message.id).collect();
        assert_eq!(given_ids, ids[..2], "the oldest first");
        block_on(store.commit(acknowledge(&given[0], at(1_001)))).unwrap();
        let reason = "sent in error".into();
        step(&store, &draft(3).message(), Move::Withdraw { reason });
        let late = draft(4).message().expire_time;
        let due = block_on(store.due(late, 99)).unwrap();
        let expire = due.iter().filter(|one| one.what == DueFor::Expire);
        let expire: Vec<_> = expire.map(|one| one.delivery.message).collect();
        assert_eq!(expire, ids[3..4]);
        let message = draft(4).message();
        let end = advance(&message, ods(PRACTICES[0]), Move::Expire, late);
        block_on(store.commit(Change::from(end))).unwrap();
        drop(store);
        let store = bench.open().unwrap();
        let states = [0, 2, 3].map(|place: usize| state(&store, ids[place]));
        let ended = [State::Acknowledged, State::Withdrawn, State::Expired];
        assert_eq!(states, ended);
        assert!(matches!(state(&store, ids[4]), State::Queued { .. }));
        assert_eq!(store.health().messages_live, 2);
    }
}

fn assert_is_found(store: &Embedded, ids: &[MessageId]) {
    assert_eq!(block_on(missing(store, ids)), []);
    let query = Query {
        page_max: 9,
        ..Query::default()
    };
    let found = block_on(store.find(query)).unwrap().messages;
    let newest_first: Vec<_> = ids.iter().rev().copied().collect();
    assert!(found.iter().map(|one| one.id).eq(newest_first));
    let submission = SubmissionId::parse(&draft(2).submission).unwrap();
    let found = block_on(store.find_submission(ods(SENDER), &submission));
    assert_eq!(found.unwrap().as_deref(), Some(&draft(2).message()));
    for name in &draft(3).message().names {
        let found = block_on(store.find_document(name)).unwrap();
        assert!(found.iter().any(|one| one.id == ids[2]));
    }
}

#[test]
fn a_start_waits_for_whoever_still_writes_the_index_and_keeps_it() {
    let bench = Bench::new();
    let store = bench.open().unwrap();
    let ids = block_on(commit(&store, 1..=5));
    block_on(store.close()).unwrap();
    drop(store);
    let index = bench.directory.path().join("index");
    // A rebuild would remove it.
    fs::write(index.join("kept"), "").unwrap();
    let mut busy = sled::open(&index);
    while busy.is_err() {
        thread::sleep(Duration::from_millis(10));
        busy = sled::open(&index);
    }
    let writes = thread::spawn(move || {
        thread::sleep(Duration::from_millis(400));
        drop(busy);
    });
    let store = bench.open().unwrap();
    writes.join().unwrap();
    assert!(index.join("kept").exists());
    assert_eq!(block_on(missing(&store, &ids)), []);
}

#[test]
fn a_disk_that_is_full_beside_sled_has_the_index_wait_and_it_catches_up() {
    let bench = Bench::new();
    let store = bench.open().unwrap();
    let ids = block_on(commit(&store, 1..=5));
    // Whatever is written there is too much. Giving up removes it.
    let unfinished = bench
        .directory
        .path()
        .join("index/keys/00000001-00000001.new");
    std::os::unix::fs::symlink("/dev/full", &unfinished).unwrap();
    store.wishes.send(Wish::Now).unwrap();
    while fs::symlink_metadata(&unfinished).is_ok() {
        thread::yield_now();
    }
    // One of them changes meanwhile, and one more comes.
    let given = block_on(store.claim(claim(PRACTICES[0], 1, at(1_000)))).unwrap();
    block_on(store.commit(acknowledge(&given[0], at(1_001)))).unwrap();
    let more = block_on(commit(&store, 6..=6));
    assert_eq!(store.counters().checkpoints.load(Ordering::Relaxed), 0);
    block_on(store.close()).unwrap();
    assert_eq!(store.counters().checkpoints.load(Ordering::Relaxed), 2);
    drop(store);
    let store = bench.open().unwrap();
    let replayed = store.shared.state().changes();
    assert_eq!(replayed, 0, "the index has everything");
    assert_is_found(&store, &[ids, more].concat());
    assert_eq!(state(&store, given[0].message.id), State::Acknowledged);
}

#[test]
fn on_a_full_disk_the_index_waits_and_leaves_the_reserve_to_the_next_start() {
    let mut bench = Bench::new();
    bench.reserve_bytes = 4 << 20;
    let store = bench.open().unwrap();
    let mut ids = block_on(commit(&store, 1..=5));
    let checkpoints = || store.counters().checkpoints.load(Ordering::Relaxed);
    // From now on sled has room ahead.
    store.wishes.send(Wish::Now).unwrap();
    while checkpoints() == 0 {
        thread::yield_now();
    }
    ids.extend(block_on(commit(&store, 6..=9)));
    bench.files.fill(true);
    block_on(store.close()).unwrap();
    assert_eq!(checkpoints(), 1);
    drop(store);
    let reserve = fs::metadata(bench.directory.path().join("RESERVE")).unwrap();
    assert_eq!(reserve.blocks() << 9, 2 << 20);
    bench.files.fill(false);
    assert_is_found(&bench.open().unwrap(), &ids);
}
