//! The ledger entries that changes make; their sequence is given when they are written.

use axle_core::{
    change::{Advance, LedgerEntry, Recorded, Refused},
    message::Message,
};

/// The entry of a change: what it accepts first, then its steps, then what it refuses.
pub(crate) fn of<'a>(
    accepted: Option<&Message>,
    advances: impl IntoIterator<Item = &'a Advance>,
    refused: Option<&Refused>,
) -> LedgerEntry {
    let steps = advances.into_iter().map(|advance| Recorded::Advanced {
        delivery: advance.delivery,
        sender: advance.sender,
        state: advance.step.state,
        event: advance.step.event.clone(),
    });
    LedgerEntry {
        sequence: 0,
        records: accepted
            .map(acceptance)
            .into_iter()
            .chain(steps)
            .chain(refused.cloned().map(Recorded::Refused))
            .collect(),
    }
}

fn acceptance(message: &Message) -> Recorded {
    let recipients = message.deliveries.iter().map(|one| one.recipient);
    Recorded::Accepted {
        message: message.id,
        sender: message.sender,
        time: message.accept_time,
        recipients: recipients.collect(),
    }
}
