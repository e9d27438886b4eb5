//! The key that the store is given, which is never on the disk beside what it protects: it only wraps the
//! store's own. To change it, the new one stands before the old one until a start has wrapped them anew.

use std::fmt;

use super::cipher::{Cipher, KEY_BYTES};
use crate::embedded::hex;

/// The key that wraps the store's own, and those before it.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKeys {
    newest: [u8; KEY_BYTES],
    before: Vec<[u8; KEY_BYTES]>,
}

/// Why a text is not one of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableKey {
    /// There are only comments and blank lines.
    #[error("has no key: make one with `openssl rand -hex 32`")]
    Missing,
    /// A line is no key.
    #[error(
        "line {0} is no key, which is 64 hexadecimal digits: make one with `openssl rand -hex 32`"
    )]
    Malformed(usize),
    /// A line is the same byte over and over.
    #[error("line {0} is no random key: make one with `openssl rand -hex 32`")]
    NotRandom(usize),
}

impl MasterKeys {
    /// Reads keys, each a line of 64 hexadecimal digits, the one in use first. Blank lines and those that
    /// begin with `#` are passed over.
    pub fn parse(text: &str) -> Result<Self, UnusableKey> {
        let lines = text.lines().map(str::trim).zip(1..);
        let lines = lines.filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
        let mut keys = lines.map(|(line, number)| key(line, number));
        Ok(Self {
            newest: keys.next().ok_or(UnusableKey::Missing)??,
            before: keys.collect::<Result<_, _>>()?,
        })
    }

    /// The one that wraps.
    pub(super) fn newest(&self) -> Cipher {
        Cipher::new(&self.newest)
    }

    /// Those that may have wrapped earlier.
    pub(super) fn before(&self) -> impl Iterator<Item = Cipher> {
        self.before.iter().map(Cipher::new)
    }
}

impl fmt::Debug for MasterKeys {
    /// Never the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a key and {} before it", self.before.len())
    }
}

fn key(line: &str, number: usize) -> Result<[u8; KEY_BYTES], UnusableKey> {
    let key = hex::read(line).ok_or(UnusableKey::Malformed(number))?;
    let key: [u8; KEY_BYTES] = key.try_into().map_err(|_| UnusableKey::Malformed(number))?;
    if key.iter().all(|byte| *byte == key[0]) {
        return Err(UnusableKey::NotRandom(number));
    }
    Ok(key)
}
