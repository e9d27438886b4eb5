//! A simulated practice: it collects, settles what it holds in every way there is, forgets what it
//! holds, and settles late under leases that are long over, or that it made up.

use std::time::Duration;

use axle_broker::engine::settle::Settlement;
use axle_core::lease::LeaseToken;
use axle_model::{digest::Digest, identity::Identity, refusal::Reason};
use rand::{Rng as _, rngs::StdRng};

use super::{
    network::{Answer, Document, Request},
    world::identity,
};
use crate::checker::history::{Key, What};

/// A practice.
pub(super) struct Practice {
    pub(super) code: &'static str,
    number: usize,
    pub(super) identity: Identity,
    held: Vec<Held>,
    /// Tokens it settled, forgot or was refused: they count no more, or should not.
    old: Vec<Held>,
    /// Tokens whose acknowledgement was confirmed: written down once, however often it is repeated.
    confirmed: Vec<LeaseToken>,
    collecting: bool,
    settling: usize,
    /// Whether it only collects and acknowledges.
    pub(super) calm: bool,
}

/// A delivery it was given, with the submission it is of.
#[derive(Clone)]
struct Held {
    token: LeaseToken,
    key: Key,
}

/// No more than this is held before it collects again.
const HELD_MAX: usize = 6;
/// Of what it settled it remembers the last.
const OLD_MAX: usize = 20;

impl Practice {
    pub(super) fn new(number: usize, code: &'static str) -> Self {
        Self {
            code,
            number,
            identity: identity(code),
            held: Vec::new(),
            old: Vec::new(),
            confirmed: Vec::new(),
            collecting: false,
            settling: 0,
            calm: false,
        }
    }

    /// What it does next.
    pub(super) fn act(&mut self, random: &mut StdRng) -> Option<Request> {
        if !self.calm && random.random_ratio(1, 50) {
            // Its computer stops: what it held comes back to it once the leases are over.
            self.old.append(&mut self.held);
            return None;
        }
        if !self.calm && !self.old.is_empty() && random.random_ratio(1, 10) {
            let chosen = random.random_range(0..self.old.len());
            let mut token = self.old[chosen].token;
            if random.random_ratio(1, 4) {
                token.key.nonce[0] ^= 1;
            }
            return Some(self.settle(token, settlement(random)));
        }
        let full = self.held.len() >= HELD_MAX || self.collecting;
        if !self.held.is_empty() && (full || random.random_ratio(2, 3)) {
            let chosen = random.random_range(0..self.held.len());
            let held = self.held.swap_remove(chosen);
            self.remember(held.clone());
            if self.calm {
                return Some(self.settle(held.token, Settlement::Acknowledge));
            }
            // One in ten is put aside and forgotten.
            let what = settlement(random);
            return random
                .random_ratio(9, 10)
                .then(|| self.settle(held.token, what));
        }
        if self.collecting {
            return None;
        }
        self.collecting = true;
        Some(Request::Collect {
            practice: self.number,
            deliveries_max: random.random_range(1..=4),
            lease: Duration::from_secs(random.random_range(5..120)),
        })
    }

    fn settle(&mut self, token: LeaseToken, what: Settlement) -> Request {
        self.settling += 1;
        let practice = self.number;
        Request::Settle {
            practice,
            token,
            what,
        }
    }

    fn remember(&mut self, held: Held) {
        if self.old.len() == OLD_MAX {
            self.old.remove(0);
        }
        self.old.push(held);
    }

    /// Hears what became of a request, or that no answer came; what it writes down.
    pub(super) fn hear(&mut self, request: Request, answer: Option<Answer>) -> Vec<What> {
        let (token, what) = match (request, answer.clone()) {
            (Request::Settle { token, what, .. }, _) => (token, what),
            (_, Some(Answer::Documents(documents))) => {
                self.collecting = false;
                return documents.iter().map(|one| self.take(one)).collect();
            }
            _ => {
                self.collecting = false;
                return Vec::new();
            }
        };
        self.settling -= 1;
        // Made up, or so old that it is forgotten: nothing to write down.
        let found = self.old.iter().position(|held| held.token == token);
        let Some(held) = found.map(|index| self.old[index].clone()) else {
            return Vec::new();
        };
        let (key, delivery) = (held.key.clone(), token.delivery.to_string());
        let done = matches!(answer, Some(Answer::Done));
        let again = match &answer {
            None => true,
            Some(Answer::Refused(refusal)) => matches!(
                refusal.reason,
                Reason::StoreUnavailable | Reason::StorageLow | Reason::Conflict
            ),
            Some(_) => matches!(what, Settlement::Extend(_)),
        };
        if again && self.held.iter().all(|held| held.token != token) {
            self.held.push(held);
        }
        match what {
            Settlement::Acknowledge if self.confirmed.contains(&token) => Vec::new(),
            Settlement::Acknowledge if done => {
                self.confirmed.push(token);
                vec![What::Acknowledged { key, delivery }]
            }
            Settlement::Acknowledge => vec![What::AcknowledgeUnknown { key, delivery }],
            Settlement::Reject { .. } | Settlement::Extend(_) | Settlement::Release(_) => {
                Vec::new()
            }
        }
    }

    fn take(&mut self, document: &Document) -> What {
        let message = &document.claimed.message;
        let (sender, id) = (message.sender.to_string(), message.submission.to_string());
        let held = Held {
            token: document.claimed.token,
            key: (sender, id),
        };
        self.held.push(held.clone());
        What::Delivered {
            key: held.key,
            delivery: held.token.delivery.to_string(),
            by: self.code.to_owned(),
            leased_micros: document.leased.as_micros(),
            sha256: Digest::of(&document.body).to_string(),
        }
    }

    /// Whether it holds nothing and waits for nothing.
    pub(super) fn is_idle(&self) -> bool {
        self.held.is_empty() && self.settling == 0
    }
}

/// Any settlement, most often an acknowledgement.
fn settlement(random: &mut StdRng) -> Settlement {
    let mut span = || Duration::from_secs(random.random_range(1..60));
    let (short, long) = (span(), span());
    let reject = |retryable| Settlement::Reject {
        code: "30002".into(),
        retryable,
    };
    match random.random_range(0..10) {
        0..5 => Settlement::Acknowledge,
        5 => reject(false),
        6 | 7 => reject(true),
        8 => Settlement::Extend(long),
        _ => Settlement::Release(short),
    }
}
