//! Pieces: a message's record cut so that no value of the index is longer than 4 KiB, which keeps
//! sled from writing a leaf to a file of its own that is never synced. The key of a piece is the
//! message's id and the piece's number; the first piece begins with how many there are (2 bytes) and
//! the crc32c of the whole, since a write of several pieces can be cut short.

use std::{borrow::Cow, ops::Range, sync::Arc};

use axle_model::id::MessageId;
use sled::Tree;

use super::{Stored, Unusable};
use crate::{
    embedded::{
        convert::writing::append_stored,
        located::Located,
        record::{Malformed, StoredRecord, decode},
    },
    state::Entry,
};

/// No value is longer.
const VALUE_BYTES_MAX: usize = (4 << 10) - 1;
const PIECE_BYTES: usize = VALUE_BYTES_MAX - 6;

fn key(id: MessageId, piece: u16) -> [u8; 18] {
    let mut key = [0; 18];
    key[..16].copy_from_slice(id.as_bytes());
    key[16..].copy_from_slice(&piece.to_be_bytes());
    key
}

/// The id of the key of a first piece; `None` for that of another.
fn first(key: &[u8]) -> Option<MessageId> {
    match key.split_first_chunk() {
        Some((id, [0, 0])) => Some(MessageId::from_bytes(*id)),
        Some(_) | None => None,
    }
}

/// Writes a message over the `before` pieces that are there; returns how many there are now.
pub(super) fn put(tree: &Tree, entry: &Entry<Located>, before: u16) -> Result<u16, Unusable> {
    let mut record = Vec::new();
    append_stored(&mut record, &entry.message, entry.sequence, &entry.body);
    write(tree, entry.message.id, &record, before)
}

/// Writes a record over the `before` pieces that are there; returns how many there are now.
pub(super) fn write(
    tree: &Tree,
    id: MessageId,
    record: &[u8],
    before: u16,
) -> Result<u16, Unusable> {
    let count = u16::try_from(record.len().div_ceil(PIECE_BYTES))
        .map_err(|_| Malformed("a record too long to be cut"))?;
    // Backwards: the first piece says how many there are, so it comes when they are all there.
    for (number, piece) in (0..count).zip(record.chunks(PIECE_BYTES)).rev() {
        if number > 0 {
            tree.insert(key(id, number), piece)?;
        } else {
            let crc = crc32c::crc32c(record).to_be_bytes();
            tree.insert(
                key(id, 0),
                [count.to_be_bytes().as_slice(), &crc, piece].concat(),
            )?;
        }
    }
    remove(tree, id, count..before)?;
    Ok(count)
}

/// Removes pieces of a message.
pub(super) fn remove(tree: &Tree, id: MessageId, pieces: Range<u16>) -> Result<(), Unusable> {
    for piece in pieces {
        tree.remove(key(id, piece))?;
    }
    Ok(())
}

/// A message, put together again.
pub(super) fn get(tree: &Tree, id: MessageId) -> Result<Option<Stored>, Unusable> {
    let Some(first) = tree.get(key(id, 0))? else {
        return Ok(None);
    };
    let (record, pieces) = whole(tree, id, &first)?;
    read(&record, pieces).map(Some)
}

/// A message out of its record.
pub(super) fn read(record: &[u8], pieces: u16) -> Result<Stored, Unusable> {
    let (message, sequence, body) = decode::<StoredRecord>(record)?.read()?;
    Ok(Stored {
        message: Arc::new(message),
        sequence,
        body,
        pieces,
    })
}

/// A record, put together again, and how many pieces it is in.
fn whole<'f>(
    tree: &Tree,
    id: MessageId,
    first: &'f [u8],
) -> Result<(Cow<'f, [u8]>, u16), Unusable> {
    let short = Malformed("a short piece");
    let (count, rest) = first.split_first_chunk().ok_or(short)?;
    let (crc, piece) = rest.split_first_chunk().ok_or(short)?;
    let pieces = u16::from_be_bytes(*count);
    let mut record = Cow::Borrowed(piece);
    for number in 1..pieces {
        let piece = tree
            .get(key(id, number))?
            .ok_or(Malformed("a record with a missing piece"))?;
        record.to_mut().extend_from_slice(&piece);
    }
    if crc32c::crc32c(&record) != u32::from_be_bytes(*crc) {
        return Err(Malformed("a record of pieces that do not belong together").into());
    }
    Ok((record, pieces))
}

/// The record of every message of a tree, and in how many pieces it is.
pub(super) fn each(
    tree: &Tree,
    mut take: impl FnMut(&[u8], u16) -> Result<(), Unusable>,
) -> Result<(), Unusable> {
    for entry in tree {
        let (key, value) = entry?;
        if let Some(id) = first(&key) {
            let (record, pieces) = whole(tree, id, &value)?;
            take(&record, pieces)?;
        }
    }
    Ok(())
}
