//! The keyring: the store's data keys. A new one begins every day, since random nonces are held to be safe for
//! 2^32 seals under one key (NIST SP 800-38D, 8.3): 10,000 documents a second with three seals each come
//! to fewer in a day. None is given up, since the records of the ledger stay.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use axle_model::time::Timestamp;
use ring::rand::{SecureRandom as _, SystemRandom};

use super::{
    MasterKeys, Place,
    cipher::{Cipher, KEY_BYTES},
    file::{self, Found, Wrapped},
};
use crate::embedded::{files::Files, format::OpenError, segment::NodeId};

/// A data key seals for so long.
const PERIOD: Duration = Duration::from_hours(24);

/// The data keys of a store.
#[derive(Debug)]
pub(super) struct Keyring {
    files: Arc<dyn Files>,
    directory: PathBuf,
    node: NodeId,
    masters: Masters,
    /// Whether the files are to be written anew.
    to_mend: bool,
    keys: RwLock<Keys>,
}

#[derive(Clone, Debug)]
struct Keys {
    newest: Arc<DataKey>,
    /// All but the newest: key `n` is at `n - 1`.
    before: Vec<Arc<DataKey>>,
}

/// A data key, ready for use, and as the file has it.
#[derive(Debug)]
pub(super) struct DataKey {
    pub(super) number: u32,
    pub(super) cipher: Cipher,
    pub(super) wrapped: Wrapped,
}

impl Keyring {
    /// Begins the keys of a store that has none.
    pub(super) fn new(
        files: Arc<dyn Files>,
        place: Place<'_>,
        master: &MasterKeys,
        now: Timestamp,
    ) -> Result<Self, OpenError> {
        let path = file::path(place.directory);
        let failed = |error| OpenError::files("writing", &path)(error);
        let masters = Masters::of(master);
        let newest = DataKey::new(1, place.node, &masters.newest, now).map_err(failed)?;
        let keyring = Self {
            files,
            directory: place.directory.to_path_buf(),
            node: place.node,
            masters,
            to_mend: false,
            keys: RwLock::new(Keys {
                newest: Arc::new(newest),
                before: Vec::new(),
            }),
        };
        keyring.write(&keyring.keys()).map_err(failed)?;
        Ok(keyring)
    }

    /// The keys of a store; `None` when it has none and needs none.
    pub(super) fn open(
        files: Arc<dyn Files>,
        place: Place<'_>,
        master: Option<&MasterKeys>,
    ) -> Result<Option<Self>, OpenError> {
        let refused = |what| {
            let path = file::path(place.directory);
            OpenError::Key { path, what }
        };
        let Some(found) = Found::read(files.as_ref(), place.directory, place.node)? else {
            let lost = "it is missing beside an encrypted journal: restore it from a backup";
            return if place.is_sealed {
                Err(refused(lost))
            } else {
                Ok(None)
            };
        };
        let unnamed = "the store is encrypted: name the file of its key";
        let masters = Masters::of(master.ok_or_else(|| refused(unnamed))?);
        let is_whole = found.is_whole;
        let foreign = "the key that was given is not this store's: name the file of the right one";
        let unwrapped = masters.unwrap_all(place.node, found.keys);
        let (keys, anew) = unwrapped.ok_or_else(|| refused(foreign))?;
        Ok(Some(Self {
            files,
            directory: place.directory.to_path_buf(),
            node: place.node,
            masters,
            to_mend: anew || !is_whole,
            keys: RwLock::new(keys),
        }))
    }

    /// Writes the files anew, if one was damaged or the key that wraps has changed.
    pub(super) fn mend(&self) -> Result<(), OpenError> {
        if !self.to_mend {
            return Ok(());
        }
        let path = file::path(&self.directory);
        tracing::info!(path = %path.display(), "writing the keys of the store anew");
        let written = self.write(&self.keys());
        written.map_err(OpenError::files("writing", &path))
    }

    /// Begins a new data key when the newest has had its time. It seals once it is durable.
    pub(super) fn renew(&self, now: Timestamp) -> io::Result<()> {
        let Keys { newest, mut before } = self.keys();
        if now.since(newest.wrapped.begun) < PERIOD {
            return Ok(());
        }
        let next = DataKey::new(newest.number + 1, self.node, &self.masters.newest, now)?;
        before.push(newest);
        let newest = Arc::new(next);
        let keys = Keys { newest, before };
        self.write(&keys)?;
        self.replace(keys);
        Ok(())
    }

