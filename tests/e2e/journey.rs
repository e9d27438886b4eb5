//! From a trust to a practice: every kind of document arrives as it was sent, once, in order, in the
//! right mailbox.

use std::collections::BTreeMap;

use axle_client::collect::CollectOptions;
use axle_proto::v1::{DocumentHeader, Priority};
use axle_tests::{
    broker::TestBroker,
    documents::{XML, document, named, small, to},
    estate::{OTHER_PRACTICE, PRACTICE, TRUST},
    wait::soon,
};
use bytes::Bytes;

use super::steps::{MAILBOX, delivery, events, leased_at_once, send, send_with};

#[tokio::test(flavor = "multi_thread")]
async fn a_document_of_each_kind_arrives_byte_equal_and_its_sender_sees_when() {
    let broker = TestBroker::start().await;
    let trust = broker.client(TRUST);
    let of = |number| document(number, TRUST, PRACTICE);
    let sent = [
        (
            "itk3",
            of(1).discharge_summary_xml(),
            &[PRACTICE][..],
            "TOC_FHIR_IP_DISCH",
        ),
        (
            "both",
            of(2).outpatient_letter_json(),
            &[PRACTICE, OTHER_PRACTICE][..],
            "LETTERS",
        ),
        // Larger than what comes inline, so it is downloaded apart.
        (
            "large",
            of(3).sized(2_500_000).outpatient_letter_xml(),
            &[PRACTICE][..],
            "LETTERS",
        ),
    ];
    let mut expected = BTreeMap::new();
    for (id, text, recipients, workflow) in sent {
        let content = Bytes::from(text);
        let receipt = trust
            .submit(named(id, to(recipients)), content.clone())
            .await
            .unwrap();
        assert_eq!(
            (receipt.workflow.as_str(), receipt.duplicate),
            (workflow, false)
        );
        assert_eq!(receipt.deliveries.len(), recipients.len());
        for name in &receipt.deliveries {
            expected.insert(name.clone(), (receipt.message.clone(), content.clone()));
        }
    }
    for practice in [PRACTICE, OTHER_PRACTICE] {
        let own = expected
            .iter()
            .filter(|(name, _)| name.ends_with(practice))
            .count();
        let mut collector = broker.client(practice).collector(CollectOptions {
            consumer_id: "desk 1".to_owned(),
            ..CollectOptions::default()
        });
        for _ in 0..own {
            let received = soon("a document", collector.next()).await.unwrap().unwrap();
            let (message, content) = &expected[&received.name];
            assert_eq!(received.content, content, "{}", received.name);
            assert_eq!(&received.message.name, message);
            assert!(
                received.message.deliveries.is_empty(),
                "other recipients are no business"
            );
            collector
                .settler()
                .acknowledge(&received.token)
                .await
                .unwrap();
        }
    }
    for (name, (message, _)) in &expected {
        let practice = name.rsplit('/').next().unwrap();
        let delivery = delivery(&trust, message, practice).await;
        assert_eq!(
            events(&delivery),
            ["accepted", "leased", "acknowledged"],
            "{name}"
        );
        let [accepted, leased, acknowledged] = &delivery.events[..] else {
            unreachable!()
        };
        assert_eq!(accepted.actor, format!("organisations/{TRUST}"));
        assert_eq!(acknowledged.actor, format!("organisations/{practice}"));
        assert_eq!(leased.consumer_id, "desk 1");
        let times = delivery
            .events
            .iter()
            .map(|event| event.event_time.unwrap());
        assert!(
            times.map(|time| (time.seconds, time.nanos)).is_sorted(),
            "{name}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_submit_returns_the_first_receipt_across_a_restart() {
    let mut broker = TestBroker::start().await;
    let trust = broker.client(TRUST);
    let text = small("1", TRUST, 0);
    let submit = async || {
        let content = Bytes::from(text.clone());
        trust
            .submit(named("once", to(&[PRACTICE])), content)
            .await
            .unwrap()
    };
    let first = submit().await;
    let repeated = submit().await;
    broker.restart().await;
    for receipt in [repeated, submit().await] {
        assert!(receipt.duplicate);
        assert_eq!(receipt.message, first.message);
        assert_eq!(receipt.accept_time, first.accept_time);
        assert_eq!(receipt.deliveries, first.deliveries);
    }
    let other = trust.submit(named("once", to(&[PRACTICE])), small("2", TRUST, 0).into());
    assert_eq!(other.await.unwrap_err().reason(), "SUBMISSION_CONFLICT");
    let elsewhere = trust.submit(named("once", to(&[OTHER_PRACTICE])), text.clone().into());
    assert_eq!(elsewhere.await.unwrap_err().reason(), "SUBMISSION_CONFLICT");
    // Another trust's ids are its own.
    let other_trust = broker.client("RBA");
    let own = other_trust.submit(named("once", to(&[PRACTICE])), small("1", "RBA", 0).into());
    assert!(!own.await.unwrap().duplicate);
    let practice = broker.client(PRACTICE);
    assert_eq!(
        leased_at_once(&practice, MAILBOX).await,
        ["once", "once"],
        "one of each trust"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn urgent_goes_before_routine_and_old_before_new() {
    let broker = TestBroker::start().await;
    let trust = broker.client(TRUST);
    for (id, priority) in [
        ("first", Priority::Routine),
        ("second", Priority::Unspecified),
        ("third", Priority::Urgent),
        ("fourth", Priority::Routine),
        ("fifth", Priority::Urgent),
    ] {
        let header = DocumentHeader {
            priority: priority.into(),
            ..named(id, to(&[PRACTICE]))
        };
        send_with(&trust, header).await.unwrap();
    }
    let order = leased_at_once(&broker.client(PRACTICE), MAILBOX).await;
    assert_eq!(order, ["third", "fifth", "first", "second", "fourth"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_with_a_mailbox_of_its_own_goes_there() {
    let broker = TestBroker::start().await;
    let (trust, practice) = (broker.client(TRUST), broker.client(PRACTICE));
    let header = |id| DocumentHeader {
        workflow: "PATHOLOGY".to_owned(),
        ..named(id, to(&[PRACTICE]))
    };
    send_with(&trust, header("result")).await.unwrap();
    send(&trust, "letter").await;
    let apart = "mailboxes/K81003/PATHOLOGY";
    assert_eq!(practice.mailbox(apart).await.unwrap().queued_count, 1);
    assert_eq!(leased_at_once(&practice, MAILBOX).await, ["letter"]);
    assert_eq!(leased_at_once(&practice, apart).await, ["result"]);
    // A collector that names no mailbox has all of them.
    send_with(&trust, header("another")).await.unwrap();
    let mut collector = practice.collector(CollectOptions::default());
    let received = soon("the result", collector.next()).await.unwrap().unwrap();
    assert_eq!(received.mailbox, apart);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_the_broker_cannot_read_travels_only_where_that_is_allowed() {
    let broker = TestBroker::start().await;
    let trust = broker.client(TRUST);
    let scan = Bytes::from_static(b"%PDF-1.7 \x00\xff not really");
    let header = |id, workflow: &str| DocumentHeader {
        media_type: "application/pdf".to_owned(),
        workflow: workflow.to_owned(),
        ..named(id, to(&[PRACTICE]))
    };
    let refused = trust
        .submit(header("1", "LETTERS"), scan.clone())
        .await
        .unwrap_err();
    assert_eq!(refused.reason(), "MEDIA_TYPE_NOT_ALLOWED");
    assert!(refused.what().contains("LETTERS"), "{refused}");
    trust
        .submit(header("2", "OPAQUE"), scan.clone())
        .await
        .unwrap();
    let mut collector = broker.client(PRACTICE).collector(CollectOptions::default());
    let received = soon("the scan", collector.next()).await.unwrap().unwrap();
    assert_eq!(
        (received.content, received.message.media_type.as_str()),
        (scan, "application/pdf")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_says_what_a_submit_would_and_stores_nothing() {
    let broker = TestBroker::start().await;
    let trust = broker.client(TRUST);
    let text = Bytes::from(document(1, TRUST, PRACTICE).discharge_summary_xml());
    let header = |to: DocumentHeader| DocumentHeader {
        media_type: XML.to_owned(),
        ..to
    };
    let good = trust
        .validate(header(to(&[PRACTICE])), text.clone())
        .await
        .unwrap();
    assert!(good.acceptable, "{good:?}");
    assert_eq!(
        (good.workflow.as_str(), &good.mailboxes[..]),
        ("TOC_FHIR_IP_DISCH", &[MAILBOX.to_owned()][..])
    );
    let cut = trust
        .validate(header(to(&[PRACTICE])), text.slice(..9_000))
        .await
        .unwrap();
    assert!(
        !cut.acceptable && cut.reason == "DOCUMENT_INVALID",
        "{cut:?}"
    );
    assert!(
        cut.findings
            .iter()
            .all(|finding| finding.rule.starts_with("V-")),
        "{cut:?}"
    );
    assert!(
        trust
            .messages(Default::default())
            .await
            .unwrap()
            .messages
            .is_empty()
    );
}
