//! Expire: what happens because time passes. Leases run out, and what nobody collected ends, each
//! decided by the core like any other move.

use std::time::Duration;

use axle_core::{
    change::Advance,
    delivery::{Move, Outcome},
    event::Actor,
};
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
        let now = self.clock.now();
        let Some(message) = self.store.load(due.delivery.message).await? else {
            return Ok(false);
        };
        let Some(delivery) = message.delivery(due.delivery.recipient) else {
            return Ok(false);
        };
        let wanted = match due.what {
            DueFor::Lapse => Move::Lapse,
            DueFor::Expire => Move::Expire,
            DueFor::Age => Move::Age,
        };
        let decided = delivery.decide(wanted, Actor::Broker, self.circumstances(&message, now));
        // It moved by itself meanwhile: nothing is due any more.
        let Ok(Outcome::Step(step)) = decided else {
            return Ok(false);
        };
        if due.what == DueFor::Lapse {
            self.metrics.lease_expired();
        }
        if step.event.is_notice() {
            let state = step.state.as_str();
            self.metrics.notice(state);
            tracing::warn!(delivery = %due.delivery, state, "undelivered; the sender is told");
        }
        let advance = Advance {
            delivery: due.delivery,
            sender: message.sender,
            step,
        };
        let change = self.change(&message, advance);
        drop(message);
        match self.store.commit(change).await {
            Ok(_) => Ok(true),
            Err(StoreError::Stale { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
