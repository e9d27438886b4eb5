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
fn a_missing_header_is_named_and_missing_recipients_are_left_to_routing() {
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
    .expect("the table may find one");
    assert!(nobody.recipients.is_empty());
}

fn by_patient(nhs_number: &str, birth_date: &str, family_name: &str) -> DocumentHeader {
    DocumentHeader {
        recipients: Vec::new(),
        patient: Some(PatientAddress {
            nhs_number: nhs_number.to_owned(),
            birth_date: birth_date.to_owned(),
            family_name: family_name.to_owned(),
        }),
        ..header()
    }
}

fn to(recipients: &[&str]) -> DocumentHeader {
    DocumentHeader {
        recipients: recipients.iter().map(ToString::to_string).collect(),
        ..header()
    }
}

#[test]
fn a_patient_is_read_from_a_field_and_from_an_address_as_mesh_writes_it() {
    let own = read(by_patient("9990000018", "1948-02-23", "van_der Berg")).expect("it is whole");
    let mesh = read(to(&["GPPROVIDER_9990000018_23021948_van_der Berg"])).expect("it is whole");
    let lower = read(to(&["gpprovider_9990000018_19480223_van_der Berg"])).expect("it is whole");
    assert!(own.patient.is_some() && own.recipients.is_empty());
    assert_eq!(own.patient, mesh.patient);
    assert_eq!(own.patient, lower.patient);
    assert_eq!(own.request_digest(), mesh.request_digest());
    assert!(mesh.recipients.is_empty() && !mesh.restricted);
    let restricted = DocumentHeader {
        restricted: true,
        ..header()
    };
    assert!(read(restricted).expect("it is whole").restricted);
}

#[test]
fn an_address_by_patient_stands_alone() {
    let address = "GPPROVIDER_9990000018_19480223_Testpatient";
    let doubled = DocumentHeader {
        recipients: vec![address.to_owned()],
        ..by_patient("9990000018", "1948-02-23", "Testpatient")
    };
    for header in [to(&[address, "K81003"]), to(&["K81003", address]), doubled] {
        let refusal = read(header).expect_err("it is unclear");
        assert_eq!(refusal.findings[0].path, "header.recipients");
    }
}

#[test]
fn what_is_wrong_with_a_patient_is_told_without_the_patient() {
    let wrong = [
        by_patient("9990000019", "1948-02-23", "Quackenbush"),
        by_patient("999 000 0018", "1948-02-23", "Quackenbush"),
        by_patient("9990000018", "1948-02-31", "Quackenbush"),
        by_patient("9990000018", "1948-02-23", &"Quackenbush".repeat(20)),
        by_patient("", "", ""),
        to(&["GPPROVIDER_9990000019_19480223_Quackenbush"]),
        to(&["GPPROVIDER_Quackenbush"]),
        to(&["GPPROVIDER9990000018_19480223_Quackenbush"]),
    ];
    for header in wrong {
        let refusal = read(header).expect_err("it names nobody");
        assert_eq!(refusal.reason, Reason::HeaderFieldInvalid);
        let told = format!("{refusal:?}");
        for secret in ["999", "1948", "Quackenbush"] {
            assert!(!told.contains(secret), "{told}");
        }
    }
}
