//! Blocks: the file in which they lie, one behind another. It is only ever added to. What a checkpoint
//! that was cut short has added may lie there for nothing.

use std::{
    fs, io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::embedded::{
    index::{Unusable, sealed::Sealed},
    record::Malformed,
};

/// So much is written at once, or a block more.
const BUFFER_BYTES: usize = 1 << 20;
const PLACE_BYTES: usize = 16;

/// The file.
#[derive(Debug)]
pub(super) struct Blocks {
    path: PathBuf,
    sealed: Sealed,
    file: fs::File,
    /// Where it ends once all is written.
    end: AtomicU64,
    unwritten: Mutex<Vec<u8>>,
}

/// Where a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    offset: u64,
    length: u32,
    crc: u32,
}

impl Place {
    pub(super) fn written(self) -> [u8; PLACE_BYTES] {
        let mut bytes = [0; PLACE_BYTES];
        let parts = self.offset.to_be_bytes().into_iter();
        let parts = parts.chain(self.length.to_be_bytes());
        let parts = parts.chain(self.crc.to_be_bytes());
        bytes
            .iter_mut()
            .zip(parts)
            .for_each(|(to, byte)| *to = byte);
        bytes
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let bytes = <&[u8; PLACE_BYTES]>::try_from(bytes);
        let bytes = u128::from_be_bytes(*bytes.map_err(|_| Malformed("the place of a block"))?);
        Ok(Self {
            offset: (bytes >> 64) as u64,
            length: (bytes >> 32) as u32,
            crc: bytes as u32,
        })
    }
}

impl Blocks {
    pub(super) fn open(path: &Path, sealed: Sealed) -> io::Result<Self> {
        let mut options = fs::OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false);
        let file = file.open(path)?;
        Ok(Self {
            path: path.to_path_buf(),
            sealed,
            end: AtomicU64::new(file.metadata()?.len()),
            file,
            unwritten: Mutex::default(),
        })
    }

    /// How long the file is.
    pub(super) fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    /// Takes a block, which may be read once all are [durable](Self::sync).
    pub(super) fn add(&self, mut block: Vec<u8>) -> Result<Place, Unusable> {
        let unwritten = self.unwritten.lock();
        let mut unwritten = unwritten.unwrap_or_else(PoisonError::into_inner);
        self.sealed.seal(self.end(), &mut block);
        let length = u32::try_from(block.len()).map_err(|_| Malformed("a block too long"))?;
        let offset = self.end.fetch_add(length.into(), Ordering::AcqRel);
        unwritten.extend_from_slice(&block);
        if unwritten.len() >= BUFFER_BYTES {
            self.write(&mut unwritten)?;
        }
        let crc = crc32c::crc32c(&block);
        Ok(Place {
            offset,
            length,
            crc,
        })
    }

    fn write(&self, unwritten: &mut Vec<u8>) -> io::Result<()> {
        let at = self.end() - unwritten.len() as u64;
        self.file.write_all_at(unwritten, at)?;
        unwritten.clear();
        Ok(())
    }

    /// Makes durable what was added.
    pub(super) fn sync(&self) -> io::Result<()> {
        let unwritten = self.unwritten.lock();
        self.write(&mut unwritten.unwrap_or_else(PoisonError::into_inner))?;
        self.file.sync_data()
    }

    /// A block, its checksum and its seal verified.
    pub(super) fn read(&self, place: Place) -> Result<Vec<u8>, Unusable> {
        let damaged = |why: &str| {
            let (path, at) = (self.path.display(), place.offset);
            Unusable::Untrue(format!("{path} is damaged at byte {at}{why}"))
        };
        if place.offset.saturating_add(place.length.into()) > self.end() {
            return Err(damaged(": it ends before"));
        }
        let mut block = vec![0; place.length as usize];
        self.file.read_exact_at(&mut block, place.offset)?;
        if crc32c::crc32c(&block) != place.crc {
            return Err(damaged(""));
        }
        self.sealed.open(place.offset, &mut block)?;
        Ok(block)
    }
}
