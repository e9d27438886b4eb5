//! Delivery: one message on its way to one recipient, as a state machine.
//!
//! ```text
//!              lease                 acknowledge
//!   Queued ───────────▶ Leased ───────────────────▶ Acknowledged  ■
//!     ▲  ▲   release,     │ │ reject, final
//!     │  └── lapse, ──────┘ ├───────────────────────▶ Rejected      ■ notice
//!     │      reject, retry  │ lapse or retryable reject, attempts spent
//!     │      requeue        ▼
//!     └────────────── DeadLettered  notice
//!   Queued, DeadLettered, or a lease that lapses past the deadline ──▶ Expired  ■ notice
//! ```
//! ■ is terminal: nothing leaves it. A notice is an event that the sender must be told of.
//! An acknowledgement or a rejection with the newest lease counts even after that lease has run
//! out, as long as nobody else has been given the delivery: the practice did the work.

mod step;

pub use step::{Circumstances, Move, Outcome, Step};

use axle_model::{
    mailbox::MailboxId,
    ods::OdsCode,
    refusal::{Reason, Refusal},
    time::Timestamp,
};

use crate::{
    event::{Actor, Event, EventKind},
    lease::LeaseKey,
};

/// One message for one recipient.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// The organisation it is for.
    pub recipient: OdsCode,
    /// Where it waits.
    pub mailbox: MailboxId,
    /// What it waits for.
    pub state: State,
    /// Counts its steps; a change names the version it was decided on.
    pub version: u32,
    /// How often it has been leased since it was accepted or requeued, released leases aside.
    pub attempts: u32,
    /// Its newest lease, running or not.
    pub lease: Option<LeaseKey>,
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
}

