//! A merge: one run in the place of several, made a part at a time. Of the same key in two of them the
//! newer counts.

use std::{path::Path, sync::Arc};

use super::{
    Covers,
    run::{Cursor, Entry, Run},
    writer::Writer,
};
use crate::embedded::index::Unusable;

/// A merge under way.
#[derive(Debug)]
pub(super) struct Merge {
    /// What it is of, oldest first.
    pub(super) of: Vec<Arc<Run>>,
    cursors: Vec<Cursor>,
    writer: Writer,
    key: Vec<u8>,
}

impl Merge {
    pub(super) fn begin(directory: &Path, of: Vec<Arc<Run>>) -> Result<Self, Unusable> {
        let covers = Covers::all(of.iter().map(|run| run.covers));
        let entries = of.iter().map(|run| run.entries).sum();
        let writer = Writer::create(directory, covers, entries)?;
        let mut cursors: Vec<_> = of.iter().cloned().map(Cursor::new).collect();
        for cursor in &mut cursors {
            cursor.advance()?;
        }
        Ok(Self {
            of,
            cursors,
            writer,
            key: Vec::new(),
        })
    }

    /// Goes on until `left` is used up; whether it is through.
    pub(super) fn go_on(&mut self, left: &mut u64) -> Result<bool, Unusable> {
        while *left > 0 {
            let mut least: Option<Entry<'_>> = None;
            for cursor in &self.cursors {
                if let Some((key, value)) = cursor.peek()?
                    && least.is_none_or(|(before, _)| key <= before)
                {
                    least = Some((key, value));
                }
            }
            let Some((key, value)) = least else {
                return Ok(true);
            };
            self.writer.add(key, value)?;
            self.key.clear();
            self.key.extend_from_slice(key);
            for cursor in &mut self.cursors {
                if cursor.peek()?.is_some_and(|(key, _)| key == self.key) {
                    cursor.advance()?;
                    *left = left.saturating_sub(1);
                }
            }
        }
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
