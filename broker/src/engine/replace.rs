//! Replace: a document that replaces earlier ones of its sender takes their place in the change that
//! accepts it. What nobody has collected is never offered again; whoever has it on a lease keeps it,
//! and is offered the new one next. A document that was replaced before it arrived is refused.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axle_core::{
    change::{Acceptance, Advance, Change},
    delivery::{Move, Outcome},
    event::Actor,
    message::Message,
};
use axle_model::{
    digest::Digest,
    id::{DeliveryId, MessageId},
    refusal::{Finding, Issue, Reason, Refusal, Severity},
};
use axle_store::{Committed, Store, StoreError};
use tokio::sync::Notify;

use super::{Engine, refuse::refusal_of, settle::DECISIONS_MAX};
use crate::clock::Clock;

/// The names of the documents that are being accepted just now. A document and its replacement are
/// accepted one after the other, so that the later one always finds the earlier.
#[derive(Debug, Default)]
pub(super) struct Names {
    held: Mutex<HashSet<Digest>>,
    freed: Notify,
}

/// Names that are nobody else's until this is dropped.
struct Held<'n> {
    all: &'n Names,
    names: Vec<Digest>,
}

impl Names {
    /// Waits until none of these is held, then holds all of them.
    async fn hold(&self, names: Vec<Digest>) -> Held<'_> {
        loop {
            // Taken before the look, so that no end is missed.
            let freed = self.freed.notified();
            if self.take(&names) {
                return Held { all: self, names };
            }
            freed.await;
        }
    }

    fn take(&self, names: &[Digest]) -> bool {
        let mut held = self.lock();
        let free = !names.iter().any(|name| held.contains(name));
        if free {
            held.extend(names);
        }
        free
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Digest>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut held = self.all.lock();
        for name in &self.names {
            held.remove(name);
        }
        drop(held);
        self.all.freed.notify_waiters();
    }
}

impl<S: Store, C: Clock> Engine<S, C> {
    /// Makes an acceptance durable, with the steps of what it replaces.
    pub(super) async fn accept(&self, acceptance: Box<Acceptance>) -> Result<Committed, Refusal> {
        let message = &acceptance.message;
        let names = [message.names.as_slice(), &message.replaces].concat();
        let _held = match names.is_empty() {
            true => None,
            false => Some(self.names.hold(names).await),
        };
        self.refuse_replaced(message).await?;
        // Boxed: the room for what few documents need would be taken by each that is under way.
        if message.answer.is_some() {
            return Box::pin(self.accept_answer(acceptance)).await;
        }
        if !message.replaces.is_empty() {
            return Box::pin(self.accept_in_place(acceptance)).await;
        }
        let committed = self.store.commit(Change::from(acceptance)).await;
        committed.map_err(refusal_of)
    }

    /// Makes it durable together with the end of what it replaces.
    async fn accept_in_place(&self, acceptance: Box<Acceptance>) -> Result<Committed, Refusal> {
        let message = &acceptance.message;
        let mut last = None;
        for _ in 0..DECISIONS_MAX {
            let advance = self.supersessions(message).await?;
            let replaced = advance.len();
            let change = Change {
                accept: Some(acceptance.clone()),
                advance,
                ..Change::default()
            };
            match self.store.commit(change).await {
                Ok(committed) => {
                    tracing::info!(target: "audit", id = %message.id, replaced, "accepted in place of earlier documents");
                    return Ok(committed);
                }
                // Somebody has just been given what it replaces.
                Err(error @ StoreError::Stale { .. }) => last = Some(error),
                Err(error) => return Err(refusal_of(error)),
            }
        }
        Err(last.map_or_else(super::refuse::unknown_message, refusal_of))
    }

    /// The steps of the deliveries that a message replaces: those to its own recipients.
    async fn supersessions(&self, message: &Message) -> Result<Vec<Advance>, Refusal> {
        let (by, now) = (Actor::Organisation(message.sender), self.clock.now());
        let mut seen = HashSet::new();
        let mut steps = Vec::new();
        for name in &message.replaces {
            let found = self.store.find_document(name).await.map_err(refusal_of)?;
            for earlier in found {
                if !earlier.names.contains(name) || !seen.insert(earlier.id) {
                    continue;
                }
                for delivery in &earlier.deliveries {
                    if message.delivery(delivery.recipient).is_none() {
                        continue;
                    }
                    let wanted = Move::Supersede { by: message.id };
                    let at = self.circumstances(&earlier, now);
                    // A refusal says that its recipient has it, or that it has ended.
                    if let Ok(Outcome::Step(step)) = delivery.decide(wanted, by.clone(), at) {
                        steps.push(Advance {
                            delivery: DeliveryId {
                                message: earlier.id,
                                recipient: delivery.recipient,
                            },
                            sender: earlier.sender,
                            step,
                        });
                    }
                }
            }
        }
        Ok(steps)
    }

    /// Refuses a document that another has replaced already, unless it was accepted before. A name
    /// that both go by is one that versions share, and tells nothing.
    async fn refuse_replaced(&self, message: &Message) -> Result<(), Refusal> {
        for name in &message.names {
            if message.replaces.contains(name) {
                continue;
            }
            let found = self.store.find_document(name).await.map_err(refusal_of)?;
            let replaces =
                |one: &&Arc<Message>| one.replaces.contains(name) && !one.names.contains(name);
            let Some(by) = found.iter().find(replaces) else {
                continue;
            };
            let known = self
                .store
                .find_submission(message.sender, &message.submission);
            if known.await.map_err(refusal_of)?.is_none() {
                return Err(replaced(by.id));
            }
        }
        Ok(())
    }
}

/// The refusal of a document that comes after its replacement.
fn replaced(by: MessageId) -> Refusal {
    let what = "This document was replaced by a newer one before it arrived.";
    let remedy = "send nothing more: the newer document is on its way";
    let finding = Finding {
        rule: Some("V-118"),
        severity: Severity::Error,
        path: "Bundle.identifier".to_owned(),
        what: what.to_owned(),
        remedy: remedy.into(),
        itk3_code: Some(20008),
        issue: Issue::Duplicate,
        position: None,
    };
    let refusal = Refusal::new(Reason::SubmissionConflict, what, remedy);
    refusal.about(by).with(vec![finding])
}
