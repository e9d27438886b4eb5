//! Documents nobody should have sent: each is refused with the rule it breaks and what to do, and
//! leaves nothing behind.

use axle_proto::v1::{DocumentHeader, SubmitDocumentRequest};
use axle_tests::{
    broker::TestBroker,
    documents::{JSON, XML, document, named, small, to},
    estate::{CLOSED_PRACTICE, PRACTICE, TRUST},
    raw::Refused,
};
use tonic::Code;

/// A submission that must be refused: why, with which code and reason, and which rules or fields
/// the refusal must name.
struct Case {
    about: &'static str,
    header: DocumentHeader,
    content: Vec<u8>,
    code: Code,
    reason: &'static str,
    names: &'static [&'static str],
}

fn invalid(
    about: &'static str,
    media_type: &str,
    content: impl Into<Vec<u8>>,
    rule: &'static [&'static str],
) -> Case {
    Case {
        about,
        header: header(media_type, &[PRACTICE]),
        content: content.into(),
        code: Code::InvalidArgument,
        reason: "DOCUMENT_INVALID",
        names: rule,
    }
}

fn header(media_type: &str, recipients: &[&str]) -> DocumentHeader {
    let media_type = media_type.to_owned();
    DocumentHeader {
        media_type,
        ..named("bad", to(recipients))
    }
}

fn broken_documents() -> Vec<Case> {
    let summary = document(1, TRUST, PRACTICE).discharge_summary_xml();
    let letter = document(1, TRUST, PRACTICE).outpatient_letter_json();
    let doctype = summary.replacen("<Bundle", "<!DOCTYPE Bundle [<!ENTITY a \"b\">]><Bundle", 1);
    assert_ne!(doctype, summary);
    let typeless = letter.replacen("\"type\": \"document\"", "\"type\": \"searchset\"", 1);
    assert_ne!(typeless, letter);
    let foreign = document(1, "RBA", PRACTICE);
    vec![
        invalid("an empty body", XML, "", &["V-001"]),
        invalid("XML sent as JSON", JSON, summary.clone(), &["V-003"]),
        invalid("JSON sent as XML", XML, letter.clone(), &["V-003"]),
        invalid(
            "XML cut short",
            XML,
            &summary[..summary.len() / 2],
            &["V-004"],
        ),
        invalid(
            "JSON cut short",
            JSON,
            &letter[..letter.len() / 2],
            &["V-004"],
        ),
        invalid("a DOCTYPE", XML, doctype, &["V-006"]),
        invalid(
            "not UTF-8",
            JSON,
            &b"{\"resourceType\":\"\xff\"}"[..],
            &["V-002"],
        ),
        invalid(
            "a resource that is no Bundle",
            JSON,
            "{\"resourceType\":\"Patient\"}",
            &["V-101"],
        ),
        invalid("a Bundle of another type", JSON, typeless, &["V-102"]),
        invalid(
            "a letter of another trust",
            JSON,
            foreign.outpatient_letter_json(),
            &["V-117"],
        ),
        invalid(
            "a message of another trust",
            XML,
            foreign.discharge_summary_xml(),
            &["V-117"],
        ),
    ]
}

