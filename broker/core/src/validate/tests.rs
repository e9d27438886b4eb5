//! What validation promises. The rules one by one are in `tests/rules.rs`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and prints what it found"
)]

use std::collections::BTreeMap;

use axle_model::{
    digest::Digest,
    envelope::{MediaType, Priority, Submission},
    id::SubmissionId,
    identity::Identity,
    ods::OdsCode,
    refusal::{Reason, Refusal},
    synthetic::Document,
    time::Timestamp,
};

mod carried;
mod coded;
mod contents;
mod profiles;
mod rules;
mod samples;
mod structure;
mod transcode;

use proptest::prelude::*;

use super::{Rules, Setting, validate};
use crate::{
    authorise::{Authorised, authorise},
    policy::Policy,
    snapshot::Snapshot,
};

fn code(text: &str) -> OdsCode {
    OdsCode::parse(text).unwrap()
}

fn document() -> Document {
    Document::new(1, code("RR8"), code("K81003"))
}

/// A day after the synthetic documents are written.
fn now() -> Timestamp {
    Timestamp::from_micros(1_795_426_200_000_000)
}

fn submitted(sender: &str, delegated: &[&str], media_type: MediaType, body: &[u8]) -> Authorised {
    let sender = code(sender);
    let delegations = BTreeMap::from([(sender, delegated.iter().map(|text| code(text)).collect())]);
    let caller = Identity {
        organisation: Some(sender),
        operator: false,
        serial: "1".to_owned(),
        fingerprint: Digest::of(b"certificate"),
    };
    let submission = Submission {
        id: SubmissionId::parse("1").unwrap(),
        claimed_sender: None,
        recipients: vec![code("K81003")],
        patient: None,
        restricted: false,
        workflow: None,
        media_type,
        digest: Digest::of(body),
        body: body.to_vec().into(),
        order_key: None,
        correlation_id: None,
        priority: Priority::Routine,
        time_to_live: None,
        labels: BTreeMap::new(),
    };
    authorise(&Policy::new(Vec::new(), delegations), &caller, submission).unwrap()
}

fn media_type(text: &str) -> MediaType {
    if text.starts_with('{') {
        MediaType::FhirJson
    } else {
        MediaType::FhirXml
    }
}

/// A broker with these rules.
fn of(rules: &Rules) -> Snapshot {
    Snapshot {
        rules: rules.clone(),
        ..Snapshot::default()
    }
}

fn refusal(rules: &Rules, text: &str) -> Refusal {
    let authorised = submitted("RR8", &[], media_type(text), text.as_bytes());
    validate(&of(rules), &authorised, now()).unwrap_err()
}

fn warnings(rules: &Rules, text: &str) -> Vec<&'static str> {
    let authorised = submitted("RR8", &[], media_type(text), text.as_bytes());
    let checked = validate(&of(rules), &authorised, now()).unwrap();
    let warnings = checked.warnings().iter();
    warnings.filter_map(|warning| warning.rule).collect()
}

/// `text` with its first `from` replaced; the test is broken where there is none.
fn with(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} is not in the document");
    text.replacen(from, to, 1)
}

/// The findings of a document, accepted or refused: each its rule, severity and path.
fn findings(rules: &Rules, text: &str) -> Vec<(String, String, String)> {
    found_in(
        &of(rules),
        &submitted("RR8", &[], media_type(text), text.as_bytes()),
    )
}

fn found_in(snapshot: &Snapshot, authorised: &Authorised) -> Vec<(String, String, String)> {
    let findings = match validate(snapshot, authorised, now()) {
        Ok(checked) => checked.warnings().to_vec(),
        Err(refusal) => refusal.findings,
    };
    let told = findings.into_iter().map(|finding| {
        let rule = finding.rule.unwrap_or_default().to_owned();
        (rule, finding.severity.as_str().to_owned(), finding.path)
    });
    told.collect()
}

fn letter() -> String {
    document().outpatient_letter_json()
}

/// A document of JSON after a change.
fn edited(text: &str, change: impl FnOnce(&mut serde_json::Value)) -> String {
    let mut value = serde_json::from_str(text).unwrap();
    change(&mut value);
    value.to_string()
}

/// `text` without what is between `from` and `to`, both included.
fn without(text: &str, from: &str, to: &str) -> String {
    let start = text.find(from).expect(from);
    let end = start + text[start..].find(to).expect(to) + to.len();
    [&text[..start], &text[end..]].concat()
}

