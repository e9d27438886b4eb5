//! The rules, one by one. Each opens the store again on the way, so that what it says holds across
//! a restart as well.

use std::time::Duration;

use axle_core::{
    change::Recorded,
    delivery::{Move, State},
};
use axle_model::{envelope::Priority, id::MessageId, time::Timestamp};

use super::{
    Place,
    sample::{PRACTICES, SENDER, acknowledge, advance, at, claim, draft, mailbox, ods},
};
use crate::{Committed, DueFor, MailboxState, Query, Store, StoreError};

fn is_repeat_of(committed: &Committed, number: u64) -> bool {
    matches!(committed, Committed::Repeat(message) if message.id == draft(number).id())
}

pub async fn a_second_submit_gets_the_first_message(place: &mut impl Place) {
    let store = place.open().await;
    assert!(matches!(
        store.commit(draft(1).accept()).await,
        Ok(Committed::Done)
    ));
    let again = super::sample::Draft {
        number: 2,
        submission: draft(1).submission,
        body: draft(1).body,
        ..draft(2)
    };
    let store = twice(place, store, async |store| {
        let repeat = store.commit(again.accept()).await.unwrap();
        assert!(is_repeat_of(&repeat, 1), "{repeat:?}");
        let submission = draft(1).message().submission;
        let found = store
            .find_submission(ods(SENDER), &submission)
            .await
            .unwrap();
        assert_eq!(found.unwrap().id, draft(1).id());
        assert!(store.load(again.id()).await.unwrap().is_none());
        assert_eq!(store.ledger(1, 10).await.unwrap().len(), 1);
    })
    .await;
    // Another sender's submission of that name is another's.
    let mut other = again.message();
    other.sender = ods("RBA");
    let other = axle_core::change::Acceptance {
        message: other,
        body: again.body.into(),
    };
    let done = store
        .commit(axle_core::change::Change::Accept(Box::new(other)))
        .await;
    assert!(matches!(done, Ok(Committed::Done)));
}

/// Runs `check` before and after the store is opened again.
async fn twice<P: Place>(
    place: &mut P,
    store: P::Store,
    check: impl AsyncFn(&P::Store),
) -> P::Store {
    check(&store).await;
    let store = place.reopen(store).await;
    check(&store).await;
    store
}

pub async fn one_submission_id_for_two_documents_is_a_conflict(place: &mut impl Place) {
    let store = place.open().await;
    store.commit(draft(1).accept()).await.unwrap();
    let mut other = draft(2);
    other.submission = draft(1).submission;
    twice(place, store, async |store| {
        let refused = store.commit(other.accept()).await.unwrap_err();
        let conflict = |error: &StoreError| {
            matches!(error, StoreError::SubmissionConflict { earlier } if *earlier == draft(1).id())
        };
        assert!(conflict(&refused), "{refused}");
        assert!(store.load(other.id()).await.unwrap().is_none());
    })
    .await;
}

pub async fn a_document_is_known_by_its_identifier(place: &mut impl Place) {
    let store = place.open().await;
    let mut first = draft(1);
    first.document = Some("urn:uuid:document");
    let mut again = draft(2);
    (again.document, again.body) = (first.document, first.body.clone());
    let mut changed = draft(3);
    changed.document = first.document;
    store.commit(first.accept()).await.unwrap();
    let store = twice(place, store, async |store| {
        // The same bytes to the same practice under another submission id.
        assert!(is_repeat_of(
            &store.commit(again.accept()).await.unwrap(),
            1
        ));
        let refused = store.commit(changed.accept()).await.unwrap_err();
        assert!(
            matches!(refused, StoreError::DocumentConflict { .. }),
            "{refused}"
        );
    })
    .await;
    // A copy for another practice is a message of its own, and neither hides the other.
    let mut copy = again.clone();
    (copy.number, copy.submission, copy.recipients) = (4, "copy".into(), vec![PRACTICES[1]]);
    assert!(matches!(
        store.commit(copy.accept()).await.unwrap(),
        Committed::Done
    ));
    twice(place, store, async |store| {
        assert!(is_repeat_of(
            &store.commit(again.accept()).await.unwrap(),
            1
        ));
        let mut copy_again = copy.clone();
        (copy_again.number, copy_again.submission) = (5, "copy-again".into());
        assert!(is_repeat_of(
            &store.commit(copy_again.accept()).await.unwrap(),
            4
        ));
    })
    .await;
}

