//! A merge: one run in the place of several, made a part at a time.

use std::{io, sync::Arc};

use super::{Covers, filter::Print, run::Run, together::Together, writer::Writer};
use crate::embedded::index::Unusable;

/// A merge under way.
#[derive(Debug)]
pub(super) struct Merge {
    /// What it is of, oldest first.
    pub(super) of: Vec<Arc<Run>>,
    /// Where entries without a value remove those of older runs: those runs.
    older: Option<Vec<Arc<Run>>>,
    together: Together,
    writer: Writer,
}

impl Merge {
    pub(super) fn begin(
        begin: impl FnOnce(Covers, u64) -> io::Result<Writer>,
        of: Vec<Arc<Run>>,
        older: Option<Vec<Arc<Run>>>,
    ) -> Result<Self, Unusable> {
        let covers = Covers::all(of.iter().map(|run| run.covers));
        let entries = of.iter().map(|run| run.entries).sum();
        Ok(Self {
            together: Together::of(&of)?,
            writer: begin(covers, entries)?,
            of,
            older,
        })
    }

    /// Goes on until `left` bytes are used up; whether it is through.
    pub(super) fn go_on(&mut self, left: &mut u64) -> Result<bool, Unusable> {
        let until = self.together.passed + *left;
        while self.together.passed < until {
            let Some((key, value)) = self.together.next()? else {
                *left = until.saturating_sub(self.together.passed);
                return Ok(true);
            };
            // What removes stays for as long as there may be something to remove.
            let removes_nothing = value.is_empty()
                && self.older.as_ref().is_some_and(|older| {
                    let print = Print::of(key);
                    !older.iter().any(|run| run.may_hold(print))
                });
            if !removes_nothing {
                self.writer.add(key, value)?;
            }
        }
        *left = 0;
        Ok(false)
    }

    /// The new run, durable, and what it takes the place of.
    pub(super) fn finish(self) -> Result<(Run, Vec<Arc<Run>>), Unusable> {
        Ok((self.writer.finish()?, self.of))
    }

    /// Removes what was written.
    pub(super) fn give_up(self) {
        self.writer.give_up();
    }
}
