//! Trace: from an organisation to the one that stands for it, hop by hop, until one stands for itself
//! or nobody can be told. It always ends, and it never chooses.

use std::fmt;

use axle_model::ods::OdsCode;

use super::{Hop, HopBy, Unresolved};

/// The most hops from one organisation to another. A longer chain is more likely a mistake than a
/// history, and nobody could check it at a glance.
pub const HOPS_MAX: usize = 4;

/// The way from an organisation to whoever stands for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The hops, in order.
    pub hops: Vec<Hop>,
    /// The organisation it ends at.
    pub reached: OdsCode,
    /// Why that one does not receive; `None` when it does.
    pub obstacle: Option<Obstacle>,
}

/// What stands in the way at an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The register does not know it.
    Unknown,
    /// It is closed, and nobody has taken over yet.
    Closed,
    /// It is closed, and each of these took over.
    Fork(Box<[OdsCode]>),
    /// It is a branch, and the register names no practice that runs it, or several.
    Branch(Box<[OdsCode]>),
    /// The way leads back to it.
    Loop,
    /// The way goes on, but it is longer than [`HOPS_MAX`].
    TooFar,
    /// The register is older than it may be.
    Stale,
}

/// What one organisation leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It stands for itself.
    Stays,
    /// Another stands for it.
    To(OdsCode, HopBy),
    /// Nobody can be told.
    Stuck(Obstacle),
}

impl Trace {
    /// A way that ends where it begins.
    pub(super) const fn stopped(at: OdsCode, obstacle: Obstacle) -> Self {
        Self {
            hops: Vec::new(),
            reached: at,
            obstacle: Some(obstacle),
        }
    }
}

/// Follows the steps from `start`. The hop that closes a loop is the last one shown.
pub(super) fn follow(start: OdsCode, step: impl Fn(OdsCode) -> Step) -> Trace {
    let mut trace = Trace {
        hops: Vec::new(),
        reached: start,
        obstacle: None,
    };
    while trace.obstacle.is_none() {
        let from = trace.reached;
        match step(from) {
            Step::Stays => break,
            Step::Stuck(obstacle) => trace.obstacle = Some(obstacle),
            Step::To(..) if trace.hops.len() == HOPS_MAX => trace.obstacle = Some(Obstacle::TooFar),
            Step::To(to, by) => {
                trace.hops.push(Hop { from, to, by });
                trace.reached = to;
                if trace.hops.iter().any(|hop| hop.from == to) {
                    trace.obstacle = Some(Obstacle::Loop);
                }
            }
        }
    }
    trace
}

impl Obstacle {
    /// What it comes to for a document.
    pub const fn as_unresolved(&self) -> Unresolved {
        match self {
            Self::Unknown => Unresolved::Unknown,
            Self::Closed => Unresolved::Closed,
            Self::Fork(_) | Self::Branch(_) | Self::Loop | Self::TooFar => Unresolved::Ambiguous,
            Self::Stale => Unresolved::Stale,
        }
    }
}

impl fmt::Display for Obstacle {
    /// The end of a sentence that begins with the organisation's code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("is not in the register"),
            Self::Closed => f.write_str("is closed, and nobody has taken over"),
            Self::Fork(all) => write!(f, "is closed, and {} took over", listed(all)),
            Self::Branch(all) if all.is_empty() => {
                f.write_str("is a branch, and the register names no practice that runs it today")
            }
            Self::Branch(all) => write!(f, "is a branch, and {} run it", listed(all)),
            Self::Loop => f.write_str("leads back to itself"),
            Self::TooFar => write!(
                f,
                "leads on, but more than {HOPS_MAX} hops are not followed"
            ),
            Self::Stale => f.write_str("is not looked up: the register is older than it may be"),
        }
    }
}

impl fmt::Display for HopBy {
    /// Why, as the end of a sentence that names both organisations.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parent => f.write_str("runs this branch"),
            Self::Successor => f.write_str("took over, says the register"),
            Self::Override(reason) => write!(f, "took over, says the routing table: {reason}"),
        }
    }
}

fn listed(codes: &[OdsCode]) -> String {
    let codes: Vec<&str> = codes.iter().map(OdsCode::as_str).collect();
    codes.join(" and ")
}
