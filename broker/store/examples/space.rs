//! How much disk a store takes under continuous load, with the bodies of settled messages dropped
//! and with all of them kept, and what the dropping costs:
//! `cargo run --release -p axle-store --features testing --example space -- 6`, in GiB of documents.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "it measures")]

use std::{
    env, fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use axle_core::{
    change::{Acceptance, Body, Change},
    delivery::Delivery,
};
use axle_model::{
    digest::Digest,
    id::{MessageId, SubmissionId},
    time::Timestamp,
};
use axle_store::{
    Store,
    conformance::sample::{PRACTICES, acknowledge, claim, draft},
    embedded::{Embedded, Options, verify},
};
use bytes::Bytes;

const BODY_BYTES: usize = 16 << 10;
const SENDERS: usize = 32;

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_micros(u64::try_from(since.as_micros()).unwrap())
}

/// Blocks a folder really takes, in MiB.
fn taken(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let blocks: u64 = entries
        .filter_map(|entry| entry.metadata().ok())
        .map(|found| found.blocks())
        .sum();
    blocks / 2048
}

/// As the broker makes it: of the time, and of what nobody can guess.
fn id(now: Timestamp, number: u64) -> MessageId {
    let unique = Digest::of(&number.to_be_bytes());
    let mut id = *MessageId::least_at(now).as_bytes();
    id[6..].copy_from_slice(&unique.as_bytes()[..10]);
    MessageId::from_bytes(id)
}

fn document(number: u64) -> Change {
    let now = now();
    let mut message = draft(number * 2 + 1).message();
    message.id = id(now, number);
    let mut body = vec![b'x'; BODY_BYTES];
    body[..8].copy_from_slice(&number.to_be_bytes());
    message.submission = SubmissionId::parse(&format!("s{number}")).unwrap();
    message.size = body.len() as u64;
    message.digest = Digest::of(&body);
    message.document = Some(Digest::of(&number.to_be_bytes()));
    message.order_key = None;
    message.accept_time = now;
    for delivery in &mut message.deliveries {
        *delivery = Delivery::accept(
            delivery.recipient,
            delivery.mailbox.clone(),
            message.sender,
            now,
        );
    }
    message.expire_time = now.after(Duration::from_hours(120));
    message.warn_time = now.after(Duration::from_hours(24));
    Change::from(Acceptance {
        message,
        body: Body::Whole(Bytes::from(body)),
    })
}

async fn send(store: Arc<Embedded>, next: Arc<AtomicU64>, until: u64) {
    loop {
        let number = next.fetch_add(1, Relaxed);
        if number >= until {
            return;
        }
        store.commit(document(number)).await.unwrap();
    }
}

async fn collect(store: Arc<Embedded>, done: Arc<AtomicU64>, until: u64) {
    while done.load(Relaxed) < until {
        let claimed = store.claim(claim(PRACTICES[0], 64, now())).await.unwrap();
        if claimed.is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let settles = claimed
            .iter()
            .map(|one| store.commit(acknowledge(one, now())));
        for settled in futures::future::join_all(settles).await {
            settled.unwrap();
            done.fetch_add(1, Relaxed);
        }
    }
}

async fn run(gibibytes: u64, retention: Duration) {
    let directory = tempfile::tempdir_in(".").unwrap();
    let options = Options {
        directory: directory.path().to_path_buf(),
        body_retention: retention,
        ..Options::default()
    };
    let store = Arc::new(Embedded::open(&options, now()).unwrap());
    let kept = if retention.is_zero() {
        "dropped"
    } else {
        "kept"
    };
    println!("\nbodies of settled messages are {kept}; documents of 16 KiB");
    println!("appended MiB | journal MiB | index MiB | settled | documents/s");
    let until = (gibibytes << 30) / BODY_BYTES as u64;
    let (next, done) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..SENDERS {
        tasks.spawn(send(store.clone(), next.clone(), until));
    }
    for _ in 0..2 {
        tasks.spawn(collect(store.clone(), done.clone(), until));
    }
    let begun = Instant::now();
    let (mut told, mut last) = (0, (Instant::now(), 0));
    while done.load(Relaxed) < until {
        tokio::time::sleep(Duration::from_millis(100)).await;
        store.due(now(), 1_000).await.unwrap();
        let appended = store.counters().bytes_appended.load(Relaxed) >> 20;
        if appended / 512 > told {
            told = appended / 512;
            let settled = done.load(Relaxed);
            let rate = (settled - last.1) as f64 / last.0.elapsed().as_secs_f64();
            last = (Instant::now(), settled);
            println!(
                "{appended:>12} | {:>11} | {:>9} | {settled:>7} | {rate:>6.0}",
                taken(&directory.path().join("journal")),
                taken(&directory.path().join("index")),
            );
        }
    }
    while tasks.join_next().await.is_some() {}
    let seconds = begun.elapsed().as_secs_f64();
    // The last segments are dropped a checkpoint after the last settlement.
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        store.due(now(), 1_000).await.unwrap();
    }
    let (journal, index) = (
        taken(&directory.path().join("journal")),
        taken(&directory.path().join("index")),
    );
    println!(
        "at the end: {until} documents in {seconds:.1} s ({:.0}/s), journal {journal} MiB, index {index} MiB, {:.0} + {:.0} bytes for each settled document",
        until as f64 / seconds,
        (journal << 20) as f64 / until as f64,
        (index << 20) as f64 / until as f64,
    );
    store.close().await.unwrap();
    drop(store);
    let report = verify(directory.path(), None).unwrap();
    assert!(report.is_sound(), "{report}");
}

#[tokio::main]
async fn main() {
    let gibibytes = env::args().nth(1).map_or(4, |text| text.parse().unwrap());
    run(gibibytes, Duration::ZERO).await;
    run(gibibytes, Duration::from_hours(24)).await;
}
