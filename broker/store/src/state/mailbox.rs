//! One mailbox: its queue of available deliveries, urgent before routine and oldest first, and its
//! counts. Claims are decided here.

use axle_core::{
    change::Advance,
    delivery::{Circumstances, Delivery, Move, Outcome, State as Waits},
    event::Actor,
    lease::LeaseToken,
    message::Message,
    retry::Retry,
};
use axle_model::{
    envelope::Priority,
    id::{DeliveryId, MessageId},
    mailbox::MailboxId,
    ods::OdsCode,
    time::Timestamp,
};

use super::{Body, State, order::Lines, runs::Runs};
use crate::{Claim, Claimed, MailboxState};

/// One claim passes over at most this many deliveries that cannot be given just now.
const PASSED_OVER_MAX: usize = 10_000;

/// A place among the available: urgent before routine, then in the order of the ledger.
type Offer = (Priority, u64, OdsCode);

/// What one mailbox holds.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    /// Which messages these are, those held tell.
    available: Runs<Offer>,
    /// Those of the available and the waiting that have an order.
    pub(super) lines: Lines,
    held: Runs<(u64, OdsCode), (Timestamp, MessageId)>,
    counts: MailboxState,
}

impl Mailbox {
    /// Counts a delivery that is not settled.
    pub(super) fn hold(&mut self, sequence: u64, delivery: &Delivery, message: &Message) {
        let held = (message.accept_time, message.id);
        self.held.insert((sequence, delivery.recipient), held);
        if let Some(count) = self.count(delivery.state) {
            *count += 1;
        }
    }

    /// No longer counts it.
    pub(super) fn release(&mut self, sequence: u64, delivery: &Delivery) {
        self.held.remove(&(sequence, delivery.recipient));
        if let Some(count) = self.count(delivery.state) {
            *count = count.saturating_sub(1);
        }
    }

    const fn count(&mut self, state: Waits) -> Option<&mut u64> {
        match state {
            Waits::Queued { .. } => Some(&mut self.counts.queued),
            Waits::Leased { .. } => Some(&mut self.counts.leased),
            Waits::DeadLettered => Some(&mut self.counts.dead_lettered),
            Waits::Acknowledged | Waits::Rejected | Waits::Expired | Waits::Withdrawn => None,
        }
    }

    /// Makes a delivery available, which it holds.
    pub(super) fn offer(&mut self, priority: Priority, sequence: u64, recipient: OdsCode) {
        self.available.insert((priority, sequence, recipient), ());
    }

    /// Makes it unavailable.
    pub(super) fn withhold(&mut self, priority: Priority, sequence: u64, recipient: OdsCode) {
        self.available.remove(&(priority, sequence, recipient));
    }

    /// Whether it holds nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// How it stands.
    pub(super) fn state(&self) -> MailboxState {
        MailboxState {
            oldest_time: self.held.first().map(|&(_, (time, _))| time),
            ..self.counts
        }
    }
}

impl<B: Body> State<B> {
    /// Leases what waits in a mailbox, up to the claim's limits, leaving what is reserved. `nonce`
    /// gives 128 random bits. When some of what it would lease is at rest it leases nothing, and says
    /// what has to be roused first: what waits longest is not passed over.
    pub(crate) fn claim(
        &mut self,
        claim: &Claim,
        mut nonce: impl FnMut() -> [u8; 16],
    ) -> Result<Vec<Claimed>, Vec<MessageId>> {
        self.wake(claim.now);
        let chosen = self.choose(claim);
        let messages = chosen.iter().map(|(_, id)| id.message);
        let resting: Vec<_> = messages.filter(|&id| self.is_resting(id)).collect();
        if !resting.is_empty() {
            return Err(resting);
        }
        let mut claimed = Vec::with_capacity(chosen.len());
        for (offer, id) in chosen {
            // The one before in the same line may have been given just now.
            let mailbox = self.mailboxes.get(&claim.mailbox);
            if mailbox.is_none_or(|mailbox| !mailbox.available.contains_key(&offer)) {
                continue;
            }
            let Some(advance) = self.lease(claim, id, nonce()) else {
                continue;
            };
            let (Ok(()), Some(key)) = (self.advance(&advance), advance.step.lease) else {
                continue;
            };
            let Some(entry) = self.message(id.message) else {
                continue;
            };
            let given = Claimed {
                message: entry.message.clone(),
                token: LeaseToken { delivery: id, key },
            };
            self.leases.push(advance);
            claimed.push(given);
        }
        Ok(claimed)
    }

    /// What [`Store::waiting`](crate::Store::waiting) says.
    pub(crate) fn waiting(&self, mailbox: &MailboxId, max: usize) -> Vec<DeliveryId> {
        let held = self.mailboxes.get(mailbox).into_iter();
        let held = held.flat_map(|mailbox| mailbox.held.iter());
        let queued = held.filter_map(|&((_, recipient), (_, message))| {
            let about = self.messages.get(&message)?;
            let state = about.stub(recipient)?.state;
            let waits = matches!(state, Waits::Queued { .. }) && about.sender() != OdsCode::BROKER;
            waits.then_some(DeliveryId { message, recipient })
        });
        queued.take(max).collect()
    }

    fn choose(&self, claim: &Claim) -> Vec<(Offer, DeliveryId)> {
        let mut chosen = Vec::new();
        let mut bytes = 0u64;
        let Some(mailbox) = self.mailboxes.get(&claim.mailbox) else {
            return chosen;
        };
        let most = claim.deliveries_max.saturating_add(PASSED_OVER_MAX);
        for &(offer, ()) in mailbox.available.iter().take(most) {
            if chosen.len() >= claim.deliveries_max {
                break;
            }
            let (_, sequence, recipient) = offer;
            let Some(&(_, message)) = mailbox.held.get(&(sequence, recipient)) else {
                continue;
            };
            let id = DeliveryId { message, recipient };
            let Some(kept) = self.messages.get(&message) else {
                continue;
            };
            // Past its deadline it is due to expire, and is not offered again.
            let late = kept.expire_time() <= claim.now && !claim.late;
            if late || self.reserved.contains(&id) {
                continue;
            }
            bytes = bytes.saturating_add(kept.size());
            if bytes > claim.bytes_max && !chosen.is_empty() {
                break;
            }
            chosen.push((offer, id));
        }
        chosen
    }

    /// The core's decision to lease one delivery.
    fn lease(&self, claim: &Claim, id: DeliveryId, nonce: [u8; 16]) -> Option<Advance> {
        let message = &self.message(id.message)?.message;
        let wanted = Move::Lease {
            nonce,
            until: claim.until,
            consumer: claim.consumer.clone(),
        };
        let at = Circumstances {
            now: claim.now,
            deadline: message.expire_time,
            retry: Retry::default(),
            seed: 0,
        };
        let by = Actor::Organisation(claim.organisation);
        let outcome = message.delivery(id.recipient)?.decide(wanted, by, at);
        let Ok(Outcome::Step(step)) = outcome else {
            return None;
        };
        Some(Advance {
            delivery: id,
            sender: message.sender,
            step,
        })
    }
}
