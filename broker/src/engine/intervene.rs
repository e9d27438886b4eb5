//! Intervene: what an operator does about a document that does not arrive: offers it again, sends it
//! to another mailbox, or gives it back to its sender. Each with a reason, each in the ledger.

use axle_core::{
    authorise::require_operator,
    change::Advance,
    delivery::{Delivery, Move, Outcome},
    directory::{Directory, NoMailbox},
    event::{Actor, DeadLetterCause, Event, EventKind},
    message::Message,
    route::{again, no_mailbox},
    snapshot::Snapshot,
};
use axle_model::{
    id::DeliveryId, identity::Identity, mailbox::MailboxId, ods::OdsCode, refusal::Refusal,
    time::Timestamp,
};
use axle_store::{Store, StoreError};

use super::{
    Engine,
    refuse::{refusal_of, unknown_message},
    settle::DECISIONS_MAX,
};
use crate::clock::Clock;

/// What an operator wants done with a delivery.
#[derive(Clone, Copy, Debug)]
pub enum Intervention<'a> {
    /// Offered again where it is; what is parked is resolved again and goes where it leads now.
    Requeue,
    /// Sent to another mailbox.
    Reroute(&'a Elsewhere),
    /// Given back to its sender, who is told.
    Return,
}

/// Where a delivery is to go instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Elsewhere {
    /// To the mailbox of this organisation that takes its workflow.
    Organisation(OdsCode),
    /// To this mailbox.
    Mailbox(MailboxId),
}

/// Why, and whether in earnest.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// Why, in the operator's words.
    pub reason: &'a str,
    /// Only whether it could be done: nothing is changed.
    pub validate_only: bool,
}

/// Where a delivery waited before an intervention, and where it waits after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Before.
    pub from: MailboxId,
    /// After; the same unless it was sent elsewhere.
    pub to: MailboxId,
}

impl<S: Store, C: Clock> Engine<S, C> {
    /// Does what an operator wants done with a delivery; durable when it returns. Repeating it
    /// changes nothing and is no error.
    pub async fn intervene(
        &self,
        caller: &Identity,
        id: DeliveryId,
        what: Intervention<'_>,
        order: Order<'_>,
    ) -> Result<Moved, Refusal> {
        require_operator(caller)?;
        let mut last = None;
        for _ in 0..DECISIONS_MAX {
            let message = self.store.load(id.message).await.map_err(refusal_of)?;
            let message = message.ok_or_else(unknown_message)?;
            let delivery = message.delivery(id.recipient).ok_or_else(unknown_message)?;
            let now = self.clock.now();
            let wanted = {
                let view = self.view.load();
                what.wanted(&view.snapshot, &message, delivery, order.reason, now)?
            };
            let moved = moved(&delivery.mailbox, &wanted);
            let at = self.circumstances(&message, now);
            let by = Actor::Operator(caller.serial.as_str().into());
            let outcome = delivery.decide(wanted, by, at)?;
            let Outcome::Step(step) = outcome else {
                return Ok(moved);
            };
            if order.validate_only {
                return Ok(moved);
            }
            let (state, undelivered) = (step.state.as_str(), step.event.is_undelivered());
            let sender = message.sender;
            let advance = Advance {
                delivery: id,
                sender,
                step,
            };
            let change = self.change(&message, advance);
            drop(message);
            match self.store.commit(change).await {
                Ok(_) => {
                    let (operator, action) = (&caller.serial, what.as_str());
                    tracing::info!(target: "audit", %operator, delivery = %id, action, to = %moved.to, "an operator intervened");
                    if undelivered {
                        self.undelivered(id, sender, state);
                    }
                    return Ok(moved);
                }
                Err(error @ StoreError::Stale { .. }) => last = Some(error),
                Err(error) => return Err(refusal_of(error)),
            }
        }
        Err(last.map_or_else(unknown_message, refusal_of))
    }
}

fn moved(from: &MailboxId, wanted: &Move) -> Moved {
    let to = if let Move::Reroute { to, .. } = wanted {
        to
    } else {
        from
    };
    Moved {
        from: from.clone(),
        to: to.clone(),
    }
}

impl Intervention<'_> {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Requeue => "requeue",
            Self::Reroute(_) => "reroute",
            Self::Return => "return",
        }
    }

    fn wanted(
        self,
        snapshot: &Snapshot,
        message: &Message,
        delivery: &Delivery,
        reason: &str,
        now: Timestamp,
    ) -> Result<Move, Refusal> {
        let reason = reason.into();
        let to = match self {
            Self::Return => return Ok(Move::Return { reason }),
            Self::Requeue => match let_go(snapshot, message, delivery, now)? {
                Some(to) => to,
                None => return Ok(Move::Requeue { reason }),
            },
            Self::Reroute(to) => to.find(&snapshot.directory, message)?,
        };
        Ok(Move::Reroute { to, reason })
    }
}

/// Where a delivery goes that was parked and is let go; `None` when it never was. One that was let go
/// already stays where it went, so that asking again changes nothing.
fn let_go(
    snapshot: &Snapshot,
    message: &Message,
    delivery: &Delivery,
    now: Timestamp,
) -> Result<Option<MailboxId>, Refusal> {
    if delivery.parked().is_some() {
        return again(snapshot, message, delivery, now).map(Some);
    }
    let was_parked = |event: &Event| {
        let EventKind::Rerouted { from, .. } = &event.kind else {
            return false;
        };
        DeadLetterCause::of_parked(from).is_some()
    };
    let just_now = delivery.timeline.last().is_some_and(was_parked);
    Ok(just_now.then(|| delivery.mailbox.clone()))
}

impl Elsewhere {
    /// The mailbox, if it is open and takes the message's workflow. An operator's word stands in for
    /// the sender's permission: the table says who may send there, not who may be sent there.
    fn find(&self, directory: &Directory, message: &Message) -> Result<MailboxId, Refusal> {
        let workflow = &message.workflow;
        let (organisation, found) = match self {
            Self::Organisation(code) => (*code, directory.resolve(*code, workflow)),
            Self::Mailbox(id) => {
                let mailbox = directory.mailbox(id).ok_or(NoMailbox::Unknown);
                let taking = mailbox.and_then(|one| one.accepts(workflow).map(|()| one));
                (id.organisation, taking)
            }
        };
        let mailbox = found.map_err(|why| no_mailbox(why, organisation, workflow))?;
        Ok(mailbox.id.clone())
    }
}
