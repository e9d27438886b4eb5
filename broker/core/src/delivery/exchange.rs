//! The moves of the exchange with the recipient: see [`crate::answer`] for what it may come to.

use axle_model::refusal::Refusal;

use super::{Circumstances, Delivery, Move, Outcome, State};
use crate::{
    answer::{self, Standing},
    event::{Actor, Event, EventKind},
};

impl Delivery {
    /// Whether nothing more will happen to it: it has ended, and no answer is waited for.
    pub fn is_over(&self) -> bool {
        self.state.is_terminal() && self.answers.due().is_none()
    }

    /// Whether the organisation in whose mailbox it is was given it at all.
    pub fn is_known_to_collector(&self) -> bool {
        self.state == State::Acknowledged || self.lease.is_some() && !self.is_lease_void()
    }

    /// Decides a move of the exchange. It leaves the transport as it is.
    pub(super) fn decide_exchange(
        &self,
        wanted: Move,
        by: Actor,
        at: Circumstances,
    ) -> Result<Outcome, Refusal> {
        let kind = match wanted {
            Move::Answer {
                code,
                positive,
                response,
                rerouted_to,
            } => {
                match answer::standing(self, code, positive) {
                    Standing::Counted => {}
                    Standing::Repeated => return Ok(Outcome::Unchanged),
                    Standing::Late
                    | Standing::Ended
                    | Standing::NotAsked
                    | Standing::NotCollected
                    | Standing::Unknown
                    | Standing::Ambiguous
                    | Standing::Unreadable => {
                        let which = "only one whose answer is waited for can be";
                        return Err(self.not_in_state("answered", which));
                    }
                }
                EventKind::Answered {
                    code,
                    positive,
                    response,
                    rerouted_to,
                }
            }
            Move::LapseAnswer => {
                let due = self.answers.due().filter(|(until, _)| *until <= at.now);
                let Some((_, stage)) = due else {
                    let which = "only one whose answer is overdue can be";
                    return Err(self.not_in_state("given up waiting for", which));
                };
                EventKind::AnswerLapsed { stage }
            }
            Move::Lease { .. }
            | Move::Acknowledge { .. }
            | Move::Reject { .. }
            | Move::Extend { .. }
            | Move::Release { .. }
            | Move::Lapse
            | Move::Expire
            | Move::Requeue { .. }
            | Move::Withdraw { .. }
            | Move::Supersede { .. }
            | Move::Reroute { .. }
            | Move::Return { .. }
            | Move::Close { .. }
            | Move::Age => return self.decide(wanted, by, at),
        };
        Ok(Outcome::Step(
            self.to(self.state, Event::new(kind, by, at.now)),
        ))
    }
}
