//! Documents that arrive in pieces, and what may come between the last piece and the message.

use axle_core::change::{Acceptance, Body, Change};
use bytes::Bytes;
use tokio::sync::oneshot;

use super::{Bench, block_on, commit};
use crate::{
    Chunk, Store, StoreError,
    conformance::sample::{at, draft},
    embedded::{committer::Command, proposal::Proposal},
};

/// All of a document, as its only piece.
fn chunk(number: u64) -> Chunk {
    let message = draft(number).message();
    Chunk {
        sender: message.sender,
        submission: message.submission,
        request: message.request,
        call: 1,
        offset: 0,
        data: Bytes::from(draft(number).body),
        now: at(number),
    }
}

fn accept(number: u64) -> Change {
    Change::from(Acceptance {
        message: draft(number).message(),
        body: Body::Uploaded(1),
    })
}

#[test]
fn what_was_given_up_after_its_acceptance_was_decided_is_not_accepted() {
    // Its bytes may have been dropped in between.
    let bench = Bench::new();
    let store = bench.open().unwrap();
    block_on(async {
        store.append(chunk(1)).await.unwrap();
        let decided = Proposal::change(accept(1), &store.shared).unwrap();
        assert_eq!(store.abandon(at(2)), 1);
        let (answer, answered) = oneshot::channel();
        store.send(Command::Commit(decided, answer)).unwrap();
        let refused = answered.await.unwrap().unwrap_err();
        assert!(matches!(refused, StoreError::UploadUnknown), "{refused}");
        assert!(store.load(draft(1).id()).await.unwrap().is_none());
        // From the beginning again it is.
        store.append(chunk(1)).await.unwrap();
        store.commit(accept(1)).await.unwrap();
        assert_eq!(store.body(draft(1).id()).await.unwrap(), draft(1).body);
    });
}

#[test]
fn the_time_of_the_newest_entry_is_known_also_when_it_is_a_piece() {
    let bench = Bench::new();
    let store = bench.open().unwrap();
    block_on(commit(&store, 1..=3));
    block_on(store.append(chunk(4))).unwrap();
    assert_eq!(store.newest_time(), Some(at(4)));
    drop(store);
    assert_eq!(bench.open().unwrap().newest_time(), Some(at(4)));
}
