//! Sealed: the stretches of the index's files, where the store is encrypted. Each is bound to its file and
//! its place there.

use crate::embedded::at_rest::{AtRest, Unopened, What};

/// What seals and opens the stretches of one file.
#[derive(Clone, Debug, Default)]
pub(super) struct Sealed {
    at_rest: AtRest,
    file: [u8; 12],
}

impl Sealed {
    /// Of the files of a part of the index.
    pub(super) fn new(at_rest: &AtRest, part: &[u8; 4]) -> Self {
        let mut file = [0; 12];
        file[..4].copy_from_slice(part);
        Self {
            at_rest: at_rest.clone(),
            file,
        }
    }

    /// Of one of them, which two numbers tell from the others.
    pub(super) fn numbered(&self, first: u32, last: u32) -> Self {
        let mut file = self.file;
        file[4..8].copy_from_slice(&first.to_be_bytes());
        file[8..].copy_from_slice(&last.to_be_bytes());
        Self {
            at_rest: self.at_rest.clone(),
            file,
        }
    }

    /// How much longer what is written is.
    pub(super) const fn overhead(&self) -> usize {
        self.at_rest.overhead()
    }

    /// Seals the stretch that is written from `offset` on.
    pub(super) fn seal(&self, offset: u64, bytes: &mut Vec<u8>) {
        let file = self.file;
        self.at_rest.seal(What::Index { file, offset }, bytes);
    }

    /// Opens the stretch that was read from `offset` on.
    pub(super) fn open(&self, offset: u64, bytes: &mut Vec<u8>) -> Result<(), Unopened> {
        let file = self.file;
        self.at_rest.open(What::Index { file, offset }, bytes)
    }
}
