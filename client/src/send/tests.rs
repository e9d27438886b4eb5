//! Submits against a broker that fails.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking"
)]

use std::path::Path;

use axle_model::digest::Digest;
use axle_proto::v1::{DocumentHeader, SubmitDocumentResponse};
use bytes::Bytes;
use futures::StreamExt as _;
use tonic::{Code, Status};

use super::media_type;
use crate::{
    testing::{Fake, refusal},
    upload::no_progress,
};

fn to_a_practice() -> DocumentHeader {
    DocumentHeader {
        recipients: vec!["K81003".to_owned()],
        ..DocumentHeader::default()
    }
}

#[tokio::test]
async fn a_submit_is_repeated_under_the_same_id_until_the_broker_is_there() {
    let fake = Fake::default();
    fake.submits.answer(Err(Status::unavailable("starting")));
    fake.submits
        .answer(Err(refusal(Code::Unavailable, "DRAINING", "stopping", "")));
    fake.submits.answer(Ok(SubmitDocumentResponse::default()));
    let broker = fake.start().await;
    let content = Bytes::from_static(b"  {}");
    broker
        .client()
        .submit(to_a_practice(), content.clone())
        .await
        .unwrap();
    let asked = broker.fake.submits.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|request| *request == asked[0]));
    let header = asked[0].header.as_ref().unwrap();
    assert_eq!(header.submission_id.len(), 36);
    assert_eq!(header.media_type, "application/fhir+json");
    assert_eq!(header.size_bytes, 4);
    assert_eq!(header.sha256.as_ref(), Digest::of(&content).as_bytes());
}

#[tokio::test]
async fn a_refusal_is_not_repeated() {
    let fake = Fake::default();
    let refused = refusal(
        Code::NotFound,
        "RECIPIENT_UNKNOWN",
        "no mailbox for K81003",
        "ask them",
    );
    fake.submits.answer(Err(refused));
    let broker = fake.start().await;
    let error = broker
        .client()
        .submit(to_a_practice(), Bytes::from_static(b"{}"))
        .await;
    assert_eq!(error.unwrap_err().reason(), "RECIPIENT_UNKNOWN");
    assert_eq!(broker.fake.submits.asked().len(), 1);
}

#[tokio::test]
async fn one_id_for_several_files_names_each_by_its_content() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a.json", "b.json", "missing.json"].map(|name| folder.path().join(name));
    std::fs::write(&paths[0], "{}").unwrap();
    std::fs::write(&paths[1], "{ }").unwrap();
    let fake = Fake::default();
    fake.submits.answer(Ok(SubmitDocumentResponse::default()));
    fake.submits.answer(Ok(SubmitDocumentResponse::default()));
    let broker = fake.start().await;
    let header = DocumentHeader {
        submission_id: "night-7".to_owned(),
        ..to_a_practice()
    };
    let sending = broker
        .client()
        .submit_files(paths.to_vec(), header, 4, no_progress());
    let mut outcomes: Vec<_> = sending.collect().await;
    outcomes.sort_by(|a, b| a.path.cmp(&b.path));
    let digest = Digest::of(b"{}").to_string();
    assert_eq!(
        outcomes[0].submission_id,
        format!("night-7/{}", &digest[..16])
    );
    assert_ne!(outcomes[0].submission_id, outcomes[1].submission_id);
    assert!(outcomes[0].result.is_ok() && outcomes[1].result.is_ok());
    let error = outcomes[2].result.as_ref().unwrap_err();
    assert_eq!(error.reason(), "FILE_UNREADABLE");
}

#[test]
fn the_content_tells_the_media_type_before_the_name_does() {
    for (content, name, expected) in [
        (
            "\u{feff} <Bundle/>",
            "letter.json",
            Some("application/fhir+xml"),
        ),
        ("\n{}", "letter", Some("application/fhir+json")),
        ("%PDF-1.7", "letter.PDF", Some("application/pdf")),
        ("Dear", "letter.txt", Some("text/plain")),
        ("", "letter.xml", Some("application/fhir+xml")),
        ("MSH|^~\\&|", "letter", Some("x-application/hl7-v2+er7")),
        (
            "\u{b}MSH|^~\\&|",
            "letter.txt",
            Some("x-application/hl7-v2+er7"),
        ),
        ("EVN|", "letter.hl7", Some("x-application/hl7-v2+er7")),
        (
            "<ClinicalDocument/>",
            "letter.xml",
            Some("application/cda+xml"),
        ),
        (
            "<?xml version='1.0'?>\n<!-- <Bundle> -->\n<s:Envelope xmlns:s='a'>",
            "letter",
            Some("application/cda+xml"),
        ),
        (
            "<?xml version='1.0'?>\n<itk:DistributionEnvelope xmlns:itk='a'>",
            "letter",
            Some("application/cda+xml"),
        ),
        ("<Envelopes/>", "letter", Some("application/fhir+xml")),
    ] {
        assert_eq!(
            media_type(content.as_bytes(), Some(Path::new(name))),
            expected,
            "{name}"
        );
    }
}
