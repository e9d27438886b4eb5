//! Problems: what is wrong with a file an operator wrote, and where in it.

use std::{fmt, ops::Range};

mod spelling;

pub use spelling::advice;

/// One thing wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: a range of bytes of the file's text.
    pub span: Range<usize>,
    /// What, in a sentence.
    pub what: String,
}

impl Problem {
    /// A problem at `span`.
    pub fn new(span: Range<usize>, what: impl Into<String>) -> Self {
        Self {
            span,
            what: what.into(),
        }
    }

    /// What the TOML reader says is wrong.
    pub fn of_toml(error: &toml::de::Error) -> Self {
        Self::new(error.span().unwrap_or(0..0), error.message())
    }

    /// The line and column of the problem in `text`, both from 1.
    pub fn position(&self, text: &str) -> (usize, usize) {
        let before = text.get(..self.span.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (
            before.matches('\n').count() + 1,
            before[line_start..].chars().count() + 1,
        )
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}
