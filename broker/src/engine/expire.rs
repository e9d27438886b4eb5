//! Expire: what happens because time passes. Leases run out, senders are warned of what waits too long,
//! and what nobody collected ends, each decided by the core like any other move.

use std::time::Duration;

use axle_core::{
    change::Advance,
    delivery::{Move, Outcome},
    event::{Actor, EventKind},
};
use axle_model::id::DeliveryId;
use axle_store::{Due, DueFor, Store, StoreError};

use super::Engine;
use crate::clock::Clock;

/// How late a lapse may be noticed.
const TICK: Duration = Duration::from_millis(200);
/// How many are moved at a time.
const DUE_MAX: usize = 1_000;

impl<S: Store, C: Clock> Engine<S, C> {
    /// Moves what is due, until it is dropped.
    pub async fn keep_time(&self) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            if let Err(error) = self.move_due().await {
                tracing::error!(%error, "what was due could not be moved; it is tried again");
            }
            self.abandon_uploads();
        }
    }

    /// Moves everything that is due now; how many deliveries that were.
    pub async fn move_due(&self) -> Result<usize, StoreError> {
        let mut moved = 0;
        loop {
            let due = self.store.due(self.clock.now(), DUE_MAX).await?;
            let full = due.len() == DUE_MAX;
            let before = moved;
            for one in due {
                moved += usize::from(self.move_one(one).await?);
            }
            if !full || moved == before {
                return Ok(moved);
            }
        }
    }

    async fn move_one(&self, due: Due) -> Result<bool, StoreError> {
        let wanted = match due.what {
            DueFor::Lapse => Move::Lapse,
            DueFor::Expire => Move::Expire,
            DueFor::Age => Move::Age,
            // While the clock is in doubt, nobody is late.
            DueFor::Answer if self.clock.expiry_rests() => return Ok(false),
            DueFor::Answer => Move::LapseAnswer,
        };
        let moved = self.move_by_itself(due.delivery, wanted).await?;
        if moved && due.what == DueFor::Lapse {
            self.metrics.lease_expired();
        }
        Ok(moved)
    }

    /// Makes a move of the broker's own; `false` when nothing came of it, since the delivery moved
    /// meanwhile.
    pub(super) async fn move_by_itself(
        &self,
        id: DeliveryId,
        wanted: Move,
    ) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let Some(message) = self.store.load(id.message).await? else {
            return Ok(false);
        };
        let Some(delivery) = message.delivery(id.recipient) else {
            return Ok(false);
        };
        let decided = delivery.decide(wanted, Actor::Broker, self.circumstances(&message, now));
        let Ok(Outcome::Step(step)) = decided else {
            return Ok(false);
        };
        let (state, undelivered) = (step.state.as_str(), step.event.is_undelivered());
        let kind = step.event.kind.clone();
        let (sender, priority) = (message.sender, message.priority);
        let advance = Advance {
            delivery: id,
            sender,
            step,
        };
        let change = self.change(&message, advance);
        drop(message);
        match self.store.commit(change).await {
            Ok(_) => {
                if undelivered {
                    self.undelivered(id, sender, state);
                }
                if kind == EventKind::Aged {
                    let priority = priority.as_str();
                    self.metrics.aged(priority);
                    tracing::warn!(delivery = %id, state, priority, "it waits too long; the sender is warned");
                }
                if let EventKind::AnswerLapsed { stage } = kind {
                    self.metrics.answered(stage, "lapsed");
                    let stage = stage.as_str();
                    tracing::warn!(delivery = %id, stage, "it was not answered in time; the sender is told");
                }
                Ok(true)
            }
            Err(StoreError::Stale { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