pub async fn bodies_and_messages_come_back_as_they_were(place: &mut impl Place) {
    let store = place.open().await;
    let sizes = [0, 1, 7, 8, 100_000];
    for (number, size) in (1..).zip(sizes) {
        let mut one = draft(number);
        one.body = vec![number as u8; size];
        one.recipients = PRACTICES.to_vec();
        store.commit(one.accept()).await.unwrap();
    }
    twice(place, store, async |store| {
        for (number, size) in (1..).zip(sizes) {
            let id = draft(number).id();
            assert_eq!(store.body(id).await.unwrap(), vec![number as u8; size]);
            let message = store.load(id).await.unwrap().unwrap();
            assert_eq!(message.size, size as u64);
            assert_eq!(message.deliveries.len(), PRACTICES.len());
            assert_eq!(message.labels.get("ward"), Some(&number.to_string()));
        }
        let absent = store.body(draft(99).id()).await.unwrap_err();
        assert!(matches!(absent, StoreError::Unknown { .. }), "{absent}");
    })
    .await;
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
    store
        .commit(axle_core::change::Change::Advance(lapsed))
        .await
        .unwrap();
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
        if let axle_core::change::Change::Advance(step) = &mut unknown {
            step.delivery.message = draft(9).id();
        }
        let unknown = store.commit(unknown).await.unwrap_err();
        assert!(matches!(unknown, StoreError::Unknown { .. }), "{unknown}");
    })
    .await;
}

pub async fn mailboxes_are_counted(place: &mut impl Place) {
    let store = place.open().await;
    for number in 1..=4 {
        let mut one = draft(number);
        one.recipients = PRACTICES[..2].to_vec();
        store.commit(one.accept()).await.unwrap();
    }
    let claimed = store.claim(claim(PRACTICES[0], 2, at(10))).await.unwrap();
    store
        .commit(acknowledge(&claimed[0], at(11)))
        .await
        .unwrap();
    let state = |queued, leased, oldest: u64| MailboxState {
        queued,
        leased,
        dead_lettered: 0,
        oldest_time: Some(at(oldest)),
    };
    twice(place, store, async |store| {
        let all = store.mailboxes().await.unwrap();
        let (first, second) = (mailbox(PRACTICES[0]), mailbox(PRACTICES[1]));
        assert_eq!(
            all,
            [
                (second.clone(), state(4, 0, 1)),
                (first.clone(), state(2, 1, 2))
            ]
        );
        assert_eq!(store.mailbox(&second).await.unwrap(), state(4, 0, 1));
        let empty = store.mailbox(&mailbox(PRACTICES[2])).await.unwrap();
        assert_eq!(empty, MailboxState::default());
    })
    .await;
}

async fn due(store: &impl Store, now: Timestamp) -> Vec<(MessageId, DueFor)> {
    let due = store.due(now, 10).await.unwrap();
    due.into_iter()
        .map(|one| (one.delivery.message, one.what))
        .collect()
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
        store
            .commit(axle_core::change::Change::Advance(lapse))
            .await
            .unwrap();
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
    let arrival = store.arrival(&mailbox(PRACTICES[0]));
    assert_eq!(due(&store, at(100)).await, []);
    arrival.await;
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
    store
        .commit(axle_core::change::Change::Advance(expire))
        .await
        .unwrap();
    assert_eq!(store.due(at(31), 10).await.unwrap().len(), 1);
}

async fn pages(store: &impl Store, mut query: Query) -> Vec<MessageId> {
    let mut found = Vec::new();
    loop {
        let page = store.find(query.clone()).await.unwrap();
        assert!(page.messages.len() <= query.page_max);
        found.extend(page.messages.iter().map(|message| message.id));
        query.before = page.next;
        if page.next.is_none() {
            return found;
        }
    }
}

