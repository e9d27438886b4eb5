//! The collectors of a soak: each writes down what it is given before it acknowledges it.

use std::{sync::Arc, time::Duration};

use axle_client::{
    collect::{CollectOptions, Received, Settler},
    connection::Client,
    convert,
};
use axle_model::digest::Digest;
use tokio::{sync::watch, task::JoinSet};

use super::run::Load;
use crate::checker::history::{Key, What};

/// Short, so that what a killed broker had given out soon comes again.
const LEASE: Duration = Duration::from_secs(5);

/// Collects for an organisation until told that all is done.
pub(super) async fn collect(
    client: Client,
    load: Arc<Load>,
    practice: &'static str,
    mut finished: watch::Receiver<bool>,
) {
    let options = CollectOptions {
        consumer_id: "soak".to_owned(),
        lease: LEASE,
        outstanding_max: 128,
        ..CollectOptions::default()
    };
    let mut collector = client.collector(options);
    let mut settling = JoinSet::new();
    loop {
        let item = tokio::select! {
            item = collector.next() => item,
            Some(settled) = settling.join_next() => {
                let () = settled.expect("no panic in a settlement");
                continue;
            }
            _ = finished.wait_for(|finished| *finished) => break,
        };
        match item {
            Some(Ok(received)) => {
                let settler = collector.settler().clone();
                settling.spawn(settle(settler, Arc::clone(&load), practice, received));
            }
            // About one delivery, which comes again.
            Some(Err(error)) if !error.subject().is_empty() => {}
            Some(Err(error)) => panic!("{practice} can collect no more: {error}"),
            None => panic!("{practice}: the collector ended"),
        }
    }
    while let Some(settled) = settling.join_next().await {
        settled.expect("no panic in a settlement");
    }
}

async fn settle(settler: Settler, load: Arc<Load>, practice: &str, received: Received) {
    let until = convert::timestamp(received.lease_expire_time.as_ref()).expect("a lease that ends");
    let leased_micros = until.as_micros() - u64::try_from(LEASE.as_micros()).expect("seconds");
    let key: Key = (received.message.sender, received.message.submission_id);
    let delivery = received.name;
    load.history.record(What::Delivered {
        key: key.clone(),
        delivery: delivery.clone(),
        by: practice.to_owned(),
        leased_micros,
        sha256: Digest::of(&received.content).to_string(),
    });
    let settled = settler.acknowledge(&received.token).await;
    load.history.record(match settled {
        Ok(()) => What::Acknowledged { key, delivery },
        Err(_) => What::AcknowledgeUnknown { key, delivery },
    });
}
