#![allow(clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

use axle_model::{
    envelope::{MediaType, Priority},
    mailbox::{MailboxId, WorkflowId},
};

use super::*;
use crate::event::{Actor, DeadLetterCause, Event};

const NOW: Timestamp = Timestamp::from_micros(1_763_800_000_000_000);

fn ods(text: &str) -> OdsCode {
    OdsCode::parse(text).expect("a code")
}

fn submission(text: &str) -> Named {
    Named::Submission(SubmissionId::parse(text).expect("an id"))
}

/// A message `number` of `document` with a delivery in each of these states.
fn message(number: u8, document: &str, states: &[(&str, State, EventKind)]) -> Message {
    let sender = ods("RR8");
    let deliveries = states.iter().map(|(recipient, state, kind)| {
        let recipient = ods(recipient);
        let mut delivery = Delivery::accept(recipient, MailboxId::of(recipient), sender, NOW);
        let event = Event::new(kind.clone(), Actor::Broker, NOW);
        (delivery.state, delivery.timeline) = (*state, vec![event]);
        delivery
    });
    Message {
        id: MessageId::from_bytes([number; 16]),
        sender,
        submission: SubmissionId::parse(&format!("letter-{number}")).expect("an id"),
        request: Digest::of(b"request"),
        workflow: WorkflowId::parse("LETTERS").expect("a workflow"),
        table_version: 7,
        routed_by: Default::default(),
        media_type: MediaType::FhirJson,
        digest: Digest::of(document.as_bytes()),
        size: 4,
        priority: Priority::Routine,
        order_key: None,
        order_hold: std::time::Duration::ZERO,
        correlation_id: None,
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
        deliveries: deliveries.collect(),
    }
}

const QUEUED: State = State::Queued { not_before: NOW };

fn acknowledged(recipient: &str) -> (&str, State, EventKind) {
    (recipient, State::Acknowledged, EventKind::Acknowledged)
}

fn queued(recipient: &str) -> (&str, State, EventKind) {
    (recipient, QUEUED, EventKind::Accepted)
}

fn expired(recipient: &str) -> (&str, State, EventKind) {
    (recipient, State::Expired, EventKind::Expired)
}

/// The outcome in a word, and the recipients that do not have the document, each with why.
fn said(finding: Option<&Finding>) -> (&'static str, Vec<(String, String)>) {
    let each = |open: &[Open]| {
        let of = |one: &Open| (one.delivery.recipient.to_string(), one.reason.to_string());
        open.iter().map(of).collect()
    };
    match finding.map(|finding| &finding.outcome) {
        None => ("delivered", Vec::new()),
        Some(Outcome::NeverSubmitted) => ("never submitted", Vec::new()),
        Some(Outcome::Refused { reason, .. }) => {
            ("refused", vec![(String::new(), reason.to_string())])
        }
        Some(Outcome::Pending { open, .. }) => ("pending", each(open)),
        Some(Outcome::Undelivered { open, .. }) => ("undelivered", each(open)),
        Some(Outcome::UnknownToManifest { .. }) => ("unknown", Vec::new()),
    }
}

fn of_states(states: &[(&str, State, EventKind)]) -> (&'static str, Vec<(String, String)>) {
    let standing = Standing::of(&message(1, "document", states));
    let found = finding(submission("letter-1"), Known::Accepted(standing));
    said(found.as_ref())
}

#[test]
fn every_state_comes_to_one_outcome_with_its_reason() {
    let give = |state, kind| of_states(&[("K81003", state, kind)]);
    let practice = |reason: &str| vec![("K81003".to_owned(), reason.to_owned())];
    let leased = State::Leased { until: NOW };
    assert_eq!(of_states(&[queued("K81003")]), ("pending", practice("")));
    assert_eq!(
        give(leased, EventKind::Extended { until: NOW }),
        ("pending", practice(""))
    );
    assert_eq!(of_states(&[acknowledged("K81003")]), ("delivered", vec![]));
    let (code, until) = ("20009".into(), None);
    let cause = DeadLetterCause::MailboxClosed;
    for (state, kind, reason) in [
        (
            State::Rejected,
            EventKind::Rejected { code, until },
            "20009",
        ),
        (
            State::Rejected,
            EventKind::Returned {
                reason: "moved".into(),
            },
            "moved",
        ),
        (
            State::DeadLettered,
            EventKind::DeadLettered { attempts: 1, cause },
            "MAILBOX_CLOSED",
        ),
        (
            State::Withdrawn,
            EventKind::Withdrawn {
                reason: "wrong".into(),
            },
            "wrong",
        ),
        (State::Expired, EventKind::Expired, "NOT_COLLECTED_IN_TIME"),
    ] {
        assert_eq!(give(state, kind), ("undelivered", practice(reason)));
    }
}

