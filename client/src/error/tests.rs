//! What clients make of refusals.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::{Class, ClientError};
use crate::testing::refusal;

#[test]
fn a_refusal_keeps_its_reason_words_remedy_subject_and_findings() {
    let status = refusal(
        Code::InvalidArgument,
        "DOCUMENT_INVALID",
        "one rule is broken",
        "mend it",
    );
    let error = ClientError::from(status);
    assert_eq!(error.reason(), "DOCUMENT_INVALID");
    assert_eq!(error.what(), "one rule is broken");
    assert_eq!(error.remedy(), "mend it");
    assert_eq!(error.subject(), "K81003");
    let finding = &error.findings()[0];
    assert_eq!(finding.rule, "V-105");
    assert_eq!(finding.path, "Bundle.entry[0]");
    assert_eq!(finding.description, "no author");
    assert_eq!(finding.remedy, "name an author");
    assert!(!error.is_retryable());
    assert!(error.is_from_broker());
}

#[test]
fn each_violation_brings_its_severity_issue_and_itk3_code() {
    let codes = "fatal/structure/10009 error/required/0".to_owned();
    let metadata = [("violation_codes".to_owned(), codes)];
    let mut details = ErrorDetails::with_error_info("DOCUMENT_INVALID", "axle", metadata);
    for _ in 0..3 {
        details.add_bad_request_violation("Bundle", "V-104: a - b");
    }
    let status = Status::with_error_details(Code::InvalidArgument, "two", details);
    let error = ClientError::from(status);
    let read: Vec<_> = (error.findings().iter())
        .map(|found| (&*found.severity, &*found.issue, found.itk3_code))
        .collect();
    let expected = [
        ("fatal", "structure", 10009),
        ("error", "required", 0),
        ("", "", 0),
    ];
    assert_eq!(read, expected);
}

#[test]
fn a_header_field_is_no_rule_even_with_a_colon_in_its_sentence() {
    let mut details = ErrorDetails::with_error_info("HEADER_FIELD_INVALID", "axle", []);
    details.add_bad_request_violation(
        "header.workflow",
        "unknown: not in the table - leave it out",
    );
    let status = Status::with_error_details(Code::InvalidArgument, "header.workflow", details);
    let error = ClientError::from(status);
    assert_eq!(error.findings()[0].rule, "");
    assert_eq!(error.findings()[0].description, "unknown: not in the table");
    assert_eq!(error.findings()[0].remedy, "leave it out");
}

#[test]
fn exit_codes_say_what_has_to_change() {
    for (code, reason, class, exit_code) in [
        (
            Code::InvalidArgument,
            "HEADER_FIELD_INVALID",
            Class::Refused,
            65,
        ),
        (Code::NotFound, "RECIPIENT_UNKNOWN", Class::Refused, 65),
        (
            Code::AlreadyExists,
            "SUBMISSION_CONFLICT",
            Class::Refused,
            65,
        ),
        (
            Code::PermissionDenied,
            "MAILBOX_NOT_YOURS",
            Class::Refused,
            65,
        ),
        (Code::FailedPrecondition, "LEASE_LOST", Class::Refused, 65),
        (
            Code::ResourceExhausted,
            "DOCUMENT_TOO_LARGE",
            Class::Refused,
            65,
        ),
        (
            Code::Unavailable,
            "STORE_UNAVAILABLE",
            Class::Unavailable,
            69,
        ),
        (Code::Internal, "INTERNAL", Class::Unavailable, 69),
        (
            Code::ResourceExhausted,
            "TOO_MANY_STREAMS",
            Class::TryAgain,
            75,
        ),
        (Code::Aborted, "CONFLICT", Class::TryAgain, 75),
        (
            Code::Unauthenticated,
            "IDENTITY_NOT_IN_CERTIFICATE",
            Class::Configuration,
            78,
        ),
        (
            Code::PermissionDenied,
            "ROLE_REQUIRED",
            Class::Configuration,
            78,
        ),
    ] {
        let error = ClientError::from(refusal(code, reason, "", ""));
        assert_eq!(error.class(), class, "{reason}");
        assert_eq!(error.class().exit_code(), exit_code, "{reason}");
        assert_eq!(error.is_retryable(), code == Code::Unavailable, "{reason}");
    }
}

#[test]
fn an_error_that_says_when_to_come_back_is_worth_another_try() {
    let mut details = ErrorDetails::with_error_info("STORAGE_LOW", "axle", []);
    details.set_retry_info(Some(Duration::from_secs(7)));
    let status = Status::with_error_details(Code::ResourceExhausted, "no room", details);
    let error = ClientError::from(status);
    assert!(error.is_retryable());
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    assert_eq!(error.class(), Class::TryAgain);
}
