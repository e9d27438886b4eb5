//! Settled: the messages that are over, several to one value of the index. What one of them costs sled,
//! in time and in its table of pages, depends on how many values there are, hardly on their length.
//!
//! A block holds messages of one [window] of the ids' own time, in their order: of each its id, how long
//! its record is (4 bytes) and its record. It is as long as a piece at most, but for a record that alone
//! is longer, and its key is the id of its first message. Each checkpoint writes blocks of its own and
//! leaves those before as they are, so blocks of a window may overlap: a message is looked for in those
//! that begin before it, the nearest first, and no further back than its window.
//!
//! A message that is over never changes: each of its deliveries is in a state that nothing leaves, and its
//! exchange has ended or never began (`axle_core::delivery` and `answer`). So where a message is in two
//! blocks, either has it as it is, and a block is never written over. A checkpoint that was cut short has
//! left blocks behind, and the replay does not bring back all that is in them: a message that was among
//! the live is no longer there, and is passed over because it is here.

use std::{cmp::Reverse, collections::BTreeSet, iter, mem, sync::Arc, vec};

use axle_core::message::Message;
use axle_model::id::MessageId;
use sled::Tree;

use super::{
    Stored, Unusable,
    pieces::{self, PIECE_BYTES},
};
use crate::{
    embedded::{convert::writing::append_stored, located::Located, record::Malformed},
    state::Entry,
};

/// A window is 2^7 ms: the last 7 bits of an id's 48 of milliseconds, and the 80 behind them. The longer it
/// is, the more blocks are looked through for a message that settled late or is not there at all (200 at
/// 10,000 documents a second), and the more is read for a page of a query. The shorter it is, the fewer
/// share a block when little is sent: blocks are full from some 50 documents a second on.
const WINDOW_BITS: u32 = 7 + 80;

/// An id and a length come before each record.
const RECORD_HEAD: usize = 16 + 4;

/// The least id there can be in the window of this one.
fn window(id: MessageId) -> MessageId {
    let bits = u128::from_be_bytes(*id.as_bytes());
    MessageId::from_bytes((bits >> WINDOW_BITS << WINDOW_BITS).to_be_bytes())
}

/// Writes messages that are over.
pub(super) fn put<'e>(
    tree: &Tree,
    over: impl Iterator<Item = &'e Entry<Located>>,
) -> Result<(), Unusable> {
    let mut over: Vec<_> = over.collect();
    over.sort_unstable_by_key(|entry| entry.message.id);
    let (mut block, mut record) = (Block::new(tree), Vec::new());
    for entry in over {
        record.clear();
        append_stored(&mut record, &entry.message, entry.sequence, &entry.body);
        block.take(entry.message.id, &record)?;
    }
    block.write()
}

/// A message.
pub(super) fn get(tree: &Tree, id: MessageId) -> Result<Option<Stored>, Unusable> {
    let from_window = pieces::key(window(id), 0)..=pieces::key(id, 0);
    for key in tree.range(from_window).keys().rev() {
        let Some(block) = block_under(tree, &key?)? else {
            continue;
        };
        for record in records(&block) {
            let (of, record) = record?;
            if of == id {
                return pieces::read(record, 0).map(Some);
            }
        }
    }
    Ok(None)
}

/// The block of a key; `None` where it is the key of a further piece.
///
/// It is got by its key also where an iterator has it at hand. sled makes room in its cache only when 64
/// accesses of a 256th part of its pages have gathered, and an iterator counts as one for all of a leaf.
/// Sixteen blocks are a leaf of 64 KiB: half a gigabyte of them were read before any went.
fn block_under(tree: &Tree, key: &[u8]) -> Result<Option<Vec<u8>>, Unusable> {
    match pieces::first(key) {
        Some(first) => pieces::whole_of(tree, first),
        None => Ok(None),
    }
}

/// The messages of a block, in the order of their ids, and their records.
fn records(block: &[u8]) -> impl Iterator<Item = Result<(MessageId, &[u8]), Malformed>> {
    let mut left = block;
    iter::from_fn(move || {
        (!left.is_empty()).then(|| {
            let short = Malformed("a block of records");
            // Whatever is wrong with it, nothing is left of it then.
            let (id, rest) = mem::take(&mut left).split_first_chunk().ok_or(short)?;
            let (length, rest) = rest.split_first_chunk().ok_or(short)?;
            let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| short)?;
            let (record, rest) = rest.split_at_checked(length).ok_or(short)?;
            left = rest;
            Ok((MessageId::from_bytes(*id), record))
        })
    })
}

