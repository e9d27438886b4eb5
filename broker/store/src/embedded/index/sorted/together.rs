//! Together: several runs read as one, in order of their keys. Of a key in two of them the newer counts.

use std::sync::Arc;

use super::run::{Cursor, Entry, Run};
use crate::embedded::index::Unusable;

/// A reading of several runs.
#[derive(Debug)]
pub(super) struct Together {
    /// Of the oldest first. Each is at what it has next, or at the key that was given last.
    cursors: Vec<Cursor>,
    last: Option<Vec<u8>>,
    /// How many entries were passed.
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
            last: None,
            passed: 0,
        })
    }

    /// The next entry; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Entry<'_>>, Unusable> {
        if let Some(last) = &self.last {
            for cursor in &mut self.cursors {
                if cursor.peek()?.is_some_and(|(key, _)| key == last) {
                    cursor.advance()?;
                    self.passed += 1;
                }
            }
        }
        let mut least: Option<Entry<'_>> = None;
        for cursor in &self.cursors {
            if let Some((key, value)) = cursor.peek()?
                && least.is_none_or(|(before, _)| key <= before)
            {
                least = Some((key, value));
            }
        }
        if let Some((key, _)) = least {
            let last = self.last.get_or_insert_default();
            last.clear();
            last.extend_from_slice(key);
        }
        Ok(least)
    }
}
