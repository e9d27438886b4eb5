//! The senders of a soak: each submits one document after another, repeats what got no answer under
//! the same submission id, and now and then gives up on one or sends one twice.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axle_client::{connection::Client, retry::Retry};
use axle_model::digest::Digest;
use axle_proto::v1::DocumentHeader;
use bytes::Bytes;
use rand::{Rng as _, rngs::StdRng};
use tokio::task::JoinSet;

use super::{PRACTICES, run::Load};
use crate::{
    checker::history::{Key, What},
    documents,
};

/// Each attempt is to be seen by the history, so the SDK makes only one.
const ONE_ATTEMPT: Retry = Retry {
    total: Duration::ZERO,
    first_delay: Duration::from_millis(1),
    delay_max: Duration::from_millis(1),
};
const PAUSE: Duration = Duration::from_millis(20);
/// Before it is tried again when the broker's disk is full.
const PAUSE_FULL: Duration = Duration::from_millis(200);
/// Submits under way for each trust.
const SUBMITS: usize = 16;

struct Sender {
    client: Client,
    load: Arc<Load>,
    trust: &'static str,
    task: usize,
}

/// A document on its way.
struct Draft {
    key: Key,
    header: DocumentHeader,
    content: Bytes,
}

pub(super) fn begin(
    tasks: &mut JoinSet<()>,
    client: &Client,
    load: &Arc<Load>,
    trust: &'static str,
    number: usize,
) {
    for task in number * SUBMITS..(number + 1) * SUBMITS {
        let client = client.clone().with_retry(ONE_ATTEMPT);
        let sender = Sender {
            client,
            load: Arc::clone(load),
            trust,
            task,
        };
        tasks.spawn(sender.run());
    }
}

impl Sender {
    async fn run(self) {
        let mut random = self.load.random(self.task as u64);
        for number in 0.. {
            if self.load.is_stopping() {
                return;
            }
            let draft = self.draft(number, &mut random);
            let gives_up = random.random_bool(0.1);
            if self.submit(&draft, gives_up).await {
                self.load.accepted.fetch_add(1, Ordering::Relaxed);
                if random.random_bool(0.05) {
                    self.submit(&draft, false).await;
                }
            }
        }
    }

    fn draft(&self, number: u64, random: &mut StdRng) -> Draft {
        let id = format!("{}-{number}", self.task);
        let text = match random.random_range(0..20) {
            0 => {
                let number = (self.task as u64) << 32 | number;
                documents::document(number, self.trust, PRACTICES[0]).outpatient_letter_json()
            }
            _ => documents::small(&id, self.trust, random.random_range(0..4_000)),
        };
        let first = random.random_range(0..PRACTICES.len());
        let second = (first + 1) % PRACTICES.len();
        let both = [PRACTICES[first], PRACTICES[second]];
        let recipients = if random.random_bool(0.05) {
            &both[..]
        } else {
            &both[..1]
        };
        Draft {
            key: (self.trust.to_owned(), id.clone()),
            header: documents::named(&id, documents::to(recipients)),
            content: text.into(),
        }
    }

    /// Submits until there is an answer; whether it was a receipt.
    async fn submit(&self, draft: &Draft, gives_up: bool) -> bool {
        let Draft {
            key,
            header,
            content,
        } = draft;
        let history = &self.load.history;
        loop {
            let mut pause = PAUSE;
            history.record(What::Invoke {
                key: key.clone(),
                recipients: header.recipients.clone(),
                sha256: Digest::of(content).to_string(),
            });
            match self.client.submit(header.clone(), content.clone()).await {
                Ok(receipt) => {
                    self.load.answered(self.trust);
                    history.record(What::Ok {
                        key: key.clone(),
                        message: receipt.message,
                    });
                    return true;
                }
                Err(error) if error.is_from_broker() && !error.is_retryable() => {
                    let reason = error.reason().to_owned();
                    history.record(What::Fail {
                        key: key.clone(),
                        reason,
                    });
                    println!("refused: {error}");
                    self.load.refused.fetch_add(1, Ordering::Relaxed);
                    return false;
                }
                Err(error) => {
                    history.record(What::Unknown { key: key.clone() });
                    if error.reason() == "STORAGE_LOW" {
                        self.load.full.fetch_add(1, Ordering::Relaxed);
                        pause = PAUSE_FULL;
                    }
                }
            }
            if gives_up {
                return false;
            }
            tokio::time::sleep(pause).await;
        }
    }
}
