//! The record of one reading: where the reader is, how much it has taken in, and what it found wrong.

use std::borrow::Cow;

use super::{Limits, Malformed, path};
use crate::{
    facts::{Link, Owner, Step, Swept, Text},
    snomed::{Component, SnomedId},
};

const SNOMED: &str = "http://snomed.info/sct";

/// The most flaws that are told; a document with more is broken all through.
const FLAWS_MAX: usize = 50;
/// As many links as an ordinary document has, with about four steps each.
const LINKS: usize = 32;
/// The most texts and parts that are kept, so that memory stays in bounds whatever the body's size.
const KEPT_MAX: usize = 200_000;

/// What was found while a document was read.
pub(super) struct Found<'a> {
    pub(super) flaws: Vec<Malformed>,
    pub(super) swept: Swept<'a>,
}

/// The record of one reading.
pub(super) struct Record<'a, 'l> {
    limits: &'l Limits,
    trail: Vec<Step<'a>>,
    flaws: Vec<Malformed>,
    swept: Swept<'a>,
    depth: usize,
    entries: usize,
    references: usize,
    kept: usize,
    /// The entries that are being read: of the outer Bundle, and of one within.
    within: Vec<Entered>,
}

/// An entry that is being read.
struct Entered {
    /// Its place in its Bundle.
    index: u32,
    /// How many steps there were before its own.
    steps: usize,
}

impl<'a, 'l> Record<'a, 'l> {
    pub(super) fn new(limits: &'l Limits) -> Self {
        Self {
            limits,
            trail: Vec::with_capacity(limits.depth_max),
            flaws: Vec::new(),
            swept: Swept::default(),
            depth: 0,
            entries: 0,
            references: 0,
            kept: 0,
            within: Vec::new(),
        }
    }

