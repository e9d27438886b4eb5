//! Trace: what the routing of a document looked at and found, step by step. Routing is one function,
//! whether anybody wants to know or not, so that what is explained is what is done; to nobody it costs
//! nothing.

use axle_model::refusal::Refusal;

use super::Destination;

/// Which part of the way a step belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// What kind of document it is.
    Class,
    /// The workflow it travels under.
    Workflow,
    /// Whether it may go to named recipients only.
    Restricted,
    /// Whom it is for.
    Recipient,
    /// What rules of the table make of it.
    Rules,
    /// Who stands for whom, and which mailbox takes it.
    Resolve,
    /// Whether its patient has died.
    Deceased,
    /// Who gets a copy.
    Copies,
    /// What comes of it.
    Outcome,
}

impl Stage {
    /// The stage in a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Class => "class",
            Self::Workflow => "workflow",
            Self::Restricted => "restricted",
            Self::Recipient => "recipient",
            Self::Rules => "rules",
            Self::Resolve => "resolve",
            Self::Deceased => "deceased",
            Self::Copies => "copies",
            Self::Outcome => "outcome",
        }
    }
}

/// One thing that was looked at, and what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where on the way.
    pub stage: Stage,
    /// What was found, in a sentence without patient data.
    pub what: String,
    /// The line of the routing table that decided it, where one did.
    pub line: Option<u32>,
}

/// How a document finds its recipients, or why it does not.
#[derive(Debug)]
pub struct Explanation {
    /// Every step, in the order in which they were taken.
    pub steps: Vec<Step>,
    /// The deliveries it would come to, or the refusal.
    pub outcome: Result<Vec<Destination>, Refusal>,
}

/// Somebody who may want to know.
pub(super) trait Trace {
    /// Notes a step; `say` is called only if somebody wants to know.
    fn note(&mut self, stage: Stage, line: Option<u32>, say: impl FnOnce() -> String);
}

/// Nobody wants to know.
pub(super) struct Untold;

impl Trace for Untold {
    fn note(&mut self, _: Stage, _: Option<u32>, _: impl FnOnce() -> String) {}
}

impl Trace for Vec<Step> {
    fn note(&mut self, stage: Stage, line: Option<u32>, say: impl FnOnce() -> String) {
        let what = say();
        self.push(Step { stage, what, line });
    }
}
