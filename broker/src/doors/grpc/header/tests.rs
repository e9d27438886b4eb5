#![allow(clippy::expect_used, reason = "tests fail by panicking")]

use super::*;

fn header() -> DocumentHeader {
    DocumentHeader {
        submission_id: "one".to_owned(),
        recipients: vec!["K81003".to_owned(), "A83008".to_owned()],
        media_type: "application/fhir+json".to_owned(),
        ..DocumentHeader::default()
    }
}

fn read(header: DocumentHeader) -> Result<Submission, Refusal> {
    submission_of(Some(header), Bytes::from_static(b"{}"), &Limits::default())
}

#[test]
fn a_header_becomes_a_submission() {
    let submission = read(header()).expect("it is whole");
    assert_eq!(
        submission
            .recipients
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        ["K81003", "A83008"]
    );
    assert_eq!(submission.digest, Digest::of(b"{}"));
    assert_eq!((submission.workflow, submission.time_to_live), (None, None));
}

#[test]
fn every_wrong_field_is_named_at_once() {
    let long = "x".repeat(201);
    let refusal = read(DocumentHeader {
        submission_id: "a b".to_owned(),
        sender: "rr8".to_owned(),
        recipients: vec![
            "K81003".to_owned(),
            "k81003".to_owned(),
            "K81003".to_owned(),
        ],
        workflow: "A/B".to_owned(),
        media_type: "json".to_owned(),
        patient_ref: long.clone(),
        correlation_id: "a\nb".to_owned(),
        priority: 7,
        time_to_live: Some(prost_types::Duration {
            seconds: -1,
            nanos: 0,
        }),
        labels: [("ward".to_owned(), long)].into(),
        ..DocumentHeader::default()
    })
    .expect_err("nearly everything is wrong");
    let paths: Vec<_> = refusal
        .findings
        .iter()
        .map(|finding| finding.path.as_str())
        .collect();
    assert_eq!(
        paths,
        [
            "header.submission_id",
            "header.sender",
            "header.recipients[1]",
            "header.recipients[2]",
            "header.workflow",
            "header.media_type",
            "header.priority",
            "header.time_to_live",
            "header.patient_ref",
            "header.correlation_id",
            "header.labels",
        ]
    );
    assert!(
        refusal
            .findings
            .iter()
            .all(|finding| !finding.remedy.is_empty())
    );
}

#[test]
fn length_and_checksum_are_checked_when_given() {
    let size = read(DocumentHeader {
        size_bytes: 3,
        ..header()
    });
    assert_eq!(
        size.map_err(|refusal| refusal.reason).err(),
        Some(Reason::SizeMismatch)
    );
    let sha256 = Bytes::from_static(&[0; 32]);
    let checksum = read(DocumentHeader { sha256, ..header() });
    assert_eq!(
        checksum.map_err(|refusal| refusal.reason).err(),
        Some(Reason::ChecksumMismatch)
    );
}

#[test]
fn a_document_over_the_limit_is_refused_as_too_large() {
    let limits = Limits {
        body_bytes_max: 1,
        ..Limits::default()
    };
    let refusal = submission_of(Some(header()), Bytes::from_static(b"{}"), &limits);
    assert_eq!(
        refusal.map_err(|refusal| refusal.reason).err(),
        Some(Reason::DocumentTooLarge)
    );
}

#[test]
fn a_missing_header_and_missing_recipients_are_named() {
    let missing = submission_of(None, Bytes::new(), &Limits::default()).expect_err("no header");
    assert_eq!(
        missing
            .findings
            .first()
            .map(|finding| finding.path.as_str()),
        Some("header")
    );
    let nobody = read(DocumentHeader {
        recipients: Vec::new(),
        ..header()
    })
    .expect_err("no recipient");
    assert!(nobody.what.contains("header.recipients"), "{}", nobody.what);
}
