//! Order: the documents about one patient one after the other, whatever becomes of each; those about
//! others at the same time.

use std::time::Duration;

use axle_core::{change::Change, delivery::Move, event::DeadLetterCause};
use axle_model::{envelope::Priority, time::Timestamp};

use crate::{
    Claimed, Store,
    conformance::{
        Place,
        rules::twice,
        sample::{
            Draft, PRACTICES, acknowledge, advance, at, claim, draft, mailbox, named, ods, waiting,
        },
    },
};

const NONE: [u64; 0] = [];

/// Document `number`, about a patient.
fn about(patient: &str, number: u64) -> Draft {
    Draft {
        patient: Some(patient.to_owned()),
        hold: Duration::from_secs(100),
        ..draft(number)
    }
}

/// The numbers of what can be had from a practice now, and the leases.
async fn had(store: &impl Store, practice: usize, now: Timestamp) -> (Vec<u64>, Vec<Claimed>) {
    let claimed = store.claim(claim(PRACTICES[practice], 10, now)).await;
    let claimed = claimed.unwrap();
    let number = |one: &Claimed| (1..100).find(|number| draft(*number).id() == one.message.id);
    (claimed.iter().filter_map(number).collect(), claimed)
}

/// Moves document `number`'s first delivery.
async fn moves(store: &impl Store, number: u64, wanted: Move, now: Timestamp) {
    let message = store.load(draft(number).id()).await.unwrap().unwrap();
    let step = advance(&message, message.deliveries[0].recipient, wanted, now);
    store.commit(Change::from(step)).await.unwrap();
}

pub async fn one_patients_documents_come_one_after_the_other(place: &mut impl Place) {
    let store = place.open().await;
    for (patient, number) in [("p", 1), ("p", 2), ("q", 3), ("p", 4)] {
        store.commit(about(patient, number).accept()).await.unwrap();
    }
    let store = place.reopen(store).await;
    let (first, leases) = had(&store, 0, at(10)).await;
    assert_eq!(first, [1, 3]);
    let store = twice(place, store, async |store| {
        assert_eq!(had(store, 0, at(20)).await.0, NONE, "one is leased");
    })
    .await;
    let waiter = waiting(&store, mailbox(PRACTICES[0]));
    store.commit(acknowledge(&leases[0], at(21))).await.unwrap();
    waiter.rung().await;
    let (second, leases) = had(&store, 0, at(22)).await;
    assert_eq!(second, [2]);
    let release = Move::Release {
        lease: leases[0].token.key,
        not_before: at(40),
    };
    moves(&store, 2, release, at(23)).await;
    let store = twice(place, store, async |store| {
        let (none, _) = had(store, 0, at(39)).await;
        assert_eq!(none, NONE, "one that rests keeps its place");
    })
    .await;
    let close = Move::Close {
        cause: DeadLetterCause::MailboxClosed,
    };
    moves(&store, 2, close, at(39)).await;
    let store = place.reopen(store).await;
    assert_eq!(
        had(&store, 0, at(39)).await.0,
        [4],
        "one set aside does not"
    );
    let again = Move::Requeue {
        reason: "the operator says so".into(),
    };
    moves(&store, 2, again, at(41)).await;
    let (requeued, _) = had(&store, 0, at(41)).await;
    assert_eq!(requeued, [2], "an operator may break the order");
}

pub async fn no_document_blocks_its_patient_for_longer_than_its_hold(place: &mut impl Place) {
    let store = place.open().await;
    for number in 1..=3 {
        store.commit(about("p", number).accept()).await.unwrap();
    }
    assert_eq!(had(&store, 0, at(10)).await.0, [1]);
    moves(&store, 1, Move::Lapse, at(70)).await;
    let store = place.reopen(store).await;
    let (again, _) = had(&store, 0, at(109)).await;
    assert_eq!(again, [1], "rested, and tried a second time");
    // The hold counts from the first lease; whoever has the document is still waited for.
    let store = twice(place, store, async |store| {
        assert_eq!(had(store, 0, at(168)).await.0, NONE);
    })
    .await;
    moves(&store, 1, Move::Lapse, at(169)).await;
    let store = place.reopen(store).await;
    // It rests for a second at least.
    assert_eq!(had(&store, 0, at(169)).await.0, [2], "only the next one");
    let (first, _) = had(&store, 0, at(175)).await;
    assert_eq!(first, [1], "the third waits for the second");
}

pub async fn what_is_urgent_lifts_what_it_waits_for(place: &mut impl Place) {
    let store = place.open().await;
    let urgent = Draft {
        priority: Priority::Urgent,
        ..about("p", 3)
    };
    for one in [draft(1), about("p", 2), urgent] {
        store.commit(one.accept()).await.unwrap();
    }
    let store = place.reopen(store).await;
    let (order, leases) = had(&store, 0, at(10)).await;
    assert_eq!(order, [2, 1]);
    store.commit(acknowledge(&leases[0], at(11))).await.unwrap();
    assert_eq!(had(&store, 0, at(12)).await.0, [3]);
}

pub async fn an_order_is_that_of_one_mailbox(place: &mut impl Place) {
    let store = place.open().await;
    let mut both = about("p", 1);
    both.recipients = PRACTICES[..2].to_vec();
    let mut other = about("p", 3);
    other.recipients = vec![PRACTICES[1]];
    for one in [both, about("p", 2), other] {
        store.commit(one.accept()).await.unwrap();
    }
    let store = place.reopen(store).await;
    let elsewhere = Move::Reroute {
        to: mailbox(PRACTICES[2]),
        reason: "the practice has merged".into(),
    };
    // The first leaves its line here; over there it is not waited for, and still is the first.
    moves(&store, 1, elsewhere, at(9)).await;
    let store = place.reopen(store).await;
    for (practice, number) in [(0, 2), (1, 1), (2, 1)] {
        assert_eq!(had(&store, practice, at(10)).await.0, [number]);
    }
    let message = store.load(draft(1).id()).await.unwrap().unwrap();
    assert_eq!(message.deliveries[0].recipient, ods(PRACTICES[0]));
}

pub async fn a_document_is_found_by_its_name_and_its_replacement_for_good<P: Place>(place: &mut P) {
    let store = place.open().await;
    let mut first = draft(1);
    first.document = Some("first");
    let mut second = draft(3);
    (second.document, second.replaces) = (Some("second"), vec!["first"]);
    let found = async |store: &P::Store, name: &str| {
        let found = store.find_document(&named(name)).await.unwrap();
        found.iter().map(|one| one.id).collect::<Vec<_>>()
    };
    store.commit(first.accept()).await.unwrap();
    let store = place.reopen(store).await;
    assert_eq!(found(&store, "first").await, [first.id()]);
    assert_eq!(found(&store, "second").await, []);
    store.commit(second.accept()).await.unwrap();
    let by = second.id();
    moves(&store, 1, Move::Supersede { by }, at(9)).await;
    let (given, leases) = had(&store, 0, at(10)).await;
    assert_eq!(given, [3]);
    store.commit(acknowledge(&leases[0], at(11))).await.unwrap();
    twice(place, store, async |store| {
        assert_eq!(found(store, "first").await, [second.id()]);
        assert_eq!(found(store, "second").await, []);
    })
    .await;
}
