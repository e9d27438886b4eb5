//! A run: entries in order of their keys, in a file that never changes. Blocks of about 4 KiB, each
//! with a checksum; behind them, read into memory when the file is opened, where each block begins and
//! a filter; at the end, where those are.

use std::{
    fs,
    ops::ControlFlow,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Covers, Sealed,
    filter::{Filter, Print},
    layout::{FENCE_BYTES, Fence, TRAILER_BYTES, Trailer, head},
};
use crate::embedded::{index::Unusable, record::Malformed};

/// A run on the disk.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) covers: Covers,
    pub(super) bytes: u64,
    pub(super) entries: u64,
    sealed: Sealed,
    path: PathBuf,
    file: fs::File,
    fences: Vec<Fence>,
    filter: Filter,
}

impl Run {
    /// Of what was just written.
    pub(super) fn new(
        covers: Covers,
        sealed: Sealed,
        (path, file): (PathBuf, fs::File),
        trailer: &Trailer,
        (fences, filter): (Vec<Fence>, Filter),
    ) -> Self {
        Self {
            covers,
            bytes: trailer.end(sealed.overhead()),
            entries: trailer.entries,
            sealed,
            path,
            file,
            fences,
            filter,
        }
    }

    pub(super) fn open(path: &Path, covers: Covers, sealed: Sealed) -> Result<Self, Unusable> {
        let untrue = |what: &str| Unusable::Untrue(format!("{} {what}", path.display()));
        let file = fs::File::open(path)?;
        let length = file.metadata()?.len();
        let mut bytes = [0; TRAILER_BYTES];
        let at = length.checked_sub(TRAILER_BYTES as u64);
        file.read_exact_at(&mut bytes, at.ok_or_else(|| untrue("is too short"))?)?;
        let is_whole = |trailer: &Trailer| trailer.end(sealed.overhead()) == length;
        let trailer = Trailer::read(&bytes).filter(is_whole);
        let trailer = trailer.ok_or_else(|| untrue("does not end as it was written"))?;

        let [fences_bytes, filter_bytes] = trailer.lengths();
        let mut behind = vec![0; fences_bytes + filter_bytes + sealed.overhead()];
        file.read_exact_at(&mut behind, trailer.blocks_end)?;
        if crc32c::crc32c(&behind) != trailer.crc {
            return Err(untrue("is damaged behind its blocks"));
        }
        sealed.open(trailer.blocks_end, &mut behind)?;
        let (fences, filter) = behind.split_at(fences_bytes);
        let (fences, _) = fences.as_chunks::<FENCE_BYTES>();
        let fences = fences.iter().map(Fence::read).collect();
        let filter = Filter::read(filter);
        let file = (path.to_path_buf(), file);
        Ok(Self::new(covers, sealed, file, &trailer, (fences, filter)))
    }

    /// Every entry whose key begins so, in order.
    pub(super) fn find(
        &self,
        beginning: &[u8],
        print: Print,
        take: &mut impl FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, Unusable>,
    ) -> Result<ControlFlow<()>, Unusable> {
        if !self.may_hold(print) {
            return Ok(ControlFlow::Continue(()));
        }
        let head = head(beginning);
        // Keys of this head may begin in the block before the first that begins with it.
        let from = self.fences.partition_point(|fence| fence.head < head);
        let fences = self.fences.get(from.saturating_sub(1)..);
        let mut block = Vec::new();
        for fence in fences.unwrap_or_default() {
            if fence.head > head {
                break;
            }
            self.read(*fence, &mut block)?;
            let mut rest = block.as_slice();
            while let Some(((key, value), behind)) = entry(rest)? {
                if key.starts_with(beginning) {
                    if take(key, value)?.is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                } else if key > beginning {
                    return Ok(ControlFlow::Continue(()));
                }
                rest = behind;
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Whether it may have an entry of this key.
    pub(super) fn may_hold(&self, print: Print) -> bool {
        self.filter.may_hold(print)
    }

    /// Reads a block, its checksum and its seal verified.
    fn read(&self, fence: Fence, block: &mut Vec<u8>) -> Result<(), Unusable> {
        block.resize(fence.length as usize, 0);
        self.file.read_exact_at(block, fence.offset)?;
        if crc32c::crc32c(block) != fence.crc {
            let (path, at) = (self.path.display(), fence.offset);
            return Err(Unusable::Untrue(format!("{path} is damaged at byte {at}")));
        }
        Ok(self.sealed.open(fence.offset, block)?)
    }
}

/// An entry and what is behind it; `None` at the end of the block.
fn entry(block: &[u8]) -> Result<Option<(Entry<'_>, &[u8])>, Malformed> {
    if block.is_empty() {
        return Ok(None);
    }
    let malformed = Malformed("an entry of a run");
    let mut rest = block;
    let mut lengths = [0; 2];
    for length in &mut lengths {
        let read = prost::encoding::decode_varint(&mut rest).map_err(|_| malformed)?;
        *length = usize::try_from(read).unwrap_or(usize::MAX);
    }
    let [key, value] = lengths;
    let split = rest.split_at_checked(key).and_then(|(key, rest)| {
        let (value, rest) = rest.split_at_checked(value)?;
        Some(((key, value), rest))
    });
    split.map(Some).ok_or(malformed)
}

/// A key and its value.
pub(super) type Entry<'b> = (&'b [u8], &'b [u8]);

/// A reading of a whole run, entry by entry.
#[derive(Debug)]
pub(super) struct Cursor {
    run: Arc<Run>,
    next_block: usize,
    block: Vec<u8>,
    /// Where in the block the entry that comes next begins.
    at: usize,
}

impl Cursor {
    pub(super) const fn new(run: Arc<Run>) -> Self {
        Self {
            run,
            next_block: 0,
            block: Vec::new(),
            at: 0,
        }
    }

    /// The entry that comes next; `None` at the end.
    pub(super) fn peek(&self) -> Result<Option<Entry<'_>>, Unusable> {
        let next = entry(self.block.get(self.at..).unwrap_or_default())?;
        Ok(next.map(|(entry, _)| entry))
    }

    /// Goes to the next entry, the first call to the first one; gives how many bytes are passed.
    pub(super) fn advance(&mut self) -> Result<u64, Unusable> {
        let rest = self.block.get(self.at..).unwrap_or_default();
        let behind = entry(rest)?.map_or(rest, |(_, behind)| behind);
        let passed = (rest.len() - behind.len()) as u64;
        self.at = self.block.len() - behind.len();
        if self.at == self.block.len()
            && let Some(&fence) = self.run.fences.get(self.next_block)
        {
            self.run.read(fence, &mut self.block)?;
            (self.next_block, self.at) = (self.next_block + 1, 0);
        }
        Ok(passed)
    }
}
