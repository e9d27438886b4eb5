//! Many documents over a stream that fails.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use axle_proto::v1::{
    self as wire, DocumentHeader, SubmitDocumentResponse, submission_result::Outcome,
};
use bytes::Bytes;
use futures::future::join_all;
use tonic::{Code, Status};

use super::Submitter;
use crate::{
    error::{Class, ClientError},
    testing::{Bulk, Fake},
};

fn named(id: usize) -> DocumentHeader {
    DocumentHeader {
        submission_id: id.to_string(),
        recipients: vec!["K81003".to_owned()],
        ..DocumentHeader::default()
    }
}

async fn send(
    submitter: &Submitter,
    count: usize,
) -> Vec<Result<SubmitDocumentResponse, ClientError>> {
    let sending = (0..count).map(|id| submitter.submit(named(id), Bytes::from_static(b"{}")));
    join_all(sending).await
}

#[tokio::test]
async fn each_document_has_its_own_answer() {
    let fake = Fake::default();
    fake.bulks.answer(Ok(Bulk {
        answers: Box::new(|id| match id {
            "1" => Outcome::Refusal(wire::SubmissionRefusal {
                code: Code::NotFound.into(),
                reason: "RECIPIENT_UNKNOWN".to_owned(),
                remedy: "ask them".to_owned(),
                ..Default::default()
            }),
            id => Outcome::Receipt(SubmitDocumentResponse {
                message: format!("messages/{id}"),
                ..Default::default()
            }),
        }),
        together: 3,
        ..Bulk::default()
    }));
    let broker = fake.start().await;
    let submitter = broker.client().submitter();
    let results = send(&submitter, 3).await;
    assert_eq!(results[0].as_ref().unwrap().message, "messages/0");
    assert_eq!(results[2].as_ref().unwrap().message, "messages/2");
    let refused = results[1].as_ref().unwrap_err();
    assert_eq!(
        (refused.reason(), refused.remedy(), refused.class()),
        ("RECIPIENT_UNKNOWN", "ask them", Class::Refused)
    );
    assert_eq!(broker.fake.bulks.asked().len(), 1, "one stream for all");
    let header = broker.fake.in_bulk.lock().unwrap()[0].header.clone();
    assert_eq!(header.unwrap().size_bytes, 2, "headers are made complete");
}

#[tokio::test]
async fn what_had_no_result_goes_again_under_the_same_id() {
    let fake = Fake::default();
    fake.bulks.answer(Ok(Bulk {
        answered: Some(2),
        together: 5,
        ..Bulk::default()
    }));
    fake.bulks.answer(Err(Status::unavailable("starting")));
    fake.bulks.answer(Ok(Bulk::default()));
    let broker = fake.start().await;
    let results = send(&broker.client().submitter(), 5).await;
    let messages: Vec<_> = results
        .into_iter()
        .map(|one| one.unwrap().message)
        .collect();
    let expected: Vec<_> = (0..5).map(|id| format!("messages/{id}")).collect();
    assert_eq!(messages, expected);
    let heard = broker.fake.in_bulk.lock().unwrap().clone();
    let mut ids: Vec<_> = heard
        .into_iter()
        .map(|request| request.header.unwrap().submission_id)
        .collect();
    assert_eq!(ids.len(), 8, "two were known, three went again");
    ids.drain(..5);
    assert!(
        ids.iter()
            .all(|id| ["0", "1", "2", "3", "4"].contains(&&**id))
    );
}

#[tokio::test]
async fn many_documents_go_in_turns_where_there_is_credit_for_few() {
    let fake = Fake::default();
    // It answers each two once both are there, and gives credit for no more.
    fake.bulks.answer(Ok(Bulk {
        documents_max: 2,
        together: 2,
        ..Bulk::default()
    }));
    let broker = fake.start().await;
    let results = send(&broker.client().submitter(), 6).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(broker.fake.in_bulk.lock().unwrap().len(), 6);
}

#[tokio::test]
async fn a_broker_without_the_stream_gets_a_call_for_each() {
    let fake = Fake::default();
    for _ in 0..3 {
        fake.submits.answer(Ok(SubmitDocumentResponse::default()));
    }
    let broker = fake.start().await;
    let results = send(&broker.client().submitter(), 3).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(broker.fake.submits.asked().len(), 3);
}

#[tokio::test]
async fn what_may_be_tried_again_is() {
    let fake = Fake::default();
    fake.bulks.answer(Ok(Bulk {
        answers: Box::new(|_| {
            Outcome::Refusal(wire::SubmissionRefusal {
                code: Code::Unavailable.into(),
                reason: "DRAINING".to_owned(),
                ..Default::default()
            })
        }),
        ..Bulk::default()
    }));
    fake.submits.answer(Ok(SubmitDocumentResponse::default()));
    let broker = fake.start().await;
    let results = send(&broker.client().submitter(), 1).await;
    assert!(results[0].is_ok(), "{results:?}");
    let asked = broker.fake.submits.asked();
    assert_eq!(asked[0].header.as_ref().unwrap().submission_id, "0");
}

/// Thousands may be under way, and hardly any of them needs a call of its own.
#[tokio::test]
async fn what_is_under_way_does_not_hold_the_room_of_a_call() {
    let broker = Fake::default().start().await;
    let client = broker.client();
    let (submitter, settler) = (client.submitter(), client.settler());
    let call = size_of_val(&client.submit(named(1), Bytes::new()));
    let document = size_of_val(&submitter.submit(named(1), Bytes::new()));
    let settlement = size_of_val(&settler.acknowledge("token"));
    assert!(
        document.max(settlement) < call / 4,
        "{document} and {settlement} bytes; a call takes {call}"
    );
}
