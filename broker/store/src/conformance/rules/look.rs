//! Looking: counts, pages and the ledger say what happened, all of it and once.

use axle_core::{
    alarm::AgedDeliveries,
    change::{Acceptance, Body, Recorded},
    delivery::Move,
};
use axle_model::{envelope::Priority, id::MessageId, ods::OdsCode};

use crate::{
    MailboxState, Query, Store,
    conformance::{
        Place,
        rules::twice,
        sample::{PRACTICES, acknowledge, advance, at, claim, draft, mailbox, ods},
    },
};

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

pub async fn what_waits_is_told_by_mailbox_and_what_has_aged_by_kind(place: &mut impl Place) {
    let store = place.open().await;
    for number in 1..=4 {
        let mut one = draft(number);
        one.recipients = PRACTICES[..2].to_vec();
        store.commit(one.accept()).await.unwrap();
    }
    let mut report = Acceptance {
        message: draft(5).message(),
        body: Body::Whole(draft(5).body.into()),
    };
    report.message.sender = OdsCode::BROKER;
    store.commit(report.into()).await.unwrap();
    let claimed = store.claim(claim(PRACTICES[0], 2, at(10))).await.unwrap();
    // One is given back and rests; it waits all the same.
    let wanted = Move::Release {
        lease: claimed[1].token.key,
        not_before: at(10_000),
    };
    let rest = advance(&claimed[1].message, ods(PRACTICES[0]), wanted, at(11));
    store.commit(rest.into()).await.unwrap();
    for (number, practice) in [(1, 0), (3, 0), (3, 1), (4, 1)] {
        let message = store.load(draft(number).id()).await.unwrap().unwrap();
        let aged = advance(&message, ods(PRACTICES[practice]), Move::Age, at(12));
        store.commit(aged.into()).await.unwrap();
    }
    let first = store.load(draft(1).id()).await.unwrap().unwrap();
    let wanted = Move::Acknowledge {
        lease: claimed[0].token.key,
    };
    let done = advance(&first, ods(PRACTICES[0]), wanted, at(13));
    store.commit(done.into()).await.unwrap();
    twice(place, store, async |store| {
        let waiting = async |practice: &str, max| {
            let found = store.waiting(&mailbox(practice), max).await.unwrap();
            let practice = ods(practice);
            assert!(found.iter().all(|one| one.recipient == practice));
            found.iter().map(|one| one.message).collect::<Vec<_>>()
        };
        let ids = |numbers: &[u64]| -> Vec<_> {
            numbers.iter().map(|number| draft(*number).id()).collect()
        };
        assert_eq!(waiting(PRACTICES[0], 9).await, ids(&[2, 3, 4]));
        assert_eq!(waiting(PRACTICES[1], 9).await, ids(&[1, 2, 3, 4]));
        assert_eq!(waiting(PRACTICES[1], 2).await, ids(&[1, 2]));
        assert_eq!(waiting(PRACTICES[2], 9).await, []);
        let aged = AgedDeliveries {
            workflow: draft(3).message().workflow,
            priority: Priority::Routine,
            count: 3,
            oldest: at(3),
        };
        assert_eq!(store.aged(), [aged]);
    })
    .await;
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
            .map(|entry| match &entry.records[0] {
                Recorded::Accepted { .. } => "accepted",
                Recorded::Advanced { state, .. } => state.as_str(),
                Recorded::Refused(_) => "refused",
            })
            .collect();
        assert_eq!(words, ["accepted", "leased", "acknowledged", "accepted"]);
        let Recorded::Accepted { recipients, .. } = &all[0].records[0] else {
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
