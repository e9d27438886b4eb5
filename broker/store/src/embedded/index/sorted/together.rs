//! Together: several runs read as one, in order of their keys. Of a key in two of them the newer counts.

use std::{cmp::Ordering, sync::Arc};

use super::run::{Cursor, Entry, Run};
use crate::embedded::index::Unusable;

/// A reading of several runs.
#[derive(Debug)]
pub(super) struct Together {
    /// Of the oldest first.
    cursors: Vec<Cursor>,
    /// Those that are still at the entry that was given last.
    given: Vec<usize>,
    /// How many bytes of entries were passed.
    pub(super) passed: u64,
}

impl Together {
    /// From the beginning.
    pub(super) fn of(runs: &[Arc<Run>]) -> Result<Self, Unusable> {
        let mut cursors: Vec<_> = runs.iter().cloned().map(Cursor::new).collect();
        for cursor in &mut cursors {
            cursor.advance()?;
        }
        Ok(Self {
            cursors,
            given: Vec::new(),
            passed: 0,
        })
    }

    /// The next entry; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Entry<'_>>, Unusable> {
        for at in self.given.drain(..) {
            if let Some(cursor) = self.cursors.get_mut(at) {
                self.passed += cursor.advance()?;
            }
        }
        let mut least: Option<Entry<'_>> = None;
        for (at, cursor) in self.cursors.iter().enumerate() {
            let Some(entry) = cursor.peek()? else {
                continue;
            };
            match least.map_or(Ordering::Less, |(before, _)| entry.0.cmp(before)) {
                Ordering::Less => self.given.clear(),
                Ordering::Equal => {}
                Ordering::Greater => continue,
            }
            self.given.push(at);
            least = Some(entry);
        }
        Ok(least)
    }
}
