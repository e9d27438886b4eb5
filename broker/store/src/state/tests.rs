//! What a start finds half written.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use super::{MessageKeys, State};
use crate::conformance::sample::draft;

#[derive(Clone)]
struct Nowhere;

impl super::Body for Nowhere {
    type Piece = ();

    fn of(_: Vec<()>) -> Self {
        Self
    }

    fn pieces(&self) -> &[()] {
        &[]
    }
}

impl super::Piece for () {
    fn segment(&self) -> Option<u32> {
        None
    }
}

#[test]
fn a_replay_gives_a_message_its_keys_also_when_the_index_had_the_message_already() {
    let message = Arc::new(draft(1).message());
    let mut state: State<Nowhere> = State::default();
    // A checkpoint wrote the message and was cut short before its keys; then the journal is replayed.
    state.restore(Arc::clone(&message), 1, Nowhere, 1);
    state.accept(Arc::clone(&message), 1, Nowhere);
    let changed = state.take_changed();
    let [(keys, earlier)] = &changed.keys[..] else {
        panic!("{:?}", changed.keys)
    };
    assert_eq!(keys.submission, MessageKeys::of(&message).submission);
    assert_eq!((earlier.message, changed.live), (message.id, 1));
}
