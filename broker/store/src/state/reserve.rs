//! Reservations, for a store whose changes take time to become durable: what is on its way is
//! nobody else's meanwhile, and leases given out meanwhile wait for the journal.

use axle_core::change::Advance;
use axle_model::id::DeliveryId;

use super::{Body, State};
use crate::StoreError;

impl<B: Body> State<B> {
    /// Whether a step may be taken, as [`check`](Self::check) says; if so, its delivery is nobody
    /// else's until [`release_all`](Self::release_all).
    pub(crate) fn reserve(&mut self, advance: &Advance) -> Result<(), StoreError> {
        self.check(advance)?;
        if self.reserved.insert(advance.delivery) {
            Ok(())
        } else {
            Err(StoreError::Stale {
                delivery: advance.delivery,
            })
        }
    }

    /// Ends the reservation of one delivery.
    pub(crate) fn release(&mut self, delivery: &DeliveryId) {
        self.reserved.remove(delivery);
    }

    /// Ends every reservation.
    pub(crate) fn release_all(&mut self) {
        self.reserved.clear();
        self.uploads.release_all();
    }

    /// The leases given out since this was last asked. Whoever writes the journal asks before it
    /// writes anything that was decided on this state, so that a lease comes before what follows it.
    pub(crate) fn take_leases(&mut self) -> Vec<Advance> {
        std::mem::take(&mut self.leases)
    }

    /// Whether there are leases that nobody has taken to the journal.
    pub(crate) const fn has_leases(&self) -> bool {
        !self.leases.is_empty()
    }
}