fn unreachable() -> Vec<Case> {
    let letter = || small("unreachable", TRUST, 0).into_bytes();
    let case = |about, recipients: &[&str], code, reason, names| Case {
        about,
        header: header(JSON, recipients),
        content: letter(),
        code,
        reason,
        names,
    };
    let named = &["header.recipients[0]", "header.recipients[2]"];
    vec![
        case(
            "two of three unknown",
            &["Z99999", PRACTICE, "Z99998"],
            Code::NotFound,
            "RECIPIENT_UNKNOWN",
            named,
        ),
        case(
            "a closed mailbox",
            &[CLOSED_PRACTICE],
            Code::FailedPrecondition,
            "MAILBOX_CLOSED",
            &["header.recipients[0]"],
        ),
        Case {
            header: header("text/html", &[PRACTICE]),
            ..case(
                "no FHIR",
                &[],
                Code::InvalidArgument,
                "MEDIA_TYPE_NOT_ALLOWED",
                &[],
            )
        },
        Case {
            header: DocumentHeader {
                workflow: "NOWHERE".to_owned(),
                ..header(JSON, &[PRACTICE])
            },
            ..case(
                "an unknown workflow",
                &[],
                Code::InvalidArgument,
                "WORKFLOW_UNKNOWN",
                &[],
            )
        },
        Case {
            header: DocumentHeader {
                sender: "RBA".to_owned(),
                ..header(JSON, &[PRACTICE])
            },
            ..case(
                "another's name in the header",
                &[],
                Code::PermissionDenied,
                "SENDER_NOT_AUTHORISED",
                &[],
            )
        },
        Case {
            header: DocumentHeader {
                size_bytes: 7,
                ..header(JSON, &[PRACTICE])
            },
            ..case(
                "another length",
                &[],
                Code::InvalidArgument,
                "SIZE_MISMATCH",
                &[],
            )
        },
        Case {
            header: DocumentHeader {
                sha256: vec![0; 32].into(),
                ..header(JSON, &[PRACTICE])
            },
            ..case(
                "another checksum",
                &[],
                Code::InvalidArgument,
                "CHECKSUM_MISMATCH",
                &[],
            )
        },
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_document_is_refused_by_name_and_leaves_nothing_behind() {
    let broker = TestBroker::start().await;
    let raw = broker.raw(TRUST);
    for case in broken_documents().into_iter().chain(unreachable()) {
        let status = raw
            .submit(case.header, case.content)
            .await
            .expect_err(case.about);
        let refused = Refused::of(&status);
        let told = (refused.code, refused.reason.as_str());
        assert_eq!(
            told,
            (case.code, case.reason),
            "{}: {refused:?}",
            case.about
        );
        for name in case.names {
            let found =
                refused.fields.contains_key(*name) || refused.rules.iter().any(|rule| rule == name);
            assert!(found, "{} does not name {name}: {refused:?}", case.about);
        }
    }
    let practice = Refused::of(
        &broker
            .raw("K81003")
            .submit(header(JSON, &["A83008"]), small("1", "K81003", 0))
            .await
            .unwrap_err(),
    );
    assert_eq!(
        practice.reason, "SENDER_NOT_AUTHORISED",
        "nothing lets a practice send: {practice:?}"
    );
    let listed = broker
        .client(TRUST)
        .messages(Default::default())
        .await
        .unwrap();
    assert_eq!(listed.messages, []);
    let status = broker.operator().broker_status().await.unwrap();
    let pending = status.deliveries.unwrap_or_default();
    assert_eq!(
        (status.live_message_count, pending.accepted),
        (0, 0),
        "nothing is stored but that it was refused"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_too_large_is_told_so_however_it_comes() {
    let broker = TestBroker::start().await;
    let raw = broker.raw(TRUST);
    // One that fits a message but not the limit, and two that no message may hold.
    for bytes in [4 * 1024 * 1024 + 1, 5 * 1024 * 1024, 9 * 1024 * 1024] {
        let status = raw
            .submit(header(JSON, &[PRACTICE]), vec![b'x'; bytes])
            .await
            .unwrap_err();
        let refused = Refused::of(&status);
        let told = (refused.code, refused.reason.as_str());
        assert_eq!(
            told,
            (Code::ResourceExhausted, "DOCUMENT_TOO_LARGE"),
            "{bytes}: {refused:?}"
        );
        assert!(refused.what.contains("MiB"), "{refused:?}");
    }
    raw.submit(header(JSON, &[PRACTICE]), small("1", TRUST, 0))
        .await
        .expect("the connection lives");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_without_a_header_is_told_so() {
    let broker = TestBroker::start().await;
    let request = SubmitDocumentRequest {
        header: None,
        content: small("1", TRUST, 0).into(),
    };
    let status = broker
        .raw(TRUST)
        .submission
        .submit_document(request)
        .await
        .unwrap_err();
    let refused = Refused::of(&status);
    assert_eq!(refused.reason, "HEADER_FIELD_INVALID");
    assert!(refused.fields.contains_key("header"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_used_before_for_something_else_is_a_conflict() {
    let broker = TestBroker::start().await;
    let raw = broker.raw(TRUST);
    let first = raw
        .submit(header(JSON, &[PRACTICE]), small("1", TRUST, 0))
        .await
        .unwrap();
    // The same id for another document; and the same document identifier for other bytes.
    let other = raw
        .submit(header(JSON, &[PRACTICE]), small("2", TRUST, 0))
        .await
        .unwrap_err();
    let again = DocumentHeader {
        submission_id: "another".to_owned(),
        ..header(JSON, &[PRACTICE])
    };
    let version = raw.submit(again, small("1", TRUST, 9)).await.unwrap_err();
    for (status, rule) in [(other, None), (version, Some("V-118"))] {
        let refused = Refused::of(&status);
        assert_eq!(
            (refused.code, refused.reason.as_str()),
            (Code::AlreadyExists, "SUBMISSION_CONFLICT")
        );
        assert_eq!(
            refused.rules.first().map(String::as_str),
            rule,
            "{refused:?}"
        );
    }
    let listed = broker
        .client(TRUST)
        .messages(Default::default())
        .await
        .unwrap();
    assert_eq!(listed.messages.len(), 1, "{}", first.message);
}
