//! Where a body is: in one place, as nearly all are, or in the pieces of an upload.

use std::{slice, sync::Arc};

use super::segment::Locator;
use crate::state::{Body, Piece};

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
    /// The piece that holds the byte at `offset`, and which of its bytes that is.
    pub(super) fn piece(&self, mut offset: u64) -> Option<(Locator, u64)> {
        for &piece in self.pieces() {
            if offset < piece.length {
                return Some((piece, offset));
            }
            offset -= piece.length;
        }
        None
    }
}
