//! Practices: each collects from all its mailboxes over one stream, sees whether a document is one of
//! this run's (the SDK has verified its digest), and acknowledges it without waiting for the others.

use std::{sync::Arc, time::Duration};

use axle_client::{
    collect::{CollectOptions, Collector, Connection, Received},
    connection::Client,
    error::ClientError,
};
use tokio::{sync::watch, task::JoinSet};

use super::{run::complain, submit::Outgoing};

/// How long what is not of this run rests before it is offered again, to whoever it is for.
const NOT_OURS_RESTS: Duration = Duration::from_secs(60);

/// Opens a practice's stream; returns when the broker has answered on it, or says why it has not.
pub async fn open(client: &Client, outstanding_max: u32) -> Result<Collector, ClientError> {
    let mut collector = client.collector(CollectOptions {
        consumer_id: "load".to_owned(),
        outstanding_max,
        // Never fetched apart: that would be another call for each.
        inline_bytes_max: 4 * 1024 * 1024,
        ..CollectOptions::default()
    });
    let mut connection = collector.connection();
    let answered = connection.wait_for(|now| !matches!(now, Connection::Connecting));
    let answered = answered.await.map(|now| now.clone());
    match answered {
        Ok(Connection::Lost(error)) => Err(error),
        Ok(Connection::Connecting | Connection::Open { .. }) => Ok(collector),
        // The stream has ended, and its only item says why.
        Err(_) => match collector.next().await {
            Some(Err(error)) => Err(error),
            Some(Ok(_)) | None => Ok(collector),
        },
    }
}

/// Collects until `stop`.
pub async fn collect(
    incoming: Arc<Outgoing>,
    practice: usize,
    mut collector: Collector,
    mut stop: watch::Receiver<bool>,
) {
    let tally = &incoming.tally;
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
            // Best effort: its lease runs out in any case.
            let _ = collector.settler().release(&token, NOT_OURS_RESTS).await;
            continue;
        };
        tally.deliver(sequence);
        let (settler, incoming) = (collector.settler().clone(), Arc::clone(&incoming));
        settling.spawn(async move {
            match settler.acknowledge(&token).await {
                Ok(()) => incoming.tally.acknowledge(),
                Err(error) => complain(&incoming.tally, "an acknowledgement failed", &error),
            }
        });
    }
    collector.close().await;
}
