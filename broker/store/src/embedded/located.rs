//! Where a body is: in one place, as nearly all are, or in the pieces of an upload.

use std::{slice, sync::Arc};

use axle_core::message::Message;

use super::{at_rest::What, segment::Locator};
use crate::state::{Body, MessageKeys, Piece};

/// Where a body is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Located {
    /// In one piece.
    Whole(Locator),
    /// In these, one after the other.
    Pieces(Arc<[Locator]>),
}

impl Body for Located {
    type Piece = Locator;

    fn of(pieces: Vec<Locator>) -> Self {
        Self::Pieces(pieces.into())
    }

    fn pieces(&self) -> &[Locator] {
        match self {
            Self::Whole(one) => slice::from_ref(one),
            Self::Pieces(all) => all,
        }
    }
}

impl Piece for Locator {
    fn segment(&self) -> Option<u32> {
        Some(self.segment)
    }
}

impl Located {
    /// What its pieces are, and where, in order.
    pub(super) fn parts(&self, of: &Message) -> impl Iterator<Item = (What, Locator)> {
        let upload = match self {
            Self::Whole(_) => None,
            Self::Pieces(_) => Some(MessageKeys::submission(of.sender, &of.submission)),
        };
        let (message, mut end) = (of.id, 0);
        self.pieces().iter().map(move |&piece| {
            let start = end;
            end += piece.length;
            let what = match upload {
                None => What::Body(message),
                Some(upload) => What::Piece { upload, start },
            };
            (what, piece)
        })
    }

    /// The piece that holds the byte at `offset`, and which of its bytes that is.
    pub(super) fn part(&self, of: &Message, offset: u64) -> Option<(What, Locator, u64)> {
        let mut start = 0;
        for (what, piece) in self.parts(of) {
            if offset - start < piece.length {
                return Some((what, piece, offset - start));
            }
            start += piece.length;
        }
        None
    }
}
