//! Follow: what the index is to take over from memory, and what memory may then let go of.

use super::{Body, Changed, Refusals, State, rest::Kept};

impl<B: Body> State<B> {
    /// What changed since this was last asked, for the index.
    pub(crate) fn take_changed(&mut self) -> Changed<B> {
        let mut entries = Vec::with_capacity(self.dirty.len());
        for id in self.dirty.drain(..) {
            if let Some(Kept::Awake(entry)) = self.messages.get_mut(&id) {
                entry.dirty = false;
                entries.push(entry.clone());
            }
        }
        self.drowsing.append(&mut self.drowsy);
        Changed {
            entries,
            keys: self.keys.take_fresh(),
            refusals: self.refusals.take_fresh(),
            live: self.live,
            totals: self.totals,
            uploads: self.uploads.take_changed(),
        }
    }

    /// The index holds `changed` now: what is over, the keys and the refusals need not be kept here any
    /// longer, and what waits may rest.
    pub(crate) fn forget(&mut self, changed: &Changed<B>) {
        for written in &changed.entries {
            let id = written.message.id;
            let Some(Kept::Awake(entry)) = self.messages.get_mut(&id) else {
                continue;
            };
            entry.indexed = !written.message.is_over();
            if entry.message.is_over() && !entry.dirty {
                self.messages.remove(&id);
            } else {
                self.lay_down(id);
            }
        }
        for id in std::mem::take(&mut self.drowsing) {
            self.lay_down(id);
        }
        for (key, earlier) in &changed.keys {
            self.keys.remove(key, earlier);
        }
        self.refusals.forget(&changed.refusals);
    }

    /// The refusals of late.
    pub(crate) const fn refusals(&mut self) -> &mut Refusals {
        &mut self.refusals
    }
}
