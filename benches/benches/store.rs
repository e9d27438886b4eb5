//! The embedded store on a disk: commits of 16 KiB documents with so many in flight, and the claim
//! and settlement of what was committed. Every figure ends in a sync of the journal.
#![allow(
    clippy::expect_used,
    reason = "a measure that cannot be set up can only stop"
)]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axle_benches::{
    documents::{LETTER_BYTES, Template},
    estate::{TRUST, default_parent},
    load::job::Payload,
    stored::{acceptance, acknowledgement, claim},
};
use axle_broker::clock::{Clock as _, SystemClock};
use axle_core::change::Change;
use axle_model::ods::OdsCode;
use axle_store::{
    Claimed, Store as _,
    embedded::{Embedded, Options},
};
use bytes::Bytes;
use criterion::{
    BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use tempfile::TempDir;
use tokio::{runtime::Runtime, task::JoinSet};

const IN_FLIGHT: [usize; 4] = [1, 16, 64, 256];
const PRACTICE: &str = "P81000";

/// A store in a folder of its own.
struct Scene {
    store: Arc<Embedded>,
    body: Bytes,
    _folder: TempDir,
}

impl Scene {
    fn new() -> Self {
        let parent = default_parent();
        std::fs::create_dir_all(&parent).expect("a folder under target/");
        let folder = tempfile::tempdir_in(parent).expect("a folder under target/");
        let options = Options {
            directory: folder.path().join("data"),
            ..Options::default()
        };
        let store = Embedded::open(&options, SystemClock.now()).expect("a new store");
        Self {
            store: Arc::new(store),
            body: Template::opaque(LETTER_BYTES).make(1, 1),
            _folder: folder,
        }
    }

    /// A document nobody has seen.
    fn acceptance(&self) -> Change {
        let (now, body) = (SystemClock.now(), self.body.clone());
        acceptance(ods(TRUST), ods(PRACTICE), Payload::Opaque, body, now).expect("a document")
    }

    /// Commits these, `in_flight` at a time, and says how long it took.
    async fn commit(&self, changes: Vec<Change>, in_flight: usize) -> Duration {
        let mut shares: Vec<Vec<Change>> = (0..in_flight).map(|_| Vec::new()).collect();
        for (number, change) in changes.into_iter().enumerate() {
            shares[number % in_flight].push(change);
        }
        let mut tasks = JoinSet::new();
        let begun = Instant::now();
        for share in shares {
            let store = Arc::clone(&self.store);
            tasks.spawn(async move {
                for change in share {
                    store.commit(change).await.expect("a commit");
                }
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.expect("no panic in a task");
        }
        begun.elapsed()
    }

    /// Claims up to `deliveries` of the one mailbox.
    async fn claim(&self, deliveries: usize) -> Vec<Claimed> {
        let claimed = claim(&self.store, ods(PRACTICE), deliveries, SystemClock.now()).await;
        claimed.expect("a claim")
    }
}

fn ods(code: &str) -> OdsCode {
    OdsCode::parse(code).expect("an ODS code")
}

fn commit(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let mut group = c.benchmark_group("store/commit_16k");
    group.throughput(Throughput::Elements(1));
    group.sampling_mode(SamplingMode::Flat);
    for in_flight in IN_FLIGHT {
        let scene = Scene::new();
        group.bench_function(BenchmarkId::new("in_flight", in_flight), |b| {
            b.to_async(&runtime).iter_custom(async |documents| {
                let changes = (0..documents).map(|_| scene.acceptance()).collect();
                scene.commit(changes, in_flight).await
            });
        });
        runtime
            .block_on(scene.store.close())
            .expect("a store in good order");
    }
    group.finish();
}

/// Claiming up to 64 at once and acknowledging each, as many in flight; the commits before are not
/// counted.
fn claim_and_settle(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let mut group = c.benchmark_group("store/claim_and_acknowledge");
    group.throughput(Throughput::Elements(1));
    group.sampling_mode(SamplingMode::Flat);
    for at_once in [1_u64, 64] {
        let scene = Scene::new();
        group.bench_function(BenchmarkId::new("at_once", at_once), |b| {
            b.to_async(&runtime).iter_custom(async |documents| {
                let changes = (0..documents).map(|_| scene.acceptance()).collect();
                scene.commit(changes, 256).await;
                let mut left = documents;
                let begun = Instant::now();
                while left > 0 {
                    let share = usize::try_from(left.min(at_once)).unwrap_or(1);
                    let claimed = scene.claim(share).await;
                    left -= claimed.len() as u64;
                    let settled = claimed.iter().map(|one| {
                        acknowledgement(one, SystemClock.now()).expect("a leased delivery")
                    });
                    let settled = settled.collect();
                    // Let go of the messages, so that the store can change them in place.
                    drop(claimed);
                    scene.commit(settled, share).await;
                }
                begun.elapsed()
            });
        });
        runtime
            .block_on(scene.store.close())
            .expect("a store in good order");
    }
    group.finish();
}

fn quick() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
}

criterion_group! {
    name = store;
    config = quick();
    targets = commit, claim_and_settle
}
criterion_main!(store);
