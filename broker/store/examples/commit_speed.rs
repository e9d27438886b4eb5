//! How fast the embedded store commits on this machine's disk, every document durable before it is
//! answered. `cargo run --release -p axle-store --features testing --example commit_speed [DIR]`
//! opens a store below DIR (`target` by default), and removes it afterwards.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement: it prints, and ends at the first error"
)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use axle_core::change::{Acceptance, Body, Change};
use axle_model::{digest::Digest, id::SubmissionId};
use axle_store::{
    Store,
    conformance::sample::{self, PRACTICES, acknowledge, at, claim},
    embedded::{Embedded, Options},
};
use bytes::Bytes;

const BODY_BYTES: usize = 16 << 10;
const SECONDS: u64 = 4;

#[tokio::main]
async fn main() {
    let below = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "target".to_owned());
    println!("16 KiB documents, {SECONDS} s each");
    println!("in flight | documents/s |   p50 ms |   p99 ms | documents a sync | sync ms");
    for in_flight in [1, 16, 64, 256] {
        measure(&below, in_flight, false).await;
    }
    println!("the same, each collected and acknowledged as well");
    measure(&below, 64, true).await;
}

async fn measure(below: &str, in_flight: u64, settle: bool) {
    let directory = tempfile::tempdir_in(below).unwrap();
    let options = Options {
        directory: directory.path().to_path_buf(),
        ..Options::default()
    };
    let store = Arc::new(Embedded::open(&options, at(0)).unwrap());
    let numbers = Arc::new(AtomicU64::new(1));
    let begun = Instant::now();
    let workers = (0..in_flight).map(|_| {
        let (store, numbers) = (store.clone(), numbers.clone());
        tokio::spawn(async move {
            let mut latencies = Vec::new();
            while begun.elapsed() < Duration::from_secs(SECONDS) {
                let change = document(numbers.fetch_add(1, Relaxed));
                let sent = Instant::now();
                store.commit(change).await.unwrap();
                latencies.push(sent.elapsed());
                if settle {
                    collect(&store).await;
                }
            }
            latencies
        })
    });
    let mut latencies = Vec::new();
    for worker in workers.collect::<Vec<_>>() {
        latencies.extend(worker.await.unwrap());
    }
    let seconds = begun.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let percentile = |part: usize| latencies[latencies.len() * part / 100].as_secs_f64() * 1e3;
    let counters = store.counters();
    let syncs = counters.syncs.load(Relaxed).max(1) as f64;
    println!(
        "{in_flight:>9} | {:>11.0} | {:>8.3} | {:>8.3} | {:>16.1} | {:.3}",
        latencies.len() as f64 / seconds,
        percentile(50),
        percentile(99),
        latencies.len() as f64 / syncs,
        counters.sync_nanoseconds.load(Relaxed) as f64 / syncs / 1e6,
    );
    let closing = Instant::now();
    store.close().await.unwrap();
    drop(store);
    let closed = closing.elapsed().as_secs_f64();
    let opening = Instant::now();
    drop(Embedded::open(&options, at(0)).unwrap());
    let opened = opening.elapsed().as_secs_f64();
    println!("          | closed in {closed:.2} s, opened again in {opened:.2} s");
}

fn document(number: u64) -> Change {
    let mut message = sample::draft(number).message();
    let mut body = vec![b'x'; BODY_BYTES];
    body[..8].copy_from_slice(&number.to_be_bytes());
    message.submission = SubmissionId::parse(&format!("s{number}")).unwrap();
    message.size = body.len() as u64;
    message.document = Some(Digest::of(&number.to_be_bytes()));
    let body = Bytes::from(body);
    Change::from(Acceptance {
        message,
        body: Body::Whole(body),
    })
}

async fn collect(store: &Embedded) {
    let now = at(10);
    for claimed in store.claim(claim(PRACTICES[0], 1, now)).await.unwrap() {
        store.body(claimed.message.id).await.unwrap();
        store.commit(acknowledge(&claimed, now)).await.unwrap();
    }
}
