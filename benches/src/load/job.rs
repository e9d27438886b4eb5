//! The jobs: how many send, how much at a time, what, and to how many mailboxes.

use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;

use crate::documents::{LETTER_BYTES, MIB};

/// A job by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
pub enum Name {
    /// Latency: one producer with one 16 KiB document under way.
    #[value(name = "W1")]
    W1,
    /// Throughput: 8 producers with 32 documents of 16 KiB under way each, to 64 mailboxes.
    #[value(name = "W2")]
    W2,
    /// Bandwidth: the same with documents of 1 MiB.
    #[value(name = "W3")]
    W3,
    /// Many mailboxes: 32 producers with 32 documents of 16 KiB under way each, to 6,500 mailboxes,
    /// some far more often than others (Zipf, 0.8).
    #[value(name = "W4")]
    W4,
}

/// How documents are submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Submit {
    /// Many on one stream for each producer.
    Stream,
    /// One call for each.
    Unary,
}

/// What the documents are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Payload {
    /// Bytes the broker does not read.
    Opaque,
    /// FHIR R4 JSON, which it reads and checks.
    Fhir,
}

/// A job.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Job {
    /// Which it is.
    pub job: Name,
    /// What is sent.
    pub payload: Payload,
    /// How.
    pub submit: Submit,
    /// Connections that send.
    pub producers: usize,
    /// Documents that each may have under way.
    pub window: usize,
    /// About how long a document is.
    pub document_bytes: usize,
    /// Mailboxes.
    pub mailboxes: usize,
    /// How unequal their chances are: the exponent of Zipf's law; 0 for equal ones.
    pub skew: f64,
    /// Practices, each with a connection of its own and an equal share of the mailboxes; 8, or 65 in W4, unless
    /// [`over_practices`](Self::over_practices) says otherwise.
    pub practices: usize,
    /// Seconds of load before the measurement.
    pub warmup_seconds: f64,
    /// Seconds of the measurement.
    pub measured_seconds: f64,
}

impl Job {
    /// A job as it is defined.
    pub fn new(job: Name, payload: Payload, submit: Submit, measured: Duration) -> Self {
        let (producers, window, mailboxes, practices) = match job {
            Name::W1 => (1, 1, 1, 1),
            Name::W2 | Name::W3 => (8, 32, 64, 8),
            Name::W4 => (32, 32, 6_500, 65),
        };
        Self {
            job,
            payload,
            submit,
            producers,
            window,
            document_bytes: match job {
                Name::W1 | Name::W2 | Name::W4 => LETTER_BYTES,
                Name::W3 => MIB,
            },
            mailboxes,
            skew: if job == Name::W4 { 0.8 } else { 0.0 },
            practices,
            warmup_seconds: 1.0,
            measured_seconds: measured.as_secs_f64(),
        }
    }

    /// The same job with its mailboxes shared among so many practices, at most one for each mailbox.
    #[must_use]
    pub fn over_practices(mut self, practices: usize) -> Self {
        self.practices = practices.clamp(1, self.mailboxes);
        self
    }

    /// How many documents a practice may hold unsettled: enough to keep it busy, but no more than
    /// about 32 MiB.
    pub fn outstanding_max(&self) -> u32 {
        let documents = 32 * MIB / self.document_bytes;
        u32::try_from(documents.clamp(4, 64)).unwrap_or(64)
    }
}
