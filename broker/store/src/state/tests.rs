//! What a start finds half written, and what rests.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use axle_core::{delivery::Move, message::Message};

use super::{Glimpse, MessageKeys, Misfit, Outline, State};
use crate::{
    DueFor,
    conformance::sample::{PRACTICES, advance, at, claim, draft, ods},
};

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
    state.restore(Arc::clone(&message), 1, Nowhere);
    state.accept(Arc::clone(&message), 1, Nowhere);
    let changed = state.take_changed();
    let [(keys, earlier)] = &changed.keys[..] else {
        panic!("{:?}", changed.keys)
    };
    assert_eq!(keys.submission, MessageKeys::of(&message).submission);
    assert_eq!((earlier.message, changed.live), (message.id, 1));
}

/// A state whose index has just taken over this message.
fn followed(message: &Arc<Message>) -> State<Nowhere> {
    let mut state = State::beside_index();
    state.accept(Arc::clone(message), 1, Nowhere);
    let changed = state.take_changed();
    state.forget(&changed);
    state
}

#[test]
fn what_waits_rests_once_the_index_has_it_and_is_roused_before_it_moves() {
    let message = Arc::new(draft(1).message());
    let mut state = followed(&message);
    assert!(state.is_resting(message.id));
    let wish = claim(PRACTICES[0], 1, at(10));
    let first = state.claim(&wish, || [1; 16]);
    assert_eq!(first.unwrap_err(), [message.id]);
    let wanted = Move::Withdraw {
        reason: "sent in error".into(),
    };
    let step = advance(&message, ods(PRACTICES[0]), wanted, at(5));
    assert_eq!(state.advance(&step), Err(Misfit::Asleep));
    state.rouse(Arc::clone(&message), 1, Nowhere);
    let claimed = state.claim(&wish, || [1; 16]).unwrap();
    assert_eq!(claimed.len(), 1);
    // Leased it stays awake, also when the index has it.
    let changed = state.take_changed();
    state.forget(&changed);
    assert!(!state.is_resting(message.id));
}

#[test]
fn nothing_is_roused_with_what_was_read_at_another_time() {
    let message = Arc::new(draft(1).message());
    let mut state = followed(&message);
    let mut other = (*message).clone();
    other.deliveries[0].version += 1;
    state.rouse(Arc::new(other), 1, Nowhere);
    assert!(state.is_resting(message.id));
}

#[test]
fn what_was_roused_for_nothing_rests_again() {
    let message = Arc::new(draft(1).message());
    let mut state = followed(&message);
    let being_written = state.take_changed();
    state.rouse(Arc::clone(&message), 1, Nowhere);
    // The index was being written when it was roused: not yet.
    state.forget(&being_written);
    assert!(!state.is_resting(message.id));
    let written = state.take_changed();
    state.forget(&written);
    assert!(state.is_resting(message.id));
}

#[test]
fn what_rests_is_due_and_found_like_what_does_not() {
    let message = draft(1).message();
    let mut state: State<Nowhere> = State::beside_index();
    let outline = Outline {
        message: message.clone(),
        sequence: 1,
    };
    assert!(state.restore_resting(&outline, &Nowhere));
    state.settle_in();
    let due = state.due(message.expire_time, 9);
    let what: Vec<_> = due.iter().map(|one| one.what).collect();
    assert_eq!(what, [DueFor::Expire]);
    let waiting = state.waiting(&message.deliveries[0].mailbox, 9);
    assert_eq!(waiting.len(), 1);
    assert!(matches!(
        state.glimpse(message.id),
        Some(Glimpse::Resting(id)) if id == message.id
    ));
    assert_eq!((state.live(), state.pending()), (1, 1));
}
