//! Events: what has happened to a delivery, when, and by whose hand. They make its timeline, the
//! sender's watch and the ledger.

use axle_model::{
    answer::{ResponseCode, Stage},
    id::MessageId,
    mailbox::{MailboxId, WorkflowId},
    ods::OdsCode,
    time::Timestamp,
};

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
    /// It is set aside for an operator.
    DeadLettered {
        /// How many offers there were.
        attempts: u32,
        /// Why it is not offered any more.
        cause: DeadLetterCause,
    },
    /// Nobody collected it in time.
    Expired,
    /// An operator offered it again.
    Requeued {
        /// Why, in the operator's words.
        reason: Box<str>,
    },
    /// Its sender took it back before anybody had collected it.
    Withdrawn {
        /// Why, in the sender's words.
        reason: Box<str>,
    },
    /// Its sender replaced it by a newer document before anybody had collected it.
    Superseded {
        /// The message of the newer one.
        by: MessageId,
    },
    /// An operator sent it to another mailbox.
    Rerouted {
        /// Where it waited before.
        from: MailboxId,
        /// Where it waits now.
        to: MailboxId,
        /// Why, in the operator's words.
        reason: Box<str>,
    },
    /// An operator gave it back to its sender, undelivered.
    Returned {
        /// Why, in the operator's words.
        reason: Box<str>,
    },
    /// It has waited longer than its workflow allows without a warning.
    Aged,
    /// Its recipient answered it.
    Answered {
        /// What the answer says.
        code: ResponseCode,
        /// Whether that is well.
        positive: bool,
        /// The message that brought it.
        response: MessageId,
        /// The message in which the document goes on to the practice that has the patient now.
        rerouted_to: Option<MessageId>,
    },
    /// An answer that was asked for did not come in time.
    AnswerLapsed {
        /// Which.
        stage: Stage,
    },
}

impl EventKind {
    /// Whether it is part of the exchange with the recipient, which goes on beside the transport.
    pub const fn is_of_exchange(&self) -> bool {
        matches!(self, Self::Answered { .. } | Self::AnswerLapsed { .. })
    }
}

/// Why a delivery is set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadLetterCause {
    /// It was offered as often as its workflow allows.
    AttemptsSpent,
    /// Its mailbox was closed.
    MailboxClosed,
    /// The directory no longer lists its mailbox: the organisation is gone.
    OrganisationWithdrawn,
    /// Its type is one that the routing table does not know.
    ParkedUnknownType,
    /// It cannot be told who has taken over from its recipient.
    ParkedSuccessorAmbiguous,
    /// The register of organisations is older than it may be.
    ParkedRegisterStale,
    /// A rule of the routing table holds it.
    ParkedHeld,
}

impl DeadLetterCause {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::AttemptsSpent,
        Self::MailboxClosed,
        Self::OrganisationWithdrawn,
        Self::ParkedUnknownType,
        Self::ParkedSuccessorAmbiguous,
        Self::ParkedRegisterStale,
        Self::ParkedHeld,
    ];

    /// The cause as a code.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AttemptsSpent => "ATTEMPTS_SPENT",
            Self::MailboxClosed => "MAILBOX_CLOSED",
            Self::OrganisationWithdrawn => "ORGANISATION_WITHDRAWN",
            Self::ParkedUnknownType => "PARKED_UNKNOWN_TYPE",
            Self::ParkedSuccessorAmbiguous => "PARKED_SUCCESSOR_AMBIGUOUS",
            Self::ParkedRegisterStale => "PARKED_REGISTER_STALE",
            Self::ParkedHeld => "PARKED_HELD",
        }
    }

    /// Whether it is that of a delivery that was set aside as it was accepted.
    pub const fn is_parked(self) -> bool {
        match self {
            Self::AttemptsSpent | Self::MailboxClosed | Self::OrganisationWithdrawn => false,
            Self::ParkedUnknownType
            | Self::ParkedSuccessorAmbiguous
            | Self::ParkedRegisterStale
            | Self::ParkedHeld => true,
        }
    }

    /// The mailbox of the broker's own that holds what is parked for this cause. Nobody can collect
    /// from it: no certificate names the broker.
    pub fn mailbox(self) -> MailboxId {
        MailboxId {
            organisation: OdsCode::BROKER,
            workflow: WorkflowId::parse(self.as_str()).ok(),
        }
    }

    /// Why what is in this mailbox is parked; `None` for a mailbox that documents are collected from.
    pub fn of_parked(mailbox: &MailboxId) -> Option<Self> {
        if mailbox.organisation != OdsCode::BROKER {
            return None;
        }
        let name = mailbox.workflow.as_ref()?.as_str();
        let mut all = Self::ALL.into_iter();
        all.find(|cause| cause.is_parked() && cause.as_str() == name)
    }
}

impl Event {
    /// An event.
    pub const fn new(kind: EventKind, by: Actor, time: Timestamp) -> Self {
        Self { kind, by, time }
    }

    /// Whether the sender must be told: the document has not reached its reader, and may not
    /// without somebody's doing.
    pub const fn is_notice(&self) -> bool {
        let answered_no = matches!(
            self.kind,
            EventKind::Answered {
                positive: false,
                ..
            }
        );
        self.is_reported() || answered_no || matches!(self.kind, EventKind::Aged)
    }

    /// Whether the broker sends its sender a report: the document is given up, or its recipient says
    /// nothing. A negative answer is itself in the sender's mailbox.
    pub const fn is_reported(&self) -> bool {
        self.is_undelivered() || matches!(self.kind, EventKind::AnswerLapsed { .. })
    }

    /// Whether the document is given up, for good or until an operator acts.
    pub const fn is_undelivered(&self) -> bool {
        match self.kind {
            EventKind::Rejected { until: None, .. }
            | EventKind::DeadLettered { .. }
            | EventKind::Returned { .. }
            | EventKind::Expired => true,
            EventKind::Accepted
            | EventKind::Leased { .. }
            | EventKind::Extended { .. }
            | EventKind::Released { .. }
            | EventKind::Lapsed { .. }
            | EventKind::Acknowledged
            | EventKind::Rejected { until: Some(_), .. }
            | EventKind::Requeued { .. }
            | EventKind::Withdrawn { .. }
            | EventKind::Superseded { .. }
            | EventKind::Rerouted { .. }
            | EventKind::Aged
            | EventKind::Answered { .. }
            | EventKind::AnswerLapsed { .. } => false,
        }
    }
}
