//! Live: the messages that are not over, in sorted runs by their ids. One that has moved since is in a newer run
//! as well; one that is over by now is there without its record.

use std::{io, path::Path};

use axle_model::id::MessageId;

use super::{
    Stored, Unusable,
    sealed::Sealed,
    sorted::{Empty, Sorted},
};
use crate::{
    embedded::{convert::writing::append_stored, located::Located},
    state::Entry,
};

/// The messages that are not over.
#[derive(Debug)]
pub(super) struct Live(Sorted);

impl Live {
    pub(super) fn open(directory: &Path, sealed: Sealed) -> Result<Self, Unusable> {
        Sorted::open(directory, Empty::Removes, sealed).map(Self)
    }

    /// The number of the newest run.
    pub(super) fn last(&self) -> u32 {
        self.0.last()
    }

    /// Writes what changed, as it is by now, and makes it durable.
    pub(super) fn put(&self, changed: &[Entry<Located>]) -> io::Result<()> {
        // What came and went since the last time was never here.
        let concerns = |entry: &&Entry<Located>| entry.indexed || !entry.message.is_over();
        let mut changed: Vec<_> = changed.iter().filter(concerns).collect();
        changed.sort_unstable_by_key(|entry| entry.message.id);
        let mut record = Vec::new();
        self.0.add(changed.len(), |run| {
            for entry in changed {
                record.clear();
                if !entry.message.is_over() {
                    append_stored(&mut record, &entry.message, entry.sequence, &entry.body);
                }
                run.add(entry.message.id.as_bytes(), &record)?;
            }
            Ok(())
        })
    }

    /// A message.
    pub(super) fn get(&self, id: MessageId) -> Result<Option<Stored>, Unusable> {
        let newest = self.0.newest(id.as_bytes())?;
        let record = newest.filter(|record| !record.is_empty());
        record.map(|record| Stored::read(&record)).transpose()
    }

    /// The record of every message, in the order of the ids.
    pub(super) fn each(
        &self,
        mut take: impl FnMut(&[u8]) -> Result<(), Unusable>,
    ) -> Result<(), Unusable> {
        self.0.all(|_, record| take(record))
    }

    /// Keeps it in few files, as [`Sorted::tidy`] does.
    pub(super) fn tidy(&self, has_room: impl Fn(u64) -> bool) -> Result<(), Unusable> {
        self.0.tidy(has_room)
    }
}
