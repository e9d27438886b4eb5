//! Credits: how much a collector's stream may still be given, kept from what it holds.

use std::collections::HashMap;

use axle_core::lease::LeaseToken;
use axle_model::{id::DeliveryId, time::Timestamp};

use crate::engine::collect::Room;

/// What a stream holds, and how much it may.
#[derive(Debug)]
pub(super) struct Credits {
    deliveries_max: usize,
    bytes_max: u64,
    held: HashMap<DeliveryId, Held>,
    bytes_held: u64,
}

#[derive(Debug)]
struct Held {
    epoch: u32,
    bytes: u64,
    until: Timestamp,
}

impl Credits {
    pub(super) fn new(deliveries_max: usize, bytes_max: u64) -> Self {
        Self {
            deliveries_max,
            bytes_max,
            held: HashMap::new(),
            bytes_held: 0,
        }
    }

    /// Replaces the limits; what is held stays held.
    pub(super) const fn set(&mut self, deliveries_max: usize, bytes_max: u64) {
        self.deliveries_max = deliveries_max;
        self.bytes_max = bytes_max;
    }

    pub(super) fn take(&mut self, token: &LeaseToken, bytes: u64, until: Timestamp) {
        let held = Held {
            epoch: token.key.epoch,
            bytes,
            until,
        };
        self.bytes_held += bytes;
        if let Some(before) = self.held.insert(token.delivery, held) {
            self.bytes_held -= before.bytes;
        }
    }

    pub(super) fn extend(&mut self, token: &LeaseToken, until: Timestamp) {
        if let Some(held) = self.held.get_mut(&token.delivery)
            && held.epoch == token.key.epoch
        {
            held.until = until;
        }
    }

    pub(super) fn give_back(&mut self, token: &LeaseToken) {
        if self
            .held
            .get(&token.delivery)
            .is_some_and(|held| held.epoch == token.key.epoch)
            && let Some(held) = self.held.remove(&token.delivery)
        {
            self.bytes_held -= held.bytes;
        }
    }

    /// Whether every lease taken has been settled or has run out.
    pub(super) fn holds_nothing(&self, now: Timestamp) -> bool {
        self.held.values().all(|held| held.until <= now)
    }

    /// The room there is at `now`, once leases that have run out are let go; `None` when there is
    /// none.
    pub(super) fn room(&mut self, now: Timestamp) -> Option<Room> {
        if self.held.len() >= self.deliveries_max || self.bytes_held >= self.bytes_max {
            let bytes_held = &mut self.bytes_held;
            self.held.retain(|_, held| {
                let runs = held.until > now;
                *bytes_held -= if runs { 0 } else { held.bytes };
                runs
            });
        }
        let deliveries = self.deliveries_max.saturating_sub(self.held.len());
        let bytes = self.bytes_max.saturating_sub(self.bytes_held);
        (deliveries > 0 && bytes > 0).then_some(Room { deliveries, bytes })
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests fail by panicking")]
mod tests {
    use axle_core::lease::LeaseKey;
    use axle_model::{id::MessageId, ods::OdsCode};

    use super::*;

    fn token(number: u8) -> LeaseToken {
        let recipient = OdsCode::parse("K81003").expect("a code");
        let delivery = DeliveryId {
            message: MessageId::from_bytes([number; 16]),
            recipient,
        };
        LeaseToken {
            delivery,
            key: LeaseKey {
                epoch: 1,
                nonce: [0; 16],
            },
        }
    }

    const NOW: Timestamp = Timestamp::from_micros(10);
    const LATER: Timestamp = Timestamp::from_micros(20);

    #[test]
    fn what_is_held_takes_room_until_it_is_given_back() {
        let mut credits = Credits::new(2, 100);
        credits.take(&token(1), 60, LATER);
        assert_eq!(
            credits.room(NOW).map(|room| (room.deliveries, room.bytes)),
            Some((1, 40))
        );
        credits.take(&token(2), 1, LATER);
        assert!(credits.room(NOW).is_none(), "no delivery left");
        credits.give_back(&token(2));
        credits.give_back(&token(2));
        assert_eq!(
            credits.room(NOW).map(|room| (room.deliveries, room.bytes)),
            Some((1, 40))
        );
    }

    #[test]
    fn a_lease_that_has_run_out_takes_no_room() {
        let mut credits = Credits::new(1, 100);
        credits.take(&token(1), 500, LATER);
        assert!(credits.room(NOW).is_none());
        assert_eq!(
            credits
                .room(LATER)
                .map(|room| (room.deliveries, room.bytes)),
            Some((1, 100))
        );
    }

    #[test]
    fn an_old_lease_of_the_same_delivery_gives_nothing_back() {
        let mut credits = Credits::new(1, 100);
        let mut newer = token(1);
        newer.key.epoch = 2;
        credits.take(&newer, 10, LATER);
        credits.give_back(&token(1));
        assert!(credits.room(NOW).is_none());
    }
}
