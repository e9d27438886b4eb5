#![allow(clippy::expect_used, reason = "tests fail by panicking")]

use std::collections::BTreeMap;

use axle_model::{
    envelope::{MediaType, Priority, Submission},
    id::SubmissionId,
    identity::Identity,
    ods::OdsCode,
    synthetic::{Document, nhs_number},
    time::Timestamp,
};

use super::*;
use crate::{
    authorise::authorise,
    policy::Policy,
    snapshot::Snapshot,
    validate::{Rules, validate},
};

fn code(text: &str) -> OdsCode {
    OdsCode::parse(text).expect("a code")
}

/// The key of a letter of a trust, with this reference, under each order.
fn keys(trust: &str, patient_ref: Option<&str>, body: &str) -> [Option<Digest>; 3] {
    let caller = Identity {
        organisation: Some(code(trust)),
        operator: false,
        serial: "1".to_owned(),
        fingerprint: Digest::of(b"certificate"),
    };
    let submission = Submission {
        id: SubmissionId::parse("1").expect("an id"),
        claimed_sender: None,
        recipients: vec![code("K81003")],
        patient: None,
        restricted: false,
        workflow: None,
        media_type: MediaType::FhirJson,
        digest: Digest::of(body.as_bytes()),
        body: body.to_owned().into(),
        order_key: patient_ref.map(|text| Digest::of(text.as_bytes())),
        correlation_id: None,
        priority: Priority::Routine,
        time_to_live: None,
        labels: BTreeMap::new(),
    };
    let policy = Policy::new(Vec::new(), BTreeMap::new());
    let authorised = authorise(&policy, &caller, submission).expect("authorised");
    let now = Timestamp::from_micros(1_795_426_200_000_000);
    // Also what no check digit holds for reaches the orders of documents.
    let snapshot = Snapshot {
        rules: Rules::default().for_synthetic_data(),
        ..Snapshot::default()
    };
    let checked = validate(&snapshot, &authorised, now).expect("a letter");
    [Order::Patient, Order::PatientRef, Order::None].map(|order| key(order, &checked))
}

fn letter(number: u64, trust: &str, patient: u64) -> String {
    let letter = Document::new(number, code(trust), code("K81003"));
    letter.about(nhs_number(patient)).outpatient_letter_json()
}

#[test]
fn one_patients_documents_have_a_key_in_common_and_two_patients_never() {
    let [first, by_reference, none] = keys("RR8", None, &letter(1, "RR8", 1));
    assert!(first.is_some() && by_reference.is_none() && none.is_none());
    assert_eq!(first, keys("RR8", None, &letter(2, "RR8", 1))[0]);
    assert_ne!(first, keys("RR8", None, &letter(3, "RR8", 2))[0]);
}

#[test]
fn the_senders_own_reference_counts_before_the_document() {
    let [first, by_reference, none] = keys("RR8", Some("p"), &letter(1, "RR8", 1));
    assert!(first.is_some() && first == by_reference && none.is_none());
    assert_eq!(first, keys("RR8", Some("p"), &letter(2, "RR8", 2))[0]);
    assert_ne!(first, keys("RR8", Some("q"), &letter(3, "RR8", 1))[0]);
}

#[test]
fn no_key_is_shared_by_two_senders() {
    for reference in [None, Some("p")] {
        let of = |trust| keys(trust, reference, &letter(1, trust, 1))[0];
        assert_ne!(of("RR8"), of("RBA"));
    }
}

#[test]
fn a_number_that_is_nobodys_makes_no_key() {
    let number = format!("{:010}", nhs_number(1).expose());
    let mut wrong = number.clone().into_bytes();
    wrong[9] = if wrong[9] == b'0' { b'1' } else { b'0' };
    let wrong = String::from_utf8(wrong).expect("digits");
    for nobodys in ["0000000000", "9999999999", "unknown", &wrong] {
        let text = letter(1, "RR8", 1).replace(&number, nobodys);
        assert_eq!(keys("RR8", None, &text)[0], None, "{nobodys}");
    }
}
