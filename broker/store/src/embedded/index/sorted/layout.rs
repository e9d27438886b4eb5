//! The layout of a run's file: blocks of entries; a fence for each block; the lines of the filter; and a
//! trailer that says how many there are. Numbers are big-endian. In an encrypted store each block is sealed,
//! and so are fences and lines together.

/// One fence: head (8 bytes), offset (8), length (4), crc32c (4).
pub(super) const FENCE_BYTES: usize = 24;
/// Magic (8), end of the blocks (8), entries (8), fences (4), lines (4), crc32c of fences and lines (4),
/// and of the trailer itself (4).
pub(super) const TRAILER_BYTES: usize = 40;
/// The bits of a filter that belong together: one line of the processor's cache.
pub(super) const LINE_BYTES: usize = 64;
const MAGIC: &[u8; 8] = b"AXLERUN1";

/// Where a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fence {
    /// The beginning of its first key.
    pub(super) head: u64,
    pub(super) offset: u64,
    pub(super) length: u32,
    pub(super) crc: u32,
}

/// What a run's file ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trailer {
    pub(super) blocks_end: u64,
    pub(super) entries: u64,
    pub(super) fences: u32,
    pub(super) lines: u32,
    pub(super) crc: u32,
}

/// The beginning of a key, which tells nearly all apart.
pub(super) fn head(key: &[u8]) -> u64 {
    let mut head = [0; 8];
    for (place, byte) in head.iter_mut().zip(key) {
        *place = *byte;
    }
    u64::from_be_bytes(head)
}

impl Fence {
    pub(super) fn write(&self, to: &mut Vec<u8>) {
        to.extend(self.head.to_be_bytes());
        to.extend(self.offset.to_be_bytes());
        to.extend(self.length.to_be_bytes());
        to.extend(self.crc.to_be_bytes());
    }

    pub(super) fn read(bytes: &[u8; FENCE_BYTES]) -> Self {
        let (mut rest, bytes) = (0, bytes.as_slice());
        Self {
            head: u64::from_be_bytes(next(bytes, &mut rest)),
            offset: u64::from_be_bytes(next(bytes, &mut rest)),
            length: u32::from_be_bytes(next(bytes, &mut rest)),
            crc: u32::from_be_bytes(next(bytes, &mut rest)),
        }
    }
}

impl Trailer {
    /// How many bytes fences and lines take.
    pub(super) const fn lengths(&self) -> [usize; 2] {
        [
            self.fences as usize * FENCE_BYTES,
            self.lines as usize * LINE_BYTES,
        ]
    }

    /// How long the file is, where what finds the blocks is so much longer than itself.
    pub(super) fn end(&self, overhead: usize) -> u64 {
        let behind: usize = self.lengths().into_iter().sum();
        self.blocks_end
            .saturating_add((behind + overhead + TRAILER_BYTES) as u64)
    }

    pub(super) fn write(&self, to: &mut Vec<u8>) {
        let begin = to.len();
        to.extend(MAGIC);
        to.extend(self.blocks_end.to_be_bytes());
        to.extend(self.entries.to_be_bytes());
        to.extend(self.fences.to_be_bytes());
        to.extend(self.lines.to_be_bytes());
        to.extend(self.crc.to_be_bytes());
        let crc = crc32c::crc32c(to.get(begin..).unwrap_or_default());
        to.extend(crc.to_be_bytes());
    }

    /// `None` when they are not the bytes of one.
    pub(super) fn read(bytes: &[u8; TRAILER_BYTES]) -> Option<Self> {
        let (said, crc) = bytes.split_last_chunk()?;
        let rest = said.strip_prefix(MAGIC)?;
        let mut at = 0;
        let trailer = Self {
            blocks_end: u64::from_be_bytes(next(rest, &mut at)),
            entries: u64::from_be_bytes(next(rest, &mut at)),
            fences: u32::from_be_bytes(next(rest, &mut at)),
            lines: u32::from_be_bytes(next(rest, &mut at)),
            crc: u32::from_be_bytes(next(rest, &mut at)),
        };
        (crc32c::crc32c(said) == u32::from_be_bytes(*crc)).then_some(trailer)
    }
}

fn next<const N: usize>(bytes: &[u8], at: &mut usize) -> [u8; N] {
    let rest = bytes.get(*at..).unwrap_or_default();
    *at += N;
    rest.first_chunk().copied().unwrap_or([0; N])
}
