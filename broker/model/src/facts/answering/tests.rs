#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use super::{Asked, message_name};
use crate::{
    answer::ResponseCode,
    envelope::MediaType,
    facts::Facts,
    format::{self, Limits},
};

fn header(event: &str, handling: &str, rest: &str) -> String {
    format!(
        r#"{{"resourceType":"Bundle","id":"outer","identifier":{{"system":"urn:x","value":"a-value"}},"type":"message",
        "entry":[{{"fullUrl":"urn:uuid:6f5b6e5e-8ac1-4a3d-9f43-0d1f0c5f7a10","resource":{{"resourceType":"MessageHeader",
        "id":"6f5b6e5e-8ac1-4a3d-9f43-0d1f0c5f7a10",{handling}
        "event":{{"system":"https://fhir.nhs.uk/STU3/CodeSystem/ITK-MessageEvent-2","code":"{event}"}}{rest}]}}"#
    )
}

fn handling(instructions: &str) -> String {
    format!(
        r#""extension":[{{"url":"https://fhir.nhs.uk/STU3/StructureDefinition/Extension-ITK-MessageHandling-2","extension":[{instructions}]}}],"#
    )
}

fn with<T>(text: &str, look: impl FnOnce(&Facts<'_>) -> T) -> T {
    let bytes = text.as_bytes();
    look(&format::read(&MediaType::FhirJson, bytes, &Limits::default()).unwrap())
}

const fn asked(infrastructure: bool, business: bool) -> Asked {
    Asked {
        infrastructure,
        business,
    }
}

#[test]
fn what_a_message_does_not_clearly_decline_it_asks_for() {
    let flag = |name: &str, value: &str| format!(r#"{{"url":"{name}","valueBoolean":{value}}}"#);
    let flags = |infrastructure: &str, business: &str| {
        let inf = flag("InfAckRequested", infrastructure);
        handling(&format!("{inf},{}", flag("BusAckRequested", business)))
    };
    let twice = [
        flag("InfAckRequested", "false"),
        flag("InfAckRequested", "false"),
    ]
    .join(",");
    for (event, handling, expected) in [
        ("ITK003D", flags("true", "true"), asked(true, true)),
        ("ITK003D", flags("true", "false"), asked(true, false)),
        ("ITK003D", flags("false", "true"), asked(false, true)),
        ("ITK003D", flags("false", "false"), asked(false, false)),
        ("ITK003D", flags("\"maybe\"", "false"), asked(true, false)),
        ("ITK003D", handling(&twice), asked(true, true)),
        ("ITK003D", handling(""), asked(true, true)),
        ("ITK003D", String::new(), asked(true, true)),
        ("ITK008M", flags("true", "true"), asked(false, false)),
    ] {
        let text = header(event, &handling, "}}");
        assert_eq!(
            with(&text, |facts| facts.asked()),
            expected,
            "{event} {handling}"
        );
    }
    let other = header("referral-1", "", "}}").replace("ITK-MessageEvent-2", "other");
    assert_eq!(with(&other, |facts| facts.asked()), asked(false, false));
}

#[test]
fn an_answer_says_which_message_and_what_became_of_it() {
    let outcome = |codings: &str| {
        format!(
            r#","response":{{"identifier":"6F5B6E5E-8AC1-4A3D-9F43-0D1F0C5F7A11","code":"ok","details":{{"reference":"urn:uuid:2"}}}}}}}},
            {{"fullUrl":"urn:uuid:2","resource":{{"resourceType":"OperationOutcome","issue":[{{"severity":"information",
            "code":"informational","details":{{"coding":[{codings}]}}}}]}}}}"#
        )
    };
    let coding = |system: &str, code: &str| format!(r#"{{"system":"{system}","code":"{code}"}}"#);
    let itk = |code: &str| {
        coding(
            "https://fhir.nhs.uk/STU3/CodeSystem/ITK-ResponseCodes-1",
            code,
        )
    };
    for (codings, code) in [
        (itk("20013"), ResponseCode::new(20013)),
        (itk("30017"), ResponseCode::new(30017)),
        (coding("urn:old", "51001"), ResponseCode::new(20013)),
        (coding("urn:other", "20013"), None),
        (
            format!("{},{}", itk("20013"), itk("20013")),
            ResponseCode::new(20013),
        ),
        (format!("{},{}", itk("20013"), itk("20009")), None),
        (itk("99999"), None),
    ] {
        let text = header("ITK008M", &handling(""), &outcome(&codings));
        with(&text, |facts| {
            let answering = facts.answering().unwrap();
            assert_eq!(answering.code, code, "{codings}");
            let named = message_name(answering.identifier.unwrap());
            assert_eq!(
                named,
                message_name("urn:uuid:6f5b6e5e-8ac1-4a3d-9f43-0d1f0c5f7a11")
            );
        });
    }
    assert!(with(&header("ITK003D", "", "}}"), |facts| facts
        .answering()
        .is_none()));
}

#[test]
fn a_message_goes_by_its_header_its_bundle_and_its_identifier() {
    with(&header("ITK003D", "", "}}"), |facts| {
        let expected = ["6f5b6e5e-8ac1-4a3d-9f43-0d1f0c5f7a10", "a-value", "outer"];
        assert_eq!(facts.message_names(), expected.map(message_name));
    });
}
