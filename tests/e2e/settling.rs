//! What becomes of a lease: extended, given back, refused, run out, given up, offered again.

use std::time::{Duration, Instant};

use axle_client::error::ClientError;
use axle_proto::v1::{
    DeliveryState, DocumentHeader, LeaseDeliveriesRequest, ListDeadLettersRequest,
};
use axle_tests::{
    broker::TestBroker,
    documents::{named, to},
    estate::{PRACTICE, TRUST, lease_from},
    wait::{self, PATIENCE, soon},
};

use super::steps::{MAILBOX, delivery, events, lease, send, send_with};

/// Long enough for a lease of two seconds to have run out and been noticed.
const SIX_SECONDS: prost_types::Duration = prost_types::Duration {
    seconds: 6,
    nanos: 0,
};
const THREE_SECONDS: prost_types::Duration = prost_types::Duration {
    seconds: 3,
    nanos: 0,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_waits_for_a_document_and_no_longer_than_asked() {
    let broker = TestBroker::start().await;
    let (trust, practice) = (broker.client(TRUST), broker.client(PRACTICE));
    let at_once = LeaseDeliveriesRequest {
        wait: None,
        ..lease_from(MAILBOX, 60)
    };
    assert!(practice.lease(at_once).await.unwrap().is_empty());
    let patient = practice.clone();
    let polling = tokio::spawn(async move { lease(&patient, 60).await });
    send(&trust, "awaited").await;
    let leased = soon("the poll to end", polling).await.unwrap();
    assert_eq!(leased.message.unwrap().submission_id, "awaited");
    let begun = Instant::now();
    let vain = LeaseDeliveriesRequest {
        wait: Some(THREE_SECONDS),
        ..lease_from(MAILBOX, 60)
    };
    assert!(practice.lease(vain).await.unwrap().is_empty());
    let waited = begun.elapsed();
    assert!(waited.as_secs() >= 3 && waited < PATIENCE, "{waited:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extended_lease_holds_and_a_released_delivery_rests_as_long_as_asked() {
    let broker = TestBroker::start().await;
    let (trust, practice) = (broker.client(TRUST), broker.client(PRACTICE));
    let receipt = send(&trust, "1").await;
    // Long enough to be extended by a machine that is busy, and over before the poll.
    let leased = lease(&practice, 4).await;
    let settler = practice.settler();
    settler
        .extend(&leased.lease_token, Duration::from_secs(60))
        .await
        .unwrap();
    let poll = LeaseDeliveriesRequest {
        wait: Some(SIX_SECONDS),
        ..lease_from(MAILBOX, 60)
    };
    assert!(
        practice.lease(poll).await.unwrap().is_empty(),
        "no redelivery while a lease runs"
    );
    let before = Instant::now();
    settler
        .release(&leased.lease_token, Duration::from_millis(1_500))
        .await
        .unwrap();
    let again = lease(&practice, 60).await;
    let rested = before.elapsed();
    assert!(rested >= Duration::from_millis(1_490), "{rested:?}");
    assert_eq!(again.attempt, 1, "giving back spends no attempt");
    let stale = settler.acknowledge(&leased.lease_token).await.unwrap_err();
    assert_eq!(stale.reason(), "LEASE_LOST");
    settler.acknowledge(&again.lease_token).await.unwrap();
    let told = events(&delivery(&trust, &receipt.message, PRACTICE).await);
    let expected = [
        "accepted",
        "leased",
        "extended",
        "released",
        "leased",
        "acknowledged",
    ];
    assert_eq!(told, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_final_rejection_ends_a_delivery_and_a_retryable_one_does_not() {
    let broker = TestBroker::start().await;
    let (trust, practice) = (broker.client(TRUST), broker.client(PRACTICE));
    let receipt = send(&trust, "1").await;
    let settler = practice.settler();
    let leased = lease(&practice, 60).await;
    settler
        .reject(&leased.lease_token, "30001", true)
        .await
        .unwrap();
    let again = lease(&practice, 60).await;
    assert_eq!(again.attempt, 2);
    settler
        .reject(&again.lease_token, "20009", false)
        .await
        .unwrap();
    settler
        .reject(&again.lease_token, "20009", false)
        .await
        .expect("a repeat is no error");
    let late = settler.acknowledge(&again.lease_token).await.unwrap_err();
    assert_eq!(late.reason(), "LEASE_LOST", "terminal is final: {late}");
    assert!(
        late.what().contains("rejected"),
        "it says what the delivery is now: {late}"
    );
    let delivery = delivery(&trust, &receipt.message, PRACTICE).await;
    assert_eq!(delivery.state(), DeliveryState::Rejected);
    assert_eq!(
        events(&delivery),
        ["accepted", "leased", "rejected", "leased", "rejected"]
    );
    let [_, _, first, _, last] = &delivery.events[..] else {
        unreachable!()
    };
    assert_eq!(
        (first.reason.as_str(), first.retry_time.is_some()),
        ("30001", true)
    );
    assert_eq!((last.reason.as_str(), last.retry_time), ("20009", None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_dies_loses_nothing_and_an_operator_can_offer_a_dead_letter_again() {
    let broker = TestBroker::start().await;
    let (trust, practice) = (broker.client(TRUST), broker.client(PRACTICE));
    let mut watch = trust.watch("", true).await.unwrap();
    let header = DocumentHeader {
        workflow: "FRAGILE".to_owned(),
        ..named("1", to(&[PRACTICE]))
    };
    let receipt = send_with(&trust, header).await.unwrap();
    // Two collectors take it for a second and are never heard of again.
    let first = lease(&practice, 1).await;
    let second = lease(&practice, 1).await;
    assert_eq!((first.attempt, second.attempt), (1, 2));
    let notice = soon("a notice", watch.next()).await.unwrap().update;
    assert!(notice.notice);
    assert_eq!(notice.delivery, receipt.deliveries[0]);
    assert_eq!(notice.state(), DeliveryState::DeadLettered);
    let operator = broker.operator();
    let letters = operator
        .dead_letters(ListDeadLettersRequest::default())
        .await
        .unwrap();
    let [letter] = &letters.dead_letters[..] else {
        panic!("{letters:?}")
    };
    assert!(
        letter.requeueable && letter.submission_id == "1",
        "{letter:?}"
    );
    let mailbox = practice.mailbox(MAILBOX).await.unwrap();
    assert_eq!((mailbox.queued_count, mailbox.dead_letter_count), (0, 1));
    let requeued = operator
        .requeue(receipt.deliveries.clone(), "the practice is back", false)
        .await;
    assert_eq!(requeued.unwrap()[0].code, 0);
    let third = lease(&practice, 60).await;
    let settler = practice.settler();
    let lost = |error: ClientError| error.reason() == "LEASE_LOST";
    assert!(
        settler
            .acknowledge(&first.lease_token)
            .await
            .is_err_and(lost),
        "only the newest counts"
    );
    assert!(
        settler
            .acknowledge(&second.lease_token)
            .await
            .is_err_and(lost),
        "only the newest counts"
    );
    settler.acknowledge(&third.lease_token).await.unwrap();
    let again = operator
        .requeue(receipt.deliveries.clone(), "once more", false)
        .await
        .unwrap();
    assert_eq!(again[0].reason, "DELIVERY_NOT_IN_STATE");
    let delivery = delivery(&trust, &receipt.message, PRACTICE).await;
    let expected = [
        "accepted",
        "leased",
        "lapsed",
        "leased",
        "dead_lettered",
        "requeued",
        "leased",
        "acknowledged",
    ];
    assert_eq!(events(&delivery), expected);
    let [lapsed, requeued] = [&delivery.events[2], &delivery.events[5]];
    assert!(lapsed.retry_time.unwrap().seconds >= lapsed.event_time.unwrap().seconds);
    assert_eq!(requeued.reason, "the practice is back");
    assert!(
        requeued.actor.starts_with("operators/"),
        "{}",
        requeued.actor
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_acknowledgement_counts_while_nobody_else_was_given_the_document() {
    let broker = TestBroker::start().await;
    let (trust, practice) = (broker.client(TRUST), broker.client(PRACTICE));
    let receipt = send(&trust, "1").await;
    let leased = lease(&practice, 1).await;
    wait::until("the lease to lapse", async || {
        let delivery = delivery(&trust, &receipt.message, PRACTICE).await;
        (delivery.state() == DeliveryState::Queued).then_some(())
    })
    .await;
    practice
        .settler()
        .acknowledge(&leased.lease_token)
        .await
        .unwrap();
    let delivery = delivery(&trust, &receipt.message, PRACTICE).await;
    assert_eq!(
        events(&delivery),
        ["accepted", "leased", "lapsed", "acknowledged"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_collects_in_time_expires_and_its_sender_is_told() {
    let broker = TestBroker::start().await;
    let (trust, practice) = (broker.client(TRUST), broker.client(PRACTICE));
    let mut watch = trust.watch("", true).await.unwrap();
    let time_to_live = Some(prost_types::Duration {
        seconds: 1,
        nanos: 0,
    });
    let header = DocumentHeader {
        time_to_live,
        ..named("1", to(&[PRACTICE]))
    };
    let receipt = send_with(&trust, header).await.unwrap();
    let notice = soon("a notice", watch.next()).await.unwrap().update;
    assert!(notice.notice);
    assert_eq!(
        (notice.delivery, notice.state),
        (receipt.deliveries[0].clone(), DeliveryState::Expired.into())
    );
    let at_once = LeaseDeliveriesRequest {
        wait: None,
        ..lease_from(MAILBOX, 60)
    };
    assert!(practice.lease(at_once).await.unwrap().is_empty());
    let delivery = delivery(&trust, &receipt.message, PRACTICE).await;
    assert_eq!(events(&delivery), ["accepted", "expired"]);
}
