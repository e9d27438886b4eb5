//! A sender takes a message back: from everybody or from nobody, while nobody has it.

use axle_client::{connection::Client, error::ClientError};
use axle_core::totals::Totals;
use axle_proto::v1::{
    DeliveryState, Message, WithdrawMessageRequest, withdraw_message_request::Key,
};
use axle_tests::{
    broker::TestBroker,
    documents::{named, to},
    estate::{OTHER_PRACTICE, OTHER_TRUST, PRACTICE, TRUST},
    wait,
};

use super::steps::{MAILBOX, delivery, events, lease, leased_at_once, reports, send, send_with};

async fn withdraw(
    trust: &Client,
    submission: &str,
    recipients: &[&str],
) -> Result<Message, ClientError> {
    let request = WithdrawMessageRequest {
        key: Some(Key::SubmissionId(submission.to_owned())),
        reason: "sent for the wrong person".to_owned(),
        recipients: recipients.iter().map(ToString::to_string).collect(),
    };
    trust.withdraw(request).await
}

fn states(message: &Message) -> Vec<DeliveryState> {
    let deliveries = message.deliveries.iter();
    deliveries.map(|delivery| delivery.state()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_has_is_taken_back_for_good_and_repeating_it_changes_nothing() {
    let mut broker = TestBroker::start().await;
    let (trust, practice) = (broker.client(TRUST), broker.client(PRACTICE));
    let header = named("1", to(&[PRACTICE, OTHER_PRACTICE]));
    let receipt = send_with(&trust, header).await.unwrap();
    let other = withdraw(&broker.client(OTHER_TRUST), "1", &[]).await;
    assert_eq!(other.unwrap_err().reason(), "MESSAGE_NOT_FOUND");
    let withdrawn = withdraw(&trust, "1", &[]).await.unwrap();
    assert_eq!(states(&withdrawn), [DeliveryState::Withdrawn; 2]);
    let books = broker.books().await;
    let both = Totals {
        accepted: 2,
        withdrawn: 2,
        ..Totals::default()
    };
    assert_eq!(books, both);
    assert_eq!(withdraw(&trust, "1", &[]).await.unwrap(), withdrawn);
    assert!(leased_at_once(&practice, MAILBOX).await.is_empty());
    let delivery = delivery(&trust, &receipt.message, PRACTICE).await;
    assert_eq!(events(&delivery), ["accepted", "withdrawn"]);
    let event = &delivery.events[1];
    assert_eq!(event.reason, "sent for the wrong person");
    assert_eq!(event.actor, "organisations/RR8");
    assert!(reports(&trust).await.is_empty(), "its own doing");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_recipient_has_is_taken_back_from_none_unless_the_others_are_named() {
    let mut broker = TestBroker::start().await;
    let (trust, practice) = (broker.client(TRUST), broker.client(PRACTICE));
    let header = named("1", to(&[PRACTICE, OTHER_PRACTICE]));
    let receipt = send_with(&trust, header).await.unwrap();
    let held = lease(&practice, 60).await;
    let refused = withdraw(&trust, "1", &[]).await.unwrap_err();
    assert_eq!(refused.reason(), "ALREADY_COLLECTED");
    assert!(refused.what().contains("K81003 (leased)"), "{refused}");
    assert!(!refused.what().contains(OTHER_PRACTICE), "{refused}");
    let message = trust.message(&receipt.message).await.unwrap();
    let untouched = [DeliveryState::Leased, DeliveryState::Queued];
    assert_eq!(states(&message), untouched, "all or none");
    let unknown = withdraw(&trust, "1", &["A83627"]).await.unwrap_err();
    assert_eq!(unknown.reason(), "HEADER_FIELD_INVALID");
    let rest = withdraw(&trust, "1", &[OTHER_PRACTICE]).await.unwrap();
    let taken = [DeliveryState::Leased, DeliveryState::Withdrawn];
    assert_eq!(states(&rest), taken);
    practice
        .settler()
        .acknowledge(&held.lease_token)
        .await
        .unwrap();
    let late = withdraw(&trust, "1", &[]).await.unwrap_err();
    assert!(late.what().contains("K81003 (acknowledged)"), "{late}");
    let books = broker.books().await;
    let ended = Totals {
        accepted: 2,
        acknowledged: 1,
        withdrawn: 1,
        ..Totals::default()
    };
    assert_eq!(books, ended);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_ran_out_holds_nothing_back_and_settles_nothing_afterwards() {
    let broker = TestBroker::start().await;
    let (trust, practice) = (broker.client(TRUST), broker.client(PRACTICE));
    let receipt = send(&trust, "1").await;
    let leased = lease(&practice, 1).await;
    wait::until("the lease to lapse", async || {
        let delivery = delivery(&trust, &receipt.message, PRACTICE).await;
        (delivery.state() == DeliveryState::Queued).then_some(())
    })
    .await;
    withdraw(&trust, "1", &[]).await.unwrap();
    let settler = practice.settler();
    let late = settler.acknowledge(&leased.lease_token).await.unwrap_err();
    assert_eq!(late.reason(), "LEASE_LOST");
    assert!(late.what().contains("withdrawn"), "{late}");
}
