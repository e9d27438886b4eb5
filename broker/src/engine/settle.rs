//! Settle: the holder of a lease says what became of the document: stored, refused, more time
//! needed, or given back.

use std::time::Duration;

use axle_core::{
    change::Advance,
    delivery::{Delivery, Move, Outcome, State},
    event::{Actor, Event, EventKind},
    lease::{LeaseKey, LeaseToken},
    message::Message,
};
use axle_model::{
    identity::Identity,
    ods::OdsCode,
    refusal::{Reason, Refusal},
    time::Timestamp,
};
use axle_store::{Store, StoreError, failpoint};

use super::{Engine, refuse::refusal_of};
use crate::clock::Clock;

/// What the holder of a lease says.
#[derive(Clone, Debug, PartialEq)]
pub enum Settlement {
    /// The document is stored on the recipient's side.
    Acknowledge,
    /// The document is refused.
    Reject {
        /// Why, as a code.
        code: Box<str>,
        /// Whether it may be offered again.
        retryable: bool,
    },
    /// The lease is to run this much longer from now.
    Extend(Duration),
    /// The document is given back, to rest this long.
    Release(Duration),
}

/// How often a decision is taken again when the delivery moved under it.
pub(super) const DECISIONS_MAX: usize = 8;

impl<S: Store, C: Clock> Engine<S, C> {
    /// Settles a leased delivery; durable when it returns. Repeating a settlement changes nothing and
    /// is no error.
    pub async fn settle(
        &self,
        caller: &Identity,
        token: &LeaseToken,
        what: &Settlement,
    ) -> Result<(), Refusal> {
        let organisation = axle_core::authorise::organisation_of(caller)?;
        let mut last = None;
        for _ in 0..DECISIONS_MAX {
            let message = self.leased_message(organisation, token).await?;
            let delivery = own_delivery(&message, organisation, token)?;
            let now = self.clock.now();
            let lease = lease_of(token, delivery);
            let (wanted, by) = (what.under(lease, now), Actor::Organisation(organisation));
            let at = self.circumstances(&message, now);
            let Outcome::Step(step) = delivery.decide(wanted, by, at)? else {
                return Ok(());
            };
            let (ends, undelivered) = (step.state, step.event.is_undelivered());
            let advance = Advance {
                delivery: token.delivery,
                sender: message.sender,
                step,
            };
            let (accepted, sender) = (message.accept_time, message.sender);
            let change = self.change(&message, advance);
            // Let go of the message, so that the store can change it in place.
            drop(message);
            match self.store.commit(change).await {
                Ok(_) => {
                    if ends == State::Acknowledged {
                        self.metrics.delivered(now.since(accepted));
                    }
                    if undelivered {
                        self.undelivered(token.delivery, sender, ends.as_str());
                    }
                    return Ok(());
                }
                Err(error @ StoreError::Stale { .. }) => last = Some(error),
                Err(error) => return Err(refusal_of(error)),
            }
        }
        Err(last.map_or_else(not_your_lease, refusal_of))
    }

    /// The message a token is about, if it is the caller's to settle. A token that is nobody's and
    /// one that is somebody else's answer the same.
    pub(super) async fn leased_message(
        &self,
        organisation: OdsCode,
        token: &LeaseToken,
    ) -> Result<std::sync::Arc<Message>, Refusal> {
        let message = self
            .store
            .load(token.delivery.message)
            .await
            .map_err(refusal_of)?;
        let message = message.ok_or_else(not_your_lease)?;
        own_delivery(&message, organisation, token)?;
        Ok(message)
    }
}

fn own_delivery<'m>(
    message: &'m Message,
    organisation: OdsCode,
    token: &LeaseToken,
) -> Result<&'m Delivery, Refusal> {
    let delivery = message
        .delivery(token.delivery.recipient)
        .ok_or_else(not_your_lease)?;
    // An old lease of this delivery may be told that it is over; a made-up nonce for the newest
    // epoch may not be told anything.
    let forged = delivery.lease.is_none_or(|newest| {
        token.key.epoch > newest.epoch
            || (token.key.epoch == newest.epoch && token.key.nonce != newest.nonce)
    });
    if forged {
        return Err(not_your_lease());
    }
    if delivery.mailbox.organisation == organisation {
        return Ok(delivery);
    }
    // Whoever had it before it was sent elsewhere may be told that the lease is over, and no more.
    let had = |event: &Event| matches!(&event.kind, EventKind::Rerouted { from, .. } if from.organisation == organisation);
    if delivery.timeline.iter().any(had) {
        return Err(delivery.lease_lost());
    }
    Err(not_your_lease())
}

/// The lease that a token proves.
fn lease_of(token: &LeaseToken, delivery: &Delivery) -> LeaseKey {
    match delivery.lease {
        Some(newest) if failpoint::is_planted("any-lease") => newest,
        Some(_) | None => token.key,
    }
}

/// The refusal of a token that is none, or none of the caller's.
pub fn not_your_lease() -> Refusal {
    Refusal::new(
        Reason::LeaseTokenInvalid,
        "this is not a lease token of yours",
        "use the lease_token of a delivery collected with this certificate",
    )
}

impl Settlement {
    fn under(&self, lease: LeaseKey, now: Timestamp) -> Move {
        match self {
            Self::Acknowledge => Move::Acknowledge { lease },
            Self::Reject { code, retryable } => Move::Reject {
                lease,
                code: code.clone(),
                retryable: *retryable,
            },
            Self::Extend(span) => Move::Extend {
                lease,
                until: now.after(*span),
            },
            Self::Release(delay) => Move::Release {
                lease,
                not_before: now.after(*delay),
            },
        }
    }
}