#[test]
fn every_synthetic_document_keeps_every_rule_in_both_syntaxes() {
    for document in [document(), document().sized(200_000)] {
        for (media_type, text) in document.all() {
            let authorised = submitted("RR8", &[], media_type, text.as_bytes());
            let checked = validate(&Snapshot::default(), &authorised, now()).unwrap();
            assert_eq!(checked.warnings(), []);
            assert!(checked.document_identity().is_some());
            assert_eq!(checked.sender(), code("RR8"));
        }
    }
}

#[test]
fn times_that_cannot_be_right_are_warned_of() {
    let letter = document().outpatient_letter_json();
    let message = document().discharge_summary_xml();
    let time = "\"2026-11-22T09:30:00.000Z\"";
    let cases = [
        with(&letter, time, "\"2026-11-22T09:30:00\""),
        with(&letter, time, "\"yesterday\""),
        with(&letter, time, "\"2027-11-22T09:30:00Z\""),
        with(&message, time, "\"2016-11-22T09:30:00Z\""),
        // Put together before it was written.
        with(&letter, time, "\"2026-11-22T09:29:00Z\""),
        with(&message, time, "\"2027-01-01T00:00:00+01:00\""),
    ];
    for text in cases {
        assert_eq!(warnings(&Rules::default(), &text), ["V-107"]);
        let strict = Rules::default().with("V-107", Setting::Error).unwrap();
        assert_eq!(refusal(&strict, &text).findings[0].rule, Some("V-107"));
        let off = Rules::default().with("V-107", Setting::Off).unwrap();
        assert_eq!(warnings(&off, &text), [""; 0]);
    }
}

#[test]
fn what_other_messages_may_leave_out_is_only_warned_of() {
    let message = document().discharge_summary_json();
    let pathology = with(&message, "ITK003D", "ITK012M");
    let undefined = with(&pathology, "\"MessageDefinition\"", "\"Another\"");
    assert_eq!(warnings(&Rules::default(), &pathology), [""; 0]);
    assert_eq!(warnings(&Rules::default(), &undefined), ["V-109"]);
    let unnamed = with(&pathology, "ods-organization-code", "another");
    assert_eq!(warnings(&Rules::default(), &unnamed), ["V-116"]);

    let notice = with(&message, "ITK-MessageEvent-2", "Notices");
    let notice = with(&notice, "ITK003D", "change-1");
    let notice = without(&notice, "\"identifier\"", "},");
    let notice = with(&notice, "Extension-ITK-MessageHandling-2", "Another");
    let notice = with(&notice, "ods-organization-code", "another");
    assert_eq!(warnings(&Rules::default(), &notice), ["V-105"]);
}

#[test]
fn an_stu3_document_needs_no_assembly_time() {
    let letter = document().outpatient_letter_json();
    let stu3 = without(&letter, "\"timestamp\"", ",").replace(
        "StructureDefinition/UKCore-",
        "STU3/StructureDefinition/CareConnect-",
    );
    assert_eq!(warnings(&Rules::default(), &stu3), [""; 0]);
}

#[test]
fn only_listed_events_are_carried_where_a_list_is_given() {
    let message = document().discharge_summary_xml();
    let mut rules = Rules::default();
    rules.events.insert("ITK006D".to_owned());
    assert_eq!(refusal(&rules, &message).findings[0].rule, Some("V-108"));
    rules.events.insert("ITK003D".to_owned());
    assert_eq!(warnings(&rules, &message), [""; 0]);
}

#[test]
fn a_delegated_organisation_may_be_named_as_sender_and_custodian() {
    let text = document().discharge_summary_xml();
    let delegated = submitted("RBA", &["RR8"], MediaType::FhirXml, text.as_bytes());
    assert!(validate(&Snapshot::default(), &delegated, now()).is_ok());
    let stranger = submitted("RBA", &[], MediaType::FhirXml, text.as_bytes());
    let refusal = validate(&Snapshot::default(), &stranger, now()).unwrap_err();
    let found: Vec<_> = refusal
        .findings
        .iter()
        .map(|f| (f.rule.unwrap(), f.path.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            ("V-117", "Bundle.entry[0].resource.sender"),
            (
                "V-117",
                "Bundle.entry[2].resource.entry[0].resource.custodian"
            ),
        ]
    );
    assert!(
        refusal
            .what
            .contains("belongs to RBA but the document says it is from RR8")
    );
}

