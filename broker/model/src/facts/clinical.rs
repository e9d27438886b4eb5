//! Clinical resources, as much of them as the rules look at: what they are about, in codes or words.

use super::Concept;

/// A resource that is about one thing: a medicine, or what a patient is allergic to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Coded<'a> {
    /// What it is about; `None` where it is only referred to.
    pub what: Option<Concept<'a>>,
}
