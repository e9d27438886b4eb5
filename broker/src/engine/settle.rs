//! Settle: the holder of a lease says what became of the document: stored, refused, more time
//! needed, or given back.

use std::time::Duration;

use axle_core::{
    authorise::organisation_of,
    change::{Advance, Change},
    delivery::{Delivery, Move, Outcome, State},
    event::{Actor, Event, EventKind},
    lease::{LeaseKey, LeaseToken},
    message::Message,
};
use axle_model::{
    id::DeliveryId,
    identity::Identity,
    ods::OdsCode,
    refusal::{Reason, Refusal},
    time::Timestamp,
};
use axle_store::{Store, StoreError, failpoint};
use futures::future::join_all;

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

/// A settlement decided on: the change that makes it true, and what to tell once it is.
struct Decided {
    change: Change,
    delivery: DeliveryId,
    sender: OdsCode,
    accepted: Timestamp,
    now: Timestamp,
    ends: State,
    undelivered: bool,
}

impl<S: Store, C: Clock> Engine<S, C> {
    /// Settles a leased delivery; durable when it returns. Repeating a settlement changes nothing and
    /// is no error.
    pub async fn settle(
        &self,
        caller: &Identity,
        token: &LeaseToken,
        what: &Settlement,
    ) -> Result<(), Refusal> {
        let organisation = organisation_of(caller)?;
        let mut last = None;
        for _ in 0..DECISIONS_MAX {
            let Some(mut decided) = self.decide_on(organisation, token, what).await? else {
                return Ok(());
            };
            match self.store.commit(std::mem::take(&mut decided.change)).await {
                Ok(_) => {
                    self.settled(&decided);
                    return Ok(());
                }
                Err(error @ StoreError::Stale { .. }) => last = Some(error),
                Err(error) => return Err(refusal_of(error)),
            }
        }
        Err(last.map_or_else(not_your_lease, refusal_of))
    }

    /// Settles several leased deliveries, as one change where they allow it: what a hundred
    /// acknowledgements cost together is little more than what one does alone. Each has a result of
    /// its own, in the order in which they were asked for.
    pub async fn settle_all(
        &self,
        caller: &Identity,
        wanted: &[(LeaseToken, Settlement)],
    ) -> Vec<Result<(), Refusal>> {
        if let [(token, what)] = wanted {
            return vec![self.settle(caller, token, what).await];
        }
        let organisation = match organisation_of(caller) {
            Ok(organisation) => organisation,
            Err(refusal) => return vec![Err(refusal); wanted.len()],
        };
        let mut results = vec![Ok(()); wanted.len()];
        let (mut together, mut advance, mut alone) = (Vec::new(), Vec::new(), Vec::new());
        for (place, (token, what)) in wanted.iter().enumerate() {
            match self.decide_on(organisation, token, what).await {
                Ok(Some(mut decided)) if decided.change.accept.is_none() => {
                    advance.append(&mut decided.change.advance);
                    together.push((place, decided));
                }
                // With a report of its own to its sender.
                Ok(Some(_)) => alone.push(place),
                Ok(None) => {}
                Err(refusal) => results[place] = Err(refusal),
            }
        }
        if !together.is_empty() {
            match self.store.commit(Change::from(advance)).await {
                Ok(_) => together.iter().for_each(|(_, one)| self.settled(one)),
                // One of them moved meanwhile, or is there twice: each is decided again.
                Err(_) => alone.extend(together.iter().map(|(place, _)| *place)),
            }
        }
        let each = alone.into_iter().map(async |place| {
            let (token, what) = &wanted[place];
            (place, self.settle(caller, token, what).await)
        });
        for (place, result) in join_all(each).await {
            results[place] = result;
        }
        results
    }

    /// Decides on a settlement; `None` when it changes nothing.
    async fn decide_on(
        &self,
        organisation: OdsCode,
        token: &LeaseToken,
        what: &Settlement,
    ) -> Result<Option<Decided>, Refusal> {
        let message = self.leased_message(organisation, token).await?;
        let delivery = own_delivery(&message, organisation, token)?;
        let now = self.clock.now();
        let lease = lease_of(token, delivery);
        let (wanted, by) = (what.under(lease, now), Actor::Organisation(organisation));
        let at = self.circumstances(&message, now);
        let Outcome::Step(step) = delivery.decide(wanted, by, at)? else {
            return Ok(None);
        };
        let (ends, undelivered) = (step.state, step.event.is_undelivered());
        let advance = Advance {
            delivery: token.delivery,
            sender: message.sender,
            step,
        };
        // The message is let go of here, so that the store can change it in place.
        Ok(Some(Decided {
            change: self.change(&message, advance),
            delivery: token.delivery,
            sender: message.sender,
            accepted: message.accept_time,
            now,
            ends,
            undelivered,
        }))
    }

    /// Tells of a settlement that is durable.
    fn settled(&self, decided: &Decided) {
        if decided.ends == State::Acknowledged {
            self.metrics.delivered(decided.now.since(decided.accepted));
        }
        if decided.undelivered {
            self.undelivered(decided.delivery, decided.sender, decided.ends.as_str());
        }
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
