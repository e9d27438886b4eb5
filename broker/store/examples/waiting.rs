//! What documents that wait for their recipients cost the embedded store: memory, time at the start, and
//! speed. `cargo run --release -p axle-store --features testing --example waiting -- DIR fill 1000000` fills
//! a store in DIR, which is not removed; `… -- DIR open` opens it, claims from it, says what it took, and
//! ends without closing it; `… -- DIR speed SECONDS` says how many documents a second are committed, collected
//! and acknowledged in the mailboxes in which the others wait, how many in mailboxes of their own, and how
//! many only committed: beside an empty DIR that is what waiting costs the others.
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
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const MAILBOXES: u64 = 6_500;
const IN_FLIGHT: u64 = 256;
const AT_ONCE: u64 = 64;
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
        [directory, "speed", seconds] => {
            let seconds = Duration::from_secs(seconds.parse().unwrap());
            speed(options(directory), seconds).await;
        }
        _ => println!("waiting DIR fill DOCUMENTS | DIR open | DIR speed SECONDS"),
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
                let change = document(number, practice('Q', number));
                store.commit(change).await.unwrap();
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
    let used = processor_seconds();
    println!("the processors worked for {used:.2} s");
    let health = store.health();
    println!("{} messages wait", health.messages_live);
    for mailbox in [0, 1] {
        let claim = sample::claim(practice('Q', mailbox).as_str(), CLAIMED, at(10));
        let begun = Instant::now();
        let claimed = store.claim(claim).await.unwrap().len();
        println!("claimed {claimed} in {:?}", begun.elapsed());
    }
}

async fn speed(options: Options, lasting: Duration) {
    let store = Arc::new(Embedded::open(&options, at(0)).unwrap());
    println!("{} messages wait", store.health().messages_live);
    // No number is used twice, also not by another run.
    let first = u64::from(std::process::id()) << 32;
    let numbers = Arc::new(AtomicU64::new(first));
    for (what, letter, collects) in [
        (
            "committed, collected and acknowledged in mailboxes of their own",
            'N',
            true,
        ),
        ("the same where the others wait", 'Q', true),
        ("committed", 'Q', false),
    ] {
        let (begun, used) = (Instant::now(), processor_seconds());
        let workers = (0..AT_ONCE).map(|_| {
            let (store, numbers) = (store.clone(), numbers.clone());
            tokio::spawn(async move {
                let mut done = 0;
                while begun.elapsed() < lasting {
                    let number = numbers.fetch_add(1, Relaxed);
                    let practice = practice(letter, number);
                    store.commit(document(number, practice)).await.unwrap();
                    if collects {
                        collect(&store, practice).await;
                    }
                    done += 1;
                }
                done
            })
        });
        let mut done = 0;
        for worker in workers.collect::<Vec<_>>() {
            done += worker.await.unwrap();
        }
        let each_second = f64::from(done) / begun.elapsed().as_secs_f64();
        let each = (processor_seconds() - used) * 1e6 / f64::from(done);
        println!("{each_second:>7.0} a second, {each:>4.0} µs of processor each: {what}");
    }
    println!("then {}", memory());
}

async fn collect(store: &Embedded, practice: OdsCode) {
    let claim = sample::claim(practice.as_str(), 1, at(10));
    for claimed in store.claim(claim).await.unwrap() {
        store.body(claimed.message.id).await.unwrap();
        let change = sample::acknowledge(&claimed, at(10));
        store.commit(change).await.unwrap();
    }
}

fn practice(letter: char, number: u64) -> OdsCode {
    OdsCode::parse(&format!("{letter}{:05}", number % MAILBOXES)).unwrap()
}

fn document(number: u64, practice: OdsCode) -> Change {
    let mut message = sample::Draft {
        now: at(1),
        ..sample::draft(number)
    }
    .message();
    let unique = Digest::of(&number.to_be_bytes());
    let mut id = [0; 16];
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

/// The time that processors have worked for this process.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let (_, behind_name) = stat.rsplit_once(')').unwrap_or_default();
    let ticks = behind_name.split_whitespace().skip(11).take(2);
    ticks.filter_map(|one| one.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// What this process holds in memory, and held at most.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let lines = status.lines();
    let kept = lines.filter(|line| line.starts_with("VmRSS") || line.starts_with("VmHWM"));
    let words = kept.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    words.collect::<Vec<_>>().join(", ")
}
