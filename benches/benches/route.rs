//! The routing path, by stage and whole: bytes → facts → authorised → checked → routed → Change, on
//! the documents of `documents.rs`; routing alone under a large table; and the decisions of claiming
//! and settling. Pure processor time: no store, no wire, no clock.
#![allow(
    clippy::expect_used,
    reason = "a measure that cannot be set up can only stop"
)]

use std::{fmt::Write as _, hint::black_box, time::Duration};

use axle_benches::{
    documents::{Sample, samples, submission},
    estate::TRUST,
};
use axle_broker::clock::{Clock as _, SystemClock};
use axle_core::{
    authorise::{Authorised, authorise},
    change::{Acceptance, Change},
    delivery::{Circumstances, Delivery, Move, Outcome},
    directory::Directory,
    event::Actor,
    lease::LeaseKey,
    registration::Registration,
    retry::Retry,
    route::route,
    snapshot::Snapshot,
    table::RoutingTable,
    validate::validate,
};
use axle_model::{
    digest::Digest,
    envelope::Submission,
    format,
    id::{MessageId, SubmissionId},
    identity::Identity,
    mailbox::MailboxId,
    ods::OdsCode,
    time::Timestamp,
};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const PRACTICE: &str = "P81000";

/// What a submit is decided by.
struct Scene {
    snapshot: Snapshot,
    caller: Identity,
    now: Timestamp,
}

impl Scene {
    /// With this many mailboxes, and this many rules of each kind of which the last is the one that
    /// counts.
    fn new(mailboxes: usize, rules: usize) -> Self {
        let mut directory = String::new();
        for number in 0..mailboxes {
            let code = format!("P{:05}", 81_000 + number);
            write!(directory, "[[mailbox]]\norganisation = {code:?}\n")
                .expect("a String takes all");
        }
        Self {
            snapshot: Snapshot {
                directory: Directory::parse(&directory).expect("a directory"),
                table: RoutingTable::parse(&table(rules)).expect("a routing table"),
                ..Snapshot::default()
            },
            caller: Identity {
                organisation: Some(ods(TRUST)),
                operator: false,
                serial: "01".to_owned(),
                fingerprint: Digest::from_bytes([0; 32]),
            },
            now: SystemClock.now(),
        }
    }

    fn samples(&self) -> [Sample; 4] {
        samples(ods(TRUST), ods(PRACTICE), self.now)
    }

    fn authorised(&self, submission: Submission) -> Authorised {
        authorise(self.snapshot.table.policy(), &self.caller, submission)
            .expect("a sender who may send")
    }

    /// The whole path, as the engine walks it.
    fn change(&self, submission: Submission) -> Change {
        let authorised = self.authorised(submission);
        let checked = validate(&self.snapshot, &authorised, self.now).expect("a valid document");
        let routed = route(&self.snapshot, &checked, Registration::NotAsked, self.now)
            .expect("a known mailbox");
        Change::from(Acceptance::new(&routed, MESSAGE, self.now))
    }
}

const MESSAGE: MessageId = MessageId::from_bytes([7; 16]);

fn ods(code: &str) -> OdsCode {
    OdsCode::parse(code).expect("an ODS code")
}

/// A routing table in which `rules` classes, rules and permissions are passed over before one fits.
fn table(rules: usize) -> String {
    let mut text = String::from("version = 1\n[[workflow]]\nid = \"LETTERS\"\n");
    for number in 1..rules {
        write!(
            text,
            r#"
[[class]]
id = "class-{number}"
workflow = "LETTERS"
match = {{ event = ["ITK{number:03}X"], type = ["snomed:{number}"] }}
[[rule]]
id = "rule-{number}"
when = {{ class = ["class-{number}", "letters"], sender = ["X{number:04}"], section = ["snomed:{number}"] }}
then = {{ copy_to = ["P{copied:05}"] }}
[[allow]]
sender = ["X{number:04}"]
workflow = ["LETTERS"]
recipient = "*"
"#,
            copied = 82_000 + number,
        )
        .expect("a String takes all");
    }
    text + r#"
[[class]]
id = "letters"
workflow = "LETTERS"
match = { type = ["snomed:823681000000100", "snomed:373942005"] }
[[allow]]
sender = ["RR8"]
workflow = "*"
recipient = "*"
"#
}

fn submission_of(sample: &Sample) -> Submission {
    let id = SubmissionId::parse("letter-1").expect("a submission id");
    submission(
        id,
        ods(PRACTICE),
        sample.media_type.clone(),
        sample.body.clone(),
    )
}

