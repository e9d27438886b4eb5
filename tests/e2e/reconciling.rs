//! A trust holds its own list against what the broker knows: it is told exactly what is not simply
//! delivered, of its own and of nobody else's.

use std::{collections::BTreeMap, time::Duration};

use axle_client::{
    connection::Client,
    convert::outcome_word,
    reconcile::{ENTRIES_MAX, Manifest, Reconciliation},
};
use axle_model::digest::Digest;
use axle_proto::v1::ReconcileSubmissionsRequest;
use axle_tests::{
    broker::TestBroker,
    documents::{named, small, to},
    estate::{Estate, OTHER_PRACTICE, OTHER_TRUST, PRACTICE, TRUST},
    process::BrokerProcess,
    raw::Refused,
    wait,
};
use futures::stream::{self, StreamExt as _};
use tokio::sync::watch;
use tonic::Code;

use super::steps::{lease, send, send_with};

const UNKNOWN_PRACTICE: &str = "Z99999";

/// Sends these documents to the practice, which takes all of them.
async fn deliver(trust: &Client, practice: &Client, ids: &[&str]) {
    for id in ids {
        send(trust, id).await;
    }
    take(practice, ids.len()).await;
}

/// The practice acknowledges what it has waiting.
async fn take(practice: &Client, count: usize) {
    for _ in 0..count {
        let leased = lease(practice, 60).await;
        let settler = practice.settler();
        settler.acknowledge(&leased.lease_token).await.unwrap();
    }
}

fn sha256_of(id: &str) -> Digest {
    Digest::of(small(id, TRUST, 0).as_bytes())
}

