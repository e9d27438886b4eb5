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
    /// Whether the broker's store is encrypted, as far as this program has made it so.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub encrypted: bool,
    /// Documents that are due in a second, of all producers together; `None` for as many as can be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<u32>,
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
            encrypted: false,
            rate: None,
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

    /// The same job to so many mailboxes, each of a practice of its own.
    #[must_use]
    pub const fn to_practices(mut self, practices: usize) -> Self {
        (self.mailboxes, self.practices) = (practices, practices);
        self
    }

    /// The same job at so many documents a second, whether or not the broker keeps up: all those of a
    /// second may be under way.
    #[must_use]
    pub fn at_rate(mut self, per_second: u32) -> Self {
        self.rate = Some(per_second);
        let share = usize::try_from(per_second).unwrap_or(usize::MAX);
        self.window = self.window.max(share.div_ceil(self.producers.max(1)));
        self
    }

    /// The job in a few words.
    pub fn title(&self) -> String {
        let Self {
            job,
            payload,
            submit,
            ..
        } = self;
        let rate = self.rate.map(|rate| format!(", {rate} documents/s"));
        format!(
            "{job:?}, {payload:?}, {submit:?}{}{}",
            rate.unwrap_or_default(),
            if self.encrypted { ", encrypted" } else { "" }
        )
    }

    /// How many documents a practice may hold unsettled: enough to keep it busy, but no more than
    /// about 32 MiB.
    pub fn outstanding_max(&self) -> u32 {
        let documents = 32 * MIB / self.document_bytes;
        u32::try_from(documents.clamp(4, 64)).unwrap_or(64)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Job, Name, Payload, Submit};

    #[test]
    fn at_a_rate_all_the_documents_of_a_second_may_be_under_way() {
        let job = |name| {
            Job::new(
                name,
                Payload::Opaque,
                Submit::Stream,
                Duration::from_secs(5),
            )
        };
        let slow = job(Name::W2).at_rate(100);
        assert_eq!(slow.window, 32, "a window is not made smaller");
        let fast = job(Name::W2).at_rate(1_001);
        assert_eq!(fast.window, 126);
        assert_eq!(job(Name::W1).at_rate(100).window, 100);
        assert!(
            fast.title().ends_with(", 1001 documents/s"),
            "{}",
            fast.title()
        );
    }
}