#[test]
fn all_errors_are_told_with_the_leading_one_first() {
    let message = document().discharge_summary_json();
    let text = with(&message, "\"FA\"", "\"FX\"");
    let text = without(&text, "\"identifier\"", "},");
    let text = with(&text, "\"Synthia\"", "\"\"");
    let text = with(&text, "2026-11-22T09:30:00.000Z", "2026-11-22");
    let text = with(&text, "2026-11-22T09:30:00.000Z", "soon");
    let refusal = refusal(&Rules::default(), &text);
    let rules: Vec<_> = refusal
        .findings
        .iter()
        .filter_map(|finding| finding.rule)
        .collect();
    assert_eq!(
        rules,
        ["V-009", "V-105", "V-112", "V-107"],
        "warnings come last"
    );
    let path = "Bundle.entry[2].resource.entry[1].resource.name.given";
    assert_eq!(refusal.findings[0].path, path);
}

#[test]
fn size_is_the_first_thing_looked_at() {
    let rules = Rules {
        body_bytes_max: 100,
        ..Rules::default()
    };
    for media_type in [
        MediaType::FhirJson,
        MediaType::parse("application/pdf").unwrap(),
    ] {
        let large = submitted("RR8", &[], media_type.clone(), &[b'{'; 101]);
        let refusal = validate(&of(&rules), &large, now()).unwrap_err();
        assert_eq!(refusal.reason, Reason::DocumentTooLarge);
        assert_eq!(refusal.findings[0].itk3_code, Some(20015));
        let empty = submitted("RR8", &[], media_type, b"");
        let refusal = validate(&of(&rules), &empty, now()).unwrap_err();
        assert_eq!(refusal.reason, Reason::DocumentInvalid);
    }
}

#[test]
fn an_opaque_payload_passes_without_facts() {
    let media_type = MediaType::parse("application/pdf").unwrap();
    let authorised = submitted("RR8", &[], media_type, b"%PDF-1.7");
    let checked = validate(&Snapshot::default(), &authorised, now()).unwrap();
    assert!(checked.facts().is_none() && checked.document_identity().is_none());
}

#[test]
fn a_fatal_rule_cannot_be_set() {
    for id in ["V-004", "V-101", "V-999", ""] {
        assert!(Rules::default().with(id, Setting::Off).is_err(), "{id}");
    }
}

#[test]
fn one_document_has_one_identity_in_either_syntax() {
    let identity = |text: &str| {
        let authorised = submitted("RR8", &[], media_type(text), text.as_bytes());
        validate(&Snapshot::default(), &authorised, now())
            .unwrap()
            .document_identity()
            .unwrap()
    };
    let other = Document::new(2, code("RR8"), code("K81003"));
    let first = identity(&document().discharge_summary_xml());
    assert_eq!(first, identity(&document().discharge_summary_json()));
    assert_ne!(first, identity(&other.discharge_summary_xml()));
    assert_ne!(first, identity(&document().outpatient_letter_xml()));

    // A notice without a system: the value `1` alone would make all of them one.
    let notice = |document: &Document| {
        let text = with(
            &document.discharge_summary_json(),
            "ITK-MessageEvent-2",
            "Notices",
        );
        let text = with(&text, "ITK003D", "change-1");
        identity(&(without(&text, "\"system\"", ",")))
    };
    assert_ne!(notice(&document()), notice(&other));
    assert_eq!(notice(&document()), notice(&document()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_damage_to_a_document_makes_a_rule_panic(
        which in 0_usize..4,
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..40), 0..6),
    ) {
        let (media_type, mut text) = document().all()[which].clone();
        for (at, length) in cuts {
            // Takes out whole lines, so that much of what is left can still be read.
            let lines: Vec<&str> = text.lines().collect();
            let start = at.index(lines.len());
            let end = (start + length).min(lines.len() - 1).max(start);
            text = [&lines[..start], &lines[end..]].concat().join("\n");
        }
        let authorised = submitted("RR8", &[], media_type, text.as_bytes());
        if let Err(refusal) = validate(&Snapshot::default(), &authorised, now()) {
            prop_assert!(refusal.findings[0].rule.is_some());
        }
    }
}
