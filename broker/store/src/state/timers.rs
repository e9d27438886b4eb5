//! Timers: which deliveries wait for which moment. Ordered by time; nothing here reads a clock.

use std::collections::BTreeSet;

use axle_model::{
    id::{DeliveryId, MessageId},
    time::Timestamp,
};

use super::runs::Runs;

/// What waits for a moment.
#[derive(Debug, Default)]
pub(super) struct Timers {
    /// Queued deliveries that rest until then.
    pub(super) rests: BTreeSet<(Timestamp, DeliveryId)>,
    /// Deliveries that hold up their line no longer than that, while nobody has them.
    pub(super) holds: BTreeSet<(Timestamp, DeliveryId)>,
    /// Leases that run out then.
    pub(super) leases: BTreeSet<(Timestamp, DeliveryId)>,
    /// Unsettled messages that end then.
    pub(super) deadlines: Runs<(Timestamp, MessageId)>,
    /// Deliveries whose next answer is given up then.
    pub(super) answers: BTreeSet<(Timestamp, DeliveryId)>,
    /// Messages whose sender is to be warned then.
    pub(super) warnings: Runs<(Timestamp, MessageId)>,
}

impl Timers {
    /// Takes one delivery whose rest is over.
    pub(super) fn rested(&mut self, now: Timestamp) -> Option<DeliveryId> {
        over(&mut self.rests, now)
    }

    /// Takes one delivery whose hold is over.
    pub(super) fn held(&mut self, now: Timestamp) -> Option<DeliveryId> {
        over(&mut self.holds, now)
    }

    /// The deliveries whose lease has run out, the longest ago first.
    pub(super) fn lapsed(&self, now: Timestamp) -> impl Iterator<Item = DeliveryId> {
        let over = self
            .leases
            .iter()
            .take_while(move |&&(until, _)| until <= now);
        over.map(|&(_, delivery)| delivery)
    }

    /// The deliveries whose next answer is overdue, the longest ago first.
    pub(super) fn unanswered(&self, now: Timestamp) -> impl Iterator<Item = DeliveryId> {
        let over = self.answers.iter().take_while(move |&&(at, _)| at <= now);
        over.map(|&(_, delivery)| delivery)
    }

    /// The messages that have waited too long to pass in silence, the longest ago first.
    pub(super) fn aged(&self, now: Timestamp) -> impl Iterator<Item = MessageId> {
        reached(&self.warnings, now)
    }

    /// The messages whose deadline has passed, the longest ago first.
    pub(super) fn expired(&self, now: Timestamp) -> impl Iterator<Item = MessageId> {
        reached(&self.deadlines, now)
    }
}

fn reached(
    timers: &Runs<(Timestamp, MessageId)>,
    now: Timestamp,
) -> impl Iterator<Item = MessageId> {
    let moments = timers.iter().map(|&(moment, ())| moment);
    let over = moments.take_while(move |&(at, _)| at <= now);
    over.map(|(_, message)| message)
}

fn over(timers: &mut BTreeSet<(Timestamp, DeliveryId)>, now: Timestamp) -> Option<DeliveryId> {
    let &(until, _) = timers.first()?;
    if until > now {
        return None;
    }
    timers.pop_first().map(|(_, delivery)| delivery)
}
