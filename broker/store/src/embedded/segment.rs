//! Segments: the files of the journal, their headers, and where things are in them.
//!
//! A segment's header (little-endian): magic (8 bytes), crc32c of the rest (4), schema version (4),
//! node id (16), segment number (4), zeros (4), first sequence (8), mark (8), the chain's hash up to
//! the entry before the first (32). The schema version is 1; or 2 when its bodies were dropped; or 3 when
//! its frames are sealed, and 4 when they are and its bodies were dropped: an earlier build refuses
//! those rather than misread them.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axle_model::digest::Digest;

use super::{
    at_rest::{AtRest, SEAL_BYTES},
    files::{File, Files},
    frame::{Window, take},
};

/// The length of a segment's header.
pub(super) const HEADER: usize = 88;
const MAGIC: &[u8; 8] = b"AXLEJRNL";
/// How many segments are kept open for reading.
const OPEN_MAX: usize = 64;

/// Which store wrote it: 128 random bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NodeId(pub(super) [u8; 16]);

/// What a segment's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) node: NodeId,
    pub(super) number: u32,
    /// The sequence of the first entry in it. Every earlier one was durable when it was begun.
    pub(super) first: u64,
    pub(super) mark: u64,
    pub(super) previous: Digest,
    /// Whether its frames have no bodies any more.
    pub(super) stripped: bool,
    /// Whether records and bodies are sealed.
    pub(super) sealed: bool,
}

/// Where a body is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Locator {
    pub(super) segment: u32,
    pub(super) offset: u64,
    /// Its own length; see [`Header::written`].
    pub(super) length: u64,
    /// Of what is written.
    pub(super) crc: u32,
}

/// A place in the journal, behind the entry `sequence`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) sequence: u64,
    pub(super) segment: u32,
    /// Where that entry's frame begins; 0 when it is in an earlier segment, or there is none.
    pub(super) last: u64,
    /// Where the next frame begins.
    pub(super) offset: u64,
    /// The chain's hash up to here.
    pub(super) hash: Digest,
}

impl Header {
    pub(super) fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0u8; HEADER];
        bytes[..8].copy_from_slice(MAGIC);
        let version = 1 + u32::from(self.stripped) + 2 * u32::from(self.sealed);
        bytes[12..16].copy_from_slice(&version.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.node.0);
        bytes[32..36].copy_from_slice(&self.number.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.first.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.mark.to_le_bytes());
        bytes[56..88].copy_from_slice(self.previous.as_bytes());
        let crc = crc32c::crc32c(&bytes[12..]);
        bytes[8..12].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8; HEADER]) -> Option<Self> {
        let mut fields = bytes.as_slice();
        let fields = &mut fields;
        let magic: [u8; 8] = take(fields)?;
        let crc = u32::from_le_bytes(take(fields)?);
        let version = u32::from_le_bytes(take(fields)?);
        let known = matches!(version, 1..=4);
        if &magic != MAGIC || crc != crc32c::crc32c(&bytes[12..]) || !known {
            return None;
        }
        let node = NodeId(take(fields)?);
        let number = u32::from_le_bytes(take(fields)?);
        let _: [u8; 4] = take(fields)?;
        Some(Self {
            node,
            number,
            first: u64::from_le_bytes(take(fields)?),
            mark: u64::from_le_bytes(take(fields)?),
            previous: Digest::from_bytes(take(fields)?),
            stripped: matches!(version, 2 | 4),
            sealed: matches!(version, 3 | 4),
        })
    }

    /// How long a body of this length is in the file.
    pub(super) const fn written(&self, body: u64) -> u64 {
        if self.sealed && body > 0 {
            body.saturating_add(SEAL_BYTES as u64)
        } else {
            body
        }
    }
}

/// The name of a segment's file.
pub(super) fn name(number: u32) -> String {
    format!("{number:010}.log")
}

/// The number in the name of a segment's file.
pub(super) fn number(name: &str) -> Option<u32> {
    let number = name.strip_suffix(".log")?.parse().ok()?;
    (self::name(number) == name).then_some(number)
}

/// The segments there are, for those who read.
#[derive(Debug)]
pub(super) struct Segments {
    files: Arc<dyn Files>,
    directory: PathBuf,
    at_rest: AtRest,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    headers: Vec<Header>,
    open: HashMap<u32, Opened>,
}

/// A segment that is open for reading: its file, and what that file's header says. The two belong
/// together, since a segment is replaced by another file when its bodies are dropped.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    pub(super) header: Header,
    pub(super) file: Arc<dyn File>,
}

impl Opened {
    /// A view of its frames.
    pub(super) fn window(&self) -> io::Result<Window<'_>> {
        Window::new(self.file.as_ref(), &self.header)
    }
}

