//! Many documents on one stream: each has its own result, and a broker that goes away in the middle
//! loses and doubles nothing.

use std::collections::BTreeSet;

use axle_client::error::ClientError;
use axle_proto::v1::{
    SubmitDocumentResponse, SubmitDocumentsRequest, SubmitDocumentsResponse,
    submission_result::Outcome,
};
use axle_tests::{
    broker::TestBroker,
    documents::{JSON, named, small, to},
    estate::{CLOSED_PRACTICE, PRACTICE, TRUST},
    wait::soon,
};
use futures::future::join_all;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::Streaming;

use super::steps::{MAILBOX, leased_at_once};

const COUNT: usize = 90;

/// A document as it travels.
fn request(id: usize, practice: &str) -> SubmitDocumentsRequest {
    let id = id.to_string();
    let mut header = named(&id, to(&[practice]));
    header.media_type = JSON.to_owned();
    let content = small(&id, TRUST, 0).into();
    let header = Some(header);
    SubmitDocumentsRequest { header, content }
}

/// Every third is for a practice that is closed.
fn practice(id: usize) -> &'static str {
    match id % 3 {
        0 => CLOSED_PRACTICE,
        _ => PRACTICE,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_the_middle_loses_and_doubles_nothing() {
    let mut broker = TestBroker::start().await;
    let submitter = broker.client(TRUST).submitter();
    let sending = tokio::spawn(async move {
        let all = (0..COUNT).map(|id| {
            let SubmitDocumentsRequest { header, content } = request(id, practice(id));
            submitter.submit(header.unwrap_or_default(), content)
        });
        join_all(all).await
    });
    broker.restart().await;
    let results: Vec<Result<SubmitDocumentResponse, ClientError>> =
        soon("all documents to be answered", sending).await.unwrap();
    for (id, result) in results.iter().enumerate() {
        match result {
            Ok(_) => assert_ne!(id % 3, 0, "{id} was accepted"),
            Err(error) => assert_eq!((id % 3, error.reason()), (0, "MAILBOX_CLOSED"), "{error}"),
        }
    }
    let practice = broker.client(PRACTICE);
    let waiting = leased_at_once(&practice, MAILBOX).await;
    assert_eq!(waiting.len(), COUNT - COUNT / 3, "one delivery each");
    let distinct: BTreeSet<_> = waiting.iter().collect();
    assert_eq!(distinct.len(), waiting.len());
}

async fn next(responses: &mut Streaming<SubmitDocumentsResponse>) -> SubmitDocumentsResponse {
    let response = soon("a response", responses.message()).await;
    response.unwrap().expect("the stream goes on")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_says_what_it_takes_and_answers_everything_before_it_ends() {
    let mut broker = TestBroker::start().await;
    let mut trust = broker.raw(TRUST).submission;
    let (requests, outgoing) = mpsc::unbounded_channel();
    let responses = trust.submit_documents(UnboundedReceiverStream::new(outgoing));
    let mut responses = responses.await.unwrap().into_inner();
    let greeting = next(&mut responses).await;
    let credits = greeting.credits.expect("credits come first");
    assert!(greeting.heartbeat.is_some() && credits.max_outstanding_documents > 0);
    // Far more than there is credit for: what is beyond waits, and is answered all the same.
    let sent = credits.max_outstanding_documents as usize * 2;
    for id in 0..sent {
        requests.send(request(id, PRACTICE)).unwrap();
    }
    let mut receipts = BTreeSet::new();
    while receipts.len() < sent {
        for result in next(&mut responses).await.results {
            let Some(Outcome::Receipt(receipt)) = result.outcome else {
                panic!("{result:?}");
            };
            assert!(!receipt.duplicate);
            assert!(receipts.insert(result.submission_id));
        }
    }
    // The same again: the same receipts, as duplicates.
    requests.send(request(0, PRACTICE)).unwrap();
    let again = next(&mut responses).await.results;
    assert!(
        matches!(&again[0].outcome, Some(Outcome::Receipt(receipt)) if receipt.duplicate),
        "{again:?}"
    );
    // A broker that stops reads no more, says so, and ends the stream in order.
    let ended = broker.ask_to_stop();
    let last = next(&mut responses).await;
    assert!(last.heartbeat.is_some_and(|heartbeat| heartbeat.draining));
    let end = soon("the end of the stream", responses.message()).await;
    assert_eq!(end.unwrap(), None);
    soon("the broker to stop", ended).await.unwrap().unwrap();
}
