#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use axle_core::registration::Registration;
use axle_model::{patient::PatientHint, refusal::Reason};

use super::*;

const NUMBER: &str = "9990000018";

/// A patient as the service tells them; parts are replaced by the cases below.
const PATIENT: &str = r#"{"resourceType":"Patient","id":"9990000018",
"identifier":[{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"9990000018"}],
"meta":{"versionId":"2","security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"U"}]},
"name":[{"use":"usual","family":"O'Brien","given":["Synthia"],"period":{"start":"2020-01-01"}},
{"use":"nickname","family":"Biddy"},{"use":"usual","family":"Earlier","period":{"end":"2019-12-31"}}],
"birthDate":"1948-02-23",
"generalPractitioner":[{"id":"1","type":"Organization","identifier":{"system":"https://fhir.nhs.uk/Id/ods-organization-code",
"value":"K81003","period":{"start":"2020-01-01"}}}],
"telecom":[{"system":"phone"}],"unknown":{"deep":[1,2,3]}}"#;

fn read_as(status: u16, body: &str) -> Result<Said, Failure> {
    let now = Timestamp::parse("2026-11-25T12:00:00Z").unwrap();
    let number = NhsNumber::parse(NUMBER).unwrap();
    read(
        StatusCode::from_u16(status).unwrap(),
        body.as_bytes(),
        number,
        now,
    )
}

fn outcome(body: &str, family: &str) -> Registration {
    let patient = PatientHint::new(NUMBER, "19480223", family).unwrap();
    match read_as(200, body) {
        Ok(Said::Patient(known)) => known.registration(&patient),
        Ok(Said::Nobody) => Registration::None(Reason::PatientNotFound),
        Ok(Said::SomebodyElse) => Registration::None(Reason::PatientMismatch),
        Err(_) => Registration::None(Reason::DemographicsUnavailable),
    }
}

fn swapped(from: &str, to: &str) -> String {
    assert!(PATIENT.contains(from), "{from}");
    PATIENT.replace(from, to)
}

fn at(practice: &str, deceased: bool) -> Registration {
    Registration::Registered {
        practice: OdsCode::parse(practice).unwrap(),
        deceased,
    }
}

#[test]
fn a_patient_is_read_and_matched_by_the_name_in_use() {
    assert_eq!(outcome(PATIENT, "OBRIEN"), at("K81003", false));
    for family in ["Biddy", "Earlier", "Brian"] {
        let found = outcome(PATIENT, family);
        assert_eq!(
            found,
            Registration::None(Reason::PatientMismatch),
            "{family}"
        );
    }
}

#[test]
fn restricted_records_are_told_by_any_mark_that_is_not_known_to_be_harmless() {
    for mark in ["R", "V", "S", "REDACTED", "X"] {
        let marked = swapped("\"code\":\"U\"", &format!("\"code\":\"{mark}\""));
        let found = outcome(&marked, "O'Brien");
        assert_eq!(
            found,
            Registration::None(Reason::RestrictedNeedsRecipient),
            "{mark}"
        );
        let stranger = outcome(&marked, "Byrne");
        assert_eq!(
            stranger,
            Registration::None(Reason::PatientMismatch),
            "{mark}"
        );
    }
}

