//! Submitting: once, whatever is repeated, and nothing is merged that differs.

use axle_core::change::{Acceptance, Body, Change};

use crate::{
    Committed, Store, StoreError,
    conformance::{
        Place,
        rules::twice,
        sample::{Draft, PRACTICES, SENDER, draft, ods},
    },
};

fn is_repeat_of(committed: &Committed, number: u64) -> bool {
    matches!(committed, Committed::Repeat(message) if message.id == draft(number).id())
}

pub async fn a_second_submit_gets_the_first_message(place: &mut impl Place) {
    let store = place.open().await;
    assert!(matches!(
        store.commit(draft(1).accept()).await,
        Ok(Committed::Done)
    ));
    let again = Draft {
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
    let other = Acceptance {
        message: other,
        body: Body::Whole(again.body.into()),
    };
    let done = store.commit(Change::from(other)).await;
    assert!(matches!(done, Ok(Committed::Done)));
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

pub async fn callers_at_once_make_one_message(place: &mut impl Place) {
    let store = place.open().await;
    for round in 0..20 {
        let one = |number| Draft {
            number: round * 10 + number,
            submission: format!("round-{round}"),
            body: vec![7],
            ..draft(number)
        };
        let answers: [_; 6] = tokio::join!(
            store.commit(one(1).accept()),
            store.commit(one(2).accept()),
            store.commit(one(3).accept()),
            store.commit(one(4).accept()),
            store.commit(one(5).accept()),
            store.commit(one(6).accept()),
        )
        .into();
        let (done, repeats): (Vec<_>, Vec<_>) = answers
            .into_iter()
            .map(Result::unwrap)
            .partition(|answer| matches!(answer, Committed::Done));
        assert_eq!((done.len(), repeats.len()), (1, 5));
        assert!(
            repeats
                .iter()
                .all(|repeat| is_repeat_of(repeat, one(1).number))
        );
    }
    assert_eq!(store.ledger(1, 100).await.unwrap().len(), 20);
}
