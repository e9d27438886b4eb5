//! Frames: the unit of the journal. One change, or the mark of a clean close, with its checksums and
//! its place in the chain. Little-endian, aligned to 8 bytes, so that frames can be found again
//! behind damage:
//!
//! | bytes | what |
//! | --- | --- |
//! | 0..8 | the segment's mark: random, so that nothing in a document can pass for a frame |
//! | 8..12 | crc32c of bytes 12..80 and the record |
//! | 12..16 | crc32c of the body |
//! | 16 | kind |
//! | 20..24 | length of the record |
//! | 24..32 | length of the body |
//! | 32..40 | sequence: the ledger's |
//! | 40..48 | the newest sequence known durable when this frame was written |
//! | 48..80 | the chain's hash up to the frame before |
//! | 80.. | record, body, zeros up to the next multiple of 8 |
//!
//! In an encrypted store record and body are sealed (`at_rest`), and lengths, checksums and the chain are
//! of what is sealed: they can be looked at without the key.
//!
//! The chain's hash covers kind, sequence, the hash before and the record, which holds the body's
//! SHA-256: bodies can be dropped one day, and the chain still proves that nothing else was.

use axle_model::digest::Digest;
use sha2::{Digest as _, Sha256};

use super::{files::File, segment::Header};

/// The length of a frame's header.
pub(super) const HEADER: usize = 80;
/// Frames begin at multiples of this.
pub(super) const ALIGNMENT: u64 = 8;
/// No record is longer; a longer one is not a frame.
pub(super) const RECORD_BYTES_MAX: u32 = 16 << 20;

/// What a frame records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A message was accepted; its body follows.
    Accept,
    /// A delivery took a step.
    Advance,
    /// Several of these became true together; the body, if any, is of the message among them.
    Together,
    /// A piece of a document that is uploaded; its bytes are the body.
    Piece,
    /// The journal was closed in good order. Not an entry of the ledger: it takes no sequence and
    /// no place in the chain, and stands for the last entry before it.
    Close,
}

impl Kind {
    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Accept),
            2 => Some(Self::Advance),
            3 => Some(Self::Close),
            4 => Some(Self::Together),
            5 => Some(Self::Piece),
            _ => None,
        }
    }

    pub(super) const fn as_byte(self) -> u8 {
        match self {
            Self::Accept => 1,
            Self::Advance => 2,
            Self::Close => 3,
            Self::Together => 4,
            Self::Piece => 5,
        }
    }
}

/// A frame to be written.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) kind: Kind,
    pub(super) sequence: u64,
    pub(super) durable: u64,
    pub(super) previous: Digest,
    pub(super) record: &'a [u8],
    pub(super) body_length: u64,
    pub(super) body_crc: u32,
}

/// A frame's header as it was read; its checksum and its record's hold.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) offset: u64,
    pub(super) kind: Kind,
    pub(super) sequence: u64,
    pub(super) durable: u64,
    pub(super) previous: Digest,
    pub(super) record: Vec<u8>,
    pub(super) body_length: u64,
    pub(super) body_crc: u32,
    /// Whether its body was dropped: the length and the checksum are of what was there.
    pub(super) stripped: bool,
    /// Whether record and body are sealed.
    pub(super) sealed: bool,
}

/// The next place at which a frame may begin.
pub(super) const fn aligned(offset: u64) -> u64 {
    offset.next_multiple_of(ALIGNMENT)
}

fn chain(kind: Kind, sequence: u64, previous: &Digest, record: &[u8]) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update([kind.as_byte()]);
    hasher.update(sequence.to_le_bytes());
    hasher.update(previous.as_bytes());
    hasher.update(record);
    Digest::from_bytes(hasher.finalize().into())
}

