//! The cipher: AES-256-GCM with nonces drawn at random, which are kept behind what they sealed.
#![expect(
    clippy::expect_used,
    reason = "ring refuses keys of another length and texts of more than 64 GiB, and neither comes here"
)]

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

pub(super) const KEY_BYTES: usize = 32;
/// How much longer ciphertext, tag and nonce are.
pub(super) const CIPHER_BYTES: usize = 16 + NONCE_LEN;

/// A key that is ready for use.
pub(super) struct Cipher(LessSafeKey);

impl Cipher {
    pub(super) fn new(key: &[u8; KEY_BYTES]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, key);
        Self(LessSafeKey::new(key.expect("a key of 32 bytes")))
    }

    /// Puts ciphertext, tag and nonce in the place of `bytes`.
    pub(super) fn seal(&self, bound: &[u8], bytes: &mut Vec<u8>) {
        let nonce: [u8; NONCE_LEN] = rand::random();
        let once = Nonce::assume_unique_for_key(nonce);
        let sealed = self
            .0
            .seal_in_place_append_tag(once, Aad::from(bound), bytes);
        sealed.expect("no more than 64 GiB");
        bytes.extend_from_slice(&nonce);
    }

    /// Puts what was sealed in the place of its ciphertext, tag and nonce; `None`, and something else in
    /// their place, when they are not of it.
    pub(super) fn open(&self, bound: &[u8], bytes: &mut Vec<u8>) -> Option<()> {
        let (sealed, nonce) = bytes.split_last_chunk_mut()?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.0.open_in_place(nonce, Aad::from(bound), sealed).ok()?;
        let length = opened.len();
        bytes.truncate(length);
        Some(())
    }
}

impl fmt::Debug for Cipher {
    /// Never the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }
}
