//! Events: what has happened to a delivery, when, and by whose hand. They make its timeline, the
//! sender's watch and the ledger.

use axle_model::{ods::OdsCode, time::Timestamp};

/// One thing that happened to a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What.
    pub kind: EventKind,
    /// By whose hand.
    pub by: Actor,
    /// When.
    pub time: Timestamp,
}

/// Whose hand it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// An organisation, by its certificate.
    Organisation(OdsCode),
    /// An operator, by the serial number of the certificate.
    Operator(Box<str>),
    /// The broker's own clock.
    Broker,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The message was durably accepted for this recipient.
    Accepted,
    /// A collector took it.
    Leased {
        /// What the collector calls itself.
        consumer: Box<str>,
        /// The lease runs until then.
        until: Timestamp,
        /// The number of the lease, from 1.
        epoch: u32,
    },
    /// The collector asked for more time.
    Extended {
        /// The lease now runs until then.
        until: Timestamp,
    },
    /// The collector gave it back.
    Released {
        /// It rests until then.
        until: Timestamp,
    },
    /// The lease ran out.
    Lapsed {
        /// It rests until then.
        until: Option<Timestamp>,
    },
    /// The recipient has it.
    Acknowledged,
    /// The recipient refused it.
    Rejected {
        /// Why, as the recipient's code.
        code: Box<str>,
        /// It rests until then and is offered again; `None` when the refusal is final.
        until: Option<Timestamp>,
    },
    /// Its attempts are spent.
    DeadLettered {
        /// How many there were.
        attempts: u32,
    },
    /// Nobody collected it in time.
    Expired,
    /// An operator offered it again.
    Requeued {
        /// Why, in the operator's words.
        reason: Box<str>,
    },
}

impl Event {
    /// An event.
    pub const fn new(kind: EventKind, by: Actor, time: Timestamp) -> Self {
        Self { kind, by, time }
    }

    /// Whether the sender must be told: the document has not reached its recipient, and will not
    /// without somebody's doing.
    pub const fn is_notice(&self) -> bool {
        match self.kind {
            EventKind::Rejected { until: None, .. }
            | EventKind::DeadLettered { .. }
            | EventKind::Expired => true,
            EventKind::Accepted
            | EventKind::Leased { .. }
            | EventKind::Extended { .. }
            | EventKind::Released { .. }
            | EventKind::Lapsed { .. }
            | EventKind::Acknowledged
            | EventKind::Rejected { until: Some(_), .. }
            | EventKind::Requeued { .. } => false,
        }
    }
}
