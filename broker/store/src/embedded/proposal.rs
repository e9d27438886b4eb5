//! Proposals: changes made ready for the committer by those who wait for them, so that the one
//! thread that writes encodes, checksums and looks up as little as possible.

use std::sync::{Arc, atomic::Ordering};

use axle_core::{
    change::{Acceptance, Advance, Body, Change, LedgerEntry, Refused},
    message::Message,
};
use bytes::Bytes;

use super::{
    at_rest::{AtRest, What},
    frame::Kind,
    journal::Ready,
    located::Located,
    segment::Locator,
    shared::Shared,
    written,
};
use crate::{
    Chunk, StoreError, entry,
    state::{Body as _, MessageKeys, Prior, Uploads},
};

/// What is to be staged.
#[derive(Debug)]
pub(super) enum Proposal {
    Change(ReadyChange),
    Piece(ReadyPiece),
}

/// A change, ready to be staged.
#[derive(Debug)]
pub(super) struct ReadyChange {
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
    pub(super) ready: Ready,
    /// Where the body is, when it was uploaded.
    pub(super) uploaded: Option<Located>,
    pub(super) keys: MessageKeys,
    /// What the index knew of its keys, and when.
    pub(super) prior: Prior,
    pub(super) evictions: u64,
}

/// A piece of an upload, ready to be staged.
#[derive(Debug)]
pub(super) struct ReadyPiece {
    pub(super) chunk: Chunk,
    pub(super) ready: Ready,
    pub(super) record: Vec<u8>,
}

impl Proposal {
    /// Makes a change ready.
    pub(super) fn change(change: Change, shared: &Shared) -> Result<Self, StoreError> {
        let Change {
            accept,
            advance,
            refuse,
        } = change;
        let message = accept.as_ref().map(|acceptance| &acceptance.message);
        let entry = entry::of(message, &advance, refuse.as_ref());
        let pieces = accept.as_ref().map(|one| uploaded(one, shared));
        let pieces = pieces.transpose()?.flatten();
        let (kind, record) =
            written::encoded(message, pieces.as_deref(), &advance, refuse.as_ref());
        let accept = accept.map(|acceptance| Acceptable::new(*acceptance, pieces, shared));
        Ok(Self::Change(ReadyChange {
            accept: accept.transpose()?.map(Box::new),
            advances: advance,
            refused: refuse,
            kind,
            record,
            entry,
        }))
    }

    /// Makes a piece of an upload ready.
    pub(super) fn piece(chunk: Chunk, at_rest: &AtRest) -> Self {
        let key = Uploads::<Locator>::key(chunk.sender, &chunk.submission);
        let what = What::Piece {
            upload: key,
            start: chunk.offset,
        };
        Self::Piece(ReadyPiece {
            ready: Ready::new(&chunk.data, what, at_rest),
            record: written::encoded_piece(&key, &chunk),
            chunk,
        })
    }

    /// About how many bytes it adds to the journal.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Change(new) => {
                let body = new.accept.as_ref().map_or(0, |new| new.body.len());
                new.record.len() + body
            }
            Self::Piece(new) => new.record.len() + new.chunk.data.len(),
        }
    }
}

/// Where the body of a message is, when it was uploaded. The committer looks whether it still is.
fn uploaded(acceptance: &Acceptance, shared: &Shared) -> Result<Option<Vec<Locator>>, StoreError> {
    let message = &acceptance.message;
    match &acceptance.body {
        Body::Whole(_) => Ok(None),
        &Body::Uploaded(call) => {
            let key = MessageKeys::submission(message.sender, &message.submission);
            let pieces = shared.state().uploads().whole(&key, message, call);
            pieces.map(Some)
        }
    }
}

impl Acceptable {
    fn new(
        acceptance: Acceptance,
        pieces: Option<Vec<Locator>>,
        shared: &Shared,
    ) -> Result<Self, StoreError> {
        let Acceptance { message, body } = acceptance;
        let (keys, body) = (MessageKeys::of(&message), body.bytes());
        // Before the look into the index: see Shared::evictions.
        let evictions = shared.evictions.load(Ordering::Acquire);
        Ok(Self {
            prior: shared.prior(&keys)?,
            evictions,
            ready: Ready::new(&body, What::Body(message.id), shared.segments.at_rest()),
            uploaded: pieces.map(Located::of),
            keys,
            message: Arc::new(message),
            body,
        })
    }
}
