//! Whatever senders, practices, operators and time do, in whatever order: every delivery ends, once,
//! and each time one was given up its sender was sent one report.

use std::{collections::BTreeMap, time::Duration};

use axle_broker::engine::{
    collect::Room,
    intervene::{Elsewhere, Intervention, Order},
    settle::Settlement,
    track::MessageKey,
};
use axle_core::{change::Recorded, lease::LeaseToken};
use axle_model::{
    id::{DeliveryId, MessageId},
    ods::OdsCode,
};
use axle_store::Store as _;
use axle_tests::{
    documents::ods,
    estate::{OPERATOR, OTHER_PRACTICE, PRACTICE, TRUST},
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};

use super::timeless::{Timeless, identity, letter};

const SEEDS: u64 = 64;
const STEPS: u32 = 80;
const DAY: u64 = 24 * 3_600;

/// What is known so far: what was sent, and every lease there was with who got it.
#[derive(Default)]
struct Known {
    deliveries: Vec<DeliveryId>,
    leases: Vec<(&'static str, LeaseToken)>,
}

impl Known {
    /// Takes one step of somebody's. What it comes to is the core's to say: most orders are refused.
    async fn step(&mut self, broker: &Timeless, random: &mut StdRng, number: u32) {
        let practice = *[PRACTICE, OTHER_PRACTICE].choose(random).unwrap();
        let delivery = self.deliveries.choose(random).copied();
        match (random.random_range(0..12), delivery) {
            (0..=2, _) | (_, None) => self.send(broker, random, number).await,
            (3 | 4, _) => self.collect(broker, practice).await,
            (5..=7, _) => self.settle(broker, random).await,
            (8 | 9, _) => {
                let most = *[10, 300, DAY].choose(random).unwrap();
                broker.pass(random.random_range(1..=most)).await;
            }
            (10, Some(delivery)) => {
                let key = MessageKey::Message(delivery.message);
                let some = [delivery.recipient];
                let recipients = if random.random() { &some[..] } else { &[] };
                let trust = identity(TRUST);
                let withdrawn = broker
                    .engine
                    .withdraw(&trust, &key, recipients, "a mistake");
                let _ = withdrawn.await;
            }
            (_, Some(delivery)) => {
                let to = Elsewhere::Organisation(ods(practice));
                let orders = [
                    Intervention::Requeue,
                    Intervention::Return,
                    Intervention::Reroute(&to),
                ];
                let order = Order {
                    reason: "a try",
                    validate_only: random.random_ratio(1, 5),
                };
                let what = *orders.choose(random).unwrap();
                let operator = identity(OPERATOR);
                let done = broker.engine.intervene(&operator, delivery, what, order);
                let _ = done.await;
            }
        }
    }

    async fn send(&mut self, broker: &Timeless, random: &mut StdRng, number: u32) {
        let workflow = *["LETTERS", "FRAGILE"].choose(random).unwrap();
        let both = [PRACTICE, OTHER_PRACTICE];
        let recipients = &both[random.random_range(0..2)..];
        let letter = letter(&number.to_string(), workflow, recipients);
        let accepted = broker.engine.submit(&identity(TRUST), letter).await;
        let receipt = accepted.unwrap().receipt;
        let message = receipt.message;
        let names = receipt.recipients.into_iter();
        let names = names.map(|recipient| DeliveryId { message, recipient });
        self.deliveries.extend(names);
    }

    async fn collect(&mut self, broker: &Timeless, practice: &'static str) {
        let (engine, lease) = (&broker.engine, Duration::from_secs(60));
        let collector = engine.collector(&identity(practice), Vec::new(), "c".into(), lease);
        let room = Room {
            deliveries: 2,
            bytes: 1_000_000,
        };
        let taken = engine.take(&collector.unwrap(), room).await.unwrap();
        let tokens = taken.into_iter().map(|claimed| (practice, claimed.token));
        self.leases.extend(tokens);
    }

    async fn settle(&self, broker: &Timeless, random: &mut StdRng) {
        let reject = |retryable| Settlement::Reject {
            code: "20009".into(),
            retryable,
        };
        let words = [
            Settlement::Acknowledge,
            reject(true),
            reject(false),
            Settlement::Extend(Duration::from_secs(600)),
            Settlement::Release(Duration::from_secs(5)),
        ];
        let (Some((who, token)), Some(word)) = (self.leases.choose(random), words.choose(random))
        else {
            return;
        };
        let _ = broker.engine.settle(&identity(who), token, word).await;
    }
}

/// Holds the ledger against what is promised: each delivery ends once and nothing follows; of each
/// time one was given up there is one report.
async fn judge(broker: &Timeless) {
    let mut ended: BTreeMap<DeliveryId, bool> = BTreeMap::new();
    let mut owed: BTreeMap<MessageId, i32> = BTreeMap::new();
    for record in broker.store.ledger(1, usize::MAX).await.unwrap() {
        for record in record.records {
            match record {
                Recorded::Accepted {
                    message,
                    sender,
                    recipients,
                    ..
                } => {
                    let names = recipients.into_iter();
                    let names = names.map(|recipient| DeliveryId { message, recipient });
                    ended.extend(names.map(|name| (name, false)));
                    if sender == OdsCode::BROKER {
                        let report = broker.store.load(message).await.unwrap().unwrap();
                        let about = MessageId::parse(&report.labels["message"]).unwrap();
                        *owed.entry(about).or_default() -= 1;
                    }
                }
                Recorded::Advanced {
                    delivery,
                    sender,
                    state,
                    event,
                } => {
                    let before = ended.insert(delivery, state.is_terminal());
                    assert_eq!(before, Some(false), "{delivery} went on after its end");
                    let told = event.is_undelivered() && sender != OdsCode::BROKER;
                    *owed.entry(delivery.message).or_default() += i32::from(told);
                }
                Recorded::Refused(_) => {}
            }
        }
    }
    assert!(ended.values().all(|ended| *ended), "some never ended");
    owed.retain(|_, owed| *owed != 0);
    assert!(owed.is_empty(), "reports owed, or too many: {owed:?}");
}

#[tokio::test]
#[expect(
    clippy::print_stdout,
    reason = "a failure shows the seed it comes from"
)]
async fn every_delivery_ends_once_and_each_time_one_is_given_up_there_is_one_report() {
    let mut reports = 0;
    for seed in 0..SEEDS {
        println!("seed {seed}");
        let mut random = StdRng::seed_from_u64(seed);
        let (broker, mut known) = (Timeless::new(), Known::default());
        for number in 0..STEPS {
            known.step(&broker, &mut random, number).await;
            broker.books();
        }
        // What is left expires, and then what tells of it.
        for _ in 0..8 {
            broker.pass(10 * DAY).await;
        }
        assert_eq!(broker.books().pending(), 0, "everything has ended");
        judge(&broker).await;
        reports += broker.books().accepted - known.deliveries.len() as u64;
    }
    assert!(reports > SEEDS, "hardly anything was given up: {reports}");
}
