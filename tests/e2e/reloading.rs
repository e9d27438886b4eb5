//! What an operator may change while the broker runs.

use axle_client::collect::{CollectOptions, Connection};
use axle_tests::{
    broker::TestBroker,
    collecting::CollectStream,
    documents::{named, to},
    estate::{DIRECTORY, PRACTICE, TRUST},
    wait::{self, soon},
};

use super::steps::{send, send_with};

#[tokio::test(flavor = "multi_thread")]
async fn a_new_directory_takes_effect_and_a_bad_one_changes_nothing() {
    let broker = TestBroker::start().await;
    let trust = broker.client(TRUST);
    let reach = async |id: &str| send_with(&trust, named(id, to(&["B82001"]))).await;
    assert_eq!(reach("1").await.unwrap_err().reason(), "RECIPIENT_UNKNOWN");
    let more = format!("{DIRECTORY}\n[[mailbox]]\norganisation = \"B82001\"\n");
    broker.estate().write("directory.toml", &more);
    broker.reload().await;
    wait::until("the new mailbox", async || reach("1").await.ok()).await;
    // Without the new mailbox, but with a mistake: neither counts.
    broker.estate().write(
        "directory.toml",
        &format!("{DIRECTORY}\n[[mailbox]]\ncolour = \"red\"\n"),
    );
    broker.reload().await;
    wait::until("the failed reload to show", async || {
        let metrics = broker.metrics().await;
        metrics
            .lines()
            .any(|line| line == "axle_config_last_reload_successful 0")
            .then_some(())
    })
    .await;
    reach("2").await.expect("the directory before still counts");
    send(&trust, "3").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_certificate_loses_its_open_stream_and_every_further_call() {
    let broker = TestBroker::start().await;
    send(&broker.client(TRUST), "1").await;
    let practice = broker.client(PRACTICE);
    let mut stream = CollectStream::start(&broker.raw(PRACTICE), 1).await;
    stream.delivery().await;
    let mut patient = practice.collector(CollectOptions::default());
    let mut connection = patient.connection();
    let opened = connection.wait_for(|now| matches!(now, Connection::Open { .. }));
    soon("the SDK's stream", opened).await.unwrap();
    broker.estate().revoke(PRACTICE);
    broker.reload().await;
    let end = stream.word().await;
    assert!(!matches!(end, Ok(Some(_))), "the stream goes on: {end:?}");
    let error = soon("the collector to give up", patient.next())
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(error.reason(), "CERTIFICATE_REFUSED");
    assert!(error.what().contains("revoked"), "{error}");
    let call = practice.mailbox("mailboxes/K81003").await.unwrap_err();
    assert!(call.what().contains("revoked"), "{call}");
    // Nobody else is touched.
    send(&broker.client(TRUST), "2").await;
}
