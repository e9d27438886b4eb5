//! The record of one reading: where the reader is, how much it has taken in, and what it found wrong.

use std::{borrow::Cow, fmt::Write as _};

use super::{Limits, Malformed};

/// The most flaws that are told; a document with more is broken all through.
const FLAWS_MAX: usize = 50;
/// The most texts and parts that are kept, so that memory stays in bounds whatever the body's size.
const KEPT_MAX: usize = 200_000;

/// The record of one reading.
pub(super) struct Record<'a, 'l> {
    limits: &'l Limits,
    trail: Vec<Step<'a>>,
    flaws: Vec<Malformed>,
    depth: usize,
    entries: usize,
    references: usize,
    kept: usize,
}

struct Step<'a> {
    name: Cow<'a, str>,
    index: Option<usize>,
}

impl<'a, 'l> Record<'a, 'l> {
    pub(super) fn new(limits: &'l Limits) -> Self {
        Self {
            limits,
            trail: Vec::with_capacity(limits.depth_max),
            flaws: Vec::new(),
            depth: 0,
            entries: 0,
            references: 0,
            kept: 0,
        }
    }

    /// What was found wrong and did not stop the reading.
    pub(super) fn into_flaws(self) -> Vec<Malformed> {
        self.flaws
    }

    /// Goes one level deeper (V-005).
    pub(super) fn deeper(&mut self) -> Result<(), Malformed> {
        self.depth += 1;
        if self.depth > self.limits.depth_max {
            let what = format!(
                "the document nests deeper than {} levels",
                self.limits.depth_max
            );
            return Err(self.malformed("V-005", what));
        }
        Ok(())
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
        self.trail.push(Step { name, index: None });
    }

    /// The present child is one of a list.
    pub(super) fn index(&mut self, index: usize) {
        if let Some(step) = self.trail.last_mut() {
            step.index = Some(index);
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

    /// Takes in the text of the present child: counts references (V-008), and checks its length.
    pub(super) fn text(&mut self, bytes: usize) -> Result<(), Malformed> {
        if self.name() == "reference" {
            self.references += 1;
            if self.references > self.limits.references_max {
                let what = format!("more than {} references", self.limits.references_max);
                return Err(self.malformed("V-008", what));
            }
        }
        self.length(bytes);
        Ok(())
    }

    /// Checks how long a text is (V-008). Data of attachments may be of any length.
    pub(super) fn length(&mut self, bytes: usize) {
        if bytes > self.limits.string_bytes_max && !matches!(self.name(), "data" | "content") {
            let what = format!(
                "a text of {bytes} bytes is longer than the {} allowed",
                self.limits.string_bytes_max
            );
            self.flaw("V-008", what);
        }
    }

    /// Counts an entry (V-008).
    pub(super) fn entry(&mut self) -> Result<(), Malformed> {
        self.entries += 1;
        if self.entries > self.limits.entries_max {
            let what = format!("more than {} entries", self.limits.entries_max);
            return Err(self.malformed("V-008", what));
        }
        Ok(())
    }

    /// Counts a text or part that is kept (V-008).
    pub(super) fn keep(&mut self) -> Result<(), Malformed> {
        self.kept += 1;
        if self.kept > KEPT_MAX {
            let what = format!("more than {KEPT_MAX} identifiers, codes and references to keep");
            return Err(self.malformed("V-008", what));
        }
        Ok(())
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
        if plain(self.name()) {
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
        let mut path = String::new();
        for step in &self.trail {
            if !path.is_empty() {
                path.push('.');
            }
            // A name that could not be FHIR's may be anything, a patient's name included.
            path.push_str(if plain(&step.name) { &step.name } else { "?" });
            if let Some(index) = step.index {
                // Writing to a String cannot fail.
                let _ = write!(path, "[{index}]");
            }
        }
        Malformed {
            path,
            ..Malformed::new(rule, what)
        }
    }
}

/// Whether a name could be one of FHIR's.
fn plain(name: &str) -> bool {
    let name = name.strip_prefix('_').unwrap_or(name);
    (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric())
}
