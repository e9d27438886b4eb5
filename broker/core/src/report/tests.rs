#![allow(clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

use axle_model::time::Timestamp;

use super::*;
use crate::{
    delivery::{Circumstances, Move, Outcome},
    event::Actor,
    retry::Retry,
};

const NOW: Timestamp = Timestamp::from_micros(1_763_800_000_000_000);

fn ods(text: &str) -> OdsCode {
    OdsCode::parse(text).expect("a code")
}

fn letter() -> Message {
    let (sender, practice) = (ods("RR8"), ods("K81003"));
    Message {
        id: MessageId::from_bytes([1; 16]),
        sender,
        submission: SubmissionId::parse("letter-1").expect("an id"),
        request: Digest::of(b"request"),
        workflow: WorkflowId::parse("LETTERS").expect("a workflow"),
        table_version: 7,
        routed_by: Default::default(),
        media_type: MediaType::FhirJson,
        digest: Digest::of(b"body"),
        size: 4,
        priority: Priority::Routine,
        order_key: None,
        order_hold: Duration::ZERO,
        correlation_id: Some("conversation".into()),
        labels: BTreeMap::new(),
        document: None,
        names: Vec::new(),
        replaces: Vec::new(),
        accept_time: NOW,
        expire_time: NOW,
        warn_time: NOW,
        warnings: Vec::new(),
        answer: None,
        reroute_once: false,
        rerouted_from: None,
        deliveries: vec![Delivery::accept(
            practice,
            MailboxId::of(practice),
            sender,
            NOW,
        )],
    }
}

fn step(message: &Message, wanted: Move) -> Advance {
    let delivery = message.deliveries.first().expect("a delivery");
    let at = Circumstances {
        now: NOW,
        deadline: message.expire_time,
        retry: Retry::default(),
        seed: 0,
    };
    match delivery.decide(wanted, Actor::Broker, at) {
        Ok(Outcome::Step(step)) => Advance {
            delivery: axle_model::id::DeliveryId {
                message: message.id,
                recipient: delivery.recipient,
            },
            sender: message.sender,
            step,
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_expired_document_is_reported_to_its_sender_once() {
    let message = letter();
    let expired = step(&message, Move::Expire);
    let id = MessageId::from_bytes([2; 16]);
    let told = report(&message, &expired, id, MailboxId::of).expect("a report");
    assert_eq!(told.message.sender, OdsCode::BROKER);
    let recipients: Vec<OdsCode> = told
        .message
        .deliveries
        .iter()
        .map(|one| one.recipient)
        .collect();
    assert_eq!(recipients, [message.sender]);
    let read: serde_json::Value = serde_json::from_slice(&told.body.bytes()).expect("JSON");
    assert_eq!(read["submission_id"], "letter-1");
    assert_eq!(read["state"], "expired");
    assert_eq!(read["reason"], "NOT_COLLECTED_IN_TIME");
    assert_eq!(read["delivery"], expired.delivery.to_string());
    // Told again, it is the same submission: the store takes it once.
    let again = report(
        &message,
        &expired,
        MessageId::from_bytes([3; 16]),
        MailboxId::of,
    )
    .expect("a report");
    assert_eq!(again.message.submission, told.message.submission);
    assert_eq!(again.message.request, told.message.request);
}

#[test]
fn a_report_that_nobody_collects_begets_no_other() {
    let message = letter();
    let expired = step(&message, Move::Expire);
    let told = report(
        &message,
        &expired,
        MessageId::from_bytes([2; 16]),
        MailboxId::of,
    )
    .expect("a report");
    let mut told = told.message;
    told.expire_time = NOW;
    let unread = step(&told, Move::Expire);
    assert!(
        report(
            &told,
            &unread,
            MessageId::from_bytes([4; 16]),
            MailboxId::of
        )
        .is_none()
    );
}

#[test]
fn what_a_sender_did_itself_is_not_reported_to_it() {
    let message = letter();
    let reason: Box<str> = "wrong patient".into();
    let withdrawn = step(&message, Move::Withdraw { reason });
    assert!(
        report(
            &message,
            &withdrawn,
            MessageId::from_bytes([2; 16]),
            MailboxId::of
        )
        .is_none()
    );
}

#[test]
fn a_report_waits_in_the_mailbox_set_apart_for_reports_if_there_is_one() {
    let (trust, apart) = (ods("RR8"), "[[mailbox]]\norganisation = \"RR8\"\n");
    let with = |text: &str| mailbox(&Directory::parse(text).expect("a directory"), trust);
    assert_eq!(with("").to_string(), "mailboxes/RR8");
    assert_eq!(with(apart).to_string(), "mailboxes/RR8");
    let apart = format!("{apart}workflow = \"{REPORT_WORKFLOW}\"\n");
    assert_eq!(with(&apart).to_string(), "mailboxes/RR8/AXLE_REPORT");
}
