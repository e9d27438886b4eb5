//! What an OperationOutcome is made of.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use axle_proto::v1::{Finding, ValidateDocumentResponse};
use serde_json::{Value, json};
use tonic::Code;

use super::OperationOutcome;
use crate::{error::ClientError, testing::refusal};

fn finding() -> Finding {
    Finding {
        rule: "V-110".to_owned(),
        severity: "error".to_owned(),
        path:
            "Bundle.entry[0].resource.extension(ITK-MessageHandling-2).extension(InfAckRequested)"
                .to_owned(),
        description: "InfAckRequested must be true or false".to_owned(),
        remedy: "give it as a boolean".to_owned(),
        itk3_code: 10002,
        issue: "value".to_owned(),
        ..Finding::default()
    }
}

fn outcome(findings: Vec<Finding>, acceptable: bool) -> Value {
    let answer = ValidateDocumentResponse {
        acceptable,
        reason: "DOCUMENT_INVALID".to_owned(),
        findings,
        workflow: "TOC_FHIR_IP_DISCH".to_owned(),
        mailboxes: vec!["mailboxes/K81003".to_owned()],
        ..ValidateDocumentResponse::default()
    };
    serde_json::to_value(OperationOutcome::from(&answer)).unwrap()
}

#[test]
fn a_finding_is_an_issue_with_its_itk3_code_and_its_path_as_fhirpath() {
    let expected = json!({
        "resourceType": "OperationOutcome",
        "issue": [{
            "severity": "error",
            "code": "value",
            "details": {
                "coding": [{
                    "system": "https://fhir.nhs.uk/STU3/CodeSystem/ITK-ResponseCodes-1",
                    "code": "10002",
                    "display": "Infrastructure response flag cannot be read",
                }],
                "text": "V-110: InfAckRequested must be true or false",
            },
            "diagnostics": "give it as a boolean",
            "expression": [
                "Bundle.entry[0].resource.extension.where(url.endsWith('ITK-MessageHandling-2'))\
                 .extension.where(url.endsWith('InfAckRequested'))",
            ],
        }],
    });
    assert_eq!(outcome(vec![finding()], false), expected);
}

#[test]
fn what_is_in_no_resource_is_a_location() {
    let stopped = Finding {
        path: String::new(),
        line: 3,
        column: 14,
        ..finding()
    };
    let field = Finding {
        rule: String::new(),
        path: "header.recipients[1]".to_owned(),
        ..finding()
    };
    let outcome = outcome(vec![stopped, field], false);
    assert_eq!(
        outcome["issue"][0]["location"],
        json!(["line 3, column 14"])
    );
    assert_eq!(
        outcome["issue"][1]["location"],
        json!(["header.recipients[1]"])
    );
    assert!(outcome["issue"][1].get("expression").is_none());
}

#[test]
fn an_acceptable_document_has_its_warnings_and_says_so() {
    let warning = Finding {
        severity: "warning".to_owned(),
        ..finding()
    };
    let outcome = outcome(vec![warning], true);
    assert_eq!(outcome["issue"][0]["severity"], "warning");
    assert_eq!(outcome["issue"][1]["severity"], "information");
    assert_eq!(outcome["issue"].as_array().unwrap().len(), 2);
}

#[test]
fn a_refused_submission_is_one_too() {
    let status = refusal(
        Code::NotFound,
        "RECIPIENT_UNKNOWN",
        "no mailbox",
        "check it",
    );
    let outcome = OperationOutcome::from(&ClientError::from(status));
    let outcome = serde_json::to_value(outcome).unwrap();
    assert_eq!(outcome["issue"][0]["details"]["text"], "V-105: no author");
    let gone = OperationOutcome::from(&ClientError::unreachable("nobody listens"));
    let gone = serde_json::to_value(gone).unwrap();
    assert_eq!(gone["issue"][0]["code"], "transient");
}
