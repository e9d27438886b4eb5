//! Totals: the equation of the ledger. What was accepted is acknowledged, rejected, expired,
//! withdrawn, or still pending; nothing else, at every entry. Counted in deliveries.

use crate::{
    change::{LedgerEntry, Recorded},
    delivery::State,
};

/// How many deliveries were accepted, and how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Deliveries accepted.
    pub accepted: u64,
    /// Of those, acknowledged by their recipient.
    pub acknowledged: u64,
    /// Refused by it for good, or returned.
    pub rejected: u64,
    /// Not collected in time.
    pub expired: u64,
    /// Taken back or replaced by their sender.
    pub withdrawn: u64,
}

impl Totals {
    /// Counts what an entry of the ledger records.
    pub fn enter(&mut self, entry: &LedgerEntry) {
        for record in &entry.records {
            match record {
                Recorded::Accepted { recipients, .. } => self.accepted += recipients.len() as u64,
                // An answer comes to a delivery that may have ended, and been counted.
                Recorded::Advanced { event, .. } if event.kind.is_of_exchange() => {}
                Recorded::Advanced { state, .. } => self.advance(*state),
                Recorded::Refused(_) => {}
            }
        }
    }

    /// Counts a delivery's step into a state. What ends a delivery is counted once: an ended
    /// delivery takes no further step.
    pub const fn advance(&mut self, state: State) {
        match state {
            State::Acknowledged => self.acknowledged += 1,
            State::Rejected => self.rejected += 1,
            State::Expired => self.expired += 1,
            State::Withdrawn => self.withdrawn += 1,
            State::Queued { .. } | State::Leased { .. } | State::DeadLettered => {}
        }
    }

    /// Deliveries that have ended.
    pub const fn ended(&self) -> u64 {
        self.acknowledged + self.rejected + self.expired + self.withdrawn
    }

    /// Deliveries that should still be pending.
    pub const fn pending(&self) -> u64 {
        self.accepted.saturating_sub(self.ended())
    }
}
