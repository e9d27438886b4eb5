//! Metrics: every name and label in one place, in base units and with few label values, none of them
//! taken from a document. What happens is counted here as it happens; how things stand is told at
//! each scrape by a [`Snapshot`].

use std::{fmt, time::Duration};

use axle_model::{answer::Stage, envelope::Priority, mailbox::MailboxId, time::Timestamp};
use axle_store::MailboxState;
use prometheus_client::{
    encoding::text,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

mod snapshot;

pub use snapshot::{Backlog, RegisterState, Snapshot, StoreCounters};
use snapshot::{Gauges, gauge};

/// The media type of what is rendered.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const PREFIX: &str = "axle";

/// From half a millisecond to eight seconds.
const SUBMIT_SECONDS: [f64; 15] = [
    0.000_5, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048,
    4.096, 8.192,
];
/// From a tenth of a millisecond, a fast disk, to two seconds, a failing one.
const COMMIT_SECONDS: [f64; 14] = [
    0.000_1, 0.000_2, 0.000_4, 0.000_8, 0.001_6, 0.003_2, 0.006_4, 0.012_8, 0.025_6, 0.051_2,
    0.102_4, 0.25, 0.5, 2.0,
];
/// From a collector that holds a stream open to one that comes once a week.
const DELIVERY_SECONDS: [f64; 15] = [
    0.01, 0.05, 0.25, 1.0, 5.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 43_200.0, 86_400.0,
    259_200.0, 604_800.0,
];

type Word = (&'static str, &'static str);

/// What has happened since the process began.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    submissions: Family<[Word; 2], Counter>,
    submit_seconds: Histogram,
    delivery_seconds: Histogram,
    lease_expirations: Counter,
    notices: Family<[Word; 1], Counter>,
    aged_warnings: Family<[Word; 1], Counter>,
    answers: Family<[Word; 2], Counter>,
    uncounted_answers: Family<[Word; 1], Counter>,
    commit_seconds: Histogram,
    lookups: Family<[Word; 1], Counter>,
    lookup_seconds: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix(PREFIX),
            submissions: Family::default(),
            submit_seconds: Histogram::new(SUBMIT_SECONDS),
            delivery_seconds: Histogram::new(DELIVERY_SECONDS),
            lease_expirations: Counter::default(),
            notices: Family::default(),
            aged_warnings: Family::default(),
            answers: Family::default(),
            uncounted_answers: Family::default(),
            commit_seconds: Histogram::new(COMMIT_SECONDS),
            lookups: Family::default(),
            lookup_seconds: Histogram::new(COMMIT_SECONDS),
        };
        metrics.register();
        // Present from the first scrape on, so that the first of each is a step from 0.
        for outcome in ["accepted", "duplicate"] {
            let _ = metrics
                .submissions
                .get_or_create(&submission_labels(outcome, ""));
        }
        for state in ["dead-lettered", "expired", "rejected"] {
            let _ = metrics.notices.get_or_create(&[("state", state)]);
        }
        for outcome in ["refused", "registered", "unavailable"] {
            let _ = metrics.lookups.get_or_create(&[("outcome", outcome)]);
        }
        for stage in Stage::ALL {
            for outcome in ["positive", "negative", "lapsed"] {
                let labels = [("stage", stage.as_str()), ("outcome", outcome)];
                let _ = metrics.answers.get_or_create(&labels);
            }
        }
        for priority in [Priority::Routine, Priority::Urgent] {
            let labels = [("priority", priority.as_str())];
            let _ = metrics.aged_warnings.get_or_create(&labels);
        }
        metrics
    }
}

impl Metrics {
    /// The names.
    fn register(&mut self) {
        let Self {
            registry,
            submissions,
            submit_seconds,
            delivery_seconds,
            lease_expirations,
            notices,
            aged_warnings,
            answers,
            uncounted_answers,
            commit_seconds,
            lookups,
            lookup_seconds,
        } = self;
        registry.register(
            "submissions",
            "Submissions answered, by outcome and, where refused, reason",
            submissions.clone(),
        );
        registry.register(
            "submit_duration_seconds",
            "From the whole submission received to its answer",
            submit_seconds.clone(),
        );
        registry.register(
            "delivery_latency_seconds",
            "From a document's acceptance to its acknowledgement",
            delivery_seconds.clone(),
        );
        registry.register(
            "lease_expirations",
            "Leases that ran out before the collector settled",
            lease_expirations.clone(),
        );
        registry.register(
            "notices",
            "Deliveries that ended without an acknowledgement, of which the sender was told, by state",
            notices.clone(),
        );
        registry.register(
            "aged_warnings",
            "Deliveries whose sender was warned that they wait too long, by priority",
            aged_warnings.clone(),
        );
        registry.register(
            "answers",
            "Answers that recipients were asked for, by stage and outcome",
            answers.clone(),
        );
        registry.register(
            "uncounted_answers",
            "Answers that were delivered and count for nothing, by the reason",
            uncounted_answers.clone(),
        );
        registry.register(
            "store_commit_seconds",
            "From a change handed to the store to its durability",
            commit_seconds.clone(),
        );
        registry.register(
            "demographics_lookups",
            "Patients looked up to find their practice, by outcome",
            lookups.clone(),
        );
        registry.register(
            "demographics_lookup_seconds",
            "From a look-up to its outcome, remembered answers included",
            lookup_seconds.clone(),
        );
    }

