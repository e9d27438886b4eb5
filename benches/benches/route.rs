//! The routing path, by stage and whole: bytes → facts → authorised → checked → routed → Change, on
//! the documents of `documents.rs`; routing alone under a large table; and the decisions of claiming
//! and settling. Pure processor time: no store, no wire, no clock.
#![allow(
    clippy::expect_used,
    reason = "a measure that cannot be set up can only stop"
)]

mod scene;

use std::{hint::black_box, time::Duration};

use axle_benches::{documents::Sample, estate::TRUST};
use axle_broker::clock::{Clock as _, SystemClock};
use axle_core::{
    change::Acceptance,
    delivery::{Circumstances, Delivery, Move, Outcome},
    event::Actor,
    lease::LeaseKey,
    registration::Registration,
    retry::Retry,
    route::route,
    validate::validate,
};
use axle_model::{digest::Digest, envelope::MediaType, format, mailbox::MailboxId};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use quick_xml::events::Event;
use serde::de::IgnoredAny;
use tikv_jemallocator::Jemalloc;

use scene::{MESSAGE, PRACTICE, Scene, ods, submission_of};

// As in the daemon.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// What the library alone takes to see that a document is well formed, nothing of it being kept: no reader on
/// it is faster.
fn syntax_of(sample: &Sample) {
    if sample.media_type == MediaType::FhirXml {
        let mut reader = quick_xml::Reader::from_reader(&*sample.body);
        while reader.read_event().expect("XML") != Event::Eof {}
    } else {
        let read: IgnoredAny = serde_json::from_slice(&sample.body).expect("JSON");
        black_box(read);
    }
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
        group.bench_function("syntax", |b| b.iter(|| syntax_of(&sample)));
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
