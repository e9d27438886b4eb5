//! Each rule of L0 and L1, broken by one change to a document that keeps them all.

use axle_model::{
    envelope::MediaType,
    refusal::{Reason, Severity},
};

use super::{document, now, refusal, submitted, with, without};
use crate::{
    snapshot::Snapshot,
    validate::{Rules, validate},
};

#[test]
fn each_rule_of_bytes_is_broken_by_one_change() {
    let xml = document().discharge_summary_xml();
    let json = document().outpatient_letter_json();
    let deep = "[".repeat(70) + &"]".repeat(70);
    let long = "a".repeat(1024 * 1024 + 1);
    let cases = [
        ("V-001", String::new()),
        ("V-002", with(&xml, "UTF-8", "UTF-16")),
        ("V-002", with(&json, "Testpatient", "\\u0000")),
        ("V-004", json[..json.len() / 2].to_owned()),
        ("V-004", xml[..xml.len() / 2].to_owned()),
        ("V-004", format!("{json}{{}}")),
        (
            "V-005",
            with(&json, "\"active\": true", &format!("\"active\": {deep}")),
        ),
        ("V-006", with(&xml, "<Bundle", "<!DOCTYPE Bundle><Bundle")),
        ("V-006", with(&xml, "Testpatient", "&patient;")),
        (
            "V-007",
            with(
                &json,
                "\"type\": \"document\"",
                "\"type\": \"document\", \"type\": \"message\"",
            ),
        ),
        (
            "V-007",
            with(
                &xml,
                "<type value=\"message\"/>",
                "<type value=\"message\"/><type value=\"a\"/>",
            ),
        ),
        ("V-008", with(&json, "Exampleton Hospitals Trust", &long)),
        ("V-008", with(&xml, "Exampleton Hospitals Trust", &long)),
        ("V-009", with(&json, "\"Synthia\"", "\"\"")),
        (
            "V-009",
            with(&json, "\"gender\": \"female\"", "\"gender\": null"),
        ),
        ("V-010", with(&xml, "http://hl7.org/fhir", "urn:hl7-org:v3")),
    ];
    for (rule, text) in cases {
        let refusal = refusal(&Rules::default(), &text);
        assert_eq!(refusal.findings[0].rule, Some(rule), "{refusal}");
        assert_eq!(refusal.reason, Reason::DocumentInvalid);
        assert!(refusal.what.starts_with(rule) && !refusal.remedy.is_empty());
    }
}

#[test]
fn a_declared_media_type_must_be_the_content_s() {
    let (json, xml) = (
        document().outpatient_letter_json(),
        document().outpatient_letter_xml(),
    );
    for (media_type, text) in [(MediaType::FhirXml, json), (MediaType::FhirJson, xml)] {
        let authorised = submitted("RR8", &[], media_type, text.as_bytes());
        let refusal = validate(&Snapshot::default(), &authorised, now()).unwrap_err();
        assert_eq!(refusal.findings[0].rule, Some("V-003"));
    }
}

/// Checks that the document is refused for `rule` first, with that ITK3 code and a path.
fn breaks(rule: &str, itk3_code: u32, text: &str) {
    let refusal = refusal(&Rules::default(), text);
    let leading = &refusal.findings[0];
    assert_eq!(leading.rule, Some(rule), "{refusal}");
    assert_eq!(leading.itk3_code, Some(itk3_code), "{refusal}");
    assert!(leading.severity < Severity::Warning, "{refusal}");
    assert!(!leading.path.is_empty() || rule == "V-101", "{refusal}");
}

#[test]
fn each_rule_of_a_bundle_is_broken_by_one_change() {
    let message = document().discharge_summary_json();
    let letter = document().outpatient_letter_json();
    let cases = [
        ("V-101", 10009, with(&letter, "\"Bundle\"", "\"Patient\"")),
        (
            "V-102",
            20009,
            with(
                &letter,
                "\"type\": \"document\"",
                "\"type\": \"collection\"",
            ),
        ),
        ("V-102", 20009, with(&letter, "\"type\": \"document\",", "")),
        (
            "V-103",
            20009,
            r#"{"resourceType":"Bundle","type":"document"}"#.to_owned(),
        ),
        (
            "V-104",
            20009,
            with(&letter, "\"Composition\"", "\"Basic\""),
        ),
        (
            "V-104",
            20006,
            with(&message, "\"MessageHeader\"", "\"Basic\""),
        ),
        (
            "V-104",
            20009,
            with(&message, "\"Composition\"", "\"Basic\""),
        ),
        ("V-105", 20009, without(&letter, "\"identifier\"", "},")),
        ("V-105", 20009, without(&letter, "\"system\"", ",")),
        ("V-105", 20009, without(&message, "\"identifier\"", "},")),
        ("V-106", 20009, without(&letter, "\"timestamp\"", ",")),
    ];
    for (rule, itk3_code, text) in cases {
        breaks(rule, itk3_code, &text);
    }
}

