//! What documents that wait for their recipients cost the embedded store: memory, and time at the start.
//! `cargo run --release -p axle-store --features testing --example waiting -- DIR fill 200000` fills a
//! store in DIR, which is not removed; `… -- DIR open` opens it, claims from it, and says what it took.
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
use axle_model::{
    digest::Digest,
    id::{MessageId, SubmissionId},
    mailbox::MailboxId,
    ods::OdsCode,
};
use axle_store::{
    Store,
    conformance::sample::{self, at},
    embedded::{Embedded, Options},
};
use bytes::Bytes;

// As in the daemon.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MAILBOXES: u64 = 6_500;
const IN_FLIGHT: u64 = 256;
const BODY_BYTES: usize = 1 << 10;
const CLAIMED: usize = 100;

#[tokio::main]
async fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match *arguments {
        [directory, "fill", documents] => fill(directory, documents.parse().unwrap()).await,
        [directory, "open"] => open(options(directory)).await,
        [directory, "open", cache] => {
            let mut options = options(directory);
            options.index_cache_bytes = cache.parse().unwrap();
            open(options).await;
        }
        _ => println!("waiting DIR fill DOCUMENTS | waiting DIR open"),
    }
}

fn options(directory: &str) -> Options {
    Options {
        directory: directory.into(),
        ..Options::default()
    }
}

async fn fill(directory: &str, documents: u64) {
    let store = Arc::new(Embedded::open(&options(directory), at(0)).unwrap());
    let (begun, numbers) = (Instant::now(), Arc::new(AtomicU64::new(1)));
    let workers = (0..IN_FLIGHT).map(|_| {
        let (store, numbers) = (store.clone(), numbers.clone());
        tokio::spawn(async move {
            loop {
                let number = numbers.fetch_add(1, Relaxed);
                if number > documents {
                    return;
                }
                store.commit(document(number)).await.unwrap();
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("filled in {seconds:.1} s; then {}", memory());
    store.close().await.unwrap();
}

async fn open(options: Options) {
    println!("before: {}", memory());
    let begun = Instant::now();
    let store = Embedded::open(&options, at(0)).unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    println!("opened in {seconds:.2} s; then {}", memory());
    tokio::time::sleep(Duration::from_secs(1)).await;
    println!("a second later {}", memory());
    let health = store.health();
    println!("{} messages wait", health.messages_live);
    for mailbox in [0, 1] {
        let claim = sample::claim(practice(mailbox).as_str(), CLAIMED, at(10));
        let begun = Instant::now();
        let claimed = store.claim(claim).await.unwrap().len();
        println!("claimed {claimed} in {:?}", begun.elapsed());
    }
}

fn practice(number: u64) -> OdsCode {
    OdsCode::parse(&format!("Q{:05}", number % MAILBOXES)).unwrap()
}

fn document(number: u64) -> Change {
    let mut message = sample::Draft {
        now: at(1),
        ..sample::draft(number)
    }
    .message();
    let unique = Digest::of(&number.to_be_bytes());
    let (practice, mut id) = (practice(number), [0; 16]);
    id[..8].copy_from_slice(&number.to_be_bytes());
    message.id = MessageId::from_bytes(id);
    message.submission = SubmissionId::parse(&format!("{number:036}")).unwrap();
    (message.request, message.digest) = (unique, unique);
    message.order_key = Some(unique);
    message.document = Some(unique);
    message.names = vec![unique];
    message.deliveries.truncate(1);
    for delivery in &mut message.deliveries {
        (delivery.recipient, delivery.mailbox) = (practice, MailboxId::of(practice));
    }
    let body = Bytes::from(vec![b'x'; BODY_BYTES]);
    message.size = body.len() as u64;
    Change::from(Acceptance {
        message,
        body: Body::Whole(body),
    })
}

/// What this process holds in memory, and held at most.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let lines = status.lines();
    let kept = lines.filter(|line| line.starts_with("VmRSS") || line.starts_with("VmHWM"));
    let words = kept.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    words.collect::<Vec<_>>().join(", ")
}