    /// A submission was answered after `took`. `outcome` is `accepted`, `duplicate` or `refused`,
    /// `reason` that of the refusal or empty.
    pub fn submission(&self, outcome: &'static str, reason: &'static str, took: Duration) {
        let labels = submission_labels(outcome, reason);
        self.submissions.get_or_create(&labels).inc();
        self.submit_seconds.observe(took.as_secs_f64());
    }

    /// A delivery was acknowledged, `after` its acceptance.
    pub fn delivered(&self, after: Duration) {
        self.delivery_seconds.observe(after.as_secs_f64());
    }

    /// A lease ran out.
    pub fn lease_expired(&self) {
        self.lease_expirations.inc();
    }

    /// A delivery ended in `state` without an acknowledgement, and its sender was told.
    pub fn notice(&self, state: &'static str) {
        self.notices.get_or_create(&[("state", state)]).inc();
    }

    /// A sender was warned that a delivery of this priority waits too long.
    pub fn aged(&self, priority: &'static str) {
        let labels = [("priority", priority)];
        self.aged_warnings.get_or_create(&labels).inc();
    }

    /// An answer that a recipient was asked for is `positive`, `negative` or `lapsed`.
    pub fn answered(&self, stage: Stage, outcome: &'static str) {
        let labels = [("stage", stage.as_str()), ("outcome", outcome)];
        self.answers.get_or_create(&labels).inc();
    }

    /// An answer came that counts for nothing, for a reason of `Standing`.
    pub fn uncounted(&self, standing: &'static str) {
        let labels = [("standing", standing)];
        self.uncounted_answers.get_or_create(&labels).inc();
    }

    /// A patient's practice was looked up in `took`. `outcome` is `registered`, `refused` or
    /// `unavailable`; more would tell of the patient.
    pub fn looked_up(&self, outcome: &'static str, took: Duration) {
        self.lookups.get_or_create(&[("outcome", outcome)]).inc();
        self.lookup_seconds.observe(took.as_secs_f64());
    }

    /// A change became durable after `took`.
    pub fn committed(&self, took: Duration) {
        self.commit_seconds.observe(took.as_secs_f64());
    }

    /// Everything, as an OpenMetrics text.
    pub fn render(&self, snapshot: &Snapshot) -> String {
        let mut standing = Registry::with_prefix(PREFIX);
        snapshot.register(&mut standing);
        encode(&[&self.registry, &standing])
    }
}

fn submission_labels(outcome: &'static str, reason: &'static str) -> [Word; 2] {
    [("outcome", outcome), ("reason", reason)]
}

/// How each mailbox stands at `now`, as an OpenMetrics text: apart from the rest, because a country
/// has thousands of them.
pub fn render_mailboxes<'m>(
    mailboxes: impl IntoIterator<Item = (&'m MailboxId, &'m MailboxState)>,
    now: Timestamp,
) -> String {
    let deliveries: Gauges<[(&str, String); 2]> = Gauges::default();
    let ages: Gauges<[(&str, String); 1]> = Gauges::default();
    for (id, state) in mailboxes {
        let backlog = Backlog::of([state], now);
        for (word, count) in backlog.states() {
            let labels = [("mailbox", id.to_string()), ("state", word.to_owned())];
            gauge(&deliveries, labels, count);
        }
        let age = backlog.oldest_age.as_secs_f64();
        ages.get_or_create(&[("mailbox", id.to_string())]).set(age);
    }
    let mut registry = Registry::with_prefix(PREFIX);
    registry.register(
        "mailbox_deliveries",
        "Deliveries in each mailbox that are not settled, by state",
        deliveries,
    );
    registry.register(
        "mailbox_oldest_queued_age_seconds",
        "How long the oldest of them has waited",
        ages,
    );
    encode(&[&registry])
}

fn encode(registries: &[&Registry]) -> String {
    let mut text = String::new();
    let encoded = registries
        .iter()
        .try_for_each(|registry| text::encode_registry(&mut text, registry))
        .and_then(|()| text::encode_eof(&mut text));
    match encoded {
        Ok(()) => text,
        // Writing to a String does not fail; half an answer would be read as a whole one.
        Err(fmt::Error) => String::new(),
    }
}

#[cfg(test)]
mod tests;
