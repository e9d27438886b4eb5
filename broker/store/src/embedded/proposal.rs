//! Proposals: changes made ready for the committer by those who wait for them, so that the one
//! thread that writes encodes, checksums and looks up as little as possible.

use std::sync::{Arc, atomic::Ordering};

use axle_core::{
    change::{Acceptance, Advance, Change, LedgerEntry, Refused},
    message::Message,
};
use bytes::Bytes;

use super::{frame::Kind, shared::Shared, written};
use crate::{
    StoreError, entry,
    state::{MessageKeys, Prior},
};

/// A change, ready to be staged.
#[derive(Debug)]
pub(super) struct Proposal {
    pub(super) accept: Option<Box<Acceptable>>,
    pub(super) advances: Vec<Advance>,
    pub(super) refused: Option<Refused>,
    pub(super) kind: Kind,
    pub(super) record: Vec<u8>,
    pub(super) entry: LedgerEntry,
}

/// A message that may be accepted.
#[derive(Debug)]
pub(super) struct Acceptable {
    pub(super) message: Arc<Message>,
    pub(super) body: Bytes,
    pub(super) body_crc: u32,
    pub(super) keys: MessageKeys,
    /// What the index knew of its keys, and when.
    pub(super) prior: Prior,
    pub(super) evictions: u64,
}

impl Proposal {
    /// Makes a change ready.
    pub(super) fn new(change: Change, shared: &Shared) -> Result<Self, StoreError> {
        let Change {
            accept,
            advance,
            refuse,
        } = change;
        let message = accept.as_ref().map(|acceptance| &acceptance.message);
        let (kind, record) = written::encoded(message, &advance, refuse.as_ref());
        let entry = entry::of(message, &advance, refuse.as_ref());
        let accept = accept.map(|acceptance| Acceptable::new(*acceptance, shared));
        Ok(Self {
            accept: accept.transpose()?.map(Box::new),
            advances: advance,
            refused: refuse,
            kind,
            record,
            entry,
        })
    }

    /// About how many bytes it adds to the journal.
    pub(super) fn bytes(&self) -> usize {
        let body = self.accept.as_ref().map_or(0, |new| new.body.len());
        self.record.len() + body
    }
}

impl Acceptable {
    fn new(acceptance: Acceptance, shared: &Shared) -> Result<Self, StoreError> {
        let Acceptance { message, body } = acceptance;
        let keys = MessageKeys::of(&message);
        // Before the look into the index: see Shared::evictions.
        let evictions = shared.evictions.load(Ordering::Acquire);
        Ok(Self {
            prior: shared.prior(&keys)?,
            evictions,
            body_crc: crc32c::crc32c(&body),
            keys,
            message: Arc::new(message),
            body,
        })
    }
}
