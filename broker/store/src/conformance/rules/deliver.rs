//! Delivering: in order, under leases that fence, and never silently forgotten.

use std::time::Duration;

use axle_core::{
    change::Change,
    delivery::{Move, State},
};
use axle_model::{envelope::Priority, id::MessageId, time::Timestamp};

use crate::{
    Claim, DueFor, Store, StoreError,
    conformance::{
        Place,
        rules::twice,
        sample::{PRACTICES, acknowledge, advance, at, claim, draft, mailbox, ods, waiting},
    },
};

async fn due(store: &impl Store, now: Timestamp) -> Vec<(MessageId, DueFor)> {
    let due = store.due(now, 10).await.unwrap();
    due.into_iter()
        .map(|one| (one.delivery.message, one.what))
        .collect()
}

pub async fn urgent_comes_before_routine_and_oldest_first(place: &mut impl Place) {
    let store = place.open().await;
    for number in 1..=6 {
        let mut one = draft(number);
        if number.is_multiple_of(3) {
            one.priority = Priority::Urgent;
        }
        store.commit(one.accept()).await.unwrap();
    }
    let store = place.reopen(store).await;
    let mut got = Vec::new();
    for max in [1, 2, 10] {
        let claimed = store.claim(claim(PRACTICES[0], max, at(10))).await.unwrap();
        got.extend(claimed.iter().map(|one| one.message.id));
    }
    assert_eq!(got, [3, 6, 1, 2, 4, 5].map(|number| draft(number).id()));
    assert!(
        store
            .claim(claim(PRACTICES[0], 1, at(10)))
            .await
            .unwrap()
            .is_empty()
    );
}

pub async fn a_claim_stops_at_its_bytes_but_gives_one(place: &mut impl Place) {
    let store = place.open().await;
    for number in 1..=3 {
        let mut one = draft(number);
        one.body = vec![0; 1_000 * number as usize];
        store.commit(one.accept()).await.unwrap();
    }
    for (bytes_max, expected) in [(10, vec![1]), (4_999, vec![2]), (5_000, vec![3])] {
        let mut wish = claim(PRACTICES[0], 10, at(10));
        wish.bytes_max = bytes_max;
        let claimed = store.claim(wish).await.unwrap();
        let got: Vec<_> = claimed.iter().map(|one| one.message.id).collect();
        let expected: Vec<_> = expected
            .into_iter()
            .map(|number| draft(number).id())
            .collect();
        assert_eq!(got, expected, "{bytes_max} bytes");
    }
}

pub async fn only_the_newest_lease_counts(place: &mut impl Place) {
    let store = place.open().await;
    store.commit(draft(1).accept()).await.unwrap();
    let first = store
        .claim(claim(PRACTICES[0], 1, at(10)))
        .await
        .unwrap()
        .remove(0);
    assert_eq!(
        first.delivery().unwrap().state,
        State::Leased { until: at(70) }
    );
    let store = place.reopen(store).await;
    let lapsed = advance(&first.message, ods(PRACTICES[0]), Move::Lapse, at(70));
    let rests = match lapsed.step.state {
        State::Queued { not_before } => not_before,
        other => panic!("{other:?}"),
    };
    store.commit(Change::from(lapsed)).await.unwrap();
    let second = store
        .claim(claim(PRACTICES[0], 1, rests))
        .await
        .unwrap()
        .remove(0);
    assert_eq!((first.token.key.epoch, second.token.key.epoch), (1, 2));
    assert_ne!(first.token.key.nonce, second.token.key.nonce);
    twice(place, store, async |store| {
        let stale = store.commit(acknowledge(&first, at(80))).await.unwrap_err();
        assert!(matches!(stale, StoreError::Stale { .. }), "{stale}");
        let message = store.load(draft(1).id()).await.unwrap().unwrap();
        assert_eq!(message.deliveries, second.message.deliveries);
    })
    .await;
}

pub async fn a_settled_message_stays_and_moves_no_more(place: &mut impl Place) {
    let store = place.open().await;
    store.commit(draft(1).accept()).await.unwrap();
    let claimed = store
        .claim(claim(PRACTICES[0], 1, at(10)))
        .await
        .unwrap()
        .remove(0);
    store.commit(acknowledge(&claimed, at(11))).await.unwrap();
    twice(place, store, async |store| {
        let again = store
            .commit(acknowledge(&claimed, at(12)))
            .await
            .unwrap_err();
        assert!(matches!(again, StoreError::Stale { .. }), "{again}");
        let message = store.load(draft(1).id()).await.unwrap().unwrap();
        assert_eq!(message.deliveries[0].state, State::Acknowledged);
        assert_eq!(store.body(message.id).await.unwrap(), draft(1).body);
        assert_eq!(store.mailboxes().await.unwrap(), []);
        assert_eq!(store.health().messages_live, 0);
        let mut unknown = acknowledge(&claimed, at(12));
        unknown.advance[0].delivery.message = draft(9).id();
        let unknown = store.commit(unknown).await.unwrap_err();
        assert!(matches!(unknown, StoreError::Unknown { .. }), "{unknown}");
    })
    .await;
}