impl Segments {
    pub(super) fn new(
        files: Arc<dyn Files>,
        directory: PathBuf,
        at_rest: AtRest,
        headers: Vec<Header>,
    ) -> Self {
        let open = HashMap::new();
        Self {
            files,
            directory,
            at_rest,
            known: Mutex::new(Known { headers, open }),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file system they are in.
    pub(super) fn files(&self) -> &dyn Files {
        self.files.as_ref()
    }

    /// What opens what is sealed in them, and seals what is added.
    pub(super) const fn at_rest(&self) -> &AtRest {
        &self.at_rest
    }

    /// The directory they are in.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// How much room there is for them. A file system that does not say is taken to have enough.
    pub(super) fn free_space(&self) -> u64 {
        let space = self.files.space(&self.directory);
        space.map_or(u64::MAX, |(free, _)| free)
    }

    /// The path of a segment.
    pub(super) fn path(&self, number: u32) -> PathBuf {
        self.directory.join(name(number))
    }

    /// Their headers, in order.
    pub(super) fn headers(&self) -> Vec<Header> {
        self.known().headers.clone()
    }

    /// Takes a new one, at the end.
    pub(super) fn push(&self, header: Header) {
        self.known().headers.push(header);
    }

    /// Takes those that have come since they were listed.
    pub(super) fn know(&self, headers: &[Header]) {
        let mut known = self.known();
        let newest = known.headers.last().map_or(0, |header| header.number);
        let new = headers.iter().filter(|header| header.number > newest);
        known.headers.extend(new.copied());
    }

    /// A segment for reading, and the header of the one that follows it.
    pub(super) fn holding(&self, sequence: u64) -> Option<(Header, Option<Header>)> {
        let known = self.known();
        // A segment that was begun and never used has the same first sequence as the next.
        let after = known
            .headers
            .partition_point(|header| header.first <= sequence);
        let header = known.headers.get(after.checked_sub(1)?)?;
        Some((*header, known.headers.get(after).copied()))
    }

    /// Whether the bodies of a segment were dropped.
    pub(super) fn is_stripped(&self, number: u32) -> bool {
        let known = self.known();
        let mut headers = known.headers.iter();
        headers.any(|header| header.number == number && header.stripped)
    }

    /// A segment, open.
    pub(super) fn open(&self, number: u32) -> io::Result<Opened> {
        let mut known = self.known();
        if let Some(opened) = known.open.get(&number) {
            return Ok(opened.clone());
        }
        let mut headers = known.headers.iter();
        let listed = headers.find(|header| header.number == number).copied();
        let listed = listed.ok_or(io::ErrorKind::NotFound)?;
        let file = self.files.open(&self.path(number))?;
        // Whoever copies a store in use listed its segments before one was replaced: what this file
        // is says its own header. One that is damaged since counts as it was listed.
        let mut bytes = [0; HEADER];
        let read = file.read_at(&mut bytes, 0)?;
        let own = Header::decode(&bytes).filter(|own| read == HEADER && own.mark == listed.mark);
        let header = own.unwrap_or(listed);
        if known.open.len() >= OPEN_MAX {
            known.open.clear();
        }
        let opened = Opened { header, file };
        known.open.insert(number, opened.clone());
        Ok(opened)
    }

    /// Puts another file, which is durable at `from`, in the place of a segment. Who has the old one
    /// open reads that to its end.
    pub(super) fn replace(&self, header: Header, from: &Path) -> io::Result<()> {
        let mut known = self.known();
        self.files.rename(from, &self.path(header.number))?;
        known.open.remove(&header.number);
        let mut headers = known.headers.iter_mut();
        if let Some(old) = headers.find(|old| old.number == header.number) {
            *old = header;
        }
        drop(known);
        self.files.sync_directory(&self.directory)
    }
}

#[cfg(test)]
mod tests {
    use axle_model::digest::Digest;

    use super::{Header, NodeId, name, number};

    #[test]
    fn a_header_is_read_back_and_any_flipped_bit_is_seen() {
        let header = Header {
            node: NodeId([3; 16]),
            number: 7,
            first: 1_000,
            mark: 0x0123_4567_89ab_cdef,
            previous: Digest::of(b"before"),
            stripped: true,
            sealed: true,
        };
        let bytes = header.encode();
        assert_eq!(Header::decode(&bytes), Some(header));
        for at in 0..bytes.len() * 8 {
            let mut flipped = bytes;
            flipped[at / 8] ^= 1 << (at % 8);
            assert_eq!(Header::decode(&flipped), None, "bit {at}");
        }
    }

    #[test]
    fn names_are_read_back_and_others_are_not_segments() {
        assert_eq!(number(&name(42)), Some(42));
        for other in ["42.log", "0000000042.tmp", "x.log", "+000000042.log"] {
            assert_eq!(number(other), None, "{other}");
        }
    }
}
