//! Links: what is found on the way through a document wherever it stands: every reference with the
//! entry it is in, codes that are wrong, and narratives that are more than text.

use std::{borrow::Cow, fmt, ops::Range};

use super::Text;
use crate::format::path;

/// What was found on the way through a document.
#[derive(Clone, Default, PartialEq)]
pub struct Swept<'a> {
    /// The references, in the order of the document.
    pub links: Vec<Link<'a>>,
    /// The rule that a SNOMED CT code breaks, and where it is; of the first of them.
    pub codes: Vec<(&'static str, String)>,
    /// What is wrong with a narrative, and where it is; of the first of them.
    pub narratives: Vec<(&'static str, String)>,
    /// The steps of all links.
    pub(crate) steps: Vec<Step<'a>>,
}

/// A reference from an entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Link<'a> {
    /// The entry it is in.
    pub owner: Owner,
    /// The address it gives.
    pub address: Text<'a>,
    /// Where its steps are, from its entry on.
    pub(crate) steps: Range<usize>,
}

/// The entry that something is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// The place of the outer Bundle's entry.
    pub outer: u32,
    /// The place within the Bundle that this entry carries, if it is in one of its entries.
    pub inner: Option<u32>,
}

/// One step of a path.
#[derive(Clone, PartialEq)]
pub(crate) struct Step<'a> {
    /// The name of the element.
    pub(crate) name: Cow<'a, str>,
    /// Which of a list it is.
    pub(crate) index: u32,
}

impl<'a> Swept<'a> {
    /// The names of the elements from its resource to a link.
    pub fn names(&self, link: &Link<'a>) -> impl DoubleEndedIterator<Item = &str> {
        let steps = self.steps.get(link.steps.clone()).unwrap_or_default();
        // The first is the entry's `resource`.
        steps.iter().skip(1).map(|step| &*step.name)
    }

    /// The path of a link, for a finding.
    pub fn path(&self, link: &Link<'a>) -> String {
        let mut path = link.owner.path();
        let steps = self.steps.get(link.steps.clone());
        path::append(&mut path, steps.unwrap_or_default());
        path
    }
}

impl Owner {
    /// The path of the entry.
    pub fn path(self) -> String {
        match self.inner {
            None => format!("Bundle.entry[{}]", self.outer),
            Some(inner) => format!("Bundle.entry[{}].resource.entry[{inner}]", self.outer),
        }
    }
}

impl fmt::Debug for Swept<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Swept({} links, {} codes, {} narratives)",
            self.links.len(),
            self.codes.len(),
            self.narratives.len()
        )
    }
}
