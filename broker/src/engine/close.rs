//! Close: what waits in a mailbox that the directory closes, or lists no more, is set aside: its
//! sender is told, and an operator can still send it on. Not at once: a wrong directory file is to be
//! noticed before thousands of senders hear of it. What is parked is set aside as soon as it is
//! accepted; what a crash kept from that is found here, and has no grace.

use std::{collections::BTreeMap, time::Duration};

use axle_core::{alarm::InMailbox, delivery::Move, event::DeadLetterCause, message::Message};
use axle_model::{
    id::{DeliveryId, MessageId},
    mailbox::MailboxId,
    ods::OdsCode,
    time::Timestamp,
};
use axle_store::{MailboxState, Store, StoreError};

use super::Engine;
use crate::clock::Clock;

/// How many are set aside at a time, in all mailboxes.
const SET_ASIDE_MAX: usize = 1_000;

/// The mailboxes found closed with something waiting in them, and since when.
#[derive(Debug, Default)]
pub struct Closing {
    seen: BTreeMap<MailboxId, Timestamp>,
}

impl<S: Store, C: Clock> Engine<S, C> {
    /// Sets aside a bounded part of what has waited in closed mailboxes for longer than the grace;
    /// what is still in its grace is returned. What is leased is left to its collector until the
    /// lease ends, and the broker's own reports are left to their reader until they expire.
    pub(super) async fn close_mailboxes(
        &self,
        closing: &mut Closing,
        mailboxes: &[(MailboxId, MailboxState)],
    ) -> Result<Vec<InMailbox>, StoreError> {
        let (view, now) = (self.view(), self.clock.now());
        let (mut seen, mut waiting, mut room) = (BTreeMap::new(), Vec::new(), SET_ASIDE_MAX);
        for (id, state) in mailboxes {
            let (true, Some(cause)) = (state.queued > 0, view.snapshot.directory.closed(id)) else {
                continue;
            };
            // One at least, to know of a mailbox whose turn comes later that it is not done with.
            let found = self.store.waiting(id, room.max(1)).await?;
            if found.is_empty() {
                continue;
            }
            let since = closing.seen.get(id).copied().unwrap_or(now);
            seen.insert(id.clone(), since);
            let grace = match cause.is_parked() {
                true => Duration::ZERO,
                false => view.snapshot.directory.closing().grace,
            };
            if now.since(since) < grace {
                waiting.push(InMailbox {
                    mailbox: id.clone(),
                    count: state.queued,
                    oldest: state.oldest_time.unwrap_or(now),
                });
                continue;
            }
            for delivery in found.into_iter().take(room) {
                self.move_by_itself(delivery, Move::Close { cause }).await?;
                room -= 1;
            }
        }
        closing.seen = seen;
        Ok(waiting)
    }

    /// Sets aside what of a message just accepted is parked. What cannot be now, since the store is in
    /// trouble or the broker dies, is found by [`close_mailboxes`](Self::close_mailboxes).
    pub(super) async fn set_aside(&self, parked: Parked) {
        let Parked {
            message,
            deliveries,
        } = parked;
        for (recipient, cause) in deliveries {
            let delivery = DeliveryId { message, recipient };
            if let Err(error) = self.move_by_itself(delivery, Move::Close { cause }).await {
                tracing::warn!(%delivery, %error, "a parked delivery is set aside later");
            }
        }
    }
}

/// The parked deliveries of a message.
#[derive(Debug)]
pub(super) struct Parked {
    message: MessageId,
    deliveries: Vec<(OdsCode, DeadLetterCause)>,
}

impl Parked {
    /// Those of a message; `None` of nearly all.
    pub(super) fn of(message: &Message) -> Option<Self> {
        let parked = message
            .deliveries
            .iter()
            .filter_map(|one| Some((one.recipient, one.parked()?)));
        let deliveries: Vec<_> = parked.collect();
        (!deliveries.is_empty()).then_some(Self {
            message: message.id,
            deliveries,
        })
    }
}