pub async fn pages_hold_everything_once_newest_first(place: &mut impl Place) {
    let store = place.open().await;
    for number in 1..=20 {
        let mut one = draft(number);
        one.recipients = vec![PRACTICES[number as usize % 2]];
        store.commit(one.accept()).await.unwrap();
    }
    for one in store.claim(claim(PRACTICES[0], 5, at(30))).await.unwrap() {
        store.commit(acknowledge(&one, at(31))).await.unwrap();
    }
    let ids = |numbers: &mut dyn Iterator<Item = u64>| -> Vec<_> {
        numbers.map(|number| draft(number).id()).collect()
    };
    twice(place, store, async |store| {
        for page_max in [1, 3, 20, 100] {
            let all = Query {
                page_max,
                ..Query::default()
            };
            assert_eq!(pages(store, all.clone()).await, ids(&mut (1..=20).rev()));
            let sender = Some(ods("RBA"));
            assert_eq!(
                pages(
                    store,
                    Query {
                        sender,
                        ..all.clone()
                    }
                )
                .await,
                []
            );
            let recipient = Some(ods(PRACTICES[0]));
            let states = vec!["queued"];
            let waiting = Query {
                recipient,
                states,
                ..all.clone()
            };
            assert_eq!(
                pages(store, waiting).await,
                ids(&mut [20, 18, 16, 14, 12].into_iter())
            );
            let settled = Query {
                states: vec!["acknowledged"],
                ..all
            };
            assert_eq!(
                pages(store, settled).await,
                ids(&mut [10, 8, 6, 4, 2].into_iter())
            );
        }
    })
    .await;
}

pub async fn the_ledger_has_every_step_and_no_gap(place: &mut impl Place) {
    let store = place.open().await;
    assert_eq!(*store.ledger_head().borrow(), 0);
    let mut two = draft(1);
    two.recipients = PRACTICES[..2].to_vec();
    store.commit(two.accept()).await.unwrap();
    let claimed = store
        .claim(claim(PRACTICES[1], 1, at(10)))
        .await
        .unwrap()
        .remove(0);
    let store = place.reopen(store).await;
    store.commit(acknowledge(&claimed, at(11))).await.unwrap();
    store.commit(draft(2).accept()).await.unwrap();
    twice(place, store, async |store| {
        let mut head = store.ledger_head();
        head.wait_for(|head| *head == 4).await.unwrap();
        let all = store.ledger(1, 100).await.unwrap();
        let sequences: Vec<u64> = all.iter().map(|entry| entry.sequence).collect();
        assert_eq!(sequences, [1, 2, 3, 4]);
        let words: Vec<&str> = all
            .iter()
            .map(|entry| match &entry.what {
                Recorded::Accepted { .. } => "accepted",
                Recorded::Advanced { state, .. } => state.as_str(),
            })
            .collect();
        assert_eq!(words, ["accepted", "leased", "acknowledged", "accepted"]);
        let Recorded::Accepted { recipients, .. } = &all[0].what else {
            panic!("{:?}", all[0]);
        };
        assert_eq!(
            *recipients,
            PRACTICES[..2]
                .iter()
                .map(|code| ods(code))
                .collect::<Vec<_>>()
        );
        for from in 1..=5 {
            for max in [1, 2, 100] {
                let page = store.ledger(from, max).await.unwrap();
                let expected = all.iter().skip(from as usize - 1).take(max);
                assert!(page.iter().eq(expected), "from {from}, at most {max}");
            }
        }
    })
    .await;
}

pub async fn an_arrival_wakes_who_waits(place: &mut impl Place) {
    let store = place.open().await;
    let arrival = store.arrival(&mailbox(PRACTICES[0]));
    store.commit(draft(1).accept()).await.unwrap();
    arrival.await;
}

/// All of them, each at a place of its own.
pub async fn all<P: Place>(mut place: impl FnMut() -> P) {
    a_second_submit_gets_the_first_message(&mut place()).await;
    one_submission_id_for_two_documents_is_a_conflict(&mut place()).await;
    a_document_is_known_by_its_identifier(&mut place()).await;
    bodies_and_messages_come_back_as_they_were(&mut place()).await;
    urgent_comes_before_routine_and_oldest_first(&mut place()).await;
    a_claim_stops_at_its_bytes_but_gives_one(&mut place()).await;
    only_the_newest_lease_counts(&mut place()).await;
    a_settled_message_stays_and_moves_no_more(&mut place()).await;
    mailboxes_are_counted(&mut place()).await;
    what_is_due_stays_due_until_it_is_moved(&mut place()).await;
    what_nobody_collects_is_due_to_expire(&mut place()).await;
    pages_hold_everything_once_newest_first(&mut place()).await;
    the_ledger_has_every_step_and_no_gap(&mut place()).await;
    an_arrival_wakes_who_waits(&mut place()).await;
}
