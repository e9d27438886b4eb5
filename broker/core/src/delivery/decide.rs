//! Decide: what a move comes to, by the delivery's state alone. Nothing here changes a delivery.

use axle_model::{
    refusal::{Reason, Refusal},
    time::Timestamp,
};

use super::{Circumstances, Delivery, Move, Outcome, State, Step};
use crate::{
    event::{Actor, DeadLetterCause, Event, EventKind},
    lease::LeaseKey,
};

impl Delivery {
    /// Decides what `wanted` comes to, made by `by`. Changes nothing: the step counts once it is
    /// committed and [recorded](Self::record).
    pub fn decide(&self, wanted: Move, by: Actor, at: Circumstances) -> Result<Outcome, Refusal> {
        match wanted {
            Move::Lease {
                nonce,
                until,
                consumer,
            } => self.lease(nonce, until, consumer, by, at),
            Move::Acknowledge { lease } => self.settle(
                lease,
                State::Acknowledged,
                Event::new(EventKind::Acknowledged, by, at.now),
            ),
            Move::Reject {
                lease,
                code,
                retryable: false,
            } => {
                let kind = EventKind::Rejected { code, until: None };
                self.settle(lease, State::Rejected, Event::new(kind, by, at.now))
            }
            Move::Reject {
                lease,
                code,
                retryable: true,
            } => {
                self.running(lease)?;
                let rejected = |until| EventKind::Rejected { code, until };
                Ok(Outcome::Step(self.fail(&by, at, rejected)))
            }
            Move::Extend { lease, until } => {
                self.running(lease)?;
                let event = Event::new(EventKind::Extended { until }, by, at.now);
                Ok(Outcome::Step(self.to(State::Leased { until }, event)))
            }
            Move::Release { lease, not_before } => {
                self.running(lease)?;
                if let Some(ended) = self.replaced(&by, at) {
                    return Ok(Outcome::Step(ended));
                }
                let kind = EventKind::Released { until: not_before };
                let event = Event::new(kind, by, at.now);
                Ok(Outcome::Step(Step {
                    // The collector made no attempt, so giving back spends none.
                    attempts: self.attempts.saturating_sub(1),
                    ..self.to(State::Queued { not_before }, event)
                }))
            }
            Move::Lapse => {
                self.lapsed(at.now)?;
                let lapsed = |until| EventKind::Lapsed { until };
                Ok(Outcome::Step(self.fail(&by, at, lapsed)))
            }
            wanted @ (Move::Expire
            | Move::Requeue { .. }
            | Move::Withdraw { .. }
            | Move::Supersede { .. }
            | Move::Reroute { .. }
            | Move::Return { .. }
            | Move::Close { .. }
            | Move::Age) => self.decide_unleased(wanted, by, at),
            wanted @ (Move::Answer { .. } | Move::LapseAnswer) => {
                self.decide_exchange(wanted, by, at)
            }
        }
    }

    /// Decides the moves of those who hold no lease: the clock, the sender, an operator.
    fn decide_unleased(
        &self,
        wanted: Move,
        by: Actor,
        at: Circumstances,
    ) -> Result<Outcome, Refusal> {
        if self.repeats(&wanted) {
            return Ok(Outcome::Unchanged);
        }
        let again = State::Queued { not_before: at.now };
        let (state, kind) = match wanted {
            Move::Expire => {
                self.expired(at)?;
                (State::Expired, EventKind::Expired)
            }
            Move::Requeue { reason } => {
                self.dead()?;
                (again, EventKind::Requeued { reason })
            }
            Move::Withdraw { reason } => {
                self.unheld("withdrawn")?;
                (State::Withdrawn, EventKind::Withdrawn { reason })
            }
            Move::Supersede { by } => (self.superseded()?, EventKind::Superseded { by }),
            Move::Return { reason } => {
                self.unheld("returned")?;
                (State::Rejected, EventKind::Returned { reason })
            }
            Move::Reroute { to, reason } => {
                self.unheld("rerouted")?;
                let from = self.mailbox.clone();
                (again, EventKind::Rerouted { from, to, reason })
            }
            Move::Close { cause } => {
                let queued = matches!(self.state, State::Queued { .. });
                self.require(queued, "set aside", "only a queued delivery can be")?;
                let attempts = self.attempts;
                let kind = EventKind::DeadLettered { attempts, cause };
                (State::DeadLettered, kind)
            }
            Move::Age => {
                let first = !self.aged && !self.state.is_terminal();
                self.require(first, "warned of", "an unsettled delivery is, once")?;
                (self.state, EventKind::Aged)
            }
            Move::Lease { .. }
            | Move::Acknowledge { .. }
            | Move::Reject { .. }
            | Move::Extend { .. }
            | Move::Release { .. }
            | Move::Lapse
            | Move::Answer { .. }
            | Move::LapseAnswer => return self.decide(wanted, by, at),
        };
        let mailbox = if let EventKind::Rerouted { to, .. } = &kind {
            Some(to.clone())
        } else {
            None
        };
        let offered_anew = matches!(
            kind,
            EventKind::Requeued { .. } | EventKind::Rerouted { .. }
        );
        Ok(Outcome::Step(Step {
            attempts: if offered_anew { 0 } else { self.attempts },
            mailbox,
            ..self.to(state, Event::new(kind, by, at.now))
        }))
    }