    /// What was found wrong and did not stop the reading, and what was found on the way.
    pub(super) fn into_found(self) -> Found<'a> {
        let Self { flaws, swept, .. } = self;
        Found { flaws, swept }
    }

    /// Goes one level deeper (V-005).
    pub(super) fn deeper(&mut self) -> Result<(), Malformed> {
        self.depth += 1;
        if self.depth > self.limits.depth_max {
            return Err(self.too_deep());
        }
        Ok(())
    }

    // Apart from the check, which is made so often that it had better be small. So with those below.
    #[cold]
    fn too_deep(&self) -> Malformed {
        let most = self.limits.depth_max;
        let what = format!("the document nests deeper than {most} levels");
        self.malformed("V-005", what)
    }

    /// Comes one level back.
    pub(super) const fn shallower(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// The type of a resource is known: the outermost one starts the path.
    pub(super) fn begin(&mut self, kind: Cow<'a, str>) {
        if self.trail.is_empty() {
            self.step(kind);
        }
    }

    /// Steps into the child called `name`.
    pub(super) fn step(&mut self, name: Cow<'a, str>) {
        self.trail.push(Step { name, index: 0 });
    }

    /// The present child is that one of a list.
    pub(super) fn index(&mut self, index: usize) {
        if let Some(step) = self.trail.last_mut() {
            step.index = u32::try_from(index).unwrap_or(u32::MAX);
        }
    }

    /// The present child's name.
    pub(super) fn name(&self) -> &str {
        self.trail.last().map_or("", |step| &step.name)
    }

    /// Steps back out of the present child.
    pub(super) fn back(&mut self) {
        self.trail.pop();
    }

    /// Takes in the text of the present child: checks its length and, where it is a reference, keeps
    /// it as a link and counts it (V-008).
    #[expect(
        clippy::ptr_arg,
        reason = "what is borrowed outlives the call; a &str does not"
    )]
    pub(super) fn text(&mut self, text: &Cow<'a, str>) -> Result<(), Malformed> {
        match self.name() {
            "reference" => {
                self.references += 1;
                if self.references > self.limits.references_max {
                    return Err(self.too_many(self.limits.references_max, "references"));
                }
                self.link(text)?;
            }
            // An attachment may be told by its address in the Bundle.
            "url" if text.starts_with("urn:uuid:") || text.starts_with("Binary/") => {
                self.link(text)?;
            }
            _ => {}
        }
        self.length(text.len());
        Ok(())
    }

    /// Whether the text of the present child is kept wherever it stands.
    pub(super) fn keeps(&self) -> bool {
        matches!(self.name(), "reference" | "url")
    }

    /// Keeps a link from the entry that is being read.
    #[expect(
        clippy::ptr_arg,
        reason = "what is borrowed outlives the call; a &str does not"
    )]
    fn link(&mut self, address: &Cow<'a, str>) -> Result<(), Malformed> {
        let Some(entered) = self.within.last() else {
            return Ok(());
        };
        let steps = self.trail.get(entered.steps..).unwrap_or_default();
        let steps = steps.split_last().map_or(&[][..], |(_, steps)| steps);
        let start = self.swept.steps.len();
        if start == 0 {
            // Most documents have no more, so that neither list grows.
            self.swept.links.reserve(LINKS);
            self.swept.steps.reserve(4 * LINKS);
        }
        self.swept.steps.extend_from_slice(steps);
        let link = Link {
            owner: self.owner(),
            address: Text::from(address.clone()),
            steps: start..self.swept.steps.len(),
        };
        self.swept.links.push(link);
        self.keep()
    }

    fn owner(&self) -> Owner {
        let index = |depth: usize| self.within.get(depth).map(|entered| entered.index);
        Owner {
            outer: index(0).unwrap_or_default(),
            inner: index(1),
        }
    }

    /// Looks at a coding, wherever it stands: one of SNOMED CT has to be the id of a concept.
    pub(super) fn coding(&mut self, system: Option<&str>, code: Option<&str>) {
        let (Some(SNOMED), Some(code)) = (system, code) else {
            return;
        };
        let rule = match SnomedId::parse(code).map(SnomedId::component) {
            Ok(Component::Concept) => return,
            Ok(Component::Description | Component::Relationship) => "V-306",
            Err(_) => "V-305",
        };
        if self.swept.codes.len() < FLAWS_MAX {
            self.swept.codes.push((rule, path::of(&self.trail)));
        }
    }

    /// Records what is wrong with the present narrative, once.
    pub(super) fn narrative(&mut self, what: &'static str) {
        let div = self.trail.iter().position(|step| step.name == "div");
        let end = div.map_or(self.trail.len(), |place| place + 1);
        let path = path::of(self.trail.get(..end).unwrap_or_default());
        let told = &mut self.swept.narratives;
        if told.len() < FLAWS_MAX && told.last().is_none_or(|(_, last)| *last != path) {
            told.push((what, path));
        }
    }

    /// Checks how long a text is (V-008). Data of attachments may be of any length.
    pub(super) fn length(&mut self, bytes: usize) {
        if bytes > self.limits.string_bytes_max && !matches!(self.name(), "data" | "content") {
            self.too_long(bytes);
        }
    }

    #[cold]
    fn too_long(&mut self, bytes: usize) {
        let most = self.limits.string_bytes_max;
        let what = format!("a text of {bytes} bytes is longer than the {most} allowed");
        self.flaw("V-008", what);
    }

    /// Enters an entry, and counts it.
    pub(super) fn enter(&mut self) -> Result<(), Malformed> {
        let index = self.trail.last().map_or(0, |step| step.index);
        let steps = self.trail.len();
        self.within.push(Entered { index, steps });
        self.entry()
    }

    /// Counts an entry (V-008).
    pub(super) fn entry(&mut self) -> Result<(), Malformed> {
        self.entries += 1;
        if self.entries > self.limits.entries_max {
            return Err(self.too_many(self.limits.entries_max, "entries"));
        }
        Ok(())
    }

    /// Leaves the entry.
    pub(super) fn leave(&mut self) {
        self.within.pop();
    }

    /// Counts a text or part that is kept (V-008).
    pub(super) fn keep(&mut self) -> Result<(), Malformed> {
        self.kept += 1;
        if self.kept > KEPT_MAX {
            return Err(self.too_many(KEPT_MAX, "identifiers, codes and references to keep"));
        }
        Ok(())
    }

    #[cold]
    fn too_many(&self, most: usize, things: &str) -> Malformed {
        self.malformed("V-008", format!("more than {most} {things}"))
    }

    /// Records that the present child is there more than once (V-007).
    pub(super) fn repeated(&mut self) {
        let what = format!(
            "{} appears twice; which one is meant is unclear",
            self.quoted()
        );
        self.flaw("V-007", what);
    }

    /// Records that the present child is empty or null (V-009).
    pub(super) fn empty(&mut self) {
        let what = format!("{} is empty; leave it out instead", self.quoted());
        self.flaw("V-009", what);
    }

    fn quoted(&self) -> String {
        if path::is_plain(self.name()) {
            format!("`{}`", self.name())
        } else {
            "a member".to_owned()
        }
    }

    fn flaw(&mut self, rule: &'static str, what: impl Into<String>) {
        if self.flaws.len() < FLAWS_MAX {
            let flaw = self.malformed(rule, what);
            self.flaws.push(flaw);
        }
    }

    /// What is wrong, at the present place.
    pub(super) fn malformed(&self, rule: &'static str, what: impl Into<String>) -> Malformed {
        Malformed {
            path: path::of(&self.trail),
            ..Malformed::new(rule, what)
        }
    }
}
