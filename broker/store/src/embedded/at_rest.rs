//! At rest: what is written to the disk is sealed where the store was given a key (decision 0021), so that
//! who takes the disk or a backup has nothing, and who writes to it cannot put one thing in the
//! place of another. AES-256-GCM under a data key of the store's own (`keyring`); those are wrapped by the
//! key that was given (`master`) and kept in a file (`file`).
//!
//! Sealed bytes: the ciphertext, as long as what it is of; its tag (16 bytes); the nonce (12 random
//! bytes); the number of the data key (4 bytes, little-endian). What they are is bound to them: they
//! open as nothing else, and nowhere else.

mod cipher;
mod file;
mod keyring;
mod master;

use std::{path::Path, sync::Arc};

use axle_model::{id::MessageId, time::Timestamp};
use bytes::Bytes;

pub(super) use file::NAMES as KEY_FILES;
pub use master::{MasterKeys, UnusableKey};

use self::{cipher::CIPHER_BYTES, keyring::Keyring};
use super::{
    files::Files,
    format::OpenError,
    frame::Kind,
    recover::Paths,
    segment::{Header, NodeId},
};
use crate::state::Half;

/// How much longer something is when it is sealed.
pub(super) const SEAL_BYTES: usize = CIPHER_BYTES + NUMBER_BYTES;
const NUMBER_BYTES: usize = 4;

/// What is sealed.
#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    /// The record of an entry of the ledger.
    Record { sequence: u64, kind: Kind },
    /// The body of a message, in one piece.
    Body(MessageId),
    /// A piece of an upload, from this byte of the document on.
    Piece { upload: Half, start: u64 },
    /// A stretch of a file of the index: which file, and from which of its bytes on.
    Index { file: [u8; 12], offset: u64 },
}

/// Why sealed bytes cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unopened {
    #[error("its seal does not hold: it was altered, or was something else once")]
    Broken,
    #[error("KEYS does not have data key {0}, under which it is sealed")]
    NoKey(u32),
}

/// Whose keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'p> {
    pub(super) directory: &'p Path,
    pub(super) node: NodeId,
    /// Whether anything in the journal is sealed.
    pub(super) is_sealed: bool,
}

impl<'p> Place<'p> {
    pub(super) fn of(paths: &'p Paths, node: NodeId, headers: &[Header]) -> Self {
        Self {
            directory: &paths.directory,
            node,
            is_sealed: headers.iter().any(|header| header.sealed),
        }
    }
}

/// What seals and opens; nothing, where the store was given no key.
#[derive(Clone, Debug, Default)]
pub(super) struct AtRest(Option<Arc<Keyring>>);

impl AtRest {
    /// Opens the keys of a store, or begins them where it is given a key for the first time.
    pub(super) fn begin(
        files: &Arc<dyn Files>,
        place: Place<'_>,
        master: Option<&MasterKeys>,
        now: Timestamp,
    ) -> Result<Self, OpenError> {
        let opened = Self::read(files, place, master)?;
        match (opened, master) {
            (Self(Some(keyring)), _) => {
                keyring.mend()?;
                Ok(Self(Some(keyring)))
            }
            (Self(None), Some(master)) => {
                let keyring = Keyring::new(files.clone(), place, master, now)?;
                Ok(Self(Some(Arc::new(keyring))))
            }
            (Self(None), None) => Ok(Self::default()),
        }
    }

    /// Opens the keys of a store, if it has any, and changes nothing.
    pub(super) fn read(
        files: &Arc<dyn Files>,
        place: Place<'_>,
        master: Option<&MasterKeys>,
    ) -> Result<Self, OpenError> {
        let keyring = Keyring::open(files.clone(), place, master)?;
        Ok(Self(keyring.map(Arc::new)))
    }

    /// Begins a new data key when the newest has had its time.
    pub(super) fn renew(&self, now: Timestamp) {
        let renewed = self.0.as_ref().map(|keyring| keyring.renew(now));
        if let Some(Err(error)) = renewed {
            tracing::warn!(%error, "no new data key could be made; the one before goes on");
        }
    }

    /// Whether anything is sealed.
    pub(super) const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// How much longer what it writes is.
    pub(super) const fn overhead(&self) -> usize {
        if self.is_on() { SEAL_BYTES } else { 0 }
    }

    /// Seals bytes where they are.
    pub(super) fn seal(&self, what: What, bytes: &mut Vec<u8>) {
        let Some(keyring) = &self.0 else {
            return;
        };
        let key = keyring.newest();
        key.cipher.seal(&what.bound(), bytes);
        bytes.extend_from_slice(&key.number.to_le_bytes());
    }

    /// A record as it is written, in `room` when that is not as it is.
    pub(super) fn seal_record<'r>(
        &self,
        what: What,
        record: &'r [u8],
        room: &'r mut Vec<u8>,
    ) -> &'r [u8] {
        if !self.is_on() {
            return record;
        }
        room.clear();
        room.extend_from_slice(record);
        self.seal(what, room);
        room
    }

    /// A body as it is written. One that is empty says nothing and is left so.
    pub(super) fn sealed(&self, what: What, body: &Bytes) -> Bytes {
        if !self.is_on() || body.is_empty() {
            return body.clone();
        }
        let mut bytes = Vec::with_capacity(body.len() + SEAL_BYTES);
        bytes.extend_from_slice(body);
        self.seal(what, &mut bytes);
        bytes.into()
    }

    /// Opens sealed bytes where they are.
    pub(super) fn open(&self, what: What, bytes: &mut Vec<u8>) -> Result<(), Unopened> {
        let Some(keyring) = &self.0 else {
            return Ok(());
        };
        let (sealed, number) = bytes.split_last_chunk().ok_or(Unopened::Broken)?;
        let (number, length) = (u32::from_le_bytes(*number), sealed.len());
        let key = keyring.key(number).ok_or(Unopened::NoKey(number))?;
        bytes.truncate(length);
        let opened = key.cipher.open(&what.bound(), bytes);
        opened.ok_or(Unopened::Broken)
    }
}

impl What {
    /// The bytes that go into the tag and not onto the disk.
    fn bound(&self) -> [u8; 25] {
        match self {
            Self::Record { sequence, kind } => {
                joined(b'r', &[&sequence.to_le_bytes(), &[kind.as_byte()]])
            }
            Self::Body(message) => joined(b'b', &[message.as_bytes()]),
            Self::Piece { upload, start } => {
                joined(b'p', &[upload.as_bytes(), &start.to_le_bytes()])
            }
            Self::Index { file, offset } => joined(b'i', &[file, &offset.to_le_bytes()]),
        }
    }
}

/// Fields of fixed lengths behind what tells their kinds apart.
fn joined(kind: u8, fields: &[&[u8]]) -> [u8; 25] {
    let fields = fields.iter().copied().flatten().copied();
    let mut bytes = [0; 25];
    for (place, byte) in bytes.iter_mut().zip([kind].into_iter().chain(fields)) {
        *place = byte;
    }
    bytes
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests;