    fn lease(
        &self,
        nonce: [u8; 16],
        until: Timestamp,
        consumer: Box<str>,
        by: Actor,
        at: Circumstances,
    ) -> Result<Outcome, Refusal> {
        self.available(at.now)?;
        let epoch = self.lease.map_or(1, |lease| lease.epoch.saturating_add(1));
        let kind = EventKind::Leased {
            consumer,
            until,
            epoch,
        };
        let event = Event::new(kind, by, at.now);
        Ok(Outcome::Step(Step {
            attempts: self.attempts.saturating_add(1),
            lease: Some(LeaseKey { epoch, nonce }),
            ..self.to(State::Leased { until }, event)
        }))
    }

    /// Whether this is what was done last by those who hold no lease: asked again by a caller that
    /// did not hear the answer, it stands.
    fn repeats(&self, wanted: &Move) -> bool {
        let last = self.timeline.last().map(|event| &event.kind);
        match (wanted, last) {
            (Move::Withdraw { .. }, _) => self.state == State::Withdrawn,
            (Move::Return { .. }, Some(EventKind::Returned { .. }))
            | (Move::Requeue { .. }, Some(EventKind::Requeued { .. })) => true,
            (Move::Reroute { to, .. }, Some(EventKind::Rerouted { to: earlier, .. })) => {
                to == earlier
            }
            (_, _) => false,
        }
    }

    /// Ends the delivery as its lease's holder says; the newest lease may also after it has run out,
    /// unless the delivery has been taken elsewhere since.
    fn settle(&self, lease: LeaseKey, wanted: State, event: Event) -> Result<Outcome, Refusal> {
        let last = self.timeline.last().map(|event| &event.kind);
        let returned = matches!(last, Some(EventKind::Returned { .. }));
        if self.lease != Some(lease) || self.is_lease_void() || returned {
            return Err(self.lease_lost());
        }
        match self.state {
            State::Queued { .. } | State::Leased { .. } | State::DeadLettered => {
                Ok(Outcome::Step(self.to(wanted, event)))
            }
            state if state == wanted => Ok(Outcome::Unchanged),
            State::Acknowledged | State::Rejected | State::Expired | State::Withdrawn => {
                Err(self.lease_lost())
            }
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
        if let Some(ended) = self.replaced(by, at) {
            return ended;
        }
        let event = |kind| Event::new(kind, by.clone(), at.now);
        if at.deadline <= at.now {
            return self.to(State::Expired, event(EventKind::Expired));
        }
        if self.attempts >= at.retry.attempts_max {
            let kind = EventKind::DeadLettered {
                attempts: self.attempts,
                cause: DeadLetterCause::AttemptsSpent,
            };
            return self.to(State::DeadLettered, event(kind));
        }
        let not_before = at.retry.next(self.attempts, at.seed, at.now);
        self.to(State::Queued { not_before }, event(kind(Some(not_before))))
    }

    /// A lease came to nothing, and the document was replaced meanwhile: it is offered to nobody.
    fn replaced(&self, by: &Actor, at: Circumstances) -> Option<Step> {
        let kind = EventKind::Superseded {
            by: self.superseded_by?,
        };
        let event = Event::new(kind, by.clone(), at.now);
        Some(self.to(State::Withdrawn, event))
    }

    /// What becomes of it when it is replaced: who has it on a lease keeps it, once for all.
    fn superseded(&self) -> Result<State, Refusal> {
        let leased = matches!(self.state, State::Leased { .. }) && self.superseded_by.is_none();
        if leased {
            return Ok(self.state);
        }
        self.unheld("superseded").map(|()| State::Withdrawn)
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

    /// Whether nobody holds it and it is not settled.
    fn unheld(&self, wanted: &str) -> Result<(), Refusal> {
        let unheld = matches!(self.state, State::Queued { .. } | State::DeadLettered);
        self.require(
            unheld,
            wanted,
            "only one that nobody holds or has settled can be",
        )
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

    /// Whether the delivery was taken to another mailbox after its newest lease was given.
    pub(super) fn is_lease_void(&self) -> bool {
        let mut newest_first = self.timeline.iter().rev();
        let decides = |kind: &EventKind| {
            matches!(kind, EventKind::Rerouted { .. } | EventKind::Leased { .. })
        };
        let decisive = newest_first.find(|event| decides(&event.kind));
        decisive.is_some_and(|event| matches!(event.kind, EventKind::Rerouted { .. }))
    }

    /// The refusal of a lease that counts no more.
    pub fn lease_lost(&self) -> Refusal {
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

    pub(super) fn not_in_state(&self, wanted: &str, which: &str) -> Refusal {
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
