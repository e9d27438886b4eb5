//! The ledger entries that changes make; their sequence is given when they are written.

use axle_core::{
    change::{Advance, LedgerEntry, Recorded},
    message::Message,
};

/// The entry of an acceptance.
pub(crate) fn accepted(message: &Message) -> LedgerEntry {
    let recipients = message.deliveries.iter().map(|one| one.recipient);
    LedgerEntry {
        sequence: 0,
        message: message.id,
        sender: message.sender,
        what: Recorded::Accepted {
            time: message.accept_time,
            recipients: recipients.collect(),
        },
    }
}

/// The entry of a delivery's step.
pub(crate) fn advanced(advance: &Advance) -> LedgerEntry {
    LedgerEntry {
        sequence: 0,
        message: advance.delivery.message,
        sender: advance.sender,
        what: Recorded::Advanced {
            recipient: advance.delivery.recipient,
            state: advance.step.state,
            event: advance.step.event.clone(),
        },
    }
}
