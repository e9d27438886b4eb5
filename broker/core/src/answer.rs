//! Answer: the exchange of a delivery with its recipient, beside its transport. An ITK3 message may ask
//! for two answers: that it was taken in (infrastructure), and that the patient is known (business).
//!
//! ```text
//!                                  ┌──── positive ────▶ Done ─┐
//!   Asked ── collected ──▶ Awaited ┼──── negative ────▶ Failed ■ notice
//!     └──────────────────────▲     └── its time is up ▶ Lapsed ■ notice
//!       an answer may come before the acknowledgement
//!   every stage that was asked for is Done ──▶ ■
//! ```
//! ■ ends the exchange, once, in exactly one of five ways ([`End`]); nothing is added to the delivery
//! after that. A stage is answered once: what says it again changes nothing, whatever code it has. The
//! times begin when the recipient has acknowledged the delivery. What was asked of a delivery that is
//! never acknowledged is not waited for: that it was not delivered is told already.

pub mod onward;

use std::{collections::BTreeSet, fmt, time::Duration};

use axle_model::{
    answer::{ResponseCode, Stage},
    digest::Digest,
    facts::{Asked, Facts, message_name},
    id::{DeliveryId, MessageId},
    time::Timestamp,
};

use crate::{
    delivery::{Delivery, State},
    event::{Event, EventKind},
};

/// How the two answers to a delivery stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// Whether the recipient's system took it in.
    pub infrastructure: Wait,
    /// Whether the recipient knows the patient.
    pub business: Wait,
    /// How long each is waited for once the delivery has been collected; `None` when it is not asked
    /// for.
    pub dues: Dues,
}

/// How long the answers are waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dues {
    /// That of the recipient's system.
    pub infrastructure: Option<Duration>,
    /// That of the recipient.
    pub business: Option<Duration>,
}

/// How one answer stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wait {
    /// Nobody asked for it.
    #[default]
    NotAsked,
    /// It is asked for, and waited for once the delivery has been collected.
    Asked,
    /// It should come before then.
    Awaited {
        /// When it is given up.
        until: Timestamp,
    },
    /// It came, and is positive.
    Done {
        /// What it says.
        code: ResponseCode,
    },
    /// It came, and is negative.
    Failed {
        /// What it says.
        code: ResponseCode,
    },
    /// It did not come in time.
    Lapsed,
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// Every answer that was asked for came, and is positive.
    Done,
    /// A negative answer came.
    Failed(Stage),
    /// An answer did not come in time.
    Lapsed(Stage),
}

impl End {
    /// The end in a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed(Stage::Infrastructure) => "failed-inf",
            Self::Failed(Stage::Business) => "failed-bus",
            Self::Lapsed(Stage::Infrastructure) => "lapsed-inf",
            Self::Lapsed(Stage::Business) => "lapsed-bus",
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Answers {
    /// The answers that are asked for, and how long each is waited for.
    pub fn asked(asked: Asked, infrastructure: Duration, business: Duration) -> Self {
        Self::of_dues(Dues {
            infrastructure: asked.infrastructure.then_some(infrastructure),
            business: asked.business.then_some(business),
        })
    }

    fn of_dues(dues: Dues) -> Self {
        let wait = |due: Option<Duration>| match due {
            Some(_) => Wait::Asked,
            None => Wait::NotAsked,
        };
        Self {
            infrastructure: wait(dues.infrastructure),
            business: wait(dues.business),
            dues,
        }
    }

    /// How the answer of that stage stands.
    pub const fn of(&self, stage: Stage) -> Wait {
        match stage {
            Stage::Infrastructure => self.infrastructure,
            Stage::Business => self.business,
        }
    }

    const fn set(&mut self, stage: Stage, wait: Wait) {
        match stage {
            Stage::Infrastructure => self.infrastructure = wait,
            Stage::Business => self.business = wait,
        }
    }

    /// The same answers asked for of somebody else, who has said nothing yet.
    pub fn anew(&self) -> Self {
        Self::of_dues(self.dues)
    }

    /// Whether any is asked for.
    pub fn is_asked(&self) -> bool {
        *self != Self::default()
    }

    /// How the exchange ended; `None` while it goes on, and where there is none.
    pub fn end(&self) -> Option<End> {
        let stages = Stage::ALL.map(|stage| (stage, self.of(stage)));
        for (stage, wait) in stages {
            match wait {
                Wait::Failed { .. } => return Some(End::Failed(stage)),
                Wait::Lapsed => return Some(End::Lapsed(stage)),
                Wait::NotAsked | Wait::Asked | Wait::Awaited { .. } | Wait::Done { .. } => {}
            }
        }
        let open = |(_, wait): &(Stage, Wait)| wait.is_open();
        (self.is_asked() && !stages.iter().any(open)).then_some(End::Done)
    }

    /// Which answer is given up next, and when; `None` while none is waited for.
    pub fn due(&self) -> Option<(Timestamp, Stage)> {
        if self.end().is_some() {
            return None;
        }
        let awaited = Stage::ALL.into_iter().filter_map(|stage| {
            if let Wait::Awaited { until } = self.of(stage) {
                Some((until, stage))
            } else {
                None
            }
        });
        awaited.min()
    }

    /// The recipient has the document since `at`: from now on its answers are waited for.
    fn collected(&mut self, at: Timestamp) {
        let dues = [self.dues.infrastructure, self.dues.business];
        for (stage, due) in Stage::ALL.into_iter().zip(dues) {
            if let (Wait::Asked, Some(due)) = (self.of(stage), due) {
                let until = at.after(due);
                self.set(stage, Wait::Awaited { until });
            }
        }
    }

    /// The document goes to another organisation, which has said nothing yet.
    fn begin_anew(&mut self) {
        if self.end().is_none() {
            *self = self.anew();
        }
    }

    /// Takes what an event says of them.
    pub(crate) fn note(&mut self, event: &Event) {
        match event.kind {
            EventKind::Acknowledged => self.collected(event.time),
            EventKind::Rerouted { .. } => self.begin_anew(),
            EventKind::Answered {
                code,
                positive: true,
                ..
            } => self.set(code.stage(), Wait::Done { code }),
            EventKind::Answered { code, .. } => self.set(code.stage(), Wait::Failed { code }),
            EventKind::AnswerLapsed { stage } => self.set(stage, Wait::Lapsed),
            EventKind::Accepted
            | EventKind::Leased { .. }
            | EventKind::Extended { .. }
            | EventKind::Released { .. }
            | EventKind::Lapsed { .. }
            | EventKind::Rejected { .. }
            | EventKind::DeadLettered { .. }
            | EventKind::Expired
            | EventKind::Requeued { .. }
            | EventKind::Withdrawn { .. }
            | EventKind::Superseded { .. }
            | EventKind::Returned { .. }
            | EventKind::Aged => {}
        }
    }
}

impl Wait {
    const fn is_open(self) -> bool {
        matches!(self, Self::Asked | Self::Awaited { .. })
    }
}

/// What a message that answers another came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What it calls the message that it answers; `None` when it calls it nothing.
    pub of: Option<Digest>,
    /// The delivery that it answers, as far as that could be told.
    pub delivery: Option<DeliveryId>,
    /// What it says; `None` when it carries no code that is one.
    pub code: Option<ResponseCode>,
    /// Whether it counts, or why not.
    pub standing: Standing,
    /// The message in which the document went on to another practice because of it.
    pub rerouted_to: Option<MessageId>,
}

