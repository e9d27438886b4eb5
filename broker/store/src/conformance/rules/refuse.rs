//! Refusals: known to their sender, by either name, and to nobody else.

use axle_core::{
    change::{Change, Recorded, Refused},
    reconcile::Named,
    totals::Totals,
};
use axle_model::{digest::Digest, id::SubmissionId};

use crate::{
    Committed, Store,
    conformance::{
        Place,
        rules::twice,
        sample::{SENDER, at, draft, ods},
    },
};

fn refused(submission: &str, document: &[u8], reason: &str, seconds: u64) -> Refused {
    Refused {
        sender: ods(SENDER),
        submission: SubmissionId::parse(submission).unwrap(),
        digest: Some(Digest::of(document)),
        reason: reason.into(),
        time: at(seconds),
    }
}

fn by_id(submission: &str) -> Named {
    Named::Submission(SubmissionId::parse(submission).unwrap())
}

pub async fn a_refusal_is_known_by_both_names_and_the_newest_counts(place: &mut impl Place) {
    let store = place.open().await;
    let first = refused("a", b"first", "DOCUMENT_INVALID", 1);
    let second = refused("a", b"second", "RECIPIENT_UNKNOWN", 2);
    let other = refused("b", b"first", "WORKFLOW_UNKNOWN", 3);
    for one in [&first, &second, &other] {
        let done = store.commit(Change::from(one.clone())).await.unwrap();
        assert!(matches!(done, Committed::Done));
    }
    let store = twice(place, store, async |store| {
        let find = async |sender: &str, named: Named| {
            let found = store.find_refusal(ods(sender), &named).await.unwrap();
            found.map(|one| (*one).clone())
        };
        assert_eq!(find(SENDER, by_id("a")).await.as_ref(), Some(&second));
        assert_eq!(find(SENDER, by_id("b")).await.as_ref(), Some(&other));
        let body = |text: &[u8]| Named::Body(Digest::of(text));
        assert_eq!(find(SENDER, body(b"first")).await.as_ref(), Some(&other));
        assert_eq!(find(SENDER, body(b"second")).await.as_ref(), Some(&second));
        assert_eq!(find(SENDER, by_id("c")).await, None);
        assert_eq!(find("RBA", by_id("a")).await, None);
        assert_eq!(find("RBA", body(b"first")).await, None);
        let entries = store.ledger(1, 10).await.unwrap();
        let recorded = entries.into_iter().flat_map(|entry| entry.records);
        let expected = [&first, &second, &other].map(|one| Recorded::Refused(one.clone()));
        assert!(recorded.eq(expected));
        assert_eq!(store.totals(), Totals::default());
    })
    .await;
    // A refusal keeps nothing from being accepted under its id later.
    let mut accepted = draft(4);
    accepted.submission = "a".into();
    let done = store.commit(accepted.accept()).await.unwrap();
    assert!(matches!(done, Committed::Done), "{done:?}");
    twice(place, store, async |store| {
        let id = SubmissionId::parse("a").unwrap();
        let found = store.find_submission(ods(SENDER), &id).await.unwrap();
        assert_eq!(found.map(|message| message.id), Some(accepted.id()));
    })
    .await;
}
