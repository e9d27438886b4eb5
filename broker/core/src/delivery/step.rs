//! Steps: what somebody wants to happen to a delivery, what that depends on, and what it comes to.

use axle_model::{answer::ResponseCode, id::MessageId, mailbox::MailboxId, time::Timestamp};

use super::State;
use crate::{
    event::{DeadLetterCause, Event},
    lease::LeaseKey,
    retry::Retry,
};

/// What somebody wants to happen to a delivery.
#[derive(Clone, Debug, PartialEq)]
pub enum Move {
    /// A collector takes it.
    Lease {
        /// 128 random bits for the token.
        nonce: [u8; 16],
        /// The lease runs until then.
        until: Timestamp,
        /// What the collector calls itself.
        consumer: Box<str>,
    },
    /// The recipient has stored it.
    Acknowledge {
        /// The lease under which it did.
        lease: LeaseKey,
    },
    /// The recipient will not have it.
    Reject {
        /// The lease under which it was read.
        lease: LeaseKey,
        /// Why, as a code.
        code: Box<str>,
        /// Whether it may be offered again later.
        retryable: bool,
    },
    /// The collector needs more time.
    Extend {
        /// The running lease.
        lease: LeaseKey,
        /// It then runs until then.
        until: Timestamp,
    },
    /// The collector gives it back.
    Release {
        /// The running lease.
        lease: LeaseKey,
        /// It rests until then.
        not_before: Timestamp,
    },
    /// Its lease has run out.
    Lapse,
    /// Its deadline has passed.
    Expire,
    /// An operator offers a dead letter again.
    Requeue {
        /// Why, in the operator's words.
        reason: Box<str>,
    },
    /// Its sender takes it back.
    Withdraw {
        /// Why, in the sender's words.
        reason: Box<str>,
    },
    /// Its sender has replaced it.
    Supersede {
        /// By this message.
        by: MessageId,
    },
    /// An operator sends it to another mailbox.
    Reroute {
        /// Which.
        to: MailboxId,
        /// Why, in the operator's words.
        reason: Box<str>,
    },
    /// An operator gives it back to its sender.
    Return {
        /// Why, in the operator's words.
        reason: Box<str>,
    },
    /// Its mailbox takes and gives nothing any more.
    Close {
        /// Which of the reasons there are.
        cause: DeadLetterCause,
    },
    /// It has waited too long to pass in silence.
    Age,
    /// The recipient's system, or the recipient, answers it.
    Answer {
        /// What the answer says.
        code: ResponseCode,
        /// Whether that is well.
        positive: bool,
        /// The message that brings it.
        response: MessageId,
        /// The message in which the document goes on to another practice.
        rerouted_to: Option<MessageId>,
    },
    /// The time for the next answer is up.
    LapseAnswer,
}

/// What a decision depends on besides the delivery.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances {
    /// The time of the decision.
    pub now: Timestamp,
    /// When a delivery nobody has collected ends.
    pub deadline: Timestamp,
    /// How often it is offered.
    pub retry: Retry,
    /// Random bits for the jitter.
    pub seed: u64,
}

/// A decided step, not yet taken: the delivery as it will be once the step is durable.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The version it was decided on.
    pub from: u32,
    /// What it waits for next.
    pub state: State,
    /// Its attempts after the step.
    pub attempts: u32,
    /// Its newest lease after the step.
    pub lease: Option<LeaseKey>,
    /// Where it waits after the step, when that is another mailbox.
    pub mailbox: Option<MailboxId>,
    /// What happened.
    pub event: Event,
}

/// What a move comes to.
#[expect(
    clippy::large_enum_variant,
    reason = "it is taken apart where it is made, and nearly always a step"
)]
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// This step, once it is committed.
    Step(Step),
    /// Nothing: the same move was made before, and stands.
    Unchanged,
}
