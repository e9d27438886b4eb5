//! One organisation of the register, as it is told: its roles and relationships, when it is open, and
//! whether another stands for it. Everything is borrowed from the register.

use std::ops::Range;

use axle_model::{day::Day, ods::OdsCode};

use super::{
    HopBy,
    register::{Packed, Register},
    trace::{Obstacle, Step},
};

/// Role: a prescribing cost centre. Not only practices are one.
pub const COST_CENTRE: &str = "RO177";
/// Role: a GP practice, held besides that of a cost centre.
pub const PRACTICE: &str = "RO76";
/// Role: a branch surgery.
pub const BRANCH: &str = "RO96";
/// Relationship: is operated by.
pub const OPERATED_BY: &str = "RE6";

/// How many letters and digits of a branch's code are its practice's.
const PRACTICE_CODE_LENGTH: usize = 6;

/// From when until when; either may be open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    /// The first day.
    pub start: Option<Day>,
    /// The last day.
    pub end: Option<Day>,
}

/// What an organisation says of another that came before or after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Succession {
    /// Whether the other came before or after.
    pub kind: SuccessionKind,
    /// The other.
    pub target: OdsCode,
    /// From when on.
    pub start: Day,
}

/// Which of two organisations followed the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuccessionKind {
    /// The other came before.
    Predecessor,
    /// The other took over.
    Successor,
}

/// A role of an organisation. What the id means is the register's to say: an unknown one stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Role<'r> {
    /// For example `RO177`.
    pub id: &'r str,
    /// Whether it is what the organisation mainly is.
    pub primary: bool,
    /// Whether the register says so.
    pub active: bool,
    /// When it was held.
    pub period: Period,
}

/// What an organisation is to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relation<'r> {
    /// For example `RE6`, is operated by.
    pub id: &'r str,
    /// The other.
    pub target: OdsCode,
    /// Whether the register says so.
    pub active: bool,
    /// When it holds.
    pub period: Period,
}

/// An organisation of the register.
#[derive(Clone, Copy, Debug)]
pub struct Organisation<'r> {
    register: &'r Register,
    code: OdsCode,
    packed: &'r Packed,
}

impl Period {
    /// Whether it holds on this day.
    pub fn holds(self, today: Day) -> bool {
        self.start.is_none_or(|start| start <= today) && !self.is_over(today)
    }

    /// Whether its last day is past.
    pub fn is_over(self, today: Day) -> bool {
        self.end.is_some_and(|end| end < today)
    }

    const fn is_unknown(self) -> bool {
        self.start.is_none() && self.end.is_none()
    }
}

impl<'r> Organisation<'r> {
    pub(super) const fn new(register: &'r Register, code: OdsCode, packed: &'r Packed) -> Self {
        Self {
            register,
            code,
            packed,
        }
    }

    /// Its code.
    pub const fn code(&self) -> OdsCode {
        self.code
    }

    /// Its name; empty when the register has none.
    pub fn name(&self) -> &'r str {
        let Range { start, end } = self.packed.name;
        let name = self.register.names.get(start as usize..end as usize);
        name.unwrap_or_default()
    }

    /// Whether the register calls it active. Whether it is open today is [`Self::is_open`].
    pub const fn is_active(&self) -> bool {
        self.packed.active
    }

    /// When it existed in law.
    pub const fn legal(&self) -> Period {
        self.packed.legal
    }

    /// When it did its work.
    pub const fn operational(&self) -> Period {
        self.packed.operational
    }

    /// When its record was last changed.
    pub const fn changed(&self) -> Option<Day> {
        self.packed.changed
    }

    /// Its roles, in the order of the register.
    pub fn roles(&self) -> impl ExactSizeIterator<Item = Role<'r>> + use<'r> {
        let register = self.register;
        let packed = register.slice(&register.roles, &self.packed.roles);
        packed.iter().map(|role| Role {
            id: register.word(role.word),
            primary: role.primary,
            active: role.active,
            period: role.period,
        })
    }

    /// What it is to others, in the order of the register.
    pub fn relations(&self) -> impl ExactSizeIterator<Item = Relation<'r>> + use<'r> {
        let register = self.register;
        let packed = register.slice(&register.relations, &self.packed.relations);
        packed.iter().map(|relation| Relation {
            id: register.word(relation.word),
            target: relation.target,
            active: relation.active,
            period: relation.period,
        })
    }

    /// Who came before and after it, as its own record says.
    pub fn successions(&self) -> &'r [Succession] {
        let register = self.register;
        register.slice(&register.successions, &self.packed.successions)
    }

    /// Whether it does its work on this day. An edition is some days old, so one that it calls active
    /// is not when the last day it gives is past.
    pub fn is_open(&self, today: Day) -> bool {
        let Packed {
            operational, legal, ..
        } = self.packed;
        let decides = if operational.is_unknown() {
            legal
        } else {
            operational
        };
        self.packed.active && !decides.is_over(today)
    }

    /// Whether it is a GP practice: a prescribing cost centre that is also a practice. The first
    /// role alone is also that of walk-in centres and out-of-hours services.
    pub fn is_practice(&self, today: Day) -> bool {
        let holds = |id, primary| {
            self.roles()
                .any(|role| role.id == id && role.primary == primary && role.holds(today))
        };
        holds(COST_CENTRE, true) && holds(PRACTICE, false)
    }

    /// A branch is one by its role, or by its code where the relationship confirms it. What a code
    /// looks like says nothing by itself.
    pub(super) fn parent_step(&self, today: Day) -> Step {
        let by_role = self
            .roles()
            .any(|role| role.id == BRANCH && role.holds(today));
        let by_code = practice_of_branch(self.code);
        if !by_role && by_code.is_none() {
            return Step::Stays;
        }
        let operators = self.operators(today);
        if let Some(practice) = by_code.filter(|practice| operators.contains(practice)) {
            return Step::To(practice, HopBy::Parent);
        }
        if !by_role {
            return Step::Stays;
        }
        match *operators {
            [only] => Step::To(only, HopBy::Parent),
            [..] => Step::Stuck(Obstacle::Branch(operators.into())),
        }
    }

    /// Those who run it on this day, each once, in the order of their codes.
    fn operators(&self, today: Day) -> Vec<OdsCode> {
        let holding = self
            .relations()
            .filter(|relation| relation.id == OPERATED_BY && relation.holds(today));
        let mut operators: Vec<OdsCode> = holding.map(|relation| relation.target).collect();
        operators.sort_unstable();
        operators.dedup();
        operators
    }
}

impl Role<'_> {
    /// Whether it is held on this day.
    pub fn holds(&self, today: Day) -> bool {
        self.active && self.period.holds(today)
    }
}

impl Relation<'_> {
    /// Whether it holds on this day.
    pub fn holds(&self, today: Day) -> bool {
        self.active && self.period.holds(today)
    }
}

/// The practice whose branch a code would be: nine characters, of which the last three are digits.
fn practice_of_branch(code: OdsCode) -> Option<OdsCode> {
    let text = code.as_str();
    let (practice, branch) = text.split_at_checked(PRACTICE_CODE_LENGTH)?;
    let is_branch = branch.len() == 3 && branch.bytes().all(|b| b.is_ascii_digit());
    is_branch.then(|| OdsCode::parse(practice).ok()).flatten()
}
