//! Change: the unit of commit. What a change says becomes true for everybody at once, and only when
//! it is durable.

use axle_model::{
    digest::Digest,
    id::{DeliveryId, MessageId},
    ods::OdsCode,
    time::Timestamp,
};
use bytes::Bytes;

use crate::{
    delivery::{Delivery, Step},
    event::Event,
    message::{Message, Warning},
    route::Routed,
};

/// What is to become true.
#[derive(Clone, Debug)]
pub enum Change {
    /// A message is accepted, with its body, for all its recipients or none.
    Accept(Box<Acceptance>),
    /// One delivery takes a step.
    Advance(Advance),
}

/// A message with the body that arrives with it.
#[derive(Clone, Debug)]
pub struct Acceptance {
    /// The message.
    pub message: Message,
    /// The document, as it will be delivered.
    pub body: Bytes,
}

/// One delivery's step.
#[derive(Clone, Debug, PartialEq)]
pub struct Advance {
    /// Whose step.
    pub delivery: DeliveryId,
    /// Who sent the message, so that its watchers need not look it up.
    pub sender: OdsCode,
    /// The step; it counts only on the version it was decided on.
    pub step: Step,
}

impl Acceptance {
    /// A routed document becomes a message named `id`, accepted at `now`.
    pub fn new(routed: &Routed<'_>, id: MessageId, now: Timestamp) -> Self {
        let checked = routed.checked();
        let (submission, sender) = (checked.submission(), checked.sender());
        let warnings = checked.warnings().iter().take(Message::WARNINGS_MAX);
        let deliveries = routed.destinations().iter().map(|destination| {
            Delivery::accept(
                destination.recipient,
                destination.mailbox.clone(),
                sender,
                now,
            )
        });
        let message = Message {
            id,
            sender,
            submission: submission.id.clone(),
            request: submission.request_digest(),
            workflow: routed.workflow().clone(),
            table_version: routed.table_version(),
            media_type: submission.media_type.clone(),
            digest: submission.digest,
            size: submission.body.len() as u64,
            priority: submission.priority,
            order_key: submission.order_key,
            correlation_id: submission.correlation_id.clone(),
            labels: submission.labels.clone(),
            document: checked.document_identity().map(|identity| {
                Digest::of_parts([sender.as_str().as_bytes(), identity.as_bytes().as_slice()])
            }),
            accept_time: now,
            expire_time: now.after(routed.lifetime()),
            warnings: warnings
                .map(|finding| Warning {
                    rule: finding.rule.unwrap_or_default().into(),
                    path: finding.path.as_str().into(),
                    what: finding.what.as_str().into(),
                })
                .collect(),
            deliveries: deliveries.collect(),
        };
        Self {
            message,
            body: submission.body.clone(),
        }
    }
}

/// An entry of the ledger: what one change made true, in the order in which it became so.
#[derive(Clone, Debug, PartialEq)]
pub struct LedgerEntry {
    /// Its place; the first entry of a store is 1, and there are no gaps.
    pub sequence: u64,
    /// The message it is about.
    pub message: MessageId,
    /// Who sent that message.
    pub sender: OdsCode,
    /// What happened.
    pub what: Recorded,
}

/// What a ledger entry records.
#[derive(Clone, Debug, PartialEq)]
pub enum Recorded {
    /// The message was accepted for these recipients.
    Accepted {
        /// When.
        time: Timestamp,
        /// For whom, in the message's order.
        recipients: Vec<OdsCode>,
    },
    /// A delivery took a step.
    Advanced {
        /// Whose delivery.
        recipient: OdsCode,
        /// The word for its state after it.
        state: crate::delivery::State,
        /// What happened.
        event: Event,
    },
}

impl Recorded {
    /// When it happened.
    pub const fn time(&self) -> Timestamp {
        match self {
            Self::Accepted { time, .. } => *time,
            Self::Advanced { event, .. } => event.time,
        }
    }
}
