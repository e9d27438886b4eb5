//! A latecomer: a collector that lets its lease run out, and acknowledges when the delivery has been
//! given to another. Only the newest lease may settle (I8), so that must be refused.

use std::time::Duration;

use axle_client::{connection::Client, convert};
use axle_model::digest::Digest;
use axle_proto::v1::{AcknowledgeDeliveriesRequest, LeasedDelivery};

use super::{Run, TRUSTS};
use crate::{
    checker::history::{Key, What},
    documents::{named, small, to},
    estate::lease_from,
    raw::Raw,
};

/// Nobody else collects for it.
pub(super) const PRACTICE: &str = "D81001";
const SHORT_SECONDS: i64 = 1;
const LONG_SECONDS: i64 = 60;

/// Submits a document, lets one lease of it run out, takes another, and settles under both.
pub(super) async fn come_late(run: &Run, number: usize) {
    let key: Key = (TRUSTS[0].to_owned(), format!("late-{number}"));
    let content = small(&key.1, TRUSTS[0], 0);
    run.record(What::Invoke {
        key: key.clone(),
        recipients: vec![PRACTICE.to_owned()],
        sha256: Digest::of(content.as_bytes()).to_string(),
    });
    let header = named(&key.1, to(&[PRACTICE]));
    let sender = run.estate().client(TRUSTS[0]);
    let receipt = sender.submit(header, content.into()).await;
    let message = receipt.expect("a receipt").message;
    run.record(What::Ok {
        key: key.clone(),
        message,
    });
    let client = run.estate().client(PRACTICE);
    let first = lease(run, &client, &key, SHORT_SECONDS).await;
    let second = lease(run, &client, &key, LONG_SECONDS).await;
    let delivery = first.name.clone();
    if acknowledge(run, first).await {
        run.record(What::AcknowledgedLate {
            key: key.clone(),
            delivery: delivery.clone(),
        });
    }
    run.record(match acknowledge(run, second).await {
        true => What::Acknowledged { key, delivery },
        false => What::AcknowledgeUnknown { key, delivery },
    });
}

async fn lease(run: &Run, client: &Client, key: &Key, seconds: i64) -> LeasedDelivery {
    let mailbox = format!("mailboxes/{PRACTICE}");
    let leased = client.lease(lease_from(&mailbox, seconds)).await;
    let leased = leased.expect("an answer").pop().expect("a delivery");
    let until = convert::timestamp(leased.lease_expire_time.as_ref()).expect("a lease that ends");
    let length = Duration::from_secs(seconds.unsigned_abs()).as_micros();
    run.record(What::Delivered {
        key: key.clone(),
        delivery: leased.name.clone(),
        by: PRACTICE.to_owned(),
        leased_micros: until.as_micros() - u64::try_from(length).expect("a short time"),
        sha256: Digest::of(&leased.content).to_string(),
    });
    leased
}

/// Whether the acknowledgement was taken.
async fn acknowledge(run: &Run, leased: LeasedDelivery) -> bool {
    let request = AcknowledgeDeliveriesRequest {
        lease_tokens: vec![leased.lease_token],
    };
    let mut collection = Raw::of(&run.estate().profile(PRACTICE)).collection;
    let answer = collection.acknowledge_deliveries(request).await;
    let results = answer.expect("an answer").into_inner().results;
    results.iter().all(|result| result.code == 0)
}
