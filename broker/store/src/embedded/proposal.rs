//! Proposals: changes made ready for the committer by those who wait for them, so that the one
//! thread that writes encodes, checksums and looks up as little as possible.

use std::sync::{Arc, atomic::Ordering};

use axle_core::{
    change::{Acceptance, Advance, Change, LedgerEntry},
    message::Message,
};
use bytes::Bytes;

use super::{
    record::{AdvanceRecord, MessageRecord, encode},
    shared::Shared,
};
use crate::{
    StoreError, entry,
    state::{MessageKeys, Prior},
};

/// A change, ready to be staged.
#[derive(Debug)]
pub(super) enum Proposal {
    Accept(Box<Acceptable>),
    Advance(Box<Progress>),
}

/// A step that may be taken.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) advance: Advance,
    pub(super) record: Vec<u8>,
    pub(super) entry: LedgerEntry,
}

/// A message that may be accepted.
#[derive(Debug)]
pub(super) struct Acceptable {
    pub(super) message: Arc<Message>,
    pub(super) body: Bytes,
    pub(super) body_crc: u32,
    pub(super) record: Vec<u8>,
    pub(super) entry: LedgerEntry,
    pub(super) keys: MessageKeys,
    /// What the index knew of its keys, and when.
    pub(super) prior: Prior,
    pub(super) evictions: u64,
}

impl Proposal {
    /// Makes a change ready.
    pub(super) fn new(change: Change, shared: &Shared) -> Result<Self, StoreError> {
        match change {
            Change::Accept(acceptance) => {
                let Acceptance { message, body } = *acceptance;
                let keys = MessageKeys::of(&message);
                // Before the look into the index: see Shared::evictions.
                let evictions = shared.evictions.load(Ordering::Acquire);
                Ok(Self::Accept(Box::new(Acceptable {
                    prior: shared.prior(&keys)?,
                    evictions,
                    body_crc: crc32c::crc32c(&body),
                    record: encode(&MessageRecord::from(&message)),
                    entry: entry::accepted(&message),
                    keys,
                    message: Arc::new(message),
                    body,
                })))
            }
            Change::Advance(advance) => Ok(Self::Advance(Box::new(Progress {
                record: encode(&AdvanceRecord::from(&advance)),
                entry: entry::advanced(&advance),
                advance,
            }))),
        }
    }

    /// About how many bytes it adds to the journal.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Accept(new) => new.record.len() + new.body.len(),
            Self::Advance(step) => step.record.len(),
        }
    }
}
