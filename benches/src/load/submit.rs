//! Producers: each keeps as many submits under way as its window allows, on one stream or by one call
//! for each document; or sends what is due.

use std::{sync::Arc, time::Instant};

use axle_client::{bulk::Submitter, connection::Client, error::ClientError};
use axle_proto::v1::DocumentHeader;
use rand::Rng as _;
use tokio::task::JoinSet;

use super::{
    job::{Job, Submit},
    pace::Pace,
    tally::Tally,
    target::Target,
};
use crate::{
    documents::Template,
    estate::{EstateError, Mailbox},
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
    /// To all the mailboxes of `target`, each practice's documents made from its template.
    pub fn new(job: &Job, target: &Target, templates: Vec<Template>, tally: Arc<Tally>) -> Self {
        Self {
            run: rand::random(),
            templates,
            mailboxes: target.mailboxes.clone(),
            chances: chances(target.mailboxes.len(), job.skew),
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

/// Sends a document to a mailbox of each practice, one after the other: says what is wrong with the
/// first that is refused, before many are.
pub async fn try_each(outgoing: &Outgoing, client: Client) -> Result<(), EstateError> {
    let way = Way::Unary(client);
    for practice in 0..outgoing.templates.len() {
        let mut mailboxes = outgoing.mailboxes.iter();
        let mailbox = mailboxes.find(|mailbox| mailbox.practice == practice);
        let Some((mailbox, sequence)) = mailbox.zip(outgoing.tally.send(Instant::now())) else {
            continue;
        };
        let sent = send(outgoing, &way, mailbox, sequence).await;
        sent.map_err(|error| EstateError::Beginning {
            what: format!("a document for {}", mailbox.recipient),
            error,
        })?;
    }
    Ok(())
}

/// Sends with each client until the tally says stop: `window` documents at a time, or those that are due.
pub async fn submit(
    outgoing: Arc<Outgoing>,
    clients: Vec<Client>,
    job: Job,
    pace: Option<Arc<Pace>>,
) {
    let mut slots = JoinSet::new();
    for client in clients {
        let way = Way::new(client, job.submit);
        for _ in 0..job.window {
            slots.spawn(slot(Arc::clone(&outgoing), way.clone(), pace.clone()));
        }
    }
    slots.join_all().await;
}

/// One place of a window: one document after another.
async fn slot(outgoing: Arc<Outgoing>, way: Way, pace: Option<Arc<Pace>>) {
    let tally = &outgoing.tally;
    loop {
        let due = match &pace {
            Some(pace) => pace.next().await,
            None => (!tally.is_stopped()).then(Instant::now),
        };
        let Some(sequence) = due.and_then(|due| tally.send(due)) else {
            return;
        };
        let sent = send(&outgoing, &way, outgoing.choose(), sequence).await;
        if let Err(error) = sent {
            super::run::complain(tally, "a submit failed", &error);
        }
    }
}

/// Sends a document and counts its receipt.
async fn send(
    outgoing: &Outgoing,
    way: &Way,
    mailbox: &Mailbox,
    sequence: u64,
) -> Result<(), ClientError> {
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
    receipt.map(|_| outgoing.tally.accept(sequence))
}
