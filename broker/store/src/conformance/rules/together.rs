//! Several things in one change: all of them become true, or none does.

use axle_core::{
    change::{Change, Recorded},
    delivery::{Move, State},
};
use axle_model::id::DeliveryId;

use crate::{
    Committed, Store, StoreError,
    conformance::{
        Place,
        rules::twice,
        sample::{Draft, PRACTICES, acknowledge, advance, at, claim, draft, ods},
    },
};

fn withdraw() -> Move {
    Move::Withdraw {
        reason: "sent in error".into(),
    }
}

/// A message that follows from a step of another, with that step.
fn with(new: &Draft, step: axle_core::change::Advance) -> Change {
    Change {
        advance: vec![step],
        ..new.accept()
    }
}

pub async fn a_step_and_what_follows_from_it_are_one(place: &mut impl Place) {
    let store = place.open().await;
    store.commit(draft(1).accept()).await.unwrap();
    let step = advance(&draft(1).message(), ods(PRACTICES[0]), withdraw(), at(5));
    let done = store.commit(with(&draft(2), step.clone())).await.unwrap();
    assert!(matches!(done, Committed::Done), "{done:?}");
    let store = twice(place, store, async |store| {
        let withdrawn = store.load(draft(1).id()).await.unwrap().unwrap();
        assert_eq!(withdrawn.deliveries[0].state, State::Withdrawn);
        assert_eq!(store.body(draft(2).id()).await.unwrap(), draft(2).body);
        let ledger = store.ledger(2, 10).await.unwrap();
        let [entry] = &ledger[..] else {
            panic!("{ledger:?}")
        };
        assert!(matches!(
            &entry.records[..],
            [Recorded::Accepted { .. }, Recorded::Advanced { .. }]
        ));
        let totals = store.totals();
        assert_eq!((totals.accepted, totals.withdrawn), (2, 1));
        assert_eq!(totals.pending(), store.health().deliveries_pending);
    })
    .await;
    // The step cannot be taken twice, so what would follow from it is not accepted either; and that
    // the step has been taken is what is told, also when what would follow was accepted before.
    let mut again = draft(4);
    again.submission = draft(2).submission;
    for other in [draft(3), again] {
        let refused = store.commit(with(&other, step.clone())).await.unwrap_err();
        assert!(matches!(refused, StoreError::Stale { .. }), "{refused}");
    }
    twice(place, store, async |store| {
        assert!(store.load(draft(3).id()).await.unwrap().is_none());
        assert_eq!(*store.ledger_head().borrow(), 2);
    })
    .await;
}

pub async fn of_several_steps_all_are_taken_or_none(place: &mut impl Place) {
    let store = place.open().await;
    let both = Draft {
        recipients: vec![PRACTICES[0], PRACTICES[1]],
        ..draft(1)
    };
    store.commit(both.accept()).await.unwrap();
    let claimed = store.claim(claim(PRACTICES[0], 1, at(2))).await.unwrap();
    let steps = |message| {
        let step = |code: &&str| advance(message, ods(code), withdraw(), at(5));
        Change::from(PRACTICES[..2].iter().map(step).collect::<Vec<_>>())
    };
    // Decided before the lease: one of the two no longer holds.
    let refused = store.commit(steps(&both.message())).await.unwrap_err();
    let leased = DeliveryId {
        message: both.id(),
        recipient: ods(PRACTICES[0]),
    };
    assert!(
        matches!(refused, StoreError::Stale { delivery } if delivery == leased),
        "{refused}"
    );
    // The other one was not touched, nor is it kept from anybody.
    let other = store.claim(claim(PRACTICES[1], 1, at(6))).await.unwrap();
    assert_eq!(other.len(), 1);
    store.commit(acknowledge(&claimed[0], at(7))).await.unwrap();
    store.commit(acknowledge(&other[0], at(7))).await.unwrap();
    twice(place, store, async |store| {
        assert_eq!(store.totals().acknowledged, 2);
        assert_eq!(store.totals().pending(), 0);
    })
    .await;
}
