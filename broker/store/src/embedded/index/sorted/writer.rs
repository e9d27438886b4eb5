//! The writer of a run: entries in order into blocks, and at the end what finds them.

use std::{
    fs,
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
};

use prost::encoding::encode_varint;

use super::{
    Covers, Sealed,
    filter::{Filter, Print},
    layout::{Fence, Trailer, head},
    run::Run,
};

/// A block ends with the entry that fills it.
const BLOCK_BYTES: usize = 4 << 10;
const BUFFER_BYTES: usize = 256 << 10;

/// A run that is being written.
#[derive(Debug)]
pub(in crate::embedded::index) struct Writer {
    covers: Covers,
    sealed: Sealed,
    path: PathBuf,
    file: BufWriter<fs::File>,
    offset: u64,
    block: Vec<u8>,
    block_head: u64,
    entries: u64,
    fences: Vec<Fence>,
    filter: Filter,
}

impl Writer {
    /// Begins a file, which has its name only when it is whole.
    pub(super) fn create(
        directory: &Path,
        covers: Covers,
        keys_max: u64,
        sealed: Sealed,
    ) -> io::Result<Self> {
        let path = directory.join(covers.name());
        let mut options = fs::OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(true);
        let file = BufWriter::with_capacity(BUFFER_BYTES, file.open(unfinished(&path))?);
        Ok(Self {
            covers,
            sealed,
            path,
            file,
            offset: 0,
            block: Vec::with_capacity(BLOCK_BYTES + 512),
            block_head: 0,
            entries: 0,
            fences: Vec::new(),
            filter: Filter::with_room(usize::try_from(keys_max).unwrap_or(usize::MAX)),
        })
    }

    /// Takes the next entry; its key is greater than those before.
    pub(in crate::embedded::index) fn add(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        if self.block.is_empty() {
            self.block_head = head(key);
        }
        encode_varint(key.len() as u64, &mut self.block);
        encode_varint(value.len() as u64, &mut self.block);
        self.block.extend_from_slice(key);
        self.block.extend_from_slice(value);
        self.filter.add(Print::of(key));
        self.entries += 1;
        if self.block.len() < BLOCK_BYTES {
            return Ok(());
        }
        self.end_block()
    }

    fn end_block(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        self.sealed.seal(self.offset, &mut self.block);
        self.file.write_all(&self.block)?;
        let length = u32::try_from(self.block.len()).map_err(io::Error::other)?;
        self.fences.push(Fence {
            head: self.block_head,
            offset: self.offset,
            length,
            crc: crc32c::crc32c(&self.block),
        });
        self.offset += u64::from(length);
        self.block.clear();
        Ok(())
    }

    /// Makes it durable under its name. Where that fails nothing is left of it.
    pub(super) fn finish(self) -> io::Result<Run> {
        let path = unfinished(&self.path);
        let finished = self.end();
        finished.inspect_err(|_| drop(fs::remove_file(path)))
    }

    /// Removes what was written.
    pub(super) fn give_up(self) {
        // What cannot be removed now is removed by the next start.
        drop(fs::remove_file(unfinished(&self.path)));
    }

    fn end(mut self) -> io::Result<Run> {
        self.end_block()?;
        let mut behind = Vec::new();
        self.fences
            .iter()
            .for_each(|fence| fence.write(&mut behind));
        behind.extend(self.filter.bytes().flatten());
        self.sealed.seal(self.offset, &mut behind);
        let count = |count: usize| u32::try_from(count).map_err(io::Error::other);
        let trailer = Trailer {
            blocks_end: self.offset,
            entries: self.entries,
            fences: count(self.fences.len())?,
            lines: count(self.filter.lines())?,
            crc: crc32c::crc32c(&behind),
        };
        trailer.write(&mut behind);
        self.file.write_all(&behind)?;
        let file = self
            .file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        fs::rename(unfinished(&self.path), &self.path)?;
        if let Some(directory) = self.path.parent() {
            fs::File::open(directory)?.sync_all()?;
        }
        let (file, found_by) = ((self.path, file), (self.fences, self.filter));
        Ok(Run::new(self.covers, self.sealed, file, &trailer, found_by))
    }
}

/// What it is called until it is whole; a start removes what was left so.
fn unfinished(path: &Path) -> PathBuf {
    path.with_extension("new")
}
