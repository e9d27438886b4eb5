//! A collector over streams that break.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking"
)]

use axle_proto::v1::{DownloadDocumentResponse, collect_request::Command};
use bytes::Bytes;
use tonic::{Code, Status};

use super::{CollectOptions, Collector, Received};
use crate::testing::{Collecting, Fake, delivery, refusal};

async fn received(collector: &mut Collector) -> Received {
    collector
        .next()
        .await
        .expect("an item")
        .expect("a document")
}

fn piece(offset: u64, content: &'static [u8]) -> Result<DownloadDocumentResponse, Status> {
    Ok(DownloadDocumentResponse {
        offset,
        content: Bytes::from_static(content),
        crc32c: crc32c::crc32c(content),
    })
}

#[tokio::test]
async fn an_acknowledgement_whose_stream_breaks_goes_by_a_call_and_collecting_goes_on() {
    let fake = Fake::default();
    fake.collects.answer(Err(Status::unavailable("starting")));
    fake.collects.answer(Ok(Collecting {
        deliveries: vec![delivery(1, b"{1}", true), delivery(2, b"{2}", true)],
        answered: Some(1),
    }));
    fake.collects.answer(Ok(Collecting {
        deliveries: vec![delivery(3, b"{3}", true)],
        answered: None,
    }));
    let broker = fake.start().await;
    let mut collector = broker.client().collector(CollectOptions::default());
    let settler = collector.settler().clone();
    for content in ["{1}", "{2}", "{3}"] {
        let received = received(&mut collector).await;
        assert_eq!(received.content, content);
        settler.acknowledge(&received.token).await.unwrap();
    }
    let by_stream: Vec<_> = broker.fake.commands.lock().unwrap().clone();
    let tokens = by_stream.iter().map(|command| match command {
        Command::Acknowledge(command) => command.lease_token.as_str(),
        other => panic!("{other:?}"),
    });
    assert_eq!(tokens.collect::<Vec<_>>(), ["token-1", "token-3"]);
    assert_eq!(
        *broker.fake.acknowledged_by_call.lock().unwrap(),
        ["token-2"]
    );
}

#[tokio::test]
async fn a_document_that_does_not_come_along_is_fetched_and_resumed_where_it_broke_off() {
    let fake = Fake::default();
    fake.collects.answer(Ok(Collecting {
        deliveries: vec![delivery(1, b"{large}", false)],
        answered: None,
    }));
    fake.downloads.answer(Ok(vec![
        piece(0, b"{lar"),
        Err(Status::unavailable("breaks")),
    ]));
    fake.downloads.answer(Ok(vec![piece(4, b"ge}")]));
    let broker = fake.start().await;
    let mut collector = broker.client().collector(CollectOptions::default());
    assert_eq!(received(&mut collector).await.content, "{large}");
    let asked = broker.fake.downloads.asked();
    assert_eq!(
        asked
            .iter()
            .map(|request| request.offset)
            .collect::<Vec<_>>(),
        [0, 4]
    );
}

#[tokio::test]
async fn a_damaged_document_is_given_back_as_a_failed_attempt_and_never_handed_out() {
    let mut damaged = delivery(1, b"{1}", true);
    damaged.content = Bytes::from_static(b"{?}");
    let fake = Fake::default();
    fake.collects.answer(Ok(Collecting {
        deliveries: vec![damaged, delivery(2, b"{2}", true)],
        answered: None,
    }));
    let broker = fake.start().await;
    let mut collector = broker.client().collector(CollectOptions::default());
    let mut errors = Vec::new();
    let mut documents = Vec::new();
    for _ in 0..2 {
        match collector.next().await.unwrap() {
            Ok(received) => documents.push(received.content),
            Err(error) => errors.push(error),
        }
    }
    assert_eq!(documents, ["{2}"]);
    assert_eq!(errors[0].reason(), "CHECKSUM_MISMATCH");
    assert!(errors[0].subject().ends_with("/deliveries/K81003"));
    let commands = broker.fake.commands.lock().unwrap();
    let Command::Reject(reject) = &commands[0] else {
        panic!("{commands:?}")
    };
    assert_eq!(
        (reject.lease_token.as_str(), reject.retryable),
        ("token-1", true)
    );
}

#[tokio::test]
async fn a_refused_stream_is_the_end_and_says_why() {
    let fake = Fake::default();
    fake.collects.answer(Err(refusal(
        Code::PermissionDenied,
        "MAILBOX_NOT_YOURS",
        "no",
        "",
    )));
    let broker = fake.start().await;
    let mut collector = broker.client().collector(CollectOptions::default());
    let error = collector.next().await.unwrap().unwrap_err();
    assert_eq!((error.reason(), error.subject()), ("MAILBOX_NOT_YOURS", ""));
    assert!(collector.next().await.is_none());
}

#[tokio::test]
async fn closing_gives_back_what_was_not_handed_out() {
    let fake = Fake::default();
    fake.collects.answer(Ok(Collecting {
        deliveries: vec![delivery(1, b"{1}", true), delivery(2, b"{2}", true)],
        answered: None,
    }));
    let broker = fake.start().await;
    let mut collector = broker.client().collector(CollectOptions::default());
    received(&mut collector).await;
    // The second lies behind the first in the same order; wait for it without taking it.
    let mut connection = collector.connection();
    while collector.received.is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(
        connection
            .wait_for(|state| matches!(state, super::Connection::Open { .. }))
            .await
            .is_ok()
    );
    assert_eq!(collector.close().await, 1);
}