/// The stages whose cost grows with the document, and the whole path. The digest is what the gRPC
/// door adds before it.
fn by_document(c: &mut Criterion) {
    let scene = Scene::new(6_500, 50);
    let limits = format::Limits::default();
    for sample in scene.samples() {
        let mut group = c.benchmark_group(format!("route/{}", sample.name));
        group.throughput(Throughput::Bytes(sample.body.len() as u64));
        group.bench_function("digest", |b| b.iter(|| Digest::of(&sample.body)));
        group.bench_function("facts", |b| {
            b.iter(|| format::read(&sample.media_type, &sample.body, &limits).expect("facts"));
        });
        let submission = submission_of(&sample);
        let authorised = scene.authorised(submission.clone());
        group.bench_function("facts_and_rules", |b| {
            b.iter(|| validate(&scene.snapshot, &authorised, scene.now).expect("a valid document"));
        });
        group.bench_function("whole", |b| {
            let whole = |submission| scene.change(submission);
            b.iter_batched(|| submission.clone(), whole, BatchSize::SmallInput);
        });
        group.finish();
    }
}

/// The stages that never look at the bytes.
fn by_stage(c: &mut Criterion) {
    let scene = Scene::new(6_500, 50);
    let [letter, ..] = scene.samples();
    let submission = submission_of(&letter);
    let mut group = c.benchmark_group("route/stage");
    group.bench_function("authorise", |b| {
        let authorise = |submission| scene.authorised(submission);
        b.iter_batched(|| submission.clone(), authorise, BatchSize::SmallInput);
    });
    let authorised = scene.authorised(submission.clone());
    let checked = validate(&scene.snapshot, &authorised, scene.now).expect("a valid document");
    let routed =
        route(&scene.snapshot, &checked, Registration::NotAsked, scene.now).expect("a mailbox");
    group.bench_function("change", |b| {
        b.iter(|| Acceptance::new(&routed, MESSAGE, scene.now));
    });
    group.finish();
}

/// Routing alone: 6,500 mailboxes, and a table of which the last rule fits.
fn by_rules(c: &mut Criterion) {
    let mut group = c.benchmark_group("route/alone");
    for rules in [1, 100, 1_000] {
        let scene = Scene::new(6_500, rules);
        let [letter, ..] = scene.samples();
        let authorised = scene.authorised(submission_of(&letter));
        let checked = validate(&scene.snapshot, &authorised, scene.now).expect("a valid document");
        group.bench_function(BenchmarkId::new("rules", rules), |b| {
            b.iter(|| {
                route(&scene.snapshot, &checked, Registration::NotAsked, scene.now)
                    .expect("a mailbox")
            });
        });
    }
    group.finish();
}

/// The decisions of a delivery's life.
fn decisions(c: &mut Criterion) {
    let now = SystemClock.now();
    let at = Circumstances {
        now,
        deadline: now.after(Duration::from_hours(1)),
        retry: Retry::default(),
        seed: 7,
    };
    let practice = ods(PRACTICE);
    let by = || Actor::Organisation(practice);
    let queued = Delivery::accept(practice, MailboxId::of(practice), ods(TRUST), now);
    let lease = || Move::Lease {
        nonce: [9; 16],
        until: now.after(Duration::from_mins(1)),
        consumer: "surgery-1".into(),
    };
    let Ok(Outcome::Step(step)) = queued.decide(lease(), by(), at) else {
        unreachable!("a queued delivery can be leased");
    };
    let mut leased = queued.clone();
    leased.record(step);
    let acknowledge = || Move::Acknowledge {
        lease: LeaseKey {
            epoch: 1,
            nonce: [9; 16],
        },
    };
    let mut group = c.benchmark_group("decide");
    group.bench_function("claim", |b| {
        b.iter(|| {
            black_box(&queued)
                .decide(lease(), by(), at)
                .expect("a lease")
        });
    });
    group.bench_function("acknowledge", |b| {
        b.iter(|| {
            black_box(&leased)
                .decide(acknowledge(), by(), at)
                .expect("an end")
        });
    });
    group.bench_function("whole_life", |b| {
        b.iter_batched_ref(
            || queued.clone(),
            |delivery| {
                for wanted in [lease(), acknowledge()] {
                    if let Ok(Outcome::Step(step)) = delivery.decide(wanted, by(), at) {
                        delivery.record(step);
                    }
                }
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn quick() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
}

criterion_group! {
    name = routing;
    config = quick();
    targets = by_document, by_stage, by_rules, decisions
}
criterion_main!(routing);
