//! Practices: each collects from all its mailboxes over one stream, sees whether a document is one of
//! this run's (the SDK has verified its digest), and acknowledges it without waiting for the others.

use std::sync::Arc;

use axle_client::{
    collect::{CollectOptions, Collector, Connection, Received},
    connection::Client,
};
use tokio::{sync::watch, task::JoinSet};

use super::{
    run::{complain, micros},
    submit::Outgoing,
};

/// Opens a practice's stream; returns when the broker has answered on it, or the stream has ended.
pub async fn open(client: &Client, outstanding_max: u32) -> Collector {
    let collector = client.collector(CollectOptions {
        consumer_id: "load".to_owned(),
        outstanding_max,
        // Never fetched apart: that would be another call for each.
        inline_bytes_max: 4 * 1024 * 1024,
        ..CollectOptions::default()
    });
    let mut connection = collector.connection();
    let open = connection.wait_for(|now| matches!(now, Connection::Open { .. }));
    // When the stream has ended, its first item says why.
    let _ = open.await;
    collector
}

/// Collects until `stop`. Returns the times from submit to delivery that count, in microseconds.
pub async fn collect(
    incoming: Arc<Outgoing>,
    practice: usize,
    mut collector: Collector,
    mut stop: watch::Receiver<bool>,
) -> Vec<u32> {
    let tally = &incoming.tally;
    let mut latencies = Vec::new();
    let mut settling = JoinSet::new();
    loop {
        let item = tokio::select! {
            item = collector.next() => item,
            Some(_) = settling.join_next() => continue,
            _ = stop.changed() => break,
        };
        let received = match item {
            Some(Ok(received)) => received,
            Some(Err(error)) => {
                complain(tally, "a delivery failed", &error);
                continue;
            }
            None => break,
        };
        let Received { token, content, .. } = received;
        let template = &incoming.templates[practice];
        let Some(sequence) = template.sequence(incoming.run, &content) else {
            tally.damage();
            continue;
        };
        latencies.extend(tally.deliver(sequence).map(micros));
        let (settler, incoming) = (collector.settler().clone(), Arc::clone(&incoming));
        settling.spawn(async move {
            match settler.acknowledge(&token).await {
                Ok(()) => incoming.tally.acknowledge(),
                Err(error) => complain(&incoming.tally, "an acknowledgement failed", &error),
            }
        });
    }
    collector.close().await;
    latencies
}
