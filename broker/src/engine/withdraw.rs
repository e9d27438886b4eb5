//! Withdraw: a sender takes a document back while nobody has it. All of what it names is taken back
//! in one change, or nothing is.

use std::sync::Arc;

use axle_core::{
    authorise::organisation_of,
    change::{Advance, Change},
    delivery::{Delivery, Move, Outcome, State},
    event::Actor,
    message::Message,
};
use axle_model::{
    id::DeliveryId,
    identity::Identity,
    ods::OdsCode,
    refusal::{Finding, Reason, Refusal},
};
use axle_store::{Store, StoreError};

use super::{Engine, refuse::refusal_of, settle::DECISIONS_MAX, track::MessageKey};
use crate::clock::Clock;

impl<S: Store, C: Clock> Engine<S, C> {
    /// Takes back one of the caller's own messages: the deliveries for `recipients`, or every one
    /// when none is named. What has expired or was taken back before stays as it is and is no error.
    /// The message as it stands when that is durable.
    pub async fn withdraw(
        &self,
        caller: &Identity,
        key: &MessageKey,
        recipients: &[OdsCode],
        reason: &str,
    ) -> Result<Arc<Message>, Refusal> {
        let organisation = organisation_of(caller)?;
        let mut last = None;
        for _ in 0..DECISIONS_MAX {
            let message = self.own_message(caller, key).await?;
            let by = Actor::Organisation(organisation);
            let steps = self.withdrawals(&message, recipients, &by, reason)?;
            if steps.is_empty() {
                return Ok(message);
            }
            let id = message.id;
            drop(message);
            match self.store.commit(Change::from(steps)).await {
                Ok(_) => {
                    tracing::info!(target: "audit", %organisation, serial = %caller.serial, %id, "withdrawn");
                    return self.own_message(caller, key).await;
                }
                Err(error @ StoreError::Stale { .. }) => last = Some(error),
                Err(error) => return Err(refusal_of(error)),
            }
        }
        Err(last.map_or_else(super::refuse::unknown_message, refusal_of))
    }

    /// The steps that take `recipients`' deliveries back, or the refusal that names who has theirs.
    fn withdrawals(
        &self,
        message: &Message,
        recipients: &[OdsCode],
        by: &Actor,
        reason: &str,
    ) -> Result<Vec<Advance>, Refusal> {
        let at = self.circumstances(message, self.clock.now());
        let (mut steps, mut held) = (Vec::new(), Vec::new());
        for delivery in named(message, recipients)? {
            if delivery.state == State::Expired {
                continue;
            }
            let wanted = Move::Withdraw {
                reason: reason.into(),
            };
            match delivery.decide(wanted, by.clone(), at) {
                Ok(Outcome::Step(step)) => steps.push(Advance {
                    delivery: DeliveryId {
                        message: message.id,
                        recipient: delivery.recipient,
                    },
                    sender: message.sender,
                    step,
                }),
                Ok(Outcome::Unchanged) => {}
                Err(_) => held.push(delivery),
            }
        }
        if held.is_empty() {
            Ok(steps)
        } else {
            Err(already_collected(message, &held))
        }
    }
}

/// The deliveries a caller names by their recipients; all when it names none.
fn named<'m>(message: &'m Message, recipients: &[OdsCode]) -> Result<Vec<&'m Delivery>, Refusal> {
    if recipients.is_empty() {
        return Ok(message.deliveries.iter().collect());
    }
    let one = |(index, &recipient): (usize, &OdsCode)| {
        message.delivery(recipient).ok_or_else(|| {
            Refusal::field(
                format!("recipients[{index}]"),
                format!("{recipient} is no recipient of {}", message.id),
                "name recipients of the message, or none to withdraw it from all",
            )
        })
    };
    recipients.iter().enumerate().map(one).collect()
}

fn already_collected(message: &Message, held: &[&Delivery]) -> Refusal {
    const REMEDY: &str =
        "tell these recipients; name the others in `recipients` to withdraw theirs";
    let finding = |delivery: &&Delivery| {
        let path = format!("deliveries[{}]", delivery.recipient);
        let what = format!("it is {}", delivery.state.as_str());
        Finding::field(path, what, REMEDY)
    };
    let names: Vec<String> = held
        .iter()
        .map(|delivery| format!("{} ({})", delivery.recipient, delivery.state.as_str()))
        .collect();
    let what = format!(
        "nothing was withdrawn: somebody has it already: {}",
        names.join(", ")
    );
    Refusal::new(Reason::AlreadyCollected, what, REMEDY)
        .about(message.id)
        .with(held.iter().map(finding).collect())
}
