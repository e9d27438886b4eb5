//! What waits while the clock jumps: documents that nobody collects, some with a deadline that a jump
//! would reach, some with one that comes; and one document that is leased again and again and never
//! acknowledged.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use axle_client::{
    collect::CollectOptions,
    connection::Client,
    convert::{self, timestamp},
};
use axle_model::time::Timestamp;
use axle_proto::v1::{DeliveryState, DocumentHeader, Message};
use futures::future::join_all;
use tokio::task::JoinHandle;

use crate::{
    documents::{self, now},
    estate::{Estate, lease_from},
    wait,
};

/// Who sends what waits, and who never collects it.
const SENDER: &str = "R1H";
const IDLE: &str = "D81001";
/// Who sends what is leased, and who never acknowledges it.
const OTHER_SENDER: &str = "RWE";
const FORGETFUL: &str = "D82002";
/// All of them.
pub(super) const OWN: [&str; 4] = [SENDER, IDLE, OTHER_SENDER, FORGETFUL];

/// Longer than the run, and within the reach of the greatest jump.
const LONG: Duration = Duration::from_hours(30);
/// These come to their end in truth.
const SHORT: Duration = Duration::from_secs(15);
/// How many of each wait from the beginning.
const EACH: usize = 25;
/// What the broker says of the time is true within this.
const TRUE_WITHIN: Duration = Duration::from_secs(5);
const LEASE: Duration = Duration::from_secs(1);
/// A lease and the rest after it are over by then, also when the broker was killed meanwhile.
const AGAIN_MAX: Duration = Duration::from_secs(30);

/// Adds the mailboxes to the directory.
pub(super) fn admit(estate: &Estate) {
    let file = estate.path().join("directory.toml");
    let mut directory = std::fs::read_to_string(file).expect("a directory");
    for practice in [IDLE, FORGETFUL] {
        directory += &format!("[[mailbox]]\norganisation = \"{practice}\"\n");
    }
    estate.write("directory.toml", &directory);
}

/// Documents that nobody collects.
pub(super) struct Waiting {
    sender: Client,
    practice: Client,
    /// The messages, in the order in which they were accepted.
    names: Vec<String>,
    /// The time in the newest message's id.
    newest_millis: u64,
}

impl Waiting {
    pub(super) async fn begin(estate: &Estate) -> Self {
        let mut waiting = Self {
            sender: estate.client(SENDER),
            practice: estate.client(IDLE),
            names: Vec::new(),
            newest_millis: 0,
        };
        for _ in 0..EACH {
            waiting.send(SHORT).await;
            waiting.send(LONG).await;
        }
        waiting
    }

    /// One more, with a deadline that a jump would reach.
    pub(super) async fn submit(&mut self) {
        self.send(LONG).await;
    }

    /// # Panics
    /// When its receipt tells another time than it is, or its id is out of order.
    async fn send(&mut self, time_to_live: Duration) {
        let id = format!("waiting-{}", self.names.len());
        let text = documents::small(&id, SENDER, 0);
        let header = DocumentHeader {
            time_to_live: Some(convert::duration(time_to_live)),
            ..documents::named(&id, documents::to(&[IDLE]))
        };
        let before = now();
        let sent = self.sender.submit(header, text.into()).await;
        let receipt = sent.expect("a receipt");
        let accepted = timestamp(receipt.accept_time.as_ref()).expect("a time");
        let wrong = before.since(accepted).max(accepted.since(now()));
        assert!(wrong < TRUE_WITHIN, "accepted {wrong:?} from the truth");
        let millis = millis_of(&receipt.message);
        assert!(
            millis >= self.newest_millis,
            "{} is older than the last",
            receipt.message
        );
        self.newest_millis = millis;
        self.names.push(receipt.message);
    }

    async fn messages(&self) -> Vec<Message> {
        let messages = self.names.iter().map(|name| self.sender.message(name));
        let messages = join_all(messages).await.into_iter();
        messages
            .map(|message| message.expect("a message"))
            .collect()
    }

    /// # Panics
    /// When one has expired before its time, or ended otherwise.
    pub(super) async fn check(&self) {
        for message in self.messages().await {
            let state = state(&message);
            let early = deadline(&message).since(now());
            let expired = state == DeliveryState::Expired;
            assert!(
                expired || state == DeliveryState::Queued,
                "{}: {state:?}",
                message.name
            );
            // The broker may be as much ahead as it is slewed.
            let early = expired && early > Duration::from_millis(200);
            assert!(
                !early,
                "{} expired before {}",
                message.name,
                deadline(&message)
            );
        }
    }

