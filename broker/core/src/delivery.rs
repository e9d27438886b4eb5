//! Delivery: one message on its way to one recipient, as a state machine.
//!
//! ```text
//!              lease                 acknowledge
//!   Queued ───────────▶ Leased ───────────────────▶ Acknowledged  ■
//!     ▲  ▲   release,     │ │ reject, final
//!     │  └── lapse, ──────┘ ├───────────────────────▶ Rejected      ■ notice
//!     │      reject, retry  │ lapse or retryable reject, attempts spent
//!     │      requeue        ▼
//!     └────────────── DeadLettered  notice ◀── Queued, when its mailbox closes
//!   Queued, DeadLettered, or a lease that lapses past the deadline ──▶ Expired  ■ notice
//!   Queued, DeadLettered ── withdraw, supersede ──▶ Withdrawn ■ (a lease runs on; when it lapses,
//!                                                    or is given back, what was superseded ends)
//!   Queued, DeadLettered ── return ──▶ Rejected ■ notice    ── reroute ──▶ Queued elsewhere
//!   anything unsettled ── age ──▶ the same, once, with a warning
//! ```
//! What is parked is accepted into a mailbox of the broker's own, which is closed by its nature.
//! The answers of its recipient go on beside this, also after its end: see [`crate::answer`].
//!
//! ■ is terminal: nothing leaves it. A notice is an event that the sender must be told of.
//! An acknowledgement or a rejection with the newest lease counts even after that lease has run
//! out, as long as nobody else has been given the delivery: the practice did the work. A reroute
//! ends that too. What is asked again by a caller that did not hear the answer changes nothing.

mod decide;
mod exchange;
mod routing;
mod step;

pub use routing::{Basis, Redirect, Routing};
pub use step::{Circumstances, Move, Outcome, Step};

use axle_model::{
    envelope::RecipientType, id::MessageId, mailbox::MailboxId, ods::OdsCode, time::Timestamp,
};

use crate::{
    answer::Answers,
    event::{Actor, DeadLetterCause, Event, EventKind},
    lease::LeaseKey,
};

/// One message for one recipient.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// The organisation it is for, as its sender or the routing table named it. It names the delivery
    /// for good, also when it waits in another's mailbox.
    pub recipient: OdsCode,
    /// Where it waits. Who may collect it follows from this alone.
    pub mailbox: MailboxId,
    /// What it waits for.
    pub state: State,
    /// Counts its steps; a change names the version it was decided on.
    pub version: u32,
    /// How often it has been leased since it was accepted or requeued, released leases aside.
    pub attempts: u32,
    /// Its newest lease, running or not.
    pub lease: Option<LeaseKey>,
    /// Whether its sender was warned that it waits too long.
    pub aged: bool,
    /// Since when it has been tried: its first lease since it was accepted, requeued or rerouted.
    pub tried_since: Option<Timestamp>,
    /// The message that replaced it. One that was leased then ends when the lease comes to nothing.
    pub superseded_by: Option<MessageId>,
    /// What its recipient is to do with it.
    pub recipient_type: RecipientType,
    /// How its recipient and its first mailbox were found.
    pub routing: Routing,
    /// How the answers stand that its message asks for.
    pub answers: Answers,
    /// What has happened to it, oldest first, at most [`Delivery::TIMELINE_EVENTS_MAX`] events.
    pub timeline: Vec<Event>,
}

/// What a delivery waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// For a collector, from this time on.
    Queued {
        /// It rests until then.
        not_before: Timestamp,
    },
    /// For its collector's word.
    Leased {
        /// The lease runs until then.
        until: Timestamp,
    },
    /// For an operator: its attempts are spent.
    DeadLettered,
    /// For nothing: the recipient has it.
    Acknowledged,
    /// For nothing: the recipient refused it.
    Rejected,
    /// For nothing: nobody collected it in time.
    Expired,
    /// For nothing: its sender took it back or replaced it.
    Withdrawn,
}

impl State {
    /// Whether nothing leaves this state.
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Acknowledged | Self::Rejected | Self::Expired | Self::Withdrawn => true,
            Self::Queued { .. } | Self::Leased { .. } | Self::DeadLettered => false,
        }
    }

    /// The state in a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued { .. } => "queued",
            Self::Leased { .. } => "leased",
            Self::DeadLettered => "dead-lettered",
            Self::Acknowledged => "acknowledged",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl Delivery {
    /// The most events a timeline keeps; the first and the latest stay. (The journal keeps all.)
    pub const TIMELINE_EVENTS_MAX: usize = 48;

    /// A delivery as it is accepted: at once available.
    pub fn accept(recipient: OdsCode, mailbox: MailboxId, sender: OdsCode, now: Timestamp) -> Self {
        let accepted = Event::new(EventKind::Accepted, Actor::Organisation(sender), now);
        Self {
            recipient,
            mailbox,
            state: State::Queued { not_before: now },
            version: 0,
            attempts: 0,
            lease: None,
            aged: false,
            tried_since: None,
            superseded_by: None,
            recipient_type: RecipientType::default(),
            routing: Routing::default(),
            answers: Answers::default(),
            timeline: vec![accepted],
        }
    }

    /// Why it is parked, while it is.
    pub fn parked(&self) -> Option<DeadLetterCause> {
        DeadLetterCause::of_parked(&self.mailbox)
    }

    /// Takes a step that has been committed.
    pub fn record(&mut self, step: Step) {
        self.state = step.state;
        self.version = step.from.wrapping_add(1);
        self.attempts = step.attempts;
        self.lease = step.lease;
        self.note(&step.event);
        if let Some(mailbox) = step.mailbox {
            self.mailbox = mailbox;
        }
        if self.timeline.len() >= Self::TIMELINE_EVENTS_MAX {
            self.timeline.remove(1);
        }
        self.timeline.push(step.event);
    }

    /// Keeps what the timeline may lose.
    fn note(&mut self, event: &Event) {
        self.answers.note(event);
        match event.kind {
            EventKind::Aged => self.aged = true,
            EventKind::Leased { .. } => {
                self.tried_since.get_or_insert(event.time);
            }
            EventKind::Requeued { .. } | EventKind::Rerouted { .. } => self.tried_since = None,
            EventKind::Superseded { by } => self.superseded_by = Some(by),
            EventKind::Accepted
            | EventKind::Extended { .. }
            | EventKind::Released { .. }
            | EventKind::Lapsed { .. }
            | EventKind::Acknowledged
            | EventKind::Rejected { .. }
            | EventKind::DeadLettered { .. }
            | EventKind::Expired
            | EventKind::Withdrawn { .. }
            | EventKind::Returned { .. }
            | EventKind::Answered { .. }
            | EventKind::AnswerLapsed { .. } => {}
        }
    }

    fn to(&self, state: State, event: Event) -> Step {
        let (attempts, lease) = (self.attempts, self.lease);
        Step {
            from: self.version,
            state,
            attempts,
            lease,
            mailbox: None,
            event,
        }
    }
}

#[cfg(test)]
mod tests;
