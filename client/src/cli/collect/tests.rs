//! The command against a broker that watches the disk.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking"
)]

use std::{fs, path::Path};

use axle_proto::v1::collect_request::Command;
use clap::Parser as _;

use super::{Arguments, run};
use crate::{
    cli::print::Format,
    cli::tests::{Written, printer},
    testing::{Collecting, Fake, Running, delivery},
};

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

async fn collect(broker: &Running, into: &Path, more: &[&str]) -> (u8, Written) {
    let into = into.to_str().unwrap();
    let line = Line::parse_from([&["collect", "--into", into], more].concat());
    let (mut printer, written) = printer(Format::Json);
    let code = run(&broker.client(), line.arguments, &mut printer)
        .await
        .unwrap();
    (code, written)
}

fn broker_with(deliveries: Vec<axle_proto::v1::LeasedDelivery>) -> Fake {
    let fake = Fake::default();
    fake.collects.answer(Ok(Collecting {
        deliveries,
        answered: None,
    }));
    fake
}

fn file(number: u32) -> String {
    format!("0197a9b0-7c1e-7000-8000-{number:012}.json")
}

#[tokio::test]
async fn every_document_is_whole_on_disk_before_it_is_acknowledged() {
    let place = tempfile::tempdir().unwrap();
    let fake = broker_with(vec![delivery(1, b"{1}", true), delivery(2, b"{2}", true)]);
    let folder = place.path().to_owned();
    *fake.on_acknowledge.lock().unwrap() = Some(Box::new(move |token| {
        let number = token.strip_prefix("token-").unwrap().parse().unwrap();
        let content = fs::read_to_string(folder.join(file(number))).unwrap_or_default();
        assert_eq!(
            content,
            format!("{{{number}}}"),
            "acknowledged before it was stored"
        );
    }));
    let broker = fake.start().await;
    let (code, written) = collect(&broker, place.path(), &[]).await;
    assert_eq!(code, 0);
    assert_eq!(written.out().lines().count(), 2);
    assert_eq!(broker.fake.commands.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_document_that_cannot_be_saved_is_given_back_and_the_rest_collected() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join(file(1)), "something else").unwrap();
    let fake = broker_with(vec![delivery(1, b"{1}", true), delivery(2, b"{2}", true)]);
    let broker = fake.start().await;
    let (code, written) = collect(&broker, place.path(), &[]).await;
    assert_eq!(code, 75);
    assert!(written.err().contains("exists already with other content"));
    let commands = broker.fake.commands.lock().unwrap();
    for command in &*commands {
        match command {
            Command::Release(command) => assert_eq!(command.lease_token, "token-1"),
            Command::Acknowledge(command) => assert_eq!(command.lease_token, "token-2"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(commands.len(), 2);
}

#[tokio::test]
async fn no_more_than_the_maximum_is_kept_and_a_document_had_already_is_acknowledged() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join(file(1)), "{1}").unwrap();
    let fake = broker_with(vec![delivery(1, b"{1}", true), delivery(2, b"{2}", true)]);
    let broker = fake.start().await;
    let (code, written) = collect(&broker, place.path(), &["--max", "1"]).await;
    assert_eq!(code, 0);
    assert!(written.out().contains("\"already_there\":true"));
    assert!(!place.path().join(file(2)).exists());
}

#[tokio::test]
async fn an_empty_mailbox_is_no_failure() {
    let place = tempfile::tempdir().unwrap();
    let broker = broker_with(Vec::new()).start().await;
    let (code, written) = collect(&broker, place.path(), &[]).await;
    assert_eq!((code, written.out().as_str()), (0, ""));
}
