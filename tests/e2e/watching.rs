//! A sender that watches hears of everything, once, wherever it left off.

use axle_client::connection::Client;
use axle_tests::{
    broker::TestBroker,
    estate::{PRACTICE, TRUST},
    wait::soon,
};

use super::steps::{lease, send, told};

type Told = (String, String);

/// Sends, leases and acknowledges one document; what a watch must tell of it.
async fn journey(trust: &Client, practice: &Client, id: &str) -> Vec<Told> {
    let receipt = send(trust, id).await;
    let leased = lease(practice, 60).await;
    practice
        .settler()
        .acknowledge(&leased.lease_token)
        .await
        .unwrap();
    let told = |word: &str| (receipt.deliveries[0].clone(), word.to_owned());
    ["accepted", "leased", "acknowledged"].map(told).into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_resumes_across_restarts_without_gap_or_repeat() {
    let mut broker = TestBroker::start().await;
    let (trust, practice) = (broker.client(TRUST), broker.client(PRACTICE));
    let mut steady = trust.watch("", false).await.unwrap();
    let mut expected = journey(&trust, &practice, "1").await;
    let mut heard = Vec::new();
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let watched = soon("an update", steady.next()).await.unwrap();
        heard.push(told(&watched.update));
        tokens.push(watched.resume_token);
    }
    // Another trust's affairs are not told.
    broker
        .client("RBA")
        .submit(
            axle_tests::documents::named("x", axle_tests::documents::to(&["A83008"])),
            axle_tests::documents::small("x", "RBA", 0).into(),
        )
        .await
        .unwrap();
    expected.extend(journey(&trust, &practice, "2").await);
    broker.restart().await;
    expected.extend(journey(&trust, &practice, "3").await);
    // The watch that was open over the restart goes on by itself.
    while heard.len() < expected.len() {
        let watched = soon("an update", steady.next()).await.unwrap();
        heard.push(told(&watched.update));
        tokens.push(watched.resume_token);
    }
    assert_eq!(heard, expected);
    // And from every place there is, a new watch tells exactly the rest.
    for (done, token) in tokens.iter().enumerate() {
        let mut resumed = trust.watch(token, false).await.unwrap();
        for expected in &expected[done + 1..] {
            let watched = soon("an update", resumed.next()).await.unwrap();
            assert_eq!(&told(&watched.update), expected, "after {token}");
        }
    }
}