/// The block that is to be written next, of messages in the order of their ids.
struct Block<'t> {
    tree: &'t Tree,
    bytes: Vec<u8>,
    ids: Vec<MessageId>,
}

impl<'t> Block<'t> {
    const fn new(tree: &'t Tree) -> Self {
        Self {
            tree,
            bytes: Vec::new(),
            ids: Vec::new(),
        }
    }

    /// Takes a message; where it does not fit, what was taken before is written.
    fn take(&mut self, id: MessageId, record: &[u8]) -> Result<(), Unusable> {
        let last = self.ids.last();
        let of_window = last.is_none_or(|&last| window(last) == window(id));
        if !of_window || self.bytes.len() + RECORD_HEAD + record.len() > PIECE_BYTES {
            self.write()?;
        }
        Ok(self.add(id, record)?)
    }

    fn add(&mut self, id: MessageId, record: &[u8]) -> Result<(), Malformed> {
        let length = u32::try_from(record.len()).map_err(|_| Malformed("a record too long"))?;
        self.bytes.extend_from_slice(id.as_bytes());
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(record);
        self.ids.push(id);
        Ok(())
    }

    /// Writes what was taken, if anything was.
    fn write(&mut self) -> Result<(), Unusable> {
        while let Some(&first) = self.ids.first() {
            let Some(there) = pieces::whole_of(self.tree, first)? else {
                pieces::write(self.tree, first, &self.bytes, 0)?;
                break;
            };
            self.leave_out(&there)?;
            if self.ids.first() == Some(&first) {
                return Err(Malformed("a block under a key that is not its first").into());
            }
        }
        self.bytes.clear();
        self.ids.clear();
        Ok(())
    }

    /// Leaves out what is in a block that is there already.
    fn leave_out(&mut self, there: &[u8]) -> Result<(), Malformed> {
        let there = records(there).map(|record| record.map(|(id, _)| id));
        let there = there.collect::<Result<BTreeSet<_>, _>>()?;
        let taken = mem::take(&mut self.bytes);
        self.ids.clear();
        for record in records(&taken) {
            let (id, record) = record?;
            if !there.contains(&id) {
                self.add(id, record)?;
            }
        }
        Ok(())
    }
}

/// The messages before an id, newest first. One window of them is read at a time.
pub(super) struct NewestFirst<'t> {
    tree: &'t Tree,
    before: Option<MessageId>,
    /// The messages of the window that is looked through, and their records.
    found: vec::IntoIter<(MessageId, Box<[u8]>)>,
}

impl<'t> NewestFirst<'t> {
    pub(super) fn new(tree: &'t Tree, before: Option<MessageId>) -> Self {
        Self {
            tree,
            before,
            found: Vec::new().into_iter(),
        }
    }

    /// Everything before `before`.
    fn left(&self) -> sled::Iter {
        match self.before {
            Some(before) => self.tree.range(..before.as_bytes().as_slice()),
            None => self.tree.iter(),
        }
    }

    /// Reads the newest window of what is left; `false` when nothing is.
    fn read_window(&mut self) -> Result<bool, Unusable> {
        let mut found = Vec::new();
        let mut newest = None;
        for key in self.left().keys().rev() {
            let key = key?;
            let Some(first) = pieces::first(&key) else {
                continue;
            };
            let window = *newest.get_or_insert(window(first));
            if first < window {
                break;
            }
            let block = block_under(self.tree, &key)?.unwrap_or_default();
            for record in records(&block) {
                let (id, record) = record?;
                if self.before.is_none_or(|before| id < before) {
                    found.push((id, Box::from(record)));
                }
            }
        }
        // Overlapping blocks are not in order, and may hold the same message.
        found.sort_unstable_by_key(|(id, _)| Reverse(*id));
        found.dedup_by_key(|(id, _)| *id);
        self.found = found.into_iter();
        if newest.is_some() {
            self.before = newest;
        }
        Ok(newest.is_some())
    }

    fn advance(&mut self) -> Result<Option<Arc<Message>>, Unusable> {
        loop {
            if let Some((_, record)) = self.found.next() {
                return Ok(Some(pieces::read(&record, 0)?.message));
            }
            if !self.read_window()? {
                return Ok(None);
            }
        }
    }
}

impl Iterator for NewestFirst<'_> {
    type Item = Result<Arc<Message>, Unusable>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

#[cfg(test)]
mod tests;
