//! The model: what must be true of a broker whatever fails, seen from outside it. It hears every
//! answer at the broker's door and every answer a site hears, follows the ledger entry by entry, and
//! notes every breach in a sentence.

mod reference;
mod reports;

use std::collections::BTreeMap;

use axle_broker::engine::{settle::Settlement, watch::Update};
use axle_core::{
    change::{LedgerEntry, Recorded},
    event::{Actor, Event, EventKind},
    lease::{LeaseKey, LeaseToken},
};
use axle_model::{
    id::{DeliveryId, MessageId, SubmissionId},
    ods::OdsCode,
    receipt::Receipt,
    refusal::{Reason, Refusal},
    time::Timestamp,
};
use axle_store::Store;

use self::reference::{Reference, Stage};
use super::{
    network::{Answer, Document, Request},
    trust::Due,
};

/// What is known of the broker, and every promise it broke.
#[derive(Default)]
pub(super) struct Model {
    deliveries: BTreeMap<DeliveryId, Reference>,
    submissions: BTreeMap<(OdsCode, SubmissionId), MessageId>,
    receipts: BTreeMap<MessageId, Receipt>,
    /// What each sender is to be told, in order, and how much of it each has heard.
    told: BTreeMap<OdsCode, Vec<(DeliveryId, Event)>>,
    heard: BTreeMap<OdsCode, usize>,
    /// The leases given out, the newest last, and those that run as far as their collectors know.
    leases: BTreeMap<DeliveryId, Vec<LeaseKey>>,
    running: BTreeMap<DeliveryId, (LeaseKey, Timestamp)>,
    /// The ledger, as far as it was followed.
    ledger: Vec<LedgerEntry>,
    terminal: u64,
    /// How often each thing happened to a delivery.
    happened: BTreeMap<&'static str, u64>,
    breaches: Vec<String>,
}

impl Model {
    /// Follows the ledger, and sees that accepted = terminal + pending.
    pub(super) async fn audit(&mut self, store: &impl Store) {
        let (head, followed) = (*store.ledger_head().borrow(), self.ledger.len() as u64);
        if head == followed {
            return;
        }
        self.require(head > followed, || {
            format!("the ledger ends with entry {head} and had {followed}")
        });
        let from = followed + 1;
        let entries = store.ledger(from, usize::MAX).await;
        for entry in entries.expect("a ledger that can be read") {
            self.enter(store, &entry).await;
            self.ledger.push(entry);
        }
        let mailboxes = store.mailboxes().await.expect("mailboxes to be read");
        let states = mailboxes.iter().map(|(_, state)| state);
        let pending: u64 = states
            .map(|state| state.queued + state.leased + state.dead_lettered)
            .sum();
        let (accepted, terminal) = (self.deliveries.len() as u64, self.terminal);
        self.require(accepted == terminal + pending, || {
            format!("{accepted} accepted are not {terminal} ended and {pending} pending")
        });
    }

    async fn enter(&mut self, store: &impl Store, entry: &LedgerEntry) {
        let expected = self.ledger.len() as u64 + 1;
        self.require(entry.sequence == expected, || {
            format!("ledger entry {} follows {}", entry.sequence, expected - 1)
        });
        self.reported(entry);
        for record in &entry.records {
            match record {
                Recorded::Accepted {
                    message,
                    sender,
                    time,
                    recipients,
                } => {
                    self.submitted(store, *message).await;
                    let by = Actor::Organisation(*sender);
                    let event = Event::new(EventKind::Accepted, by, *time);
                    for &recipient in recipients {
                        let id = DeliveryId {
                            message: *message,
                            recipient,
                        };
                        let reference = Reference::accepted(*sender, *time);
                        let known = self.deliveries.insert(id, reference).is_some();
                        self.require(!known, || format!("{id} was accepted twice"));
                        self.tell(*sender, id, event.clone());
                    }
                }
                Recorded::Advanced {
                    delivery, event, ..
                } => self.advanced(*delivery, event),
                Recorded::Refused(_) => {}
            }
        }
    }

    /// One (sender, submission id) is one message.
    async fn submitted(&mut self, store: &impl Store, id: MessageId) {
        let loaded = store.load(id).await.ok().flatten();
        let Some(message) = loaded else {
            self.breach(format!("{id} is in the ledger and nowhere else"));
            return;
        };
        let key = (message.sender, message.submission.clone());
        let earlier = self.submissions.insert(key, message.id);
        self.require(earlier.is_none(), || {
            format!("{} and {earlier:?} are one submission", message.id)
        });
    }