#[test]
fn the_practice_is_the_one_of_today_and_of_the_dead_the_last() {
    let period = r#""period":{"start":"2020-01-01"}}}]"#;
    let ended = r#""period":{"start":"2020-01-01","end":"2026-11-24"}}}]"#;
    let until_today = r#""period":{"start":"2020-01-01","end":"2026-11-25"}}}]"#;
    let tomorrow = r#""period":{"start":"2026-11-26"}}}]"#;
    let nowhere = Registration::None(Reason::PatientNotRegistered);
    let dead = |body: String| {
        body.replace(
            "\"birthDate\"",
            "\"deceasedDateTime\":\"2026-11-24T10:00:00+00:00\",\"birthDate\"",
        )
    };
    for (written, living, deceased) in [
        (period, at("K81003", false), at("K81003", true)),
        (until_today, at("K81003", false), at("K81003", true)),
        (ended, nowhere, at("K81003", true)),
        (tomorrow, nowhere, nowhere),
    ] {
        let body = swapped(period, written);
        assert_eq!(outcome(&body, "O'Brien"), living, "{written}");
        assert_eq!(outcome(&dead(body), "O'Brien"), deceased, "{written}");
    }
    let second = r#""period":{}}},{"identifier":{"system":"https://fhir.nhs.uk/Id/ods-organization-code","value":"A83008"}}]"#;
    assert_eq!(outcome(&swapped(period, second), "O'Brien"), nowhere);
    let foreign = swapped("ods-organization-code", "something-else");
    assert_eq!(outcome(&foreign, "O'Brien"), nowhere);
}

#[test]
fn another_number_counts_only_when_this_one_is_said_to_be_the_former() {
    let other = PATIENT.replace(NUMBER, "9990000026");
    assert!(matches!(read_as(200, &other), Ok(Said::SomebodyElse)));
    let former = r#""identifier":[{"use":"old","system":"https://fhir.nhs.uk/Id/nhs-number","value":"9990000018"},"#;
    let superseded = other.replace(r#""identifier":["#, former);
    assert_eq!(outcome(&superseded, "O'Brien"), at("K81003", false));
    // Two numbers at once: nobody's.
    let both = swapped("\"id\":\"9990000018\"", "\"id\":\"9990000026\"");
    assert!(matches!(read_as(200, &both), Ok(Said::SomebodyElse)));
    let none = PATIENT.replace(NUMBER, "abc");
    assert!(matches!(read_as(200, &none), Err(Failure::Malformed)));
}

#[test]
fn nobody_is_only_what_the_service_itself_says() {
    let says = |code: &str| {
        format!(
            r#"{{"resourceType":"OperationOutcome","issue":[{{"severity":"error","code":"processing",
"details":{{"coding":[{{"system":"https://fhir.nhs.uk/R4/CodeSystem/Spine-ErrorOrWarningCode","code":"{code}"}}]}}}}]}}"#
        )
    };
    let plain = r#"{"resourceType":"OperationOutcome","issue":[{"code":"not-found"}]}"#;
    for (status, body) in [
        (404, says("RESOURCE_NOT_FOUND")),
        (404, says("INVALIDATED_RESOURCE")),
        (400, says("INVALID_RESOURCE_ID")),
        (404, plain.to_owned()),
    ] {
        assert!(matches!(read_as(status, &body), Ok(Said::Nobody)), "{body}");
    }
    for (status, body) in [
        (404, "<html>not found</html>".to_owned()),
        (404, String::new()),
        (404, says("MISSING_VALUE")),
        (400, says("MISSING_VALUE")),
        (400, plain.to_owned()),
        (500, says("RESOURCE_NOT_FOUND")),
        (401, says("ACCESS_DENIED")),
        (403, String::new()),
        (429, String::new()),
        (302, String::new()),
        (204, String::new()),
        (200, plain.to_owned()),
        (200, "[]".to_owned()),
        (200, String::new()),
        (200, PATIENT[..200].to_owned()),
    ] {
        assert!(read_as(status, &body).is_err(), "{status} {body}");
    }
}

#[test]
fn a_failure_holds_nothing_of_the_answer() {
    for body in [
        PATIENT.replace(
            "\"birthDate\":\"1948-02-23\"",
            "\"birthDate\":{\"O'Brien\":9990000018}",
        ),
        PATIENT.replace(
            "\"resourceType\":\"Patient\"",
            "\"resourceType\":\"O'Brien\"",
        ),
        format!("{PATIENT} O'Brien"),
    ] {
        let failure = read_as(200, &body).err().unwrap();
        let shown = format!("{failure} {failure:?}");
        assert!(
            !shown.contains("Brien") && !shown.contains("999"),
            "{shown}"
        );
    }
}
