//! Answer: a response of ITK3 travels like any document, and in the change that accepts it the delivery
//! that it answers takes its step. Which delivery that is follows from the name that it gives, among
//! what its recipient has sent, and from whose mailbox holds it: nobody answers for another. One that
//! cannot be told, or that counts no more, is delivered all the same and says so.

mod reroute;

use std::sync::Arc;

use axle_core::{
    answer::{Answer, Standing, standing},
    change::{Acceptance, Advance, Change},
    delivery::{Delivery, Move, Outcome},
    event::{Actor, Event, EventKind},
    message::Message,
};
use axle_model::{
    answer::ResponseCode,
    id::{DeliveryId, MessageId},
    refusal::Refusal,
};
use axle_store::{Committed, Store, StoreError};

use super::{Engine, refuse::refusal_of, settle::DECISIONS_MAX};
use crate::clock::Clock;

/// A delivery that may be the one that is answered.
struct Candidate {
    message: Arc<Message>,
    id: DeliveryId,
    standing: Standing,
}

impl Candidate {
    fn delivery(&self) -> Option<&Delivery> {
        self.message.delivery(self.id.recipient)
    }
}

impl<S: Store, C: Clock> Engine<S, C> {
    /// Makes a message that answers another durable, with the step of what it answers.
    pub(super) async fn accept_answer(
        &self,
        mut acceptance: Box<Acceptance>,
    ) -> Result<Committed, Refusal> {
        let mut last = None;
        for _ in 0..DECISIONS_MAX {
            let (standing, found) = self.find_answered(&acceptance.message).await?;
            let onward = self
                .goes_on(&acceptance.message, standing, found.as_ref())
                .await;
            let onward_id = onward.as_ref().map(|onward| onward.message.id);
            let advance = self.answer(&mut acceptance.message, standing, found, onward_id);
            let event = advance.as_ref().map(|one| one.step.event.clone());
            // What goes on is accepted with the step that says so; the response then follows alone.
            let first = onward.map_or_else(|| acceptance.clone(), Box::new);
            let change = Change {
                accept: Some(first),
                advance: advance.into_iter().collect(),
                ..Change::default()
            };
            match self.store.commit(change).await {
                Ok(Committed::Done) => {
                    self.tell_of_answer(&acceptance.message, event.as_ref());
                    if onward_id.is_none() {
                        return Ok(Committed::Done);
                    }
                    let response = self.store.commit(Change::from(acceptance)).await;
                    return response.map_err(refusal_of);
                }
                Ok(repeat @ Committed::Repeat(_)) => return Ok(repeat),
                // What it answers has just moved.
                Err(error @ StoreError::Stale { .. }) => last = Some(error),
                Err(error) => return Err(refusal_of(error)),
            }
        }
        Err(last.map_or_else(super::refuse::unknown_message, refusal_of))
    }

    /// The message in which the answered document goes on to another practice, if it does.
    async fn goes_on(
        &self,
        response: &Message,
        standing: Standing,
        found: Option<&Candidate>,
    ) -> Option<Acceptance> {
        let code = response.answer.as_deref()?.code?;
        let found = found.filter(|_| standing == Standing::Counted && code.is_wrong_practice())?;
        // A repeat is answered as one; nothing goes on because of it.
        let known = self
            .store
            .find_submission(response.sender, &response.submission);
        if known.await.ok()?.is_some() {
            return None;
        }
        self.onward(&found.message, found.delivery()?).await
    }

    /// What an answer came to before this, and the delivery that it is about, if one can be told.
    async fn find_answered(
        &self,
        response: &Message,
    ) -> Result<(Standing, Option<Candidate>), Refusal> {
        let said = response.answer.as_deref();
        let Some((code, of)) = said.and_then(|said| Some((said.code?, said.of?))) else {
            return Ok((Standing::Unreadable, None));
        };
        let mut candidates = self.candidates(response, code, &of).await?;
        let counts = |one: &Candidate| one.standing == Standing::Counted;
        let counting = candidates.iter().filter(|one| counts(one)).count();
        if counting > 1 {
            return Ok((Standing::Ambiguous, None));
        }
        let at = candidates.iter().position(counts);
        // Ids are in the order of time: the newest is what was answered before, if any was.
        let newest = candidates.iter().map(|one| one.id.message).max();
        let at = at.or_else(|| {
            let mut ids = candidates.iter().map(|one| one.id.message);
            ids.position(|id| Some(id) == newest)
        });
        Ok(match at {
            Some(at) => {
                let found = candidates.swap_remove(at);
                (found.standing, Some(found))
            }
            None => (Standing::Unknown, None),
        })
    }

    /// The deliveries in a mailbox of whoever answers, of what the answer's recipients sent under the
    /// name that it gives.
    async fn candidates(
        &self,
        response: &Message,
        code: ResponseCode,
        of: &axle_model::digest::Digest,
    ) -> Result<Vec<Candidate>, Refusal> {
        let positive = self.view.load().snapshot.positive.is(code);
        let mut candidates = Vec::new();
        for recipient in response.deliveries.iter().map(|one| one.recipient) {
            let name = Message::name_within(recipient, *of);
            let found = self.store.find_document(&name).await.map_err(refusal_of)?;
            for message in found {
                if message.sender != recipient || !message.names.contains(&name) {
                    continue;
                }
                let own = message
                    .deliveries
                    .iter()
                    .filter(|one| one.mailbox.organisation == response.sender);
                candidates.extend(own.map(|delivery| Candidate {
                    message: Arc::clone(&message),
                    id: DeliveryId {
                        message: message.id,
                        recipient: delivery.recipient,
                    },
                    standing: standing(delivery, code, positive),
                }));
            }
        }
        Ok(candidates)
    }

    /// Writes down in `response` what it came to; the step of what it answers, if it counts.
    fn answer(
        &self,
        response: &mut Message,
        standing: Standing,
        found: Option<Candidate>,
        rerouted_to: Option<MessageId>,
    ) -> Option<Advance> {
        let said = response.answer.as_deref_mut()?;
        *said = Answer {
            delivery: found.as_ref().map(|found| found.id),
            standing,
            rerouted_to,
            ..*said
        };
        let (code, found) = (said.code?, found?);
        let wanted = Move::Answer {
            code,
            positive: self.view.load().snapshot.positive.is(code),
            response: response.id,
            rerouted_to,
        };
        let at = self.circumstances(&found.message, self.clock.now());
        let by = Actor::Organisation(response.sender);
        let Ok(Outcome::Step(step)) = found.delivery()?.decide(wanted, by, at) else {
            return None;
        };
        Some(Advance {
            delivery: found.id,
            sender: found.message.sender,
            step,
        })
    }

    /// Counts and logs what became of an answer, once that is durable.
    fn tell_of_answer(&self, response: &Message, event: Option<&Event>) {
        let Some(said) = response.answer.as_deref() else {
            return;
        };
        let standing = said.standing.as_str();
        let (code, delivery) = (said.code, said.delivery);
        match event.map(|event| &event.kind) {
            Some(EventKind::Answered { code, positive, .. }) => {
                let outcome = if *positive { "positive" } else { "negative" };
                self.metrics.answered(code.stage(), outcome);
                tracing::info!(target: "audit", id = %response.id, ?delivery, %code, outcome, "a delivery is answered");
            }
            Some(_) | None => {
                self.metrics.uncounted(standing);
                tracing::warn!(id = %response.id, ?delivery, ?code, standing, "an answer does not count; it is delivered all the same");
            }
        }
    }
}
