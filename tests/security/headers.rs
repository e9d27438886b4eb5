//! Headers and fields nobody should have sent: all that is wrong is told at once, by field.

use std::collections::HashMap;

use axle_proto::v1::{
    CollectStart, DocumentHeader, GetMessageRequest, LeaseDeliveriesRequest,
    ListDeadLettersRequest, ListMailboxesRequest, ListMessagesRequest, RequeueDeliveriesRequest,
    WatchDeliveriesRequest, collect_request::Command, get_message_request::Key,
};
use axle_tests::{
    broker::TestBroker,
    collecting::CollectStream,
    documents::{JSON, named, small, to},
    estate::{OPERATOR, PRACTICE, TRUST},
    raw::Refused,
};
use tonic::{Code, Status};

#[tokio::test(flavor = "multi_thread")]
async fn everything_wrong_with_a_header_is_told_at_once() {
    let broker = TestBroker::start().await;
    let header = DocumentHeader {
        submission_id: "two\nlines".to_owned(),
        sender: "not a code".to_owned(),
        recipients: vec![
            "k81003".to_owned(),
            PRACTICE.to_owned(),
            PRACTICE.to_owned(),
        ],
        workflow: "NO SUCH".to_owned(),
        media_type: String::new(),
        patient_ref: "x".repeat(101),
        correlation_id: "bell\u{7}".to_owned(),
        priority: 9,
        time_to_live: Some(prost_types::Duration {
            seconds: 0,
            nanos: 0,
        }),
        labels: HashMap::from([("ward".to_owned(), "\u{1b}[2J".to_owned())]),
        ..DocumentHeader::default()
    };
    let status = broker
        .raw(TRUST)
        .submit(header, small("1", TRUST, 0))
        .await
        .unwrap_err();
    let refused = Refused::of(&status);
    assert_eq!(
        (refused.code, refused.reason.as_str()),
        (Code::InvalidArgument, "HEADER_FIELD_INVALID")
    );
    let fields: Vec<&str> = refused.fields.keys().map(String::as_str).collect();
    let expected = [
        "header.correlation_id",
        "header.labels",
        "header.media_type",
        "header.patient_ref",
        "header.priority",
        "header.recipients[0]",
        "header.recipients[2]",
        "header.sender",
        "header.submission_id",
        "header.time_to_live",
        "header.workflow",
    ];
    assert_eq!(fields, expected);
    let told = format!("{refused:?}");
    assert!(
        !told.contains('\u{1b}') && !told.contains("\\u{1b}"),
        "no control character comes back: {told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_field_that_is_out_of_bounds_is_named() {
    let broker = TestBroker::start().await;
    let raw = broker.raw(TRUST);
    let good = DocumentHeader {
        media_type: JSON.to_owned(),
        ..named("1", to(&[PRACTICE]))
    };
    let labels = |count: usize, name: &str, value: &str| {
        (0..count)
            .map(|number| (format!("{name}{number}"), value.to_owned()))
            .collect::<HashMap<_, _>>()
    };
    let codes = (0..101)
        .map(|number| format!("X{number:05}"))
        .collect::<Vec<_>>();
    let cases = [
        (
            "header.submission_id",
            DocumentHeader {
                submission_id: String::new(),
                ..good.clone()
            },
        ),
        (
            "header.submission_id",
            DocumentHeader {
                submission_id: "x".repeat(101),
                ..good.clone()
            },
        ),
        (
            "header.submission_id",
            DocumentHeader {
                submission_id: "caf\u{e9}".to_owned(),
                ..good.clone()
            },
        ),
        (
            "header.submission_id",
            DocumentHeader {
                submission_id: "\u{0}".to_owned(),
                ..good.clone()
            },
        ),
        (
            "header.recipients",
            DocumentHeader {
                recipients: codes,
                ..good.clone()
            },
        ),
        (
            "header.labels",
            DocumentHeader {
                labels: labels(17, "a", "b"),
                ..good.clone()
            },
        ),
        (
            "header.labels",
            DocumentHeader {
                labels: labels(1, "new\nline", "b"),
                ..good.clone()
            },
        ),
        (
            "header.labels",
            DocumentHeader {
                labels: labels(1, "a", &"b".repeat(201)),
                ..good.clone()
            },
        ),
        (
            "header.media_type",
            DocumentHeader {
                media_type: "text".to_owned(),
                ..good.clone()
            },
        ),
    ];
    for (field, header) in cases {
        let status = raw
            .submit(header, small("1", TRUST, 0))
            .await
            .expect_err(field);
        let refused = Refused::of(&status);
        assert_eq!(refused.reason, "HEADER_FIELD_INVALID", "{field}");
        assert!(refused.fields.contains_key(field), "{field}: {refused:?}");
    }
    raw.submit(good, small("1", TRUST, 0))
        .await
        .expect("the header they were made of is good");
}

/// The refusal names this reason, and this field if one is to blame.
fn refusal<T>(answer: Result<T, Status>, reason: &str, field: Option<&str>) {
    let Err(status) = answer else {
        panic!("{reason} {field:?} was not refused")
    };
    let refused = Refused::of(&status);
    let told = (refused.code, refused.reason.as_str());
    assert_eq!(told, (Code::InvalidArgument, reason), "{refused:?}");
    assert_eq!(
        refused.fields.keys().map(String::as_str).next(),
        field,
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_or_name_that_is_none_of_ours_is_told_so() {
    let broker = TestBroker::start().await;
    let (mut trust, mut practice, mut operator) = (
        broker.raw(TRUST),
        broker.raw(PRACTICE),
        broker.raw(OPERATOR),
    );
    let page = |page_token: &str| ListMessagesRequest {
        page_token: page_token.to_owned(),
        ..Default::default()
    };
    for token in ["7", "../../etc", "messages/1"] {
        refusal(
            trust.submission.list_messages(page(token)).await,
            "PAGE_TOKEN_INVALID",
            None,
        );
        let request = ListMailboxesRequest {
            page_token: format!("{token}x"),
            ..Default::default()
        };
        refusal(
            operator.admin.list_mailboxes(request).await,
            "PAGE_TOKEN_INVALID",
            None,
        );
    }
    for resume_token in ["x", "1", "-1.0", "999999999.0"] {
        let request = WatchDeliveriesRequest {
            resume_token: resume_token.to_owned(),
            notices_only: false,
        };
        refusal(
            trust.submission.watch_deliveries(request).await,
            "PAGE_TOKEN_INVALID",
            None,
        );
    }
    let negative = ListMessagesRequest {
        page_size: -1,
        ..Default::default()
    };
    refusal(
        trust.submission.list_messages(negative).await,
        "HEADER_FIELD_INVALID",
        Some("page_size"),
    );
    let recipient = ListDeadLettersRequest {
        recipient: "k".to_owned(),
        ..Default::default()
    };
    refusal(
        operator.admin.list_dead_letters(recipient).await,
        "HEADER_FIELD_INVALID",
        Some("recipient"),
    );
    let key = |name: &str| GetMessageRequest {
        key: Some(Key::Name(name.to_owned())),
    };
    refusal(
        trust.submission.get_message(key("1")).await,
        "HEADER_FIELD_INVALID",
        Some("name"),
    );
    let none = GetMessageRequest { key: None };
    refusal(
        trust.submission.get_message(none).await,
        "HEADER_FIELD_INVALID",
        Some("name"),
    );
    let long = LeaseDeliveriesRequest {
        mailbox: "mailboxes/K81003".to_owned(),
        wait: Some(prost_types::Duration {
            seconds: 61,
            nanos: 0,
        }),
        ..Default::default()
    };
    refusal(
        practice.collection.lease_deliveries(long).await,
        "HEADER_FIELD_INVALID",
        Some("wait"),
    );
    let silent = RequeueDeliveriesRequest {
        deliveries: vec!["x".to_owned()],
        reason: String::new(),
        validate_only: false,
    };
    refusal(
        operator.admin.requeue_deliveries(silent).await,
        "HEADER_FIELD_INVALID",
        Some("reason"),
    );
    let bad = RequeueDeliveriesRequest {
        deliveries: vec!["x".to_owned()],
        reason: "a try".to_owned(),
        validate_only: false,
    };
    let results = operator
        .admin
        .requeue_deliveries(bad)
        .await
        .unwrap()
        .into_inner()
        .results;
    assert_eq!(results[0].reason, "HEADER_FIELD_INVALID");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_begins_wrongly_ends_with_the_reason() {
    let broker = TestBroker::start().await;
    let raw = broker.raw(PRACTICE);
    let second = prost_types::Duration {
        seconds: 0,
        nanos: 5,
    };
    let mailboxes = |count| vec!["mailboxes/K81003".to_owned(); count];
    let starts = [
        ("start", Command::Credit(Default::default())),
        (
            "mailboxes",
            Command::Start(CollectStart {
                mailboxes: mailboxes(17),
                ..Default::default()
            }),
        ),
        (
            "mailboxes[0]",
            Command::Start(CollectStart {
                mailboxes: vec!["K81003".to_owned()],
                ..Default::default()
            }),
        ),
        (
            "lease_duration",
            Command::Start(CollectStart {
                lease_duration: Some(second),
                ..Default::default()
            }),
        ),
        (
            "consumer_id",
            Command::Start(CollectStart {
                consumer_id: "\r".to_owned(),
                ..Default::default()
            }),
        ),
    ];
    for (field, command) in starts {
        let mut stream = CollectStream::begin(&raw, command).await.unwrap();
        refusal(stream.next().await, "HEADER_FIELD_INVALID", Some(field));
    }
}
