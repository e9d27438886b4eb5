#![allow(clippy::expect_used, reason = "tests fail by panicking")]

use axle_model::{
    digest::Digest,
    envelope::{MediaType, Priority},
    id::SubmissionId,
};
use bytes::Bytes;

use super::*;

fn code(text: &str) -> OdsCode {
    OdsCode::parse(text).expect("a code")
}

fn caller(organisation: Option<&str>, operator: bool) -> Identity {
    Identity {
        organisation: organisation.map(code),
        operator,
        serial: "1".to_owned(),
        fingerprint: Digest::of(b""),
    }
}

fn sent_as(claimed: Option<&str>, caller: &Identity) -> Result<OdsCode, Reason> {
    let policy = Policy::new(Vec::new(), [(code("RR8"), vec![code("RR801")])].into());
    let submission = Submission {
        id: SubmissionId::parse("one").expect("an id"),
        claimed_sender: claimed.map(code),
        recipients: vec![code("K81003")],
        patient: None,
        restricted: false,
        workflow: None,
        media_type: MediaType::FhirJson,
        body: Bytes::new(),
        digest: Digest::of(b""),
        order_key: None,
        correlation_id: None,
        priority: Priority::Routine,
        time_to_live: None,
        labels: Default::default(),
    };
    let authorised = authorise(&policy, caller, submission);
    authorised
        .map(|authorised| authorised.sender())
        .map_err(|refusal| refusal.reason)
}

#[test]
fn the_sender_is_the_certificates_organisation_whatever_the_header_says() {
    let trust = caller(Some("RR8"), false);
    for claimed in [None, Some("RR8"), Some("RR801")] {
        assert_eq!(sent_as(claimed, &trust), Ok(code("RR8")), "{claimed:?}");
    }
    for claimed in ["RR80", "RBA", "K81003"] {
        assert_eq!(
            sent_as(Some(claimed), &trust),
            Err(Reason::SenderNotAuthorised),
            "{claimed}"
        );
    }
}

#[test]
fn an_operator_sends_nothing_and_a_trust_operates_nothing() {
    let operator = caller(None, true);
    assert_eq!(
        sent_as(None, &operator),
        Err(Reason::IdentityNotInCertificate)
    );
    assert!(require_operator(&operator).is_ok());
    let refused = require_operator(&caller(Some("RR8"), false));
    assert_eq!(
        refused.map_err(|refusal| refusal.reason),
        Err(Reason::RoleRequired)
    );
}