pub async fn what_is_due_stays_due_until_it_is_moved(place: &mut impl Place) {
    let store = place.open().await;
    let mut short = draft(1);
    short.lifetime = Duration::from_secs(30);
    store.commit(short.accept()).await.unwrap();
    store.commit(draft(2).accept()).await.unwrap();
    let leased = store.claim(claim(PRACTICES[0], 2, at(10))).await.unwrap();
    assert_eq!(leased.len(), 2);
    assert_eq!(due(&store, at(69)).await, []);
    let store = twice(place, store, async |store| {
        let both = [draft(1).id(), draft(2).id()].map(|id| (id, DueFor::Lapse));
        assert_eq!(due(store, at(70)).await, both);
        assert_eq!(store.due(at(70), 1).await.unwrap().len(), 1);
    })
    .await;
    // A lease that lapses past the deadline ends the delivery; the other one rests.
    for one in &leased {
        let lapse = advance(&one.message, ods(PRACTICES[0]), Move::Lapse, at(70));
        store.commit(Change::from(lapse)).await.unwrap();
    }
    let store = place.reopen(store).await;
    assert_eq!(due(&store, at(70)).await, []);
    assert!(
        store
            .claim(claim(PRACTICES[0], 1, at(70)))
            .await
            .unwrap()
            .is_empty()
    );
    let waiter = waiting(&store, mailbox(PRACTICES[0]));
    assert_eq!(due(&store, at(100)).await, []);
    waiter.rung().await;
    assert_eq!(
        store
            .claim(claim(PRACTICES[0], 1, at(100)))
            .await
            .unwrap()
            .len(),
        1
    );
}

pub async fn what_nobody_collects_is_due_to_expire(place: &mut impl Place) {
    let store = place.open().await;
    let mut short = draft(1);
    short.lifetime = Duration::from_secs(30);
    short.recipients = PRACTICES[..2].to_vec();
    store.commit(short.accept()).await.unwrap();
    let store = twice(place, store, async |store| {
        assert!(store.due(at(30), 10).await.unwrap().is_empty());
        let due = store.due(at(31), 10).await.unwrap();
        assert!(due.iter().all(|one| one.what == DueFor::Expire));
        assert_eq!(due.len(), 2);
        // Past its deadline it is not given to anybody.
        assert!(
            store
                .claim(claim(PRACTICES[0], 1, at(31)))
                .await
                .unwrap()
                .is_empty()
        );
    })
    .await;
    let message = store.load(short.id()).await.unwrap().unwrap();
    let expire = advance(&message, ods(PRACTICES[0]), Move::Expire, at(31));
    store.commit(Change::from(expire)).await.unwrap();
    assert_eq!(store.due(at(31), 10).await.unwrap().len(), 1);
    // While nothing expires it is given all the same.
    let late = Claim {
        late: true,
        ..claim(PRACTICES[1], 1, at(31))
    };
    assert_eq!(store.claim(late).await.unwrap().len(), 1);
}

pub async fn an_arrival_wakes_who_waits(place: &mut impl Place) {
    let store = place.open().await;
    let waiter = waiting(&store, mailbox(PRACTICES[0]));
    store.commit(draft(1).accept()).await.unwrap();
    waiter.rung().await;
}

pub async fn a_delivery_takes_one_of_several_steps_at_once(place: &mut impl Place) {
    let store = place.open().await;
    for number in 1..=20 {
        store.commit(draft(number).accept()).await.unwrap();
        let claimed = store
            .claim(claim(PRACTICES[0], 1, at(30)))
            .await
            .unwrap()
            .remove(0);
        let step = acknowledge(&claimed, at(31));
        let answers: [_; 4] = tokio::join!(
            store.commit(step.clone()),
            store.commit(step.clone()),
            store.commit(step.clone()),
            store.commit(step.clone()),
        )
        .into();
        let taken = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(taken, 1, "{answers:?}");
    }
}
