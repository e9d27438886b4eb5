//! The end of a run: the faults stop, everything that can be delivered is, and the broker's books are
//! held against the model's.

use std::time::Duration;

use axle_model::id::DeliveryId;
use axle_store::{Query, faulty::Odds};
use futures::FutureExt as _;
use rand::Rng as _;

use super::{PRACTICES, TRUSTS, World};
use crate::{checker::history::What, documents::ods, simulate::practice::Practice};

/// By then everything that can be delivered has been.
const ROUNDS_MAX: u32 = 600;

impl World {
    /// The faults end: everything that can be delivered is, and everybody hears of it.
    pub(super) fn wind_down(&mut self) {
        self.network.calm_down();
        self.crash();
        self.broker.store().faulty().set_odds(Odds::default());
        for trust in &mut self.sites.trusts {
            trust.calm = true;
        }
        for practice in &mut self.sites.practices {
            practice.calm = true;
        }
        for _ in 0..ROUNDS_MAX {
            self.clock
                .advance(Duration::from_millis(self.random.random_range(300..3_000)));
            for number in 0..TRUSTS.len() {
                self.trust_acts(number);
            }
            for number in 0..PRACTICES.len() {
                self.practice_acts(number);
            }
            self.tick();
            while !self.network.is_empty() || !self.tasks.is_empty() {
                if !self.deliver() && self.tasks.is_empty() {
                    self.clock.advance(Duration::from_millis(100));
                }
                self.work();
            }
            if self.is_settled() || !self.is_sound() {
                return;
            }
        }
        let left: Vec<_> = self
            .model
            .deliveries()
            .filter(|(_, word)| is_open(word))
            .collect();
        self.model.breach(format!("work stands still: {left:?}"));
    }

    fn is_settled(&self) -> bool {
        let trusts = &self.sites.trusts;
        trusts
            .iter()
            .all(|trust| trust.is_idle() && self.model.knows_all(ods(trust.code)))
            && self.sites.practices.iter().all(Practice::is_idle)
            && self.model.deliveries().all(|(_, word)| !is_open(word))
    }

    /// Compares the broker's books, as senders and operators see them, with the model's.
    pub(super) fn take_stock(&mut self) {
        let mut known = 0;
        for number in 0..TRUSTS.len() {
            let trust = &self.sites.trusts[number];
            let query = Query {
                page_max: usize::MAX,
                ..Query::default()
            };
            let found = self
                .broker
                .own_messages(&trust.identity, query)
                .now_or_never();
            let found = found
                .expect("a store that answers at once")
                .expect("a page");
            for message in found.messages {
                for delivery in &message.deliveries {
                    known += 1;
                    let id = DeliveryId {
                        message: message.id,
                        recipient: delivery.recipient,
                    };
                    let (state, word) = (delivery.state.as_str(), self.model.word(id));
                    if word != Some(state) {
                        self.model
                            .breach(format!("{id} is {state} and should be {word:?}"));
                    }
                    self.record(Some(What::State {
                        key: (message.sender.to_string(), message.submission.to_string()),
                        delivery: id.to_string(),
                        state: state.replace('-', "_"),
                    }));
                }
            }
        }
        let all = self.model.deliveries().count();
        if known != all {
            self.model.breach(format!(
                "{known} of {all} deliveries can be found by their senders"
            ));
        }
        self.look_for_dead_letters();
    }

    /// What was set aside is where an operator looks for it.
    fn look_for_dead_letters(&mut self) {
        let query = Query {
            page_max: usize::MAX,
            ..Query::default()
        };
        let found = self
            .broker
            .dead_letters(&self.sites.operator, query)
            .now_or_never();
        let found = found
            .expect("a store that answers at once")
            .expect("a page");
        let all: Vec<_> = self.model.deliveries().collect();
        for (id, word) in all {
            let listed = found
                .messages
                .iter()
                .any(|message| message.id == id.message);
            if word == "dead-lettered" && !listed {
                self.model
                    .breach(format!("{id} is a dead letter that no operator sees"));
            }
        }
    }
}

/// Whether a delivery in this state will still move by itself.
fn is_open(word: &str) -> bool {
    word == "queued" || word == "leased"
}