    fn advanced(&mut self, id: DeliveryId, event: &Event) {
        let Some(reference) = self.deliveries.get_mut(&id) else {
            self.breach(format!("{id} moved and was never accepted"));
            return;
        };
        let (sender, before) = (reference.sender, reference.stage);
        let followed = reference.follow(event);
        let ends = matches!(reference.stage, Stage::Ended(_)) && reference.stage != before;
        self.terminal += u64::from(ends);
        let undelivered = if event.kind.is_of_exchange() {
            matches!(followed, Ok("answered no" | "unanswered"))
        } else {
            let given_up = matches!(
                reference.stage,
                Stage::Ended("rejected" | "expired") | Stage::Dead
            );
            given_up || event.kind == EventKind::Aged
        };
        match followed {
            Ok(word) => *self.happened.entry(word).or_default() += 1,
            Err(why) => self.breach(format!("{id} {why}")),
        }
        self.require(event.is_notice() == undelivered, || {
            format!("{id}: {:?} is a notice or should be one", event.kind)
        });
        self.in_time(id);
        self.tell(sender, id, event.clone());
    }

    fn tell(&mut self, sender: OdsCode, id: DeliveryId, event: Event) {
        self.told.entry(sender).or_default().push((id, event));
    }

    /// Nothing expires before its receipt says.
    fn in_time(&mut self, id: DeliveryId) {
        let expired = self.deliveries.get(&id).and_then(|one| one.expired);
        let promised = self.receipts.get(&id.message).map(|one| one.expire_time);
        if let (Some(expired), Some(promised)) = (expired, promised) {
            self.require(expired >= promised, || {
                format!("{id} expired at {expired}, before {promised}")
            });
        }
    }

    /// A request has reached the broker.
    pub(super) fn asked(&mut self, request: &Request) {
        if let Request::Settle { token, .. } = request
            && self
                .running
                .get(&token.delivery)
                .is_some_and(|(key, _)| *key == token.key)
        {
            // Whatever comes of it, its collector no longer counts on the lease.
            self.running.remove(&token.delivery);
        }
    }

    /// The broker has answered; `caller` is who asked.
    pub(super) fn answered(
        &mut self,
        caller: Option<OdsCode>,
        request: &Request,
        answer: &Answer,
        now: Timestamp,
    ) {
        match (request, answer) {
            (Request::Submit { draft, .. }, Answer::Receipt(receipt)) => {
                self.accepted(draft.due, &draft.key.1, receipt);
            }
            (Request::Settle { token, what, .. }, Answer::Done) => self.settled(token, what),
            (Request::Requeue { delivery }, Answer::Done) => {
                let requeued = self.deliveries.get(delivery).is_some_and(|one| {
                    (0..=one.epoch).any(|epoch| one.records(epoch, &["requeued", "rerouted"]))
                });
                self.require(requeued, || format!("{delivery} was not requeued"));
            }
            (_, Answer::Documents(documents)) => {
                for document in documents {
                    self.given(caller, document, now);
                }
            }
            (_, Answer::Refused(refusal)) => self.refused(request, refusal),
            (_, Answer::Updates(_) | Answer::Done | Answer::Receipt(_)) => {}
        }
    }

    fn accepted(&mut self, due: Due, id: &str, receipt: &Receipt) {
        let message = receipt.message;
        self.require(due != Due::Refusal, || {
            format!("{id} was used twice and accepted twice, as {message}")
        });
        if let Due::ReceiptOf(first) = due {
            self.require(message == first, || {
                format!("{id} is the document of {first} and became {message}")
            });
        }
        for &recipient in &receipt.recipients {
            let delivery = DeliveryId { message, recipient };
            let known = self.deliveries.contains_key(&delivery);
            self.require(known, || {
                format!("{delivery} has a receipt and is not stored")
            });
        }
        self.receipts
            .entry(message)
            .or_insert_with(|| receipt.clone());
        for &recipient in &receipt.recipients {
            self.in_time(DeliveryId { message, recipient });
        }
    }

    fn given(&mut self, caller: Option<OdsCode>, document: &Document, now: Timestamp) {
        let LeaseToken { delivery, key } = document.claimed.token;
        self.require(caller == Some(delivery.recipient), || {
            format!("{delivery} was given to {caller:?}")
        });
        let leases = self.leases.entry(delivery).or_default();
        let twice = leases.contains(&key);
        leases.push(key);
        self.require(!twice, || {
            format!("{delivery}: one lease was given to two collectors")
        });
        let until = document.claimed.lease_until().unwrap_or(now);
        let before = self.running.insert(delivery, (key, until));
        self.require(before.is_none_or(|(_, until)| until <= now), || {
            format!("{delivery} was given out while another lease of it ran")
        });
    }

