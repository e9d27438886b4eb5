//! Answers: a message that was collected stays until the exchange with its recipients is over.

use axle_core::{change::Change, delivery::Move};
use axle_model::id::MessageId;

use super::{Place, twice};
use crate::{
    DueFor, Store,
    conformance::sample::{
        Draft, PRACTICES, acknowledge, advance, answer, at, both, claim, draft, named, ods,
    },
};

/// A message that asks for both answers and was acknowledged at 20.
async fn collected(store: &impl Store) -> Draft {
    let asking = Draft {
        answers: both(100, 200),
        document: Some("urn:uuid:asking"),
        ..draft(1)
    };
    store.commit(asking.accept()).await.unwrap();
    let claimed = store.claim(claim(PRACTICES[0], 1, at(10))).await.unwrap();
    let taken = acknowledge(claimed.first().unwrap(), at(20));
    store.commit(taken).await.unwrap();
    asking
}

async fn due(store: &impl Store, seconds: u64) -> Vec<DueFor> {
    let due = store.due(at(seconds), 10).await.unwrap();
    due.into_iter().map(|one| one.what).collect()
}

async fn take(store: &impl Store, message: &Draft, wanted: Move, seconds: u64) {
    let current = store.load(message.id()).await.unwrap().unwrap();
    let step = advance(&current, ods(PRACTICES[0]), wanted, at(seconds));
    store.commit(Change::from(step)).await.unwrap();
}

pub async fn what_is_not_answered_is_due_across_restarts_and_then_over(place: &mut impl Place) {
    let store = place.open().await;
    let asking = collected(&store).await;
    let store = twice(place, store, async |store| {
        assert_eq!(due(store, 119).await, []);
        assert_eq!(due(store, 120).await, [DueFor::Answer]);
        let health = store.health();
        assert_eq!((health.messages_live, health.deliveries_pending), (1, 0));
        assert_eq!(
            (health.totals.acknowledged, health.totals.pending()),
            (1, 0)
        );
        assert_eq!(store.body(asking.id()).await.unwrap(), asking.body);
    })
    .await;
    take(&store, &asking, answer(20013), 130).await;
    let store = twice(place, store, async |store| {
        assert_eq!(due(store, 219).await, []);
        assert_eq!(due(store, 220).await, [DueFor::Answer]);
    })
    .await;
    take(&store, &asking, Move::LapseAnswer, 220).await;
    twice(place, store, async |store| {
        assert_eq!(due(store, 999).await, []);
        let health = store.health();
        assert_eq!((health.messages_live, health.totals.acknowledged), (0, 1));
    })
    .await;
}

async fn found(store: &impl Store, name: &str) -> Vec<MessageId> {
    let found = store.find_document(&named(name)).await.unwrap();
    found.iter().map(|message| message.id).collect()
}

pub async fn what_asked_for_an_answer_is_found_by_its_name_for_good(place: &mut impl Place) {
    let store = place.open().await;
    let asking = collected(&store).await;
    let silent = Draft {
        document: Some("urn:uuid:silent"),
        ..draft(3)
    };
    store.commit(silent.accept()).await.unwrap();
    let claimed = store.claim(claim(PRACTICES[0], 1, at(30))).await.unwrap();
    store
        .commit(acknowledge(claimed.first().unwrap(), at(31)))
        .await
        .unwrap();
    let store = twice(place, store, async |store| {
        assert_eq!(found(store, "urn:uuid:asking").await, [asking.id()]);
    })
    .await;
    for number in [30001, 20013] {
        take(&store, &asking, answer(number), 50).await;
    }
    let store = place.reopen(store).await;
    twice(place, store, async |store| {
        assert_eq!(found(store, "urn:uuid:asking").await, [asking.id()]);
    })
    .await;
}