impl Draft<'_> {
    /// Writes header and record at the end of `out`, for a segment with this mark.
    pub(super) fn encode(&self, mark: u64, out: &mut Vec<u8>) {
        let mut header = [0u8; HEADER];
        let mut fields: &mut [u8] = &mut header;
        let length = u32::try_from(self.record.len()).unwrap_or(u32::MAX);
        put(&mut fields, &mark.to_le_bytes());
        put(&mut fields, &[0; 4]);
        put(&mut fields, &self.body_crc.to_le_bytes());
        put(&mut fields, &[self.kind.as_byte(), 0, 0, 0]);
        put(&mut fields, &length.to_le_bytes());
        put(&mut fields, &self.body_length.to_le_bytes());
        put(&mut fields, &self.sequence.to_le_bytes());
        put(&mut fields, &self.durable.to_le_bytes());
        put(&mut fields, self.previous.as_bytes());
        let crc = crc32c::crc32c_append(crc32c::crc32c(&header[12..]), self.record);
        header[8..12].copy_from_slice(&crc.to_le_bytes());
        out.extend_from_slice(&header);
        out.extend_from_slice(self.record);
    }

    /// The chain's hash up to this frame.
    pub(super) fn hash(&self) -> Digest {
        chain(self.kind, self.sequence, &self.previous, self.record)
    }
}

/// Copies a field to the front and goes on behind it.
fn put(out: &mut &mut [u8], field: &[u8]) {
    if let Some((front, rest)) = std::mem::take(out).split_at_mut_checked(field.len()) {
        front.copy_from_slice(field);
        *out = rest;
    }
}

/// Takes `N` bytes from the front.
pub(super) fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (front, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*front)
}

impl Frame {
    /// Reads the frame at `offset`; `None` when there is none, or not a whole one.
    pub(super) fn read(window: &mut Window<'_>, offset: u64) -> std::io::Result<Option<Self>> {
        let (mark, stripped, sealed) = (window.mark, window.stripped, window.sealed);
        let Some(header) = window.bytes(offset, HEADER)? else {
            return Ok(None);
        };
        let Some((mut frame, crc, length)) = Self::header(header, mark, offset) else {
            return Ok(None);
        };
        let checked = crc32c::crc32c(&header[12..]);
        let Some(record) = window.bytes(offset + HEADER as u64, length)? else {
            return Ok(None);
        };
        if crc32c::crc32c_append(checked, record) != crc {
            return Ok(None);
        }
        frame.record = record.to_vec();
        (frame.stripped, frame.sealed) = (stripped, sealed);
        let whole = frame.body_end() <= window.length;
        Ok(whole.then_some(frame))
    }

    fn header(mut fields: &[u8], mark: u64, offset: u64) -> Option<(Self, u32, usize)> {
        let fields = &mut fields;
        if u64::from_le_bytes(take(fields)?) != mark {
            return None;
        }
        let crc = u32::from_le_bytes(take(fields)?);
        let body_crc = u32::from_le_bytes(take(fields)?);
        let [kind, ..]: [u8; 4] = take(fields)?;
        let length = u32::from_le_bytes(take(fields)?);
        if length > RECORD_BYTES_MAX {
            return None;
        }
        let frame = Self {
            offset,
            kind: Kind::from_byte(kind)?,
            body_length: u64::from_le_bytes(take(fields)?),
            sequence: u64::from_le_bytes(take(fields)?),
            durable: u64::from_le_bytes(take(fields)?),
            previous: Digest::from_bytes(take(fields)?),
            record: Vec::new(),
            body_crc,
            stripped: false,
            sealed: false,
        };
        Some((frame, crc, length as usize))
    }

    /// Whether it only marks a clean close.
    pub(super) const fn is_close(&self) -> bool {
        matches!(self.kind, Kind::Close)
    }

    /// The length of header and record.
    pub(super) const fn head_length(&self) -> usize {
        HEADER + self.record.len()
    }