    /// Waits until what is over has expired, and collects the rest.
    pub(super) async fn finish(self) {
        let over = |message: &&Message| deadline(message) < now();
        wait::until("what is past its deadline to expire", async || {
            let messages = self.messages().await;
            let mut over = messages.iter().filter(over);
            over.all(|message| state(message) == DeliveryState::Expired)
                .then_some(())
        })
        .await;
        self.check().await;
        let left = self.messages().await;
        let left = left
            .iter()
            .filter(|one| state(one) == DeliveryState::Queued);
        let left = left.count();
        println!(
            "{} documents waited: {left} to the end, the others expired in time",
            self.names.len()
        );
        assert_eq!(
            left,
            self.names.len() - EACH,
            "only those whose time came expired"
        );
        acknowledge(&self.practice, left).await;
    }
}

/// One document that is leased again and again.
pub(super) struct Leases {
    client: Client,
    restarts: Arc<AtomicU32>,
    stopping: Arc<AtomicBool>,
    leasing: JoinHandle<u32>,
}

impl Leases {
    pub(super) async fn begin(estate: &Estate) -> Self {
        let text = documents::small("leased", OTHER_SENDER, 0);
        let header = documents::named("leased", documents::to(&[FORGETFUL]));
        let sender = estate.client(OTHER_SENDER);
        sender.submit(header, text.into()).await.expect("a receipt");
        let client = estate.client(FORGETFUL);
        let (restarts, stopping) = <(Arc<AtomicU32>, Arc<AtomicBool>)>::default();
        let leasing = lease(client.clone(), Arc::clone(&restarts), Arc::clone(&stopping));
        Self {
            client,
            restarts,
            stopping,
            leasing: tokio::spawn(leasing),
        }
    }

    /// The broker is about to be killed: the lease that runs may be lost.
    pub(super) fn restarted(&self) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
    }

    /// # Panics
    /// When a lease ended early or lasted.
    pub(super) async fn finish(self) {
        self.stopping.store(true, Ordering::Relaxed);
        let leases = self
            .leasing
            .await
            .expect("leases as long as they should be");
        println!("{leases} leases in a row, each as long as it should be");
        acknowledge(&self.client, 1).await;
    }
}

/// A lease: given between two moments, in one of the broker's lives.
struct Given {
    asked: Instant,
    answered: Instant,
    life: u32,
}

async fn lease(client: Client, restarts: Arc<AtomicU32>, stopping: Arc<AtomicBool>) -> u32 {
    let mut leases = 0;
    let mut last: Option<Given> = None;
    let mailbox = format!("mailboxes/{FORGETFUL}");
    let seconds = i64::try_from(LEASE.as_secs()).expect("seconds");
    while !stopping.load(Ordering::Relaxed) {
        // Before the wish: what a broker gives that is killed at once is held against nobody.
        let (asked, life) = (Instant::now(), restarts.load(Ordering::Relaxed));
        let Ok(leased) = client.lease(lease_from(&mailbox, seconds)).await else {
            // The broker is being started.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let lives_on = |given: &Given| given.life == restarts.load(Ordering::Relaxed);
        if let Some(given) = &last {
            let held = given.answered.elapsed();
            assert!(
                held < AGAIN_MAX,
                "a lease of {LEASE:?} was held for {held:?}"
            );
            let most = given.asked.elapsed();
            let early = !leased.is_empty() && lives_on(given) && most < LEASE.mul_f64(0.95);
            assert!(!early, "a lease of {LEASE:?} ended within {most:?}");
        }
        if !leased.is_empty() {
            let answered = Instant::now();
            last = Some(Given {
                asked,
                answered,
                life,
            });
            leases += 1;
        }
    }
    leases
}

/// Collects and acknowledges so many documents.
async fn acknowledge(practice: &Client, count: usize) {
    let mut collector = practice.collector(CollectOptions {
        consumer_id: "soak".to_owned(),
        ..CollectOptions::default()
    });
    for _ in 0..count {
        let received = wait::soon("a document that waited", collector.next()).await;
        let received = received.expect("a collector").expect("a document");
        let settled = collector.settler().acknowledge(&received.token).await;
        settled.expect("a confirmed acknowledgement");
    }
}

fn deadline(message: &Message) -> Timestamp {
    timestamp(message.expire_time.as_ref()).expect("a deadline")
}

fn state(message: &Message) -> DeliveryState {
    message.deliveries.first().expect("a delivery").state()
}

/// The time in a UUIDv7 (RFC 9562): its first 48 bits, in milliseconds.
fn millis_of(name: &str) -> u64 {
    let id = name.trim_start_matches("messages/").replace('-', "");
    u64::from_str_radix(&id[..12], 16).expect("a UUID")
}
