//! Settled: the messages that are over. They lie in a file of blocks, and sled knows where each block
//! is: what a value costs sled, in time and in its table of pages, hardly depends on its length, and each is
//! written twice or more while its leaf fills.
//!
//! A block holds messages of one [window] of the ids' own time, in their order: of each its id, how long
//! its record is (4 bytes) and its record. The id of its first message leads to it. Each checkpoint writes
//! blocks of its own and leaves those before as they are, so blocks of a window may overlap: a message is
//! looked for in those that begin before it, the nearest first, and no further back than its window.
//!
//! A message that is over never changes: each of its deliveries is in a state that nothing leaves, and its
//! exchange has ended or never began (`axle_core::delivery` and `answer`). So where a message is in two
//! blocks, either has it as it is, and no id is led to another block. A checkpoint that was cut short has
//! left blocks behind, and the replay does not bring back all that is in them: a message that was among
//! the live is no longer there, and is passed over because it is here.

mod blocks;

use std::{cmp::Reverse, collections::BTreeSet, iter, mem, path::Path, sync::Arc, vec};

use axle_core::message::Message;
use axle_model::id::MessageId;
use sled::{IVec, Tree};

use blocks::{Blocks, Place};

use super::{Stored, Unusable, sealed::Sealed};
use crate::{
    embedded::{convert::writing::append_stored, located::Located, record::Malformed},
    state::Entry,
};

/// A window is 2^7 ms: the last 7 bits of an id's 48 of milliseconds, and the 80 behind them. The longer it
/// is, the more blocks are looked through for a message that settled late or is not there at all (100 at
/// 10,000 documents a second), and the more is read for a page of a query. The shorter it is, the fewer
/// share a block when little is sent: blocks are full from some 100 documents a second on.
const WINDOW_BITS: u32 = 7 + 80;

/// A block is no longer, unless a single record is.
const BLOCK_BYTES_MAX: usize = 8 << 10;
/// An id and a length come before each record.
const RECORD_HEAD: usize = 16 + 4;

/// The messages that are over.
#[derive(Debug)]
pub(super) struct Settled {
    /// From the id of its first message to the place of a block.
    places: Tree,
    blocks: Blocks,
}

/// The least id there can be in the window of this one.
fn window(id: MessageId) -> MessageId {
    let bits = u128::from_be_bytes(*id.as_bytes());
    MessageId::from_bytes((bits >> WINDOW_BITS << WINDOW_BITS).to_be_bytes())
}

impl Settled {
    pub(super) fn open(places: Tree, path: &Path, sealed: Sealed) -> Result<Self, Unusable> {
        let blocks = Blocks::open(path, sealed)?;
        Ok(Self { places, blocks })
    }

    /// How long the file is: it may be ahead of the rest of the index, never behind.
    pub(super) fn end(&self) -> u64 {
        self.blocks.end()
    }

    /// Writes messages that are over. A block is durable before anything leads to it.
    pub(super) fn put<'e>(
        &self,
        over: impl Iterator<Item = &'e Entry<Located>>,
    ) -> Result<(), Unusable> {
        let mut over: Vec<_> = over.collect();
        if over.is_empty() {
            return Ok(());
        }
        over.sort_unstable_by_key(|entry| entry.message.id);
        let (mut packer, mut record) = (Packer::new(self), Vec::new());
        for entry in over {
            record.clear();
            append_stored(&mut record, &entry.message, entry.sequence, &entry.body);
            packer.take(entry.message.id, &record)?;
        }
        packer.end_block()?;
        self.blocks.sync()?;
        for (first, place) in packer.places {
            self.places.insert(first.as_bytes(), &place.written())?;
        }
        Ok(())
    }

    /// A message.
    pub(super) fn get(&self, id: MessageId) -> Result<Option<Stored>, Unusable> {
        let window = window(id);
        let from_window = window.as_bytes().as_slice()..=id.as_bytes().as_slice();
        for entry in self.places.range(from_window).rev() {
            let (_, place) = entry?;
            let block = self.blocks.read(Place::read(&place)?)?;
            for record in records(&block) {
                let (of, record) = record?;
                if of == id {
                    return Stored::read(record).map(Some);
                }
            }
        }
        Ok(None)
    }

    /// The messages before an id, newest first.
    pub(super) fn newest_first(&self, before: Option<MessageId>) -> NewestFirst<'_> {
        NewestFirst {
            settled: self,
            before,
            found: Vec::new().into_iter(),
        }
    }

    /// The block that an id leads to.
    fn block(&self, first: MessageId) -> Result<Option<Vec<u8>>, Unusable> {
        let place = self.places.get(first.as_bytes())?;
        let read = |place: IVec| self.blocks.read(Place::read(&place)?);
        place.map(read).transpose()
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

/// Packs messages, in the order of their ids, into blocks.
struct Packer<'s> {
    settled: &'s Settled,
    bytes: Vec<u8>,
    ids: Vec<MessageId>,
    /// What is to lead to the blocks that were packed.
    places: Vec<(MessageId, Place)>,
}

impl<'s> Packer<'s> {
    const fn new(settled: &'s Settled) -> Self {
        Self {
            settled,
            bytes: Vec::new(),
            ids: Vec::new(),
            places: Vec::new(),
        }
    }

    /// Takes a message; where it does not fit, what was taken before is a block.
    fn take(&mut self, id: MessageId, record: &[u8]) -> Result<(), Unusable> {
        let last = self.ids.last();
        let of_window = last.is_none_or(|&last| window(last) == window(id));
        if !of_window || self.bytes.len() + RECORD_HEAD + record.len() > BLOCK_BYTES_MAX {
            self.end_block()?;
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

    /// Makes a block of what was taken, if anything was.
    fn end_block(&mut self) -> Result<(), Unusable> {
        while let Some(&first) = self.ids.first() {
            let Some(there) = self.settled.block(first)? else {
                let place = self.settled.blocks.add(mem::take(&mut self.bytes))?;
                self.places.push((first, place));
                break;
            };
            self.leave_out(&there)?;
            if self.ids.first() == Some(&first) {
                return Err(Malformed("a block under an id that is not its first").into());
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
pub(super) struct NewestFirst<'s> {
    settled: &'s Settled,
    before: Option<MessageId>,
    /// The messages of the window that is looked through, and their records.
    found: vec::IntoIter<(MessageId, Box<[u8]>)>,
}

impl NewestFirst<'_> {
    /// Everything before `before`.
    fn left(&self) -> sled::Iter {
        match self.before {
            Some(before) => self.settled.places.range(..before.as_bytes().as_slice()),
            None => self.settled.places.iter(),
        }
    }

    /// Reads the newest window of what is left; `false` when nothing is.
    fn read_window(&mut self) -> Result<bool, Unusable> {
        let mut found = Vec::new();
        let mut newest = None;
        for entry in self.left().rev() {
            let (key, place) = entry?;
            let first = key.first_chunk().copied().map(MessageId::from_bytes);
            let first = first.ok_or(Malformed("the id of a block"))?;
            let window = *newest.get_or_insert(window(first));
            if first < window {
                break;
            }
            let block = self.settled.blocks.read(Place::read(&place)?)?;
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
                return Ok(Some(Stored::read(&record)?.message));
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
