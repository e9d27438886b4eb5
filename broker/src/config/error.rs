//! What an operator reads when the configuration, or a file it names, cannot be used: everything at
//! once, each with the place to put the cursor. It decides nothing.

use std::{fmt, path::Path, path::PathBuf};

use axle_core::problem::Problem;
use thiserror::Error;

/// Everything wrong with a set of files.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}", listed(.flaws))]
pub struct ConfigError {
    flaws: Vec<Flaw>,
}

/// One thing wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    origin: String,
    place: Option<Place>,
    what: String,
}

/// A place in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    line: usize,
    column: usize,
    text: String,
    width: usize,
}

impl ConfigError {
    /// What a parser found wrong with the `text` of `file`, in the order of the text.
    pub(crate) fn of(file: &Path, text: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.span.start);
        let flaw = |problem| Flaw::in_text(file, text, problem);
        Self::from_iter(problems.into_iter().map(flaw))
    }

    /// One thing wrong with a file as a whole.
    pub(crate) fn file(file: &Path, what: impl Into<String>) -> Self {
        Self::from_iter([Flaw::of(file.display().to_string(), what)])
    }

    /// Both.
    #[must_use]
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.flaws.extend(other.flaws);
        self
    }

    /// Everything found wrong; never empty.
    pub fn flaws(&self) -> &[Flaw] {
        &self.flaws
    }
}

impl FromIterator<Flaw> for ConfigError {
    fn from_iter<I: IntoIterator<Item = Flaw>>(flaws: I) -> Self {
        let flaws = flaws.into_iter().collect();
        Self { flaws }
    }
}

impl Flaw {
    /// Something wrong with `origin` as a whole: a file, a folder or a variable.
    pub(crate) fn of(origin: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            origin: origin.into(),
            place: None,
            what: what.into(),
        }
    }

    /// Something wrong at a place of a file's text.
    pub(crate) fn in_text(file: &Path, text: &str, problem: Problem) -> Self {
        let (line, column) = problem.position(text);
        let shown = text.lines().nth(line - 1).unwrap_or_default().to_owned();
        let rest = shown.chars().count().saturating_sub(column - 1);
        let marked = text.get(problem.span.clone()).unwrap_or_default();
        let marked = marked.lines().next().unwrap_or_default().chars().count();
        Self {
            origin: file.display().to_string(),
            place: Some(Place {
                line,
                column,
                text: shown,
                width: marked.min(rest).max(1),
            }),
            what: problem.what,
        }
    }
}

impl From<axle_pki::trust::UnusableFiles> for ConfigError {
    fn from(unusable: axle_pki::trust::UnusableFiles) -> Self {
        Self::from_iter(unusable.problems().iter().cloned().map(Flaw::from))
    }
}

impl From<axle_pki::trust::Problem> for Flaw {
    fn from(problem: axle_pki::trust::Problem) -> Self {
        let file: PathBuf = problem.file;
        Self::of(file.display().to_string(), problem.what)
    }
}

fn listed(flaws: &[Flaw]) -> String {
    let each: Vec<String> = flaws.iter().map(Flaw::to_string).collect();
    each.join("\n")
}

impl fmt::Display for Flaw {
    /// As compilers print: `file:line:column: what`, then the line with the place marked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            origin,
            place,
            what,
        } = self;
        let Some(place) = place else {
            return write!(f, "{origin}: {what}");
        };
        let Place {
            line,
            column,
            text,
            width,
        } = place;
        // The mark stands below its text also when tabs precede it.
        let blank = |c: char| if c == '\t' { '\t' } else { ' ' };
        let indent: String = text.chars().take(column - 1).map(blank).collect();
        writeln!(f, "{origin}:{line}:{column}: {what}")?;
        writeln!(f, "{line:>5} | {text}")?;
        write!(f, "      | {indent}{}", "^".repeat(*width))
    }
}
