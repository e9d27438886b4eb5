//! Copying the journal of a store that may be in use, frame by frame: every checksum and the chain
//! are looked at on the way, so that a backup is not found to be damaged only when it is needed.

use std::{
    fs,
    io::{BufWriter, Write as _},
    path::Path,
};

use axle_model::{digest::Hasher, time::Timestamp};

use super::manifest::Kept;
use crate::embedded::{
    format::OpenError,
    frame::{ALIGNMENT, Frame, Window},
    segment::{Header, Position, Segments},
    written::Written,
};

/// The journal as it is read.
pub(super) struct Source<'s> {
    segments: &'s Segments,
    end: Position,
    newest: Timestamp,
}

/// A file being written, with the digest of what was.
struct Target {
    file: BufWriter<fs::File>,
    hasher: Hasher,
    length: u64,
}

impl Target {
    fn create(path: &Path) -> std::io::Result<Self> {
        Ok(Self {
            file: BufWriter::new(fs::File::create_new(path)?),
            hasher: Hasher::default(),
            length: 0,
        })
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    fn finish(self) -> std::io::Result<Kept> {
        self.file.into_inner()?.sync_all()?;
        Ok(Kept {
            name: String::new(),
            length: self.length,
            digest: self.hasher.finish(),
        })
    }
}

impl<'s> Source<'s> {
    pub(super) const fn new(segments: &'s Segments, start: Position) -> Self {
        Self {
            segments,
            end: start,
            newest: Timestamp::from_micros(0),
        }
    }

    /// Behind what was copied.
    pub(super) const fn end(&self) -> &Position {
        &self.end
    }

    /// When the newest entry copied happened.
    pub(super) const fn newest(&self) -> Timestamp {
        self.newest
    }

    /// Copies one segment: all of it when another follows, otherwise what is whole by now. The last
    /// entries may not be durable yet where they come from; in the copy they are.
    pub(super) fn segment(
        &mut self,
        header: &Header,
        next: Option<&Header>,
        to: &Path,
    ) -> Result<Kept, OpenError> {
        let path = self.segments.path(header.number);
        let failed = |error| OpenError::files("reading", &path)(error);
        let unwritten = |error| OpenError::files("writing", to)(error);
        if header.first != self.end.sequence + 1 || header.previous != self.end.hash {
            return Err(damaged(
                &path,
                0,
                "it does not go on where the one before it ends",
            ));
        }
        let opened = self.segments.open(header.number).map_err(failed)?;
        let mut window = opened.window().map_err(failed)?;
        let last = next.map_or(u64::MAX, |next| next.first - 1);
        let mut target = Target::create(to).map_err(unwritten)?;
        // By its own header: its bodies may have been dropped since the list was made.
        target.write(&opened.header.encode()).map_err(unwritten)?;
        self.end = opened.header.start();
        while self.end.sequence < last {
            let at = self.end.offset;
            let read = whole(&mut window, at).map_err(failed)?;
            let Some((frame, bytes)) = read else {
                if next.is_none() {
                    break;
                }
                return Err(damaged(&path, at, "an entry is damaged, or its body"));
            };
            target.write(&bytes).map_err(unwritten)?;
            self.pass(&path, &frame)?;
        }
        target.finish().map_err(unwritten)
    }

    /// Takes note of a frame that was copied.
    fn pass(&mut self, path: &Path, frame: &Frame) -> Result<(), OpenError> {
        if frame.is_close() {
            self.end.offset = frame.end();
            return Ok(());
        }
        if frame.sequence != self.end.sequence + 1 || frame.previous != self.end.hash {
            let what = "an entry does not follow the one before it";
            return Err(damaged(path, frame.offset, what));
        }
        self.end = Position {
            sequence: frame.sequence,
            segment: self.end.segment,
            last: frame.offset,
            offset: frame.end(),
            hash: frame.hash(),
        };
        let place = frame.body_at(self.end.segment);
        let written = Written::read(frame, place, self.segments.at_rest());
        let unreadable = |error| damaged(path, frame.offset, &format!("an entry: {error}"));
        let written = written.map_err(unreadable)?;
        self.newest = self.newest.max(written.time().unwrap_or_default());
        Ok(())
    }
}

/// Makes a segment without a header.
pub(super) fn blank(to: &Path) -> Result<Kept, OpenError> {
    let made = Target::create(to).and_then(Target::finish);
    made.map_err(OpenError::files("writing", to))
}

/// The frame at `offset` with all its bytes, its body included; `None` when it is not whole.
fn whole(window: &mut Window<'_>, offset: u64) -> std::io::Result<Option<(Frame, Vec<u8>)>> {
    let Some(frame) = Frame::read(window, offset)? else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    frame.copy_head(window, &mut bytes)?;
    if !frame.stripped && frame.body_length > 0 {
        let Some(body) = frame.body(window)? else {
            return Ok(None);
        };
        bytes.truncate(frame.head_length());
        bytes.extend_from_slice(&body);
        bytes.resize(bytes.len().next_multiple_of(ALIGNMENT as usize), 0);
    }
    Ok(Some((frame, bytes)))
}

fn damaged(path: &Path, offset: u64, what: &str) -> OpenError {
    OpenError::Damaged {
        path: path.to_path_buf(),
        offset,
        what: what.to_owned(),
    }
}
