//! The broker's end, asked for: nothing is cut off that can be finished. And its start from the
//! journal alone.

use std::fs;

use axle_proto::v1::{DocumentHeader, ListMessagesRequest, Priority};
use axle_tests::{
    broker::TestBroker,
    collecting::CollectStream,
    documents::{named, to},
    estate::{OTHER_PRACTICE, PRACTICE, TRUST},
    wait::soon,
};
use tonic::Code;

use super::steps::{MAILBOX, lease, leased_at_once, send, send_with, told};

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_stops_takes_nothing_new_and_lets_leases_settle() {
    let mut broker = TestBroker::start().await;
    let trust = broker.client(TRUST);
    let receipt = send(&trust, "1").await;
    send(&trust, "2").await;
    let (sender, collector) = (broker.raw(TRUST), broker.raw(PRACTICE));
    // The sender's connection is open before the broker stops.
    let header = named("1", to(&[PRACTICE]));
    let text = axle_tests::documents::small("1", TRUST, 0);
    let header = DocumentHeader {
        media_type: axle_tests::documents::JSON.to_owned(),
        ..header
    };
    assert!(
        sender
            .submit(header.clone(), text.clone())
            .await
            .unwrap()
            .duplicate
    );
    let mut stream = CollectStream::start(&collector, 1).await;
    let leased = stream.delivery().await;
    let ended = broker.ask_to_stop();
    stream.heartbeat(|heartbeat| heartbeat.draining).await;
    let refused = sender
        .submit(
            DocumentHeader {
                submission_id: "3".to_owned(),
                ..header
            },
            text,
        )
        .await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused}");
    let id = stream.acknowledge(&leased);
    let result = stream.result().await;
    assert_eq!((result.command_id, result.code), (id, 0), "{result:?}");
    assert_eq!(
        stream.word().await.unwrap(),
        None,
        "the stream ends in order"
    );
    soon("the broker to stop", ended).await.unwrap().unwrap();
    broker.start_again().await;
    let message = trust.message(&receipt.message).await.unwrap();
    assert_eq!(
        super::steps::events(&message.deliveries[0]),
        ["accepted", "leased", "acknowledged"]
    );
    assert_eq!(
        leased_at_once(&broker.client(PRACTICE), MAILBOX).await,
        ["2"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_index_a_broker_serves_everything_as_before() {
    let mut broker = TestBroker::start().await;
    let (trust, practice) = (broker.client(TRUST), broker.client(PRACTICE));
    let mut watch = trust.watch("", false).await.unwrap();
    let first = send(&trust, "acknowledged").await;
    let leased = lease(&practice, 60).await;
    practice
        .settler()
        .acknowledge(&leased.lease_token)
        .await
        .unwrap();
    send(&trust, "rejected").await;
    let leased = lease(&practice, 60).await;
    practice
        .settler()
        .reject(&leased.lease_token, "20009", false)
        .await
        .unwrap();
    let held = {
        send(&trust, "held").await;
        lease(&practice, 600).await
    };
    for id in ["routine", "later"] {
        send_with(&trust, named(id, to(&[PRACTICE, OTHER_PRACTICE])))
            .await
            .unwrap();
    }
    let urgent = Priority::Urgent.into();
    send_with(
        &trust,
        DocumentHeader {
            priority: urgent,
            ..named("urgent", to(&[PRACTICE]))
        },
    )
    .await
    .unwrap();
    let start = soon("an update", watch.next()).await.unwrap();
    let all = async || {
        let request = ListMessagesRequest {
            page_size: 500,
            ..Default::default()
        };
        trust.messages(request).await.unwrap().messages
    };
    let (before, mailbox) = (all().await, practice.mailbox(MAILBOX).await.unwrap());
    broker.stop().await;
    fs::remove_dir_all(broker.estate().data().join("index")).expect("there was an index");
    broker.start_again().await;
    assert_eq!(all().await, before, "every message with every timeline");
    assert_eq!(practice.mailbox(MAILBOX).await.unwrap(), mailbox);
    let repeated = send(&trust, "acknowledged").await;
    assert!(repeated.duplicate && repeated.message == first.message);
    let mut resumed = trust.watch(&start.resume_token, false).await.unwrap();
    let next = soon("an update", resumed.next()).await.unwrap();
    assert_eq!(
        told(&next.update),
        (first.deliveries[0].clone(), "leased".to_owned())
    );
    practice
        .settler()
        .acknowledge(&held.lease_token)
        .await
        .expect("leases survive");
    assert_eq!(
        leased_at_once(&practice, MAILBOX).await,
        ["urgent", "routine", "later"]
    );
}
