//! A whole broker in this process, over mutual TLS on loopback, through the SDK: a submit by itself,
//! the way from submit to acknowledgement, and the same with 32 documents in flight. Client and
//! broker share the processor, and every answer is given after a sync.
#![allow(
    clippy::expect_used,
    reason = "a measure that cannot be set up can only stop"
)]

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use axle_benches::{
    documents::{LETTER_BYTES, Template},
    estate::{Estate, Mailbox, TRUST, default_parent},
    stage::Stage,
};
use axle_broker::clock::{Clock as _, SystemClock};
use axle_client::{
    collect::{CollectOptions, Collector, Connection},
    connection::Client,
};
use axle_model::ods::OdsCode;
use axle_proto::v1::DocumentHeader;
use bytes::Bytes;
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use futures::{StreamExt as _, stream};
use tokio::{runtime::Runtime, task::JoinSet};

const IN_FLIGHT: usize = 32;

/// A broker with a trust, and a practice that collects in one mailbox.
struct Scene {
    stage: Stage,
    trust: Client,
    mailbox: Mailbox,
    sequence: AtomicU64,
}

impl Scene {
    async fn new() -> Self {
        let estate = Estate::new(&default_parent(), 1, 1).expect("an estate");
        let stage = Stage::start(estate).await.expect("a broker");
        Self {
            trust: stage.client(TRUST).expect("a client"),
            mailbox: stage.estate().mailbox(0),
            sequence: AtomicU64::new(0),
            stage,
        }
    }

    /// Documents nobody has seen.
    fn documents(&self, template: &Template, number: u64) -> Vec<Bytes> {
        let first = self.sequence.fetch_add(number, Ordering::Relaxed);
        (first..first + number)
            .map(|sequence| template.make(1, sequence))
            .collect()
    }

    async fn submit(&self, template: &Template, document: Bytes) {
        let header = DocumentHeader {
            recipients: vec![self.mailbox.recipient.to_string()],
            workflow: self.mailbox.workflow.clone(),
            media_type: template.media_type().to_owned(),
            ..DocumentHeader::default()
        };
        self.trust
            .submit(header, document)
            .await
            .expect("a receipt");
    }

    /// A collector that is connected.
    async fn collector(&self) -> Collector {
        let practice = self
            .stage
            .client(self.mailbox.recipient.as_str())
            .expect("a client");
        let collector = practice.collector(CollectOptions {
            consumer_id: "measures".to_owned(),
            outstanding_max: 64,
            ..CollectOptions::default()
        });
        let mut connection = collector.connection();
        let open = connection.wait_for(|now| matches!(now, Connection::Open { .. }));
        open.await.expect("a collector that runs");
        collector
    }
}

/// Collects and acknowledges so many, each without waiting for the one before.
async fn collect(collector: &mut Collector, documents: u64) {
    let mut settling = JoinSet::new();
    for _ in 0..documents {
        let received = collector
            .next()
            .await
            .expect("a document")
            .expect("a document");
        let settler = collector.settler().clone();
        settling.spawn(async move { settler.acknowledge(&received.token).await });
    }
    while let Some(settled) = settling.join_next().await {
        settled
            .expect("no panic in a task")
            .expect("an acknowledgement");
    }
}

fn templates() -> [(&'static str, Template); 2] {
    let ods = |code| OdsCode::parse(code).expect("an ODS code");
    let letter = Template::letter(ods(TRUST), ods("P81000"), SystemClock.now(), LETTER_BYTES);
    [
        ("opaque_16k", Template::opaque(LETTER_BYTES)),
        ("r4_json_16k", letter),
    ]
}

/// One document at a time, until its receipt.
fn submit(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let mut group = c.benchmark_group("end_to_end/submit");
    group.sampling_mode(SamplingMode::Flat);
    for (name, template) in templates() {
        let scene = runtime.block_on(Scene::new());
        group.bench_function(name, |b| {
            b.to_async(&runtime).iter_custom(async |number| {
                let documents = scene.documents(&template, number);
                let begun = Instant::now();
                for document in documents {
                    scene.submit(&template, document).await;
                }
                begun.elapsed()
            });
        });
        runtime
            .block_on(scene.stage.stop())
            .expect("a graceful end");
    }
    group.finish();
}

/// One document at a time, from submit to its confirmed acknowledgement; and with 32 in flight.
fn journey(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let mut group = c.benchmark_group("end_to_end/submit_collect_acknowledge");
    group.sampling_mode(SamplingMode::Flat);
    group.throughput(Throughput::Elements(1));
    for (name, template) in templates() {
        for in_flight in [1, IN_FLIGHT] {
            let scene = runtime.block_on(Scene::new());
            let mut collector = runtime.block_on(scene.collector());
            group.bench_function(format!("{name}/in_flight/{in_flight}"), |b| {
                b.iter_custom(|number| {
                    let documents = scene.documents(&template, number);
                    let scene = &scene;
                    let submits = documents
                        .into_iter()
                        .map(|document| scene.submit(&template, document));
                    let begun = Instant::now();
                    runtime.block_on(async {
                        if in_flight == 1 {
                            for submit in submits {
                                futures::join!(submit, collect(&mut collector, 1));
                            }
                        } else {
                            let all = stream::iter(submits).buffer_unordered(in_flight);
                            futures::join!(
                                all.for_each(async |()| ()),
                                collect(&mut collector, number)
                            );
                        }
                    });
                    begun.elapsed()
                });
            });
            runtime.block_on(collector.close());
            runtime
                .block_on(scene.stage.stop())
                .expect("a graceful end");
        }
    }
    group.finish();
}

fn quick() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
}

criterion_group! {
    name = end_to_end;
    config = quick();
    targets = submit, journey
}
criterion_main!(end_to_end);