#[test]
fn each_rule_of_a_message_is_broken_by_one_change() {
    let message = document().discharge_summary_json();
    let handling = |from: &str, to: &str| with(&message, from, to);
    let cases = [
        ("V-108", 10004, handling("\"code\": \"ITK003D\",", "")),
        (
            "V-109",
            10001,
            handling("Extension-ITK-MessageHandling-2", "Another"),
        ),
        (
            "V-109",
            10001,
            handling("\"InfAckRequested\"", "\"BusAckRequested\""),
        ),
        (
            "V-109",
            10001,
            handling("\"MessageDefinition\"", "\"Another\""),
        ),
        (
            "V-110",
            10002,
            handling(
                "\"InfAckRequested\",\n                \"valueBoolean\": true",
                "\"InfAckRequested\",\n                \"valueBoolean\": \"true\"",
            ),
        ),
        ("V-111", 10003, handling("valueBoolean", "valueString")),
        ("V-112", 10010, handling("\"FA\"", "\"FX\"")),
        (
            "V-112",
            10010,
            handling("CodeSystem/ITK-RecipientType-1", "CodeSystem/Another"),
        ),
        (
            "V-113",
            10004,
            handling("https://fhir.nhs.uk/STU3/MessageDefinition/", "Definition/"),
        ),
        ("V-114", 10007, handling("valueString", "valueCode")),
    ];
    for (rule, itk3_code, text) in cases {
        breaks(rule, itk3_code, &text);
    }
}

#[test]
fn each_rule_of_payload_and_sender_is_broken_by_one_change() {
    let message = document().discharge_summary_json();
    let letter = document().outpatient_letter_json();
    let start = message.find("\"focus\"").unwrap();
    let focus = &message[start..=start + message[start..].find(']').unwrap()];
    let cases = [
        ("V-115", 20006, with(&message, focus, "\"x\": 1")),
        (
            "V-115",
            20006,
            with(&message, focus, &with(focus, "urn:uuid:", "urn:uuid:0")),
        ),
        (
            "V-115",
            20006,
            with(
                &message,
                "\"type\": \"document\"",
                "\"type\": \"collection\"",
            ),
        ),
        (
            "V-115",
            20006,
            with(
                &message,
                "\"resourceType\": \"AllergyIntolerance\"",
                "\"resourceType\": \"Bundle\"",
            ),
        ),
        (
            "V-116",
            20003,
            with(&message, "ods-organization-code", "another"),
        ),
        (
            "V-117",
            20012,
            with(&message, "\"value\": \"RR8\"", "\"value\": \"RBA\""),
        ),
        (
            "V-117",
            20012,
            with(&letter, "\"value\": \"RR8\"", "\"value\": \"RBA\""),
        ),
    ];
    for (rule, itk3_code, text) in cases {
        breaks(rule, itk3_code, &text);
    }
}

#[test]
fn a_message_definition_is_known_in_its_version() {
    const ROOT: &str = "https://fhir.nhs.uk/STU3/MessageDefinition/ITK-";
    let message = document().discharge_summary_json();
    for (known, itk3_code) in [
        ("EDIS-MessageDefinition-1", None),
        ("EDIS-MessageDefinition-2", Some(10005)),
        ("OPL-MessageDefinition-1", Some(10004)),
    ] {
        let rules = Rules {
            message_definitions: [format!("{ROOT}{known}")].into(),
            ..Rules::default()
        };
        let authorised = submitted("RR8", &[], MediaType::FhirJson, message.as_bytes());
        let found = validate(&super::of(&rules), &authorised, now()).err();
        let leading =
            found.map(|refusal| (refusal.findings[0].rule, refusal.findings[0].itk3_code));
        let expected = itk3_code.map(|code| (Some("V-113"), Some(code)));
        assert_eq!(leading, expected, "{known}");
    }
}
