//! Producers: each keeps as many submits under way as its window allows, one call for each document.

use std::sync::Arc;

use axle_client::{connection::Client, error::ClientError};
use axle_proto::v1::DocumentHeader;
use rand::Rng as _;
use tokio::task::JoinSet;

use super::tally::Tally;
use crate::{
    documents::Template,
    estate::{Estate, Mailbox},
};

/// What the producers of a run share.
#[derive(Debug)]
pub struct Outgoing {
    /// Marks the run's documents.
    pub run: u64,
    /// A template for each practice.
    pub templates: Vec<Template>,
    /// The mailboxes, to be chosen among.
    pub mailboxes: Vec<Mailbox>,
    /// Where it is counted.
    pub tally: Arc<Tally>,
}

impl Outgoing {
    /// To all the mailboxes of `estate`, each practice's documents made from its template.
    pub fn new(run: u64, estate: &Estate, templates: Vec<Template>, tally: Arc<Tally>) -> Self {
        Self {
            run,
            templates,
            mailboxes: (0..estate.mailboxes())
                .map(|number| estate.mailbox(number))
                .collect(),
            tally,
        }
    }
}

/// Sends with each client, `window` documents at a time, until the tally says stop. Returns the times
/// to the receipt that count, in microseconds.
pub async fn submit(outgoing: Arc<Outgoing>, clients: Vec<Client>, window: usize) -> Vec<u32> {
    let mut slots = JoinSet::new();
    for client in clients {
        for _ in 0..window {
            slots.spawn(slot(Arc::clone(&outgoing), client.clone()));
        }
    }
    let mut latencies = Vec::new();
    while let Some(slot) = slots.join_next().await {
        latencies.extend(slot.unwrap_or_default());
    }
    latencies
}

/// One place of a window: one document after another.
async fn slot(outgoing: Arc<Outgoing>, client: Client) -> Vec<u32> {
    let tally = &outgoing.tally;
    let mut latencies = Vec::new();
    while let Some(sequence) = tally.send() {
        match send(&outgoing, &client, sequence).await {
            Ok(()) => latencies.extend(tally.accept(sequence).map(super::run::micros)),
            Err(error) => super::run::complain(tally, "a submit failed", &error),
        }
    }
    latencies
}

async fn send(outgoing: &Outgoing, client: &Client, sequence: u64) -> Result<(), ClientError> {
    let mailbox = &outgoing.mailboxes[rand::rng().random_range(0..outgoing.mailboxes.len())];
    let template = &outgoing.templates[mailbox.practice];
    let header = DocumentHeader {
        recipients: vec![mailbox.recipient.to_string()],
        workflow: mailbox.workflow.clone(),
        media_type: template.media_type().to_owned(),
        ..DocumentHeader::default()
    };
    let document = template.make(outgoing.run, sequence);
    client.submit(header, document).await.map(|_| ())
}
