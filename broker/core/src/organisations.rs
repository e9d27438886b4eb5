//! Organisations: the register of the Organisation Data Service, as an immutable value that is swapped
//! whole, and what an operator's own dated entries say against it. It knows which organisations there
//! are and who stands for whom; it knows no mailboxes.

use std::{sync::Arc, time::Duration};

use axle_model::{day::Day, ods::OdsCode, time::Timestamp};

pub mod draft;
pub mod organisation;
pub mod overrides;
mod record;
pub mod register;
pub mod trace;

use self::{
    overrides::Overrides,
    register::Register,
    trace::{Obstacle, Trace},
};

/// How old a register may become unless it is set otherwise.
pub const AGE_MAX: Duration = Duration::from_hours(7 * 24);

/// The organisations that are known. Without a register every code is taken as it is, and only the
/// operator's own entries and the directory of mailboxes decide.
#[derive(Clone, Debug)]
pub struct Organisations {
    register: Option<Arc<Register>>,
    age_max: Duration,
    overrides: Overrides,
}

/// Who a document for an organisation goes to, and how that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The organisation that receives in its place, or itself.
    pub organisation: OdsCode,
    /// How it was found, in the order of the hops; empty when it is itself.
    pub hops: Vec<Hop>,
}

/// One step from an organisation to the one that stands for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// From this one.
    pub from: OdsCode,
    /// To this one.
    pub to: OdsCode,
    /// Why.
    pub by: HopBy,
}

/// Why an organisation stands for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HopBy {
    /// It runs the branch.
    Parent,
    /// It took over, as the register says.
    Successor,
    /// It took over, as an operator's own dated entry says; with the reason given there.
    Override(Box<str>),
}

/// Why nobody can be said to stand for an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unresolved {
    /// The register does not know it.
    Unknown,
    /// It is closed, and nobody took over.
    Closed,
    /// Its successors fork, loop or are too many in a row: only a person can tell.
    Ambiguous,
    /// The register is older than it may be.
    Stale,
}

/// How old a register is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// Well within what is allowed.
    Fresh,
    /// Three quarters of what is allowed have passed.
    Ageing,
    /// Older than allowed: nobody is resolved by it.
    Stale,
}

impl Default for Organisations {
    fn default() -> Self {
        Self::new(None, AGE_MAX, Overrides::default())
    }
}

impl Organisations {
    /// What is known from a register, which may become `age_max` old, and the operator's entries.
    pub const fn new(
        register: Option<Arc<Register>>,
        age_max: Duration,
        overrides: Overrides,
    ) -> Self {
        Self {
            register,
            age_max,
            overrides,
        }
    }

    /// The same with another edition of the register.
    #[must_use]
    pub fn with_register(&self, register: Arc<Register>) -> Self {
        Self {
            register: Some(register),
            ..self.clone()
        }
    }

    /// Who receives what is for `organisation`, today. It ends for every code, and what it finds is
    /// open.
    pub fn resolve(&self, organisation: OdsCode, now: Timestamp) -> Result<Resolved, Unresolved> {
        let trace = self.trace(organisation, now);
        match trace.obstacle {
            None => Ok(Resolved {
                organisation: trace.reached,
                hops: trace.hops,
            }),
            Some(obstacle) => Err(obstacle.as_unresolved()),
        }
    }

    /// The same, hop by hop, also where it leads nowhere.
    pub fn trace(&self, organisation: OdsCode, now: Timestamp) -> Trace {
        if self.age(now) == Age::Stale {
            return Trace::stopped(organisation, Obstacle::Stale);
        }
        let today = Day::in_uk(now);
        trace::follow(organisation, |code| self.step(code, today))
    }

    /// Whether the register knows the code; every code is known without one.
    pub fn knows(&self, code: OdsCode) -> bool {
        let register = self.register.as_ref();
        register.is_none_or(|register| register.get(code).is_some())
    }

    /// Which edition of the register this is: the day it was taken and the beginning of its digest;
    /// empty without one.
    pub fn version(&self) -> &str {
        self.register.as_ref().map_or("", |one| one.version())
    }

    /// The register, if there is one.
    pub const fn register(&self) -> Option<&Arc<Register>> {
        self.register.as_ref()
    }

    /// How old the register may become.
    pub const fn age_max(&self) -> Duration {
        self.age_max
    }

    /// How old the register is. There is nothing to become old without one.
    pub fn age(&self, now: Timestamp) -> Age {
        let Some(register) = &self.register else {
            return Age::Fresh;
        };
        let age = now.since(register.taken());
        if age > self.age_max {
            Age::Stale
        } else if age > self.age_max / 4 * 3 {
            Age::Ageing
        } else {
            Age::Fresh
        }
    }

    /// One step from an organisation to whoever stands for it on this day.
    fn step(&self, code: OdsCode, today: Day) -> trace::Step {
        if let Some(entry) = self.overrides.in_force(code, today) {
            return trace::Step::To(entry.to, HopBy::Override(entry.reason.clone()));
        }
        match &self.register {
            Some(register) => register.step(code, today),
            None => trace::Step::Stays,
        }
    }
}

#[cfg(test)]
mod tests;
