//! Organisations: the register of ODS, as an immutable value that is swapped whole. It knows which
//! organisations there are, and who took over from whom; it knows no mailboxes.

use axle_model::{ods::OdsCode, time::Timestamp};

/// The organisations that are known. Without a register every code is taken as it is, and only the
/// directory of mailboxes decides.
#[derive(Clone, Debug, Default)]
pub struct Organisations {}

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

impl Organisations {
    /// Who receives what is for `organisation`, today.
    pub fn resolve(&self, organisation: OdsCode, _now: Timestamp) -> Result<Resolved, Unresolved> {
        Ok(Resolved {
            organisation,
            hops: Vec::new(),
        })
    }

    /// Whether the register knows the code; every code is known without one.
    pub const fn knows(&self, _code: OdsCode) -> bool {
        true
    }

    /// Which edition of the register this is; empty without one.
    pub const fn version(&self) -> &str {
        ""
    }
}