    /// What was confirmed is in the ledger, under that lease and no other.
    fn settled(&mut self, token: &LeaseToken, what: &Settlement) {
        let words: &[&str] = match what {
            Settlement::Acknowledge => &["acknowledged"],
            Settlement::Reject {
                retryable: false, ..
            } => &["rejected"],
            Settlement::Reject {
                retryable: true, ..
            } => &["put off", "dead-lettered", "expired"],
            Settlement::Extend(_) => &["extended"],
            Settlement::Release(_) => &["released"],
        };
        let (id, key) = (token.delivery, token.key);
        let held = self.leases.get(&id).is_some_and(|keys| keys.contains(&key));
        self.require(held, || {
            format!("{id} was settled under a lease that nobody was given")
        });
        let recorded = self
            .deliveries
            .get(&id)
            .is_some_and(|one| one.records(key.epoch, words));
        self.require(recorded, || {
            format!(
                "{id}: {words:?} was confirmed under lease {} and is not in the ledger",
                key.epoch
            )
        });
    }

    /// Nothing is refused but for a reason.
    fn refused(&mut self, request: &Request, refusal: &Refusal) {
        let store = [Reason::StoreUnavailable, Reason::StorageLow].contains(&refusal.reason);
        let reason = refusal.reason;
        let may = match request {
            Request::Submit { draft, .. } => {
                store || draft.due == Due::Refusal && reason == Reason::SubmissionConflict
            }
            Request::Watch { .. } | Request::Tick => false,
            Request::Collect { .. } => store,
            Request::Settle { .. } => {
                let over = [
                    Reason::LeaseLost,
                    Reason::LeaseTokenInvalid,
                    Reason::Conflict,
                ];
                store || over.contains(&reason)
            }
            Request::Requeue { .. } => {
                store || [Reason::DeliveryNotInState, Reason::Conflict].contains(&reason)
            }
        };
        self.require(may, || format!("{request:?} was refused: {refusal}"));
    }

    /// A sender has heard these updates: those that come next, and no others.
    pub(super) fn heard(&mut self, sender: OdsCode, updates: &[Update]) {
        for update in updates {
            let told = self.told.get(&sender).map_or(&[][..], Vec::as_slice);
            let heard = self.heard.entry(sender).or_default();
            let due = told.get(*heard);
            *heard += 1;
            let same =
                due.is_some_and(|(id, event)| *id == update.delivery && *event == update.event);
            let due = due.map(|(id, event)| format!("{id} {:?}", event.kind));
            self.require(same, || {
                let (id, kind) = (update.delivery, &update.event.kind);
                format!("{sender} was told {id} {kind:?} instead of {due:?}")
            });
        }
    }

    /// The broker was begun again: its ledger is what it was, and leases that are not in it are
    /// forgotten.
    pub(super) async fn begun_again(&mut self, store: &impl Store) {
        let kept = store.ledger(1, self.ledger.len()).await;
        let kept = kept.expect("a ledger that can be read");
        self.require(kept == self.ledger, || {
            "the ledger is not what it was before the broker was begun again".to_owned()
        });
        self.audit(store).await;
        self.running.clear();
        for (id, keys) in &mut self.leases {
            let newest = self.deliveries.get(id).map_or(0, |one| one.epoch);
            keys.retain(|key| key.epoch <= newest);
        }
    }

    /// Whether a sender has heard everything.
    pub(super) fn knows_all(&self, sender: OdsCode) -> bool {
        let told = self.told.get(&sender).map_or(0, Vec::len);
        told == self.heard.get(&sender).copied().unwrap_or_default()
    }

    /// The word for a delivery's state; `None` for one that was never accepted.
    pub(super) fn word(&self, id: DeliveryId) -> Option<&'static str> {
        self.deliveries.get(&id).map(Reference::word)
    }

    /// Every delivery that an organisation sent, with the word for its state. The broker's reports
    /// wait in mailboxes that nobody collects here.
    pub(super) fn deliveries(&self) -> impl Iterator<Item = (DeliveryId, &'static str)> {
        let sent = self
            .deliveries
            .iter()
            .filter(|(_, one)| one.sender != OdsCode::BROKER);
        sent.map(|(id, one)| (*id, one.word()))
    }

    fn require(&mut self, holds: bool, breach: impl FnOnce() -> String) {
        if !holds {
            self.breach(breach());
        }
    }

    pub(super) fn breach(&mut self, breach: String) {
        self.breaches.push(breach);
    }

    pub(super) fn breaches(&self) -> &[String] {
        &self.breaches
    }

    pub(super) const fn happened(&self) -> &BTreeMap<&'static str, u64> {
        &self.happened
    }

    /// The whole ledger as text, for telling two runs apart.
    pub(super) fn trace(&self) -> String {
        let entries = self.ledger.iter();
        entries.map(|entry| format!("{entry:?}\n")).collect()
    }
}
