//! The reference delivery: what may happen to a delivery next, told from the ledger alone and in as
//! few words as possible. It shares no code with the core.

use axle_core::event::{DeadLetterCause, Event, EventKind};
use axle_model::{ods::OdsCode, time::Timestamp};

/// A delivery as the ledger tells of it.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    pub(super) sender: OdsCode,
    pub(super) stage: Stage,
    /// The number of its newest lease.
    pub(super) epoch: u32,
    /// Leases since it was accepted or requeued, released ones aside.
    attempts: u32,
    /// What happened, in a word, and under which lease.
    events: Vec<(u32, &'static str)>,
    /// When it ended as expired.
    pub(super) expired: Option<Timestamp>,
    /// Whether its recipient's system, and its recipient, have said yes or no.
    answers: [Option<bool>; 2],
    /// Whether an answer was given up.
    unanswered: bool,
}

/// What it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// For a collector, from then on.
    Waiting(Timestamp),
    /// For its collector, until then.
    Leased(Timestamp),
    /// For an operator.
    Dead,
    /// For nothing: it ended so.
    Ended(&'static str),
}

/// A delivery is offered at most this often before somebody is told.
pub(super) const ATTEMPTS_MAX: u32 = 3;

impl Reference {
    pub(super) const fn accepted(sender: OdsCode, time: Timestamp) -> Self {
        Self {
            sender,
            stage: Stage::Waiting(time),
            epoch: 0,
            attempts: 0,
            events: Vec::new(),
            expired: None,
            answers: [None; 2],
            unanswered: false,
        }
    }

    /// The word for what it waits for.
    pub(super) const fn word(&self) -> &'static str {
        match self.stage {
            Stage::Waiting(_) => "queued",
            Stage::Leased(_) => "leased",
            Stage::Dead => "dead-lettered",
            Stage::Ended(word) => word,
        }
    }

    /// Whether this was done under that lease.
    pub(super) fn records(&self, epoch: u32, words: &[&str]) -> bool {
        let mut events = self.events.iter();
        events.any(|(under, word)| *under == epoch && words.contains(word))
    }

    /// Whether this ever happened.
    fn records_ever(&self, word: &str) -> bool {
        self.events.iter().any(|(_, one)| *one == word)
    }

    /// Whether its exchange has not ended badly.
    fn exchanges(&self) -> bool {
        !self.unanswered && !self.answers.contains(&Some(false))
    }

    /// Takes what happened next, and gives the word for it; or says why it cannot have happened.
    pub(super) fn follow(&mut self, event: &Event) -> Result<&'static str, String> {
        let now = event.time;
        let before = self.stage;
        let ended = matches!(before, Stage::Ended(_));
        let leased = matches!(before, Stage::Leased(_));
        let over = matches!(before, Stage::Leased(until) if until <= now);
        let rested = matches!(before, Stage::Waiting(from) if from <= now);
        let waits = matches!(before, Stage::Waiting(_));
        let unheld = waits || before == Stage::Dead;
        let spent = self.attempts >= ATTEMPTS_MAX;
        let (word, may, after) = match &event.kind {
            EventKind::Accepted => ("accepted", false, before),
            EventKind::Leased { until, epoch, .. } => {
                let may = rested && !spent && *epoch > self.epoch;
                (self.epoch, self.attempts) = (*epoch, self.attempts + 1);
                ("leased", may, Stage::Leased(*until))
            }
            EventKind::Extended { until } => ("extended", leased, Stage::Leased(*until)),
            EventKind::Released { until } => {
                self.attempts = self.attempts.saturating_sub(1);
                ("released", leased, Stage::Waiting(*until))
            }
            EventKind::Lapsed { until } => {
                let rests = Stage::Waiting(until.unwrap_or(now));
                ("lapsed", over && !spent && until.is_some(), rests)
            }
            EventKind::Acknowledged => (
                "acknowledged",
                !ended && self.epoch > 0,
                Stage::Ended("acknowledged"),
            ),
            EventKind::Rejected { until: None, .. } => (
                "rejected",
                !ended && self.epoch > 0,
                Stage::Ended("rejected"),
            ),
            EventKind::Rejected {
                until: Some(until), ..
            } => ("put off", leased && !spent, Stage::Waiting(*until)),
            EventKind::DeadLettered { cause, .. } => {
                let closed = *cause != DeadLetterCause::AttemptsSpent;
                let may = if closed { waits } else { leased && spent };
                ("dead-lettered", may, Stage::Dead)
            }
            EventKind::Expired => {
                self.expired = Some(now);
                ("expired", !ended, Stage::Ended("expired"))
            }
            EventKind::Requeued { .. } => {
                self.attempts = 0;
                ("requeued", before == Stage::Dead, Stage::Waiting(now))
            }
            EventKind::Rerouted { .. } => {
                self.attempts = 0;
                ("rerouted", unheld, Stage::Waiting(now))
            }
            EventKind::Withdrawn { .. } => ("withdrawn", unheld, Stage::Ended("withdrawn")),
            EventKind::Superseded { .. } => ("superseded", unheld, Stage::Ended("withdrawn")),
            EventKind::Returned { .. } => ("returned", unheld, Stage::Ended("rejected")),
            EventKind::Aged => {
                let first = !self.records_ever("aged");
                ("aged", !ended && first, before)
            }
            EventKind::Answered { code, positive, .. } => {
                let stage = usize::from(code.number() >= 30_000);
                let gone = ended && before != Stage::Ended("acknowledged");
                let first = self.exchanges() && self.answers[stage].is_none();
                self.answers[stage] = Some(*positive);
                let word = if *positive {
                    "answered yes"
                } else {
                    "answered no"
                };
                (word, first && !gone && self.epoch > 0, before)
            }
            EventKind::AnswerLapsed { .. } => {
                let may = self.exchanges() && before == Stage::Ended("acknowledged");
                self.unanswered = true;
                ("unanswered", may, before)
            }
        };
        self.events.push((self.epoch, word));
        self.stage = after;
        match may {
            true => Ok(word),
            false => Err(format!("was {word} at {now} though it was {before:?}")),
        }
    }
}