#[test]
fn a_warning_does_not_make_a_wait_shorter() {
    let mut waits = message(1, "document", &[queued("K81003")]);
    let hour = std::time::Duration::from_hours(1);
    let aged = Event::new(EventKind::Aged, Actor::Broker, NOW.after(hour));
    let [delivery] = waits.deliveries.as_mut_slice() else {
        panic!("one delivery");
    };
    delivery.timeline.push(aged);
    let found = finding(
        submission("letter-1"),
        Known::Accepted(Standing::of(&waits)),
    );
    let Some(Outcome::Pending { open, .. }) = found.map(|finding| finding.outcome) else {
        panic!("it is pending");
    };
    assert_eq!(open.first().map(|one| one.since), Some(NOW));
}

#[test]
fn a_document_is_delivered_only_when_every_recipient_has_it() {
    let (word, open) = of_states(&[acknowledged("K81003"), queued("A83008")]);
    assert_eq!((word, open.len()), ("pending", 1));
    // One that is given up outweighs one that may still come; both are named.
    let (word, open) = of_states(&[acknowledged("B86022"), queued("A83008"), expired("K81003")]);
    assert_eq!((word, open.len()), ("undelivered", 2));
}

#[test]
fn what_was_not_accepted_was_refused_or_never_came() {
    let refused = Refused {
        sender: ods("RR8"),
        submission: SubmissionId::parse("a").expect("an id"),
        digest: None,
        reason: "DOCUMENT_INVALID".into(),
        time: NOW,
    };
    let found = finding(submission("a"), Known::Refused(refused));
    let reason = (String::new(), "DOCUMENT_INVALID".to_owned());
    assert_eq!(said(found.as_ref()), ("refused", vec![reason]));
    let found = finding(submission("a"), Known::Nothing);
    assert_eq!(said(found.as_ref()), ("never submitted", vec![]));
}

#[test]
fn a_document_sent_again_counts_with_the_better_delivery_of_each_recipient() {
    let mut manifest = Manifest::new(NOW, NOW);
    let body = Named::Body(Digest::of(b"document"));
    assert!(manifest.add(body.clone()));
    let newer = message(9, "document", &[acknowledged("K81003")]);
    let older = message(2, "document", &[expired("K81003"), expired("A83008")]);
    assert_eq!(manifest.meet(&newer), None);
    assert_eq!(manifest.meet(&older), None);
    let (named, standing) = manifest.take().expect("an entry");
    let standing = standing.expect("it was met");
    let found = finding(named, Known::Accepted(standing)).expect("a finding");
    let other = ("A83008".to_owned(), "NOT_COLLECTED_IN_TIME".to_owned());
    assert_eq!(said(Some(&found)), ("undelivered", vec![other]));
    assert_eq!((found.submission, found.digest), (None, Some(newer.digest)));
}

#[test]
fn only_what_was_delivered_and_is_named_in_no_way_is_unknown() {
    let mut manifest = Manifest::new(NOW, NOW);
    let delivered = |number| message(number, &format!("{number}"), &[acknowledged("K81003")]);
    for named in [submission("letter-1"), Named::Body(Digest::of(b"2"))] {
        assert!(manifest.add(named));
    }
    assert_eq!(manifest.meet(&delivered(1)), None);
    assert_eq!(manifest.meet(&delivered(2)), None);
    let waits = message(3, "3", &[acknowledged("K81003"), queued("A83008")]);
    assert_eq!(manifest.meet(&waits), None);
    let unknown = manifest.meet(&delivered(4)).expect("a finding");
    assert_eq!(said(Some(&unknown)).0, "unknown");
    assert_eq!(unknown.digest, Some(Digest::of(b"4")));
}

#[test]
fn a_manifest_counts_repeats_once_and_has_an_end() {
    let mut manifest = Manifest::new(NOW, NOW);
    for number in 0..Manifest::ENTRIES_MAX {
        assert!(manifest.add(submission(&format!("s{number}"))));
    }
    assert!(manifest.add(submission("s7")), "a repeat needs no room");
    assert!(!manifest.add(submission("one-more")));
    assert_eq!(manifest.len(), Manifest::ENTRIES_MAX);
}
