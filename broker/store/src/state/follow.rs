//! Follow: what the index is to take over from memory, and what memory may then let go of.

use axle_model::id::MessageId;

use super::{Body, Changed, Earlier, MessageKeys, Refusals, State};

impl<B: Body> State<B> {
    /// What changed since this was last asked, for the index.
    pub(crate) fn take_changed(&mut self) -> Changed<B> {
        let mut entries = Vec::with_capacity(self.dirty.len());
        for id in self.dirty.drain(..) {
            if let Some(entry) = self.messages.get_mut(&id) {
                entry.dirty = false;
                entries.push(entry.clone());
            }
        }
        Changed {
            entries,
            keys: self.keys.take_fresh(),
            refusals: self.refusals.take_fresh(),
            live: self.live,
            totals: self.totals,
            uploads: self.uploads.take_changed(),
        }
    }

    /// The index holds `changed` now, each message that is not over in that many pieces: what is over
    /// and the keys need not be kept here any longer.
    pub(crate) fn forget(&mut self, changed: &[(MessageId, u16)], keys: &[(MessageKeys, Earlier)]) {
        for &(id, pieces) in changed {
            let Some(entry) = self.messages.get_mut(&id) else {
                continue;
            };
            entry.pieces = pieces;
            if entry.message.is_over() && !entry.dirty {
                self.messages.remove(&id);
            }
        }
        for (key, earlier) in keys {
            self.keys.remove(key, earlier);
        }
    }

    /// The refusals of late.
    pub(crate) const fn refusals(&mut self) -> &mut Refusals {
        &mut self.refusals
    }
}
