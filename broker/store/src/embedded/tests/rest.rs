//! What rests in the index is served like what does not, and a start waits for the index.

use std::{fs, thread, time::Duration};

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
