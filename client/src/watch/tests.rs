//! A watch over connections that break.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking"
)]

use axle_proto::v1::{
    DeliveryUpdate, Heartbeat, WatchDeliveriesResponse, watch_deliveries_response::Update,
};
use tonic::{Code, Status};

use crate::testing::{Fake, refusal};

fn heartbeat(token: &str) -> Result<WatchDeliveriesResponse, Status> {
    Ok(WatchDeliveriesResponse {
        update: Some(Update::Heartbeat(Heartbeat::default())),
        resume_token: token.to_owned(),
    })
}

fn update(name: &str, token: &str) -> Result<WatchDeliveriesResponse, Status> {
    Ok(WatchDeliveriesResponse {
        update: Some(Update::Delivery(DeliveryUpdate {
            delivery: name.to_owned(),
            ..DeliveryUpdate::default()
        })),
        resume_token: token.to_owned(),
    })
}

#[tokio::test]
async fn a_watch_resumes_after_the_last_update_it_heard() {
    let fake = Fake::default();
    fake.watches.answer(Err(Status::unavailable("starting")));
    fake.watches.answer(Ok(vec![
        heartbeat("t0"),
        Err(Status::unavailable("breaks")),
    ]));
    fake.watches
        .answer(Ok(vec![update("first", "t1"), heartbeat("t2")]));
    fake.watches.answer(Ok(vec![update("second", "t3")]));
    fake.watches.answer(Err(refusal(
        Code::InvalidArgument,
        "PAGE_TOKEN_INVALID",
        "too old",
        "",
    )));
    let broker = fake.start().await;
    let mut watch = broker.client().watch("", true).await.unwrap();
    assert_eq!(watch.next().await.unwrap().update.delivery, "first");
    assert_eq!(watch.next().await.unwrap().update.delivery, "second");
    assert_eq!(
        watch.next().await.unwrap_err().reason(),
        "PAGE_TOKEN_INVALID"
    );
    let asked = broker.fake.watches.asked();
    let tokens: Vec<_> = asked
        .iter()
        .map(|request| request.resume_token.as_str())
        .collect();
    assert_eq!(tokens, ["", "", "t0", "t2", "t3"]);
    assert!(asked.iter().all(|request| request.notices_only));
}

#[tokio::test]
async fn an_update_that_comes_before_the_first_heartbeat_is_kept() {
    let fake = Fake::default();
    fake.watches.answer(Ok(vec![update("first", "t1")]));
    let broker = fake.start().await;
    let mut watch = broker.client().watch("t0", false).await.unwrap();
    let first = watch.next().await.unwrap();
    assert_eq!(
        (first.update.delivery.as_str(), first.resume_token.as_str()),
        ("first", "t1")
    );
}
