//! Change: the unit of commit. What a change says becomes true for everybody at once, and only when
//! it is durable.

use axle_model::{
    digest::Digest,
    facts::Facts,
    id::{DeliveryId, MessageId, SubmissionId},
    ods::OdsCode,
    time::Timestamp,
};
use bytes::Bytes;

use crate::{
    answer::{Answer, Answers},
    delivery::{Delivery, State, Step},
    event::Event,
    message::{Message, Warning},
    order,
    route::Routed,
};

/// What is to become true, all of it or nothing.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// A message is accepted, with its body, for all its recipients or none.
    pub accept: Option<Box<Acceptance>>,
    /// Deliveries take a step each.
    pub advance: Vec<Advance>,
    /// A submission was refused, and its sender can ask about it later.
    pub refuse: Option<Refused>,
}

/// A message with the body that arrives with it.
#[derive(Clone, Debug)]
pub struct Acceptance {
    /// The message.
    pub message: Message,
    /// The document.
    pub body: Body,
}

/// A document on its way into the store.
#[derive(Clone, Debug)]
pub enum Body {
    /// All of it, as it will be delivered.
    Whole(Bytes),
    /// It was uploaded piece by piece under the message's submission id, by the call of this number.
    Uploaded(u64),
}

impl Body {
    /// The bytes that are still to be written.
    pub fn bytes(&self) -> Bytes {
        match self {
            Self::Whole(bytes) => bytes.clone(),
            Self::Uploaded(_) => Bytes::new(),
        }
    }
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

/// A submission that was refused. Its sender was told in full; this is what is kept of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Who submitted it.
    pub sender: OdsCode,
    /// The sender's own name for it.
    pub submission: SubmissionId,
    /// SHA-256 of the document as its sender has it, when that is known.
    pub digest: Option<Digest>,
    /// Why, as the code of a reason.
    pub reason: Box<str>,
    /// When.
    pub time: Timestamp,
}

impl From<Acceptance> for Change {
    fn from(acceptance: Acceptance) -> Self {
        Self::from(Box::new(acceptance))
    }
}

impl From<Box<Acceptance>> for Change {
    fn from(acceptance: Box<Acceptance>) -> Self {
        Self {
            accept: Some(acceptance),
            ..Self::default()
        }
    }
}

impl From<Refused> for Change {
    fn from(refused: Refused) -> Self {
        Self {
            refuse: Some(refused),
            ..Self::default()
        }
    }
}

impl From<Advance> for Change {
    fn from(advance: Advance) -> Self {
        Self {
            advance: vec![advance],
            ..Self::default()
        }
    }
}

impl From<Vec<Advance>> for Change {
    fn from(advance: Vec<Advance>) -> Self {
        Self {
            advance,
            ..Self::default()
        }
    }
}

impl Acceptance {
    /// A routed document becomes a message named `id`, accepted at `now`.
    pub fn new(routed: &Routed<'_>, id: MessageId, now: Timestamp) -> Self {
        let checked = routed.checked();
        let (submission, sender) = (checked.submission(), checked.sender());
        // What became of the recipients counts above what the document bends.
        let warnings = routed.warnings().iter().chain(checked.warnings());
        let warnings = warnings.take(Message::WARNINGS_MAX);
        let within = |identity: Digest| Message::name_within(sender, identity);
        let terms = routed.terms();
        let asked = checked.facts().map(Facts::asked).unwrap_or_default();
        let answers = Answers::asked(asked, terms.inf_due, terms.bus_due);
        let deliveries = routed.destinations().iter().map(|destination| Delivery {
            recipient_type: destination.recipient_type,
            routing: destination.routing.clone(),
            answers,
            ..Delivery::accept(
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
            routed_by: routed.routed_by(),
            media_type: submission.media_type.clone(),
            digest: submission.digest,
            size: submission.body.len() as u64,
            priority: routed.priority(),
            order_key: order::key(routed.terms().order, checked),
            order_hold: routed.terms().order_hold,
            correlation_id: submission.correlation_id.clone(),
            labels: submission.labels.clone(),
            document: checked.document_identity().map(within),
            names: checked.facts().map_or_else(Vec::new, |facts| {
                let names = facts.names().into_iter();
                let names = names.chain(facts.message_names()).map(within);
                names.collect()
            }),
            replaces: checked.facts().map_or_else(Vec::new, |facts| {
                facts.replaces().into_iter().map(within).collect()
            }),
            accept_time: now,
            expire_time: now.after(routed.lifetime()),
            warn_time: now.after(routed.terms().warn_after(routed.priority())),
            warnings: warnings
                .map(|finding| Warning {
                    rule: finding.rule.unwrap_or_default().into(),
                    path: finding.path.as_str().into(),
                    what: finding.placed().into(),
                })
                .collect(),
            answer: checked.facts().and_then(Answer::of).map(Box::new),
            reroute_once: routed.reroute_once(),
            rerouted_from: None,
            deliveries: deliveries.collect(),
        };
        Self {
            message,
            body: Body::Whole(submission.body.clone()),
        }
    }

    /// The same of a document of this many bytes that was uploaded by the call of this number.
    #[must_use]
    pub fn uploaded(mut self, size: u64, call: u64) -> Self {
        self.message.size = size;
        self.body = Body::Uploaded(call);
        self
    }
}

/// An entry of the ledger: what one change made true, in the order in which it became so.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LedgerEntry {
    /// Its place; the first entry of a store is 1, and there are no gaps.
    pub sequence: u64,
    /// What became true together; nothing for a piece of an upload, which nobody may see yet.
    pub records: Vec<Recorded>,
}

/// One thing that became true.
#[derive(Clone, Debug, PartialEq)]
pub enum Recorded {
    /// A message was accepted.
    Accepted {
        /// Which.
        message: MessageId,
        /// Who sent it.
        sender: OdsCode,
        /// When.
        time: Timestamp,
        /// For whom, in the message's order.
        recipients: Vec<OdsCode>,
    },
    /// A delivery took a step.
    Advanced {
        /// Whose step.
        delivery: DeliveryId,
        /// Who sent the message.
        sender: OdsCode,
        /// Its state after the step.
        state: State,
        /// What happened.
        event: Event,
    },
    /// A submission was refused.
    Refused(Refused),
}

impl Recorded {
    /// The organisation whose message or submission it is about.
    pub const fn sender(&self) -> OdsCode {
        match self {
            Self::Accepted { sender, .. }
            | Self::Advanced { sender, .. }
            | Self::Refused(Refused { sender, .. }) => *sender,
        }
    }

    /// When it happened.
    pub const fn time(&self) -> Timestamp {
        match self {
            Self::Accepted { time, .. } => *time,
            Self::Advanced { event, .. } => event.time,
            Self::Refused(refused) => refused.time,
        }
    }
}
