//! An operator sends a document to another mailbox: whoever had it before has nothing to say about it
//! any more, and its timeline says from where, to where, who and why.

use std::fs;

use axle_client::{connection::Client, error::ClientError};
use axle_proto::v1::{
    DeliveryState, RerouteDeliveryRequest, RerouteDeliveryResponse,
    reroute_delivery_request::Destination,
};
use axle_tests::{
    broker::TestBroker,
    estate::{CLOSED_PRACTICE, OTHER_PRACTICE, PRACTICE, TRUST, lease_from},
    wait,
};

use super::steps::{MAILBOX, delivery, events, lease, leased_at_once, send};

const OTHER_MAILBOX: &str = "mailboxes/A83008";

fn organisation(code: &str) -> Destination {
    Destination::Organisation(code.to_owned())
}

async fn reroute(
    operator: &Client,
    delivery: &str,
    to: Destination,
    validate_only: bool,
) -> Result<RerouteDeliveryResponse, ClientError> {
    let request = RerouteDeliveryRequest {
        delivery: delivery.to_owned(),
        destination: Some(to),
        reason: "the practices have merged".to_owned(),
        validate_only,
    };
    operator.reroute(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rerouted_document_is_the_new_mailboxs_alone() {
    let mut broker = TestBroker::start().await;
    let (trust, practice) = (broker.client(TRUST), broker.client(PRACTICE));
    let (other, operator) = (broker.client(OTHER_PRACTICE), broker.operator());
    let receipt = send(&trust, "1").await;
    let name = &receipt.deliveries[0];
    let old = lease(&practice, 1).await;
    wait::until("the lease to lapse", async || {
        let delivery = delivery(&trust, &receipt.message, PRACTICE).await;
        (delivery.state() == DeliveryState::Queued).then_some(())
    })
    .await;
    let to = || organisation(OTHER_PRACTICE);
    let dry = reroute(&operator, name, to(), true).await.unwrap();
    assert_eq!(dry.to_mailbox, OTHER_MAILBOX);
    assert_eq!(other.mailbox(OTHER_MAILBOX).await.unwrap().queued_count, 0);
    for _ in 0..2 {
        // The second time nothing is left to do.
        let done = reroute(&operator, name, to(), false).await.unwrap();
        assert_eq!(done.to_mailbox, OTHER_MAILBOX);
    }
    // What the journal says of it is the same without the index.
    broker.stop().await;
    fs::remove_dir_all(broker.estate().data().join("index")).unwrap();
    broker.start_again().await;
    assert!(leased_at_once(&practice, MAILBOX).await.is_empty());
    assert_eq!(practice.mailbox(MAILBOX).await.unwrap().queued_count, 0);
    let late = practice.settler().acknowledge(&old.lease_token).await;
    assert_eq!(late.unwrap_err().reason(), "LEASE_LOST");
    let leased = other.lease(lease_from(OTHER_MAILBOX, 60)).await.unwrap();
    let [leased] = &leased[..] else {
        panic!("{leased:?}")
    };
    assert_eq!(
        (&leased.name, leased.mailbox.as_str()),
        (name, OTHER_MAILBOX)
    );
    let late = practice.settler().acknowledge(&old.lease_token).await;
    assert_eq!(late.unwrap_err().reason(), "LEASE_LOST");
    let token = &leased.lease_token;
    other.settler().acknowledge(token).await.unwrap();
    let delivery = delivery(&trust, &receipt.message, PRACTICE).await;
    let expected = [
        "accepted",
        "leased",
        "lapsed",
        "rerouted",
        "leased",
        "acknowledged",
    ];
    assert_eq!(events(&delivery), expected);
    assert_eq!(delivery.mailbox, OTHER_MAILBOX);
    let [_, _, _, rerouted, _, acknowledged] = &delivery.events[..] else {
        unreachable!()
    };
    assert_eq!(
        (rerouted.from_mailbox.as_str(), rerouted.to_mailbox.as_str()),
        (MAILBOX, OTHER_MAILBOX)
    );
    assert_eq!(rerouted.reason, "the practices have merged");
    assert!(rerouted.actor.starts_with("operators/"), "{rerouted:?}");
    assert_eq!(acknowledged.actor, "organisations/A83008");
    assert_eq!(broker.books().await.acknowledged, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_sent_only_to_an_open_mailbox_that_takes_it_and_only_while_nobody_holds_it() {
    let broker = TestBroker::start().await;
    let (trust, practice) = (broker.client(TRUST), broker.client(PRACTICE));
    let operator = broker.operator();
    let receipt = send(&trust, "1").await;
    let name = &receipt.deliveries[0];
    let refused = async |to: Destination| {
        let error = reroute(&operator, name, to, false).await.unwrap_err();
        error.reason().to_owned()
    };
    let mailbox = |name: &str| Destination::Mailbox(name.to_owned());
    for (to, reason) in [
        (organisation(CLOSED_PRACTICE), "MAILBOX_CLOSED"),
        (organisation("Z99999"), "RECIPIENT_UNKNOWN"),
        (mailbox("mailboxes/Z99999"), "RECIPIENT_UNKNOWN"),
        // It is for another workflow alone.
        (mailbox("mailboxes/K81003/PATHOLOGY"), "RECIPIENT_UNKNOWN"),
        (mailbox("K81003"), "HEADER_FIELD_INVALID"),
    ] {
        assert_eq!(refused(to.clone()).await, reason, "{to:?}");
    }
    lease(&practice, 60).await;
    let held = refused(organisation(OTHER_PRACTICE)).await;
    assert_eq!(held, "DELIVERY_NOT_IN_STATE");
}
