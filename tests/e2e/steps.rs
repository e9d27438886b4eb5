//! Steps that most journeys begin with.

use axle_client::{connection::Client, convert, error::ClientError};
use axle_proto::v1::{
    Delivery, DeliveryUpdate, DocumentHeader, LeaseDeliveriesRequest, LeasedDelivery,
    SubmitDocumentResponse,
};
use axle_tests::{
    documents::{named, small, to},
    estate::{PRACTICE, TRUST, lease_from},
};

pub(crate) const MAILBOX: &str = "mailboxes/K81003";

/// Sends a small document under this id, which is also the document's own, to the practice.
pub(crate) async fn send(trust: &Client, id: &str) -> SubmitDocumentResponse {
    send_with(trust, named(id, to(&[PRACTICE]))).await.unwrap()
}

/// Sends a small document under this header.
pub(crate) async fn send_with(
    trust: &Client,
    header: DocumentHeader,
) -> Result<SubmitDocumentResponse, ClientError> {
    let text = small(&header.submission_id, TRUST, 0);
    trust.submit(header, text.into()).await
}

/// Leases one delivery of the practice's mailbox, waiting for it, for this many seconds.
pub(crate) async fn lease(practice: &Client, lease_seconds: i64) -> LeasedDelivery {
    let leased = practice.lease(lease_from(MAILBOX, lease_seconds)).await;
    leased
        .unwrap()
        .into_iter()
        .next()
        .expect("a delivery in time")
}

/// Everything that can be leased from a mailbox at once, by submission id.
pub(crate) async fn leased_at_once(practice: &Client, mailbox: &str) -> Vec<String> {
    let request = LeaseDeliveriesRequest {
        max_deliveries: 100,
        wait: None,
        ..lease_from(mailbox, 60)
    };
    let leased = practice.lease(request).await.unwrap();
    leased
        .into_iter()
        .map(|delivery| delivery.message.unwrap().submission_id)
        .collect()
}

/// What has happened to a delivery, in words.
pub(crate) fn events(delivery: &Delivery) -> Vec<String> {
    delivery
        .events
        .iter()
        .map(|event| convert::event_word(event.kind()))
        .collect()
}

/// What happened, in a word, with the delivery it happened to.
pub(crate) fn told(update: &DeliveryUpdate) -> (String, String) {
    let event = update.event.as_ref().unwrap();
    (update.delivery.clone(), convert::event_word(event.kind()))
}

/// The delivery for one recipient of a sender's message.
pub(crate) async fn delivery(trust: &Client, message: &str, recipient: &str) -> Delivery {
    let message = trust.message(message).await.unwrap();
    let mut deliveries = message.deliveries.into_iter();
    deliveries
        .find(|delivery| delivery.recipient == recipient)
        .unwrap()
}

/// The reports that wait for a trust, read and acknowledged: each with its submission id, the state
/// of the delivery and the reason.
pub(crate) async fn reports(trust: &Client) -> Vec<[String; 3]> {
    let request = LeaseDeliveriesRequest {
        max_deliveries: 100,
        wait: None,
        ..lease_from(&format!("mailboxes/{TRUST}"), 60)
    };
    let mut reports = Vec::new();
    for leased in trust.lease(request).await.unwrap() {
        let message = leased.message.unwrap();
        assert_eq!(
            (message.sender.as_str(), message.workflow.as_str()),
            ("AXLE", "AXLE_REPORT")
        );
        assert_eq!(message.media_type, "application/json");
        let report: serde_json::Value = serde_json::from_slice(&leased.content).unwrap();
        let text = |field: &str| report[field].as_str().unwrap().to_owned();
        reports.push(["submission_id", "state", "reason"].map(text));
        let settler = trust.settler();
        settler.acknowledge(&leased.lease_token).await.unwrap();
    }
    reports
}