impl State {
    /// Whether nothing leaves this state.
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Acknowledged | Self::Rejected | Self::Expired => true,
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
            timeline: vec![accepted],
        }
    }

    /// Decides what `wanted` comes to, made by `by`. Changes nothing: the step counts once it is
    /// committed and [recorded](Self::record).
    pub fn decide(&self, wanted: Move, by: Actor, at: Circumstances) -> Result<Outcome, Refusal> {
        let now = at.now;
        let event = |kind| Event::new(kind, by.clone(), now);
        let step = |state, kind| Ok(Outcome::Step(self.to(state, event(kind))));
        match wanted {
            Move::Lease {
                nonce,
                until,
                consumer,
            } => {
                self.available(now)?;
                let epoch = self.lease.map_or(1, |lease| lease.epoch.saturating_add(1));
                let kind = EventKind::Leased {
                    consumer,
                    until,
                    epoch,
                };
                Ok(Outcome::Step(Step {
                    attempts: self.attempts.saturating_add(1),
                    lease: Some(LeaseKey { epoch, nonce }),
                    ..self.to(State::Leased { until }, event(kind))
                }))
            }
            Move::Acknowledge { lease } => match self.settled_under(lease, State::Acknowledged)? {
                true => Ok(Outcome::Unchanged),
                false => step(State::Acknowledged, EventKind::Acknowledged),
            },
            Move::Reject {
                lease,
                code,
                retryable: false,
            } => match self.settled_under(lease, State::Rejected)? {
                true => Ok(Outcome::Unchanged),
                false => step(State::Rejected, EventKind::Rejected { code, until: None }),
            },
            Move::Reject {
                lease,
                code,
                retryable: true,
            } => {
                self.running(lease)?;
                Ok(Outcome::Step(self.fail(&by, at, |until| {
                    EventKind::Rejected { code, until }
                })))
            }
            Move::Extend { lease, until } => {
                self.running(lease)?;
                step(State::Leased { until }, EventKind::Extended { until })
            }
            Move::Release { lease, not_before } => {
                self.running(lease)?;
                let kind = EventKind::Released { until: not_before };
                Ok(Outcome::Step(Step {
                    // The collector made no attempt, so giving back spends none.
                    attempts: self.attempts.saturating_sub(1),
                    ..self.to(State::Queued { not_before }, event(kind))
                }))
            }
            Move::Lapse => {
                self.lapsed(now)?;
                Ok(Outcome::Step(
                    self.fail(&by, at, |until| EventKind::Lapsed { until }),
                ))
            }
            Move::Expire => {
                self.expired(at)?;
                step(State::Expired, EventKind::Expired)
            }
            Move::Requeue { reason } => {
                self.dead()?;
                Ok(Outcome::Step(Step {
                    attempts: 0,
                    ..self.to(
                        State::Queued { not_before: now },
                        event(EventKind::Requeued { reason }),
                    )
                }))
            }
        }
    }

    /// Takes a step that has been committed.
    pub fn record(&mut self, step: Step) {
        self.state = step.state;
        self.version = step.from.wrapping_add(1);
        self.attempts = step.attempts;
        self.lease = step.lease;
        if self.timeline.len() >= Self::TIMELINE_EVENTS_MAX {
            self.timeline.remove(1);
        }
        self.timeline.push(step.event);
    }

    fn to(&self, state: State, event: Event) -> Step {
        let (attempts, lease) = (self.attempts, self.lease);
        Step {
            from: self.version,
            state,
            attempts,
            lease,
            event,
        }
    }

    /// An offer came to nothing: past the deadline it expires, with its attempts spent it becomes a
    /// dead letter, otherwise it rests and is offered again.
    fn fail(
        &self,
        by: &Actor,
        at: Circumstances,
        kind: impl FnOnce(Option<Timestamp>) -> EventKind,
    ) -> Step {
        let event = |kind| Event::new(kind, by.clone(), at.now);
        if at.deadline <= at.now {
            return self.to(State::Expired, event(EventKind::Expired));
        }
        if self.attempts >= at.retry.attempts_max {
            let kind = EventKind::DeadLettered {
                attempts: self.attempts,
            };
            return self.to(State::DeadLettered, event(kind));
        }
        let not_before = at.retry.next(self.attempts, at.seed, at.now);
        self.to(State::Queued { not_before }, event(kind(Some(not_before))))
    }

    /// Whether the delivery is already settled as `wanted` under `lease`; `false` when it still can
    /// be. The newest lease may settle even after it has run out.
    fn settled_under(&self, lease: LeaseKey, wanted: State) -> Result<bool, Refusal> {
        if self.lease != Some(lease) {
            return Err(self.lease_lost());
        }
        match self.state {
            State::Queued { .. } | State::Leased { .. } | State::DeadLettered => Ok(false),
            state @ (State::Acknowledged | State::Rejected | State::Expired) if state == wanted => {
                Ok(true)
            }
            State::Acknowledged | State::Rejected | State::Expired => Err(self.lease_lost()),
        }
    }

    fn running(&self, lease: LeaseKey) -> Result<(), Refusal> {
        let runs = matches!(self.state, State::Leased { .. }) && self.lease == Some(lease);
        if runs { Ok(()) } else { Err(self.lease_lost()) }
    }

    fn available(&self, now: Timestamp) -> Result<(), Refusal> {
        let available = matches!(self.state, State::Queued { not_before } if not_before <= now);
        self.require(available, "leased", "only a queued delivery can be")
    }

    fn lapsed(&self, now: Timestamp) -> Result<(), Refusal> {
        let lapsed = matches!(self.state, State::Leased { until } if until <= now);
        self.require(lapsed, "lapsed", "only a lease that has run out can be")
    }

    fn expired(&self, at: Circumstances) -> Result<(), Refusal> {
        let unheld = matches!(self.state, State::Queued { .. } | State::DeadLettered);
        let which = "only one past its deadline that nobody holds can be";
        self.require(unheld && at.deadline <= at.now, "expired", which)
    }

    fn dead(&self) -> Result<(), Refusal> {
        self.require(
            self.state == State::DeadLettered,
            "requeued",
            "only a dead letter can be",
        )
    }

    fn require(&self, holds: bool, wanted: &str, which: &str) -> Result<(), Refusal> {
        if holds {
            Ok(())
        } else {
            Err(self.not_in_state(wanted, which))
        }
    }

    fn lease_lost(&self) -> Refusal {
        Refusal::new(
            Reason::LeaseLost,
            format!(
                "the lease is over; the delivery is now {}",
                self.state.as_str()
            ),
            "collect again: what is still undelivered is offered under a new lease",
        )
        .about(self.recipient)
    }

    fn not_in_state(&self, wanted: &str, which: &str) -> Refusal {
        Refusal::new(
            Reason::DeliveryNotInState,
            format!(
                "a delivery that is {} cannot be {wanted}",
                self.state.as_str()
            ),
            format!("look at its timeline: {which}"),
        )
        .about(self.recipient)
    }
}

#[cfg(test)]
mod tests;