    /// Writes header and record, as they are, at the end of `out`, and the zeros up to the next frame
    /// of a segment without bodies.
    pub(super) fn copy_head(
        &self,
        window: &mut Window<'_>,
        out: &mut Vec<u8>,
    ) -> std::io::Result<()> {
        let header = window.bytes(self.offset, HEADER)?;
        out.extend_from_slice(header.unwrap_or_default());
        out.extend_from_slice(&self.record);
        let aligned = out.len().next_multiple_of(ALIGNMENT as usize);
        out.resize(aligned, 0);
        Ok(())
    }

    /// Where its body begins.
    pub(super) const fn body_offset(&self) -> u64 {
        self.offset + (HEADER + self.record.len()) as u64
    }

    const fn body_end(&self) -> u64 {
        let kept = if self.stripped { 0 } else { self.body_length };
        self.body_offset().saturating_add(kept)
    }

    /// Where the next frame begins.
    pub(super) const fn end(&self) -> u64 {
        aligned(self.body_end())
    }

    /// The chain's hash up to this frame.
    pub(super) fn hash(&self) -> Digest {
        chain(self.kind, self.sequence, &self.previous, &self.record)
    }

    /// The body as it was written, when it is there and its checksum holds.
    pub(super) fn body(&self, window: &mut Window<'_>) -> std::io::Result<Option<Vec<u8>>> {
        if self.stripped && self.body_length > 0 {
            return Ok(None);
        }
        let mut body = vec![0; usize::try_from(self.body_length).unwrap_or(usize::MAX)];
        let read = window.file.read_at(&mut body, self.body_offset())?;
        let intact = read == body.len() && crc32c::crc32c(&body) == self.body_crc;
        Ok(intact.then_some(body))
    }
}

/// A stretch of a file in memory: small frames that follow each other cost one read.
#[derive(Debug)]
pub(super) struct Window<'f> {
    file: &'f dyn File,
    mark: u64,
    stripped: bool,
    sealed: bool,
    /// The file's length when reading began.
    pub(super) length: u64,
    start: u64,
    held: Vec<u8>,
}

impl<'f> Window<'f> {
    const BYTES: usize = 64 << 10;
    /// What is passed over at a time where nothing was written.
    const HOLE: usize = 4 << 10;

    pub(super) fn new(file: &'f dyn File, header: &Header) -> std::io::Result<Self> {
        Ok(Self {
            file,
            mark: header.mark,
            stripped: header.stripped,
            sealed: header.sealed,
            length: file.length()?,
            start: 0,
            held: Vec::new(),
        })
    }

    /// `length` bytes from `offset` on; `None` when the file ends before.
    pub(super) fn bytes(&mut self, offset: u64, length: usize) -> std::io::Result<Option<&[u8]>> {
        if offset.saturating_add(length as u64) > self.length {
            return Ok(None);
        }
        let held = self.start..self.start + self.held.len() as u64;
        if offset < held.start || offset + length as u64 > held.end {
            self.held.resize(length.max(Self::BYTES), 0);
            let read = self.file.read_at(&mut self.held, offset)?;
            self.held.truncate(read);
            self.start = offset;
        }
        let from = usize::try_from(offset - self.start).unwrap_or(usize::MAX);
        Ok(self.held.get(from..from.saturating_add(length)))
    }

    /// The first whole frame at or after `offset`, however much damage lies before it.
    pub(super) fn find(&mut self, offset: u64) -> std::io::Result<Option<Frame>> {
        let mark = self.mark;
        let mut at = aligned(offset);
        while at.saturating_add(HEADER as u64) <= self.length {
            // A mark is never zero, and most of a segment may still be.
            if self.bytes(at, Self::HOLE)? == Some(&[0; Self::HOLE]) {
                at += Self::HOLE as u64;
                continue;
            }
            let Some(bytes) = self.bytes(at, ALIGNMENT as usize)? else {
                break;
            };
            if bytes == mark.to_le_bytes()
                && let Some(frame) = Frame::read(self, at)?
            {
                return Ok(Some(frame));
            }
            at += ALIGNMENT;
        }
        Ok(None)
    }
}
