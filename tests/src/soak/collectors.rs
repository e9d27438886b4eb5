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

/// How collectors work.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// How long they lease a document.
    pub lease: Duration,
    /// One document in twenty is held up to so long before it is acknowledged.
    pub hold_max: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            // Short, so that what a killed broker had given out soon comes again.
            lease: Duration::from_secs(5),
            hold_max: Duration::ZERO,
        }
    }
}

/// Collects for an organisation until told that all is done.
pub(super) async fn collect(
    client: Client,
    load: Arc<Load>,
    practice: &'static str,
    mut held: watch::Receiver<bool>,
    mut finished: watch::Receiver<bool>,
) {
    let options = CollectOptions {
        consumer_id: "soak".to_owned(),
        lease: load.pace.lease,
        outstanding_max: 128,
        ..CollectOptions::default()
    };
    let mut collector = client.collector(options);
    let mut settling = JoinSet::new();
    loop {
        let next = async {
            // The run, which holds it, outlives it.
            let _ = held.wait_for(|held| !held).await;
            collector.next().await
        };
        let item = tokio::select! {
            item = next => item,
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

async fn settle(settler: Settler, load: Arc<Load>, practice: &'static str, received: Received) {
    let Pace { lease, hold_max } = load.pace;
    let until = convert::timestamp(received.lease_expire_time.as_ref()).expect("a lease that ends");
    let leased_micros = until.as_micros() - u64::try_from(lease.as_micros()).expect("seconds");
    let key: Key = (received.message.sender, received.message.submission_id);
    let delivery = received.name;
    load.history.record(What::Delivered {
        key: key.clone(),
        delivery: delivery.clone(),
        by: practice.to_owned(),
        leased_micros,
        sha256: Digest::of(&received.content).to_string(),
    });
    if !hold_max.is_zero() && rand::random_bool(0.05) {
        tokio::time::sleep(hold_max.mul_f64(rand::random())).await;
    }
    let settled = settler.acknowledge(&received.token).await;
    if settled.is_ok() {
        load.answered(practice);
    }
    load.history.record(match settled {
        Ok(()) => What::Acknowledged { key, delivery },
        Err(_) => What::AcknowledgeUnknown { key, delivery },
    });
}
