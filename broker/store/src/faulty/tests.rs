//! That faults happen as they are told to, and that a crash forgets what it may and nothing else.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use super::*;
use crate::{
    conformance::sample::{PRACTICES, acknowledge, at, claim, draft},
    memory::Memory,
};

/// Polls until there is an answer; nothing here waits for anything else.
fn now<T>(work: impl Future<Output = T>) -> T {
    let (mut work, mut context) = (pin!(work), Context::from_waker(Waker::noop()));
    loop {
        if let Poll::Ready(answer) = work.as_mut().poll(&mut context) {
            return answer;
        }
    }
}

fn store(odds: Odds) -> Faulty<Memory> {
    Faulty::new(Memory::seeded, 7, odds)
}

const ALWAYS: u32 = 1_000;

#[test]
fn a_store_that_stops_before_has_not_made_the_change_and_one_that_stops_after_has() {
    for (made, odds) in [
        (
            false,
            Odds {
                stopped_before: ALWAYS,
                ..Odds::default()
            },
        ),
        (
            true,
            Odds {
                stopped_after: ALWAYS,
                ..Odds::default()
            },
        ),
    ] {
        let store = store(odds);
        let answer = now(store.commit(draft(1).accept()));
        assert!(
            matches!(answer, Err(StoreError::Stopped { .. })),
            "{answer:?}"
        );
        store.set_odds(Odds::default());
        let later = now(store.commit(draft(2).accept()));
        assert!(
            matches!(later, Err(StoreError::Stopped { .. })),
            "it stays stopped"
        );
        let next = now(store.after_crash());
        let found = now(next.load(draft(1).id())).unwrap();
        assert_eq!(found.is_some(), made);
        assert!(now(next.commit(draft(2).accept())).is_ok());
    }
}

#[test]
fn a_crash_forgets_the_leases_that_no_change_waited_for() {
    let store = store(Odds {
        unwritten: ALWAYS,
        ..Odds::default()
    });
    for number in 1..=2 {
        now(store.commit(draft(number).accept())).unwrap();
    }
    let leased = now(store.claim(claim(PRACTICES[0], 1, at(10)))).unwrap();
    now(store.commit(draft(3).accept())).unwrap();
    now(store.claim(claim(PRACTICES[0], 1, at(10)))).unwrap();
    let next = now(store.after_crash());
    let state = |message| now(next.load(message)).unwrap().unwrap().deliveries[0].state;
    assert_eq!(state(draft(1).id()).as_str(), "leased");
    assert_eq!(state(draft(2).id()).as_str(), "queued");
    assert_eq!(
        *next.ledger_head().borrow(),
        4,
        "a lost lease is no entry of the ledger"
    );
    assert!(now(next.commit(acknowledge(&leased[0], at(20)))).is_ok());
}

#[test]
fn what_is_under_way_in_a_crash_may_survive_and_may_not() {
    let mut survived = [0; 2];
    for seed in 0..40 {
        let odds = Odds {
            delayed: ALWAYS,
            ..Odds::default()
        };
        let store = Faulty::new(Memory::seeded, seed, odds);
        {
            let mut under_way = pin!(store.commit(draft(1).accept()));
            let mut context = Context::from_waker(Waker::noop());
            assert!(under_way.as_mut().poll(&mut context).is_pending());
        }
        let next = now(store.after_crash());
        survived[usize::from(now(next.load(draft(1).id())).unwrap().is_some())] += 1;
    }
    assert!(survived.iter().all(|&count| count > 5), "{survived:?}");
}
