//! The network between the sites and the broker: it delays, reorders and loses requests and answers.
//! A lost answer looks to its client like a lost request; only the broker knows better.

use std::{collections::BTreeSet, time::Duration};

use axle_broker::engine::{settle::Settlement, watch::Update};
use axle_core::lease::LeaseToken;
use axle_model::{id::DeliveryId, receipt::Receipt, refusal::Refusal, time::Timestamp};
use axle_store::Claimed;
use bytes::Bytes;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::trust::Draft;

/// What somebody asks of the broker. Sites are named by their place in the world's lists.
#[derive(Clone, Debug)]
pub(super) enum Request {
    Submit {
        trust: usize,
        draft: Draft,
    },
    /// What has happened since this resume token.
    Watch {
        trust: usize,
        from: String,
    },
    Collect {
        practice: usize,
        deliveries_max: usize,
        lease: Duration,
    },
    Settle {
        practice: usize,
        token: LeaseToken,
        what: Settlement,
    },
    /// By an operator.
    Requeue {
        delivery: DeliveryId,
    },
    /// By the broker's own clock; never on the network.
    Tick,
}

/// What the broker answers.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Receipt(Receipt),
    Updates(Vec<Update>),
    Documents(Vec<Document>),
    Done,
    Refused(Refusal),
}

/// A delivery with its body.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub(super) claimed: Claimed,
    pub(super) body: Bytes,
    /// When the lease was given.
    pub(super) leased: Timestamp,
}

/// Something on its way.
pub(super) enum Parcel {
    /// To the broker; the number names the call.
    Request(u64, Request),
    /// Back to who asked; `None` is all that is seen of a loss.
    Answer(Request, Option<Answer>),
}

/// What is on its way.
pub(super) struct Network {
    random: StdRng,
    /// Whether it loses nothing and is quick.
    calm: bool,
    calls: u64,
    /// Calls whose client still waits.
    open: BTreeSet<u64>,
    requests: Vec<(Timestamp, u64, Request)>,
    answers: Vec<(Timestamp, u64, Request, Option<Answer>)>,
}

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Of a thousand requests, and of a thousand answers, so many are lost.
const LOST: u32 = 40;
/// So many requests arrive only after their client has given up waiting.
const LATE: u32 = 30;

impl Network {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            calm: false,
            calls: 0,
            open: BTreeSet::new(),
            requests: Vec::new(),
            answers: Vec::new(),
        }
    }

    /// Loses nothing from now on.
    pub(super) fn calm_down(&mut self) {
        self.calm = true;
    }

    /// Takes a request to the broker.
    pub(super) fn send(&mut self, now: Timestamp, request: Request) {
        self.calls += 1;
        let number = self.calls;
        self.open.insert(number);
        let (lost, late) = (self.happens(LOST), self.happens(LATE));
        if lost || late {
            let patience = now.after(PATIENCE);
            self.answers.push((patience, number, request.clone(), None));
        }
        if lost {
            return;
        }
        let mut arrives = now.after(self.latency());
        if late {
            arrives = arrives.after(self.random.random_range(PATIENCE..PATIENCE * 10));
        }
        self.requests.push((arrives, number, request));
    }

    /// Takes an answer back; `None` when the broker died over it.
    pub(super) fn answer(
        &mut self,
        now: Timestamp,
        number: u64,
        request: Request,
        answer: Option<Answer>,
    ) {
        let lost = self.happens(LOST);
        let arrives = now.after(self.latency());
        let answer = answer.filter(|_| !lost);
        self.answers.push((arrives, number, request, answer));
    }

    /// Something that has arrived by `now`, in no order.
    pub(super) fn arrived(&mut self, now: Timestamp) -> Option<Parcel> {
        let due = |at: Timestamp| at <= now;
        let requests = indices(&self.requests, |one| due(one.0));
        let answers = indices(&self.answers, |one| due(one.0));
        let all = requests.len() + answers.len();
        if all == 0 {
            return None;
        }
        let chosen = self.random.random_range(0..all);
        if let Some(&index) = requests.get(chosen) {
            let (_, number, request) = self.requests.swap_remove(index);
            return Some(Parcel::Request(number, request));
        }
        let (_, number, request, answer) =
            self.answers.swap_remove(answers[chosen - requests.len()]);
        // Nobody waits for it any more: it might as well have been lost.
        match self.open.remove(&number) {
            true => Some(Parcel::Answer(request, answer)),
            false => self.arrived(now),
        }
    }

    /// Whether nothing is on its way.
    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty() && self.answers.is_empty()
    }

    fn happens(&mut self, in_a_thousand: u32) -> bool {
        !self.calm && self.random.random_range(0..1_000) < in_a_thousand
    }

    fn latency(&mut self) -> Duration {
        let slow = self.happens(50);
        let most = if slow { 20_000 } else { 200 };
        Duration::from_millis(self.random.random_range(1..=most))
    }
}

fn indices<T>(all: &[T], wanted: impl Fn(&T) -> bool) -> Vec<usize> {
    let all = all.iter().enumerate();
    all.filter(|(_, one)| wanted(one))
        .map(|(index, _)| index)
        .collect()
}