impl Answer {
    /// What a document says as an answer, before it is known what it answers; `None` when it is none.
    pub fn of(facts: &Facts<'_>) -> Option<Self> {
        let answering = facts.answering()?;
        Some(Self {
            of: answering.identifier.map(message_name),
            delivery: None,
            code: answering.code,
            standing: Standing::Unknown,
            rerouted_to: None,
        })
    }
}

/// Whether an answer counts. One that does not is delivered like any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is part of the delivery's timeline.
    Counted,
    /// This answer was given before: the first one stands.
    Repeated,
    /// It comes after the time for it was up, which the sender was told; that stands.
    Late,
    /// The exchange, or the delivery itself, has ended another way.
    Ended,
    /// Nobody asked for it.
    NotAsked,
    /// Whoever answers was not given the document.
    NotCollected,
    /// Nothing that its recipient sent to whoever answers goes by the name that it gives.
    Unknown,
    /// Several deliveries go by that name, and none is guessed.
    Ambiguous,
    /// It carries no response code, or several.
    Unreadable,
}

impl Standing {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Counted,
        Self::Repeated,
        Self::Late,
        Self::Ended,
        Self::NotAsked,
        Self::NotCollected,
        Self::Unknown,
        Self::Ambiguous,
        Self::Unreadable,
    ];

    /// The standing as a code.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counted => "COUNTED",
            Self::Repeated => "REPEATED",
            Self::Late => "LATE",
            Self::Ended => "ENDED",
            Self::NotAsked => "NOT_ASKED",
            Self::NotCollected => "NOT_COLLECTED",
            Self::Unknown => "UNKNOWN",
            Self::Ambiguous => "AMBIGUOUS",
            Self::Unreadable => "UNREADABLE",
        }
    }
}

/// How an answer with this code to this delivery stands, coming from the organisation whose mailbox
/// the delivery is in.
pub fn standing(delivery: &Delivery, code: ResponseCode, positive: bool) -> Standing {
    let (answers, stage) = (&delivery.answers, code.stage());
    match answers.of(stage) {
        Wait::Done { .. } | Wait::Failed { .. } => return Standing::Repeated,
        Wait::Lapsed => return Standing::Late,
        Wait::NotAsked | Wait::Asked | Wait::Awaited { .. } => {}
    }
    if !answers.is_asked() {
        return Standing::NotAsked;
    }
    match answers.end() {
        Some(End::Lapsed(_)) => return Standing::Late,
        Some(End::Done | End::Failed(_)) => return Standing::Ended,
        None => {}
    }
    match delivery.state {
        State::Rejected | State::Expired | State::Withdrawn => return Standing::Ended,
        State::Queued { .. } | State::Leased { .. } | State::DeadLettered | State::Acknowledged => {
        }
    }
    if !delivery.is_known_to_collector() {
        return Standing::NotCollected;
    }
    // Whoever was asked for one answer only may still have to say that it failed at the other.
    if positive && answers.of(stage) == Wait::NotAsked {
        return Standing::NotAsked;
    }
    Standing::Counted
}

/// Which response codes say that all is well. What is not among them is told to the sender: a code
/// that nobody here knows may say anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Positive(BTreeSet<ResponseCode>);

impl Positive {
    /// Success and "known here", which are always positive, and these.
    pub fn with(codes: impl IntoIterator<Item = ResponseCode>) -> Self {
        let always = [ResponseCode::SUCCESS, ResponseCode::PATIENT_KNOWN];
        Self(always.into_iter().chain(codes).collect())
    }

    /// Whether this code is one of them.
    pub fn is(&self, code: ResponseCode) -> bool {
        self.0.contains(&code)
    }
}

impl Default for Positive {
    fn default() -> Self {
        Self::with([ResponseCode::PATIENT_DECEASED])
    }
}

#[cfg(test)]
mod tests;
