//! Documents that arrive in pieces, and what may come between the last piece and the message.

use axle_core::change::{Acceptance, Body, Change};
use tokio::sync::oneshot;

use super::{Bench, block_on, commit, only_piece};
use crate::{
    Store, StoreError,
    conformance::sample::{at, draft},
    embedded::{committer::Command, proposal::Proposal},
};

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
        store.append(only_piece(&draft(1))).await.unwrap();
        let decided = Proposal::change(accept(1), &store.shared).unwrap();
        assert_eq!(store.abandon(at(2)), 1);
        let (answer, answered) = oneshot::channel();
        store.send(Command::Commit(decided, answer)).unwrap();
        let refused = answered.await.unwrap().unwrap_err();
        assert!(matches!(refused, StoreError::UploadUnknown), "{refused}");
        assert!(store.load(draft(1).id()).await.unwrap().is_none());
        // From the beginning again it is.
        store.append(only_piece(&draft(1))).await.unwrap();
        store.commit(accept(1)).await.unwrap();
        assert_eq!(store.body(draft(1).id()).await.unwrap(), draft(1).body);
    });
}

#[test]
fn the_time_of_the_newest_entry_is_known_also_when_it_is_a_piece() {
    let bench = Bench::new();
    let store = bench.open().unwrap();
    block_on(commit(&store, 1..=3));
    block_on(store.append(only_piece(&draft(4)))).unwrap();
    assert_eq!(store.newest_time(), Some(at(4)));
    drop(store);
    assert_eq!(bench.open().unwrap().newest_time(), Some(at(4)));
}
