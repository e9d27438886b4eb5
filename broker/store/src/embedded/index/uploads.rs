//! Uploads in the index: one entry for each piece, so that a long upload costs no more at each
//! checkpoint than what came since. The key is the upload's, with the offset of the piece.

use sled::Tree;

use super::Unusable;
use crate::{
    embedded::{
        record::{Malformed, PieceRecord, decode, encode},
        segment::Locator,
    },
    state::{ChangedUploads, Half, StoredPiece},
};

fn key(upload: &Half, start: u64) -> [u8; 24] {
    let mut key = [0; 24];
    key[..16].copy_from_slice(upload.as_bytes());
    key[16..].copy_from_slice(&start.to_be_bytes());
    key
}

/// Writes what changed: what ended is forgotten first, since it may have begun anew.
pub(super) fn put(tree: &Tree, changed: &ChangedUploads<Locator>) -> Result<(), Unusable> {
    for ended in &changed.ended {
        for entry in tree.scan_prefix(ended.as_bytes()) {
            tree.remove(entry?.0)?;
        }
    }
    for piece in &changed.pieces {
        let record = encode(&PieceRecord::from(piece));
        tree.insert(key(&piece.key, piece.start), record)?;
    }
    Ok(())
}

/// Every piece, each upload's in order.
pub(super) fn each(
    tree: &Tree,
    mut take: impl FnMut(StoredPiece<Locator>),
) -> Result<(), Unusable> {
    for entry in tree {
        let (key, value) = entry?;
        let (upload, _) = key
            .split_first_chunk()
            .ok_or(Malformed("the key of an upload"))?;
        take(decode::<PieceRecord>(&value)?.read(Half::from_bytes(*upload))?);
    }
    Ok(())
}