/// What was found, by the name the trust knows it by.
fn found(answer: &Reconciliation, names: &[&str]) -> BTreeMap<String, String> {
    let name_of = |sha256: &[u8]| {
        let mut all = names.iter();
        let name = all.find(|name| sha256_of(name).as_bytes() == sha256);
        name.expect("a document of the test").to_string()
    };
    let each = answer.findings.iter().map(|finding| {
        let name = match finding.submission_id.as_str() {
            "" => name_of(&finding.sha256),
            id => id.to_owned(),
        };
        let open = finding.deliveries.iter();
        let open: Vec<_> = open
            .map(|one| format!("{} {}", one.recipient, one.reason))
            .collect();
        let word = outcome_word(finding.outcome());
        let told = format!("{word} {}{}", finding.reason, open.join(", "));
        (name, told.trim().to_owned())
    });
    each.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_comes_back_with_exactly_what_is_not_simply_delivered() {
    let mut broker = TestBroker::start().await;
    let (trust, practice) = (broker.client(TRUST), broker.client(PRACTICE));
    let nowhere = || to(&[UNKNOWN_PRACTICE]);
    for id in ["refused", "mended"] {
        let refused = send_with(&trust, named(id, nowhere())).await.unwrap_err();
        assert_eq!(refused.reason(), "RECIPIENT_UNKNOWN");
    }
    deliver(&trust, &practice, &["here", "mended", "stranger"]).await;
    let half = named("half", to(&[PRACTICE, OTHER_PRACTICE]));
    send_with(&trust, half).await.unwrap();
    take(&practice, 1).await;
    send(&trust, "rejected").await;
    let leased = lease(&practice, 60).await;
    let settler = practice.settler();
    settler
        .reject(&leased.lease_token, "20009", false)
        .await
        .unwrap();
    send(&trust, "waits").await;
    // Another trust's is nobody's here, under the same name and with the same bytes or not.
    let theirs = small("theirs", OTHER_TRUST, 0);
    let other = broker.client(OTHER_TRUST);
    other
        .submit(named("theirs", to(&[OTHER_PRACTICE])), theirs.into())
        .await
        .unwrap();
    other
        .submit(named("theirs-too", nowhere()), "{}".into())
        .await
        .unwrap_err();

    let names = [
        "lost", "refused", "mended", "here", "half", "rejected", "waits", "theirs", "stranger",
    ];
    let expected: BTreeMap<String, String> = [
        ("lost", "never_submitted"),
        ("theirs", "never_submitted"),
        ("refused", "refused RECIPIENT_UNKNOWN"),
        ("half", "pending A83008"),
        ("waits", "pending K81003"),
        ("rejected", "undelivered K81003 20009"),
        ("stranger", "unknown_to_manifest"),
    ]
    .map(|(name, told)| (name.to_owned(), told.to_owned()))
    .into();
    let listed = &names[..8];
    let ids = || listed.iter().map(ToString::to_string);
    let by_id = Manifest {
        // Repeats count once.
        submission_ids: ids().chain(ids()).collect(),
        ..Manifest::default()
    };
    let by_sha256 = Manifest {
        sha256s: listed.iter().map(|id| sha256_of(id)).collect(),
        ..Manifest::default()
    };
    for restarted in [false, true] {
        for manifest in [&by_id, &by_sha256] {
            let answer = trust.reconcile(manifest).await.unwrap();
            assert_eq!(found(&answer, &names), expected, "{manifest:?} {restarted}");
            assert_eq!(answer.findings.len(), expected.len());
            let sum = &answer.summary;
            assert_eq!((sum.entry_count, sum.delivered_count), (8, 2));
            assert_eq!((sum.never_submitted_count, sum.refused_count), (2, 1));
            assert_eq!((sum.pending_count, sum.undelivered_count), (2, 1));
            assert_eq!(sum.unknown_to_manifest_count, 1);
        }
        broker.restart().await;
    }
    // A manifest of the past claims nothing about today; what it names is found all the same.
    let past = Manifest {
        to: Some(axle_tests::documents::now().before(Duration::from_hours(1))),
        submission_ids: vec!["here".to_owned(), "waits".to_owned()],
        ..Manifest::default()
    };
    let answer = trust.reconcile(&past).await.unwrap();
    let waits = [("waits".to_owned(), "pending K81003".to_owned())];
    assert_eq!(found(&answer, &names), waits.into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_entries_are_answered_while_other_trusts_send_on() {
    let estate = Estate::new();
    let _broker = BrokerProcess::start(&estate).await;
    let (trust, practice) = (estate.client(TRUST), estate.client(PRACTICE));
    deliver(&trust, &practice, &["here"]).await;
    let lost = (1..ENTRIES_MAX).map(|number| format!("lost-{number}"));
    let manifest = Manifest {
        submission_ids: lost.chain(["here".to_owned()]).collect(),
        ..Manifest::default()
    };
    let reconciling = tokio::spawn(async move { trust.reconcile(&manifest).await });
    let other = estate.client(OTHER_TRUST);
    let mut sent = 0;
    while !reconciling.is_finished() {
        let id = format!("meanwhile-{sent}");
        let text = small(&id, OTHER_TRUST, 0);
        let meanwhile = other.submit(named(&id, to(&[PRACTICE])), text.into());
        meanwhile.await.unwrap();
        sent += 1;
    }
    let answer = wait::soon("the answer", reconciling)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(answer.findings.len(), ENTRIES_MAX - 1);
    let sum = &answer.summary;
    assert_eq!(sum.entry_count, ENTRIES_MAX as u64);
    assert_eq!(
        (sum.delivered_count, sum.never_submitted_count),
        (1, ENTRIES_MAX as u64 - 1)
    );
    // One after the other, however slow the machine: whoever had to wait for the answer sent one.
    assert!(sent > 10, "{sent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_reconciles_one_manifest_at_a_time() {
    let broker = TestBroker::start().await;
    let (end, ending) = watch::channel(false);
    let mut service = broker.raw(TRUST).submission;
    let under_way = tokio::spawn(async move {
        loop {
            let mut ending = ending.clone();
            let held = async move { ending.wait_for(|ended| *ended).await.is_err() };
            let held = stream::once(held).filter_map(async |_| None);
            let first = stream::iter([ReconcileSubmissionsRequest::default()]);
            match service.reconcile_submissions(first.chain(held)).await {
                Ok(answer) => return answer.into_inner().message().await,
                // One of those below came before it.
                Err(status) if status.code() == Code::ResourceExhausted => {}
                Err(status) => return Err(status),
            }
        }
    });
    let ask = async |who: &str| {
        let mut service = broker.raw(who).submission;
        let empty = stream::iter([ReconcileSubmissionsRequest::default()]);
        let answer = service
            .reconcile_submissions(empty)
            .await?
            .into_inner()
            .message()
            .await?;
        Ok::<_, tonic::Status>(answer.is_some_and(|last| last.summary.is_some()))
    };
    let refused = wait::until("a second one to be refused", async || {
        ask(TRUST).await.err()
    })
    .await;
    let refused = Refused::of(&refused);
    assert_eq!(
        (refused.code, refused.reason.as_str()),
        (Code::ResourceExhausted, "RATE_LIMITED")
    );
    assert!(
        ask(OTHER_TRUST).await.unwrap(),
        "another organisation's is not held up"
    );
    end.send_replace(true);
    let last = wait::soon("the first to end", under_way)
        .await
        .unwrap()
        .unwrap();
    assert!(last.unwrap().summary.is_some());
    let again = wait::until("the next to be taken", async || ask(TRUST).await.ok()).await;
    assert!(again);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_cannot_be_read_is_refused_by_the_field() {
    let broker = TestBroker::start().await;
    let ids = |range: std::ops::Range<usize>| ReconcileSubmissionsRequest {
        submission_ids: range.map(|number| number.to_string()).collect(),
        ..Default::default()
    };
    let time = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let digest = ReconcileSubmissionsRequest {
        sha256s: vec![vec![0; 32].into(), vec![0; 31].into()],
        ..Default::default()
    };
    let late = ReconcileSubmissionsRequest {
        from_time: time(1),
        ..Default::default()
    };
    let backwards = ReconcileSubmissionsRequest {
        from_time: time(20),
        to_time: time(10),
        ..Default::default()
    };
    let spaced = ReconcileSubmissionsRequest {
        submission_ids: vec!["letter 1".to_owned()],
        ..Default::default()
    };
    let full = (0..11).map(|part| ids(part * 10_000..(part + 1) * 10_000));
    for (field, requests) in [
        ("submission_ids", vec![ids(0..10_001)]),
        ("submission_ids", full.collect()),
        ("submission_ids[0]", vec![spaced]),
        ("sha256s[1]", vec![digest]),
        ("from_time", vec![ids(0..1), late]),
        ("from_time", vec![backwards]),
    ] {
        let mut service = broker.raw(TRUST).submission;
        let status = service
            .reconcile_submissions(stream::iter(requests))
            .await
            .unwrap_err();
        let refused = Refused::of(&status);
        assert_eq!(refused.code, Code::InvalidArgument, "{refused:?}");
        assert!(refused.fields.contains_key(field), "{field}: {refused:?}");
    }
}