    fn write(&self, keys: &Keys) -> io::Result<()> {
        let all = keys.before.iter().chain([&keys.newest]);
        let (files, directory) = (self.files.as_ref(), &self.directory);
        file::write(files, directory, self.node, all.map(Arc::as_ref))
    }

    fn keys(&self) -> Keys {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.clone()
    }

    fn replace(&self, keys: Keys) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// The key that seals.
    pub(super) fn newest(&self) -> Arc<DataKey> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.newest.clone()
    }

    /// The key of a number. Who copies a store in use may come upon one that has begun since.
    pub(super) fn key(&self, number: u32) -> Option<Arc<DataKey>> {
        self.known(number).or_else(|| {
            let found = Found::read(self.files.as_ref(), &self.directory, self.node);
            let found = found.ok()??;
            let (keys, _) = self.masters.unwrap_all(self.node, found.keys)?;
            if keys.newest.number > self.newest().number {
                self.replace(keys);
            }
            self.known(number)
        })
    }

    fn known(&self, number: u32) -> Option<Arc<DataKey>> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        if number == keys.newest.number {
            return Some(keys.newest.clone());
        }
        let at = usize::try_from(number.checked_sub(1)?).ok()?;
        keys.before.get(at).cloned()
    }
}

/// The key that wraps, and those that may have wrapped earlier.
#[derive(Debug)]
struct Masters {
    newest: Cipher,
    before: Vec<Cipher>,
}

impl Masters {
    fn of(master: &MasterKeys) -> Self {
        Self {
            newest: master.newest(),
            before: master.before().collect(),
        }
    }

    /// The keys of a file, and whether one is wrapped anew, by the newest. `None` when one does not open,
    /// or there is none.
    fn unwrap_all(&self, node: NodeId, keys: Vec<Wrapped>) -> Option<(Keys, bool)> {
        let (mut before, mut any_anew) = (Vec::new(), false);
        for (wrapped, number) in keys.into_iter().zip(1..) {
            let (key, anew) = self.unwrap(number, node, wrapped)?;
            any_anew |= anew;
            before.push(Arc::new(key));
        }
        let newest = before.pop()?;
        Some((Keys { newest, before }, any_anew))
    }

    fn unwrap(&self, number: u32, node: NodeId, wrapped: Wrapped) -> Option<(DataKey, bool)> {
        let bound = bound(number, node, wrapped.begun);
        let opened_by = |master: &Cipher| {
            let mut key = wrapped.key.clone();
            master.open(&bound, &mut key)?;
            <[u8; KEY_BYTES]>::try_from(key).ok()
        };
        if let Some(key) = opened_by(&self.newest) {
            let cipher = Cipher::new(&key);
            let key = DataKey {
                number,
                cipher,
                wrapped,
            };
            return Some((key, false));
        }
        let key = self.before.iter().find_map(opened_by)?;
        let key = DataKey::wrap(&key, number, node, &self.newest, wrapped.begun);
        Some((key, true))
    }
}

impl DataKey {
    fn new(number: u32, node: NodeId, master: &Cipher, now: Timestamp) -> io::Result<Self> {
        let mut key = [0; KEY_BYTES];
        let drawn = SystemRandom::new().fill(&mut key);
        drawn.map_err(|_| io::Error::other("the system has no random numbers"))?;
        Ok(Self::wrap(&key, number, node, master, now))
    }

    fn wrap(
        key: &[u8; KEY_BYTES],
        number: u32,
        node: NodeId,
        master: &Cipher,
        begun: Timestamp,
    ) -> Self {
        let mut wrapped = key.to_vec();
        master.seal(&bound(number, node, begun), &mut wrapped);
        Self {
            number,
            cipher: Cipher::new(key),
            wrapped: Wrapped {
                begun,
                key: wrapped,
            },
        }
    }
}

/// What a wrapped key is bound to: its store, its number and its time.
fn bound(number: u32, node: NodeId, begun: Timestamp) -> Vec<u8> {
    let mut bound = b"axle data key".to_vec();
    bound.extend_from_slice(&node.0);
    bound.extend_from_slice(&number.to_le_bytes());
    bound.extend_from_slice(&begun.as_micros().to_le_bytes());
    bound
}
