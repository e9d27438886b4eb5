//! Producers: each keeps as many submits under way as its window allows, on one stream or by one call
//! for each document.

use std::sync::Arc;

use axle_client::{bulk::Submitter, connection::Client, error::ClientError};
use axle_proto::v1::DocumentHeader;
use rand::Rng as _;
use tokio::task::JoinSet;

use super::{
    job::{Job, Submit},
    tally::Tally,
};
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
    /// How likely each mailbox or one before it is, beginning with the first; ends with 1.
    pub chances: Vec<f64>,
    /// Where it is counted.
    pub tally: Arc<Tally>,
}

impl Outgoing {
    /// To all the mailboxes of `estate`, each practice's documents made from its template.
    pub fn new(
        job: &Job,
        run: u64,
        estate: &Estate,
        templates: Vec<Template>,
        tally: Arc<Tally>,
    ) -> Self {
        Self {
            run,
            templates,
            mailboxes: (0..estate.mailboxes())
                .map(|number| estate.mailbox(number))
                .collect(),
            chances: chances(estate.mailboxes(), job.skew),
            tally,
        }
    }

    /// One of the mailboxes.
    fn choose(&self) -> &Mailbox {
        let at = rand::rng().random::<f64>();
        let place = self.chances.partition_point(|&chance| chance < at);
        &self.mailboxes[place.min(self.mailboxes.len() - 1)]
    }
}

/// The chances of so many mailboxes, summed up: the nth is chosen `1 / n^skew` as often as the first.
fn chances(mailboxes: usize, skew: f64) -> Vec<f64> {
    let weights = (1..=mailboxes).map(|place| (place as f64).powf(-skew));
    let total: f64 = weights.clone().sum();
    let summed = weights.scan(0.0, |sum, weight| {
        *sum += weight / total;
        Some(*sum)
    });
    summed.collect()
}

/// How one producer sends.
#[derive(Clone)]
enum Way {
    Stream(Submitter),
    Unary(Client),
}

impl Way {
    fn new(client: Client, submit: Submit) -> Self {
        match submit {
            Submit::Stream => Self::Stream(client.submitter()),
            Submit::Unary => Self::Unary(client),
        }
    }
}

/// Sends with each client, `window` documents at a time, until the tally says stop. Returns the times
/// to the receipt that count, in microseconds.
pub async fn submit(outgoing: Arc<Outgoing>, clients: Vec<Client>, job: Job) -> Vec<u32> {
    let mut slots = JoinSet::new();
    for client in clients {
        let way = Way::new(client, job.submit);
        for _ in 0..job.window {
            slots.spawn(slot(Arc::clone(&outgoing), way.clone()));
        }
    }
    let mut latencies = Vec::new();
    while let Some(slot) = slots.join_next().await {
        latencies.extend(slot.unwrap_or_default());
    }
    latencies
}

/// One place of a window: one document after another.
async fn slot(outgoing: Arc<Outgoing>, way: Way) -> Vec<u32> {
    let tally = &outgoing.tally;
    let mut latencies = Vec::new();
    while let Some(sequence) = tally.send() {
        match send(&outgoing, &way, sequence).await {
            Ok(()) => latencies.extend(tally.accept(sequence).map(super::run::micros)),
            Err(error) => super::run::complain(tally, "a submit failed", &error),
        }
    }
    latencies
}

async fn send(outgoing: &Outgoing, way: &Way, sequence: u64) -> Result<(), ClientError> {
    let mailbox = outgoing.choose();
    let template = &outgoing.templates[mailbox.practice];
    let header = DocumentHeader {
        recipients: vec![mailbox.recipient.to_string()],
        workflow: mailbox.workflow.clone(),
        media_type: template.media_type().to_owned(),
        ..DocumentHeader::default()
    };
    let document = template.make(outgoing.run, sequence);
    let receipt = match way {
        Way::Stream(submitter) => submitter.submit(header, document).await,
        Way::Unary(client) => client.submit(header, document).await,
    };
    receipt.map(|_| ())
}
