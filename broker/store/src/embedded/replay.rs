//! Replay: walking the journal from a place to its end, and telling a torn tail, which nobody was
//! promised, from damage, which is a loss.
//!
//! Every frame and every segment's header say up to which entry everything was durable when they
//! were written. An entry that cannot be read, and that something later says was durable, is damage;
//! otherwise the journal simply ends before it.

use std::path::Path;

use axle_model::digest::Digest;

use super::{
    files::{Files, is_blank},
    format::OpenError,
    frame::{Frame, Kind, Window},
    segment::{self, Header, Locator, NodeId, Position, Segments},
};

/// Where the journal ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tail {
    pub(super) end: Position,
    /// Frames behind the end, which nobody was promised.
    pub(super) torn: u64,
    /// Entries whose body is damaged; reading it says so.
    pub(super) damaged_bodies: u64,
}

/// The numbers of all segments, in order.
pub(super) fn numbers(files: &dyn Files, directory: &Path) -> Result<Vec<u32>, OpenError> {
    let names = files
        .list(directory)
        .map_err(OpenError::files("listing", directory))?;
    Ok(names
        .iter()
        .filter_map(|name| segment::number(name))
        .collect())
}

/// The header of a segment of `node`; `None` when a crash came while the segment was being made.
pub(super) fn header(
    files: &dyn Files,
    path: &Path,
    number: u32,
    node: NodeId,
) -> Result<Option<Header>, OpenError> {
    let failed = |error| OpenError::files("reading", path)(error);
    let damaged = |what: &str| OpenError::Damaged {
        path: path.to_path_buf(),
        offset: 0,
        what: what.to_owned(),
    };
    let file = files.open(path).map_err(failed)?;
    let mut bytes = [0; segment::HEADER];
    let read = file.read_at(&mut bytes, 0).map_err(failed)?;
    let header = Header::decode(&bytes).filter(|_| read == bytes.len());
    let Some(header) = header else {
        // No frame is written before the header is durable.
        return match is_blank(file.as_ref(), segment::HEADER as u64).map_err(failed)? {
            true => Ok(None),
            false => Err(damaged("the segment's header does not have its checksum")),
        };
    };
    if header.node != node {
        return Err(damaged("the segment belongs to another store"));
    }
    if header.number != number {
        return Err(damaged("the segment was another file once"));
    }
    Ok(Some(header))
}

/// The headers of all segments, in order, and the highest number in use.
pub(super) fn headers(
    files: &dyn Files,
    directory: &Path,
    node: NodeId,
) -> Result<(Vec<Header>, u32), OpenError> {
    let mut headers = Vec::new();
    let mut highest = 0;
    for number in numbers(files, directory)? {
        let path = directory.join(segment::name(number));
        if number != highest + 1 {
            let what = format!("segment {} is missing", highest + 1);
            return Err(OpenError::Damaged {
                path,
                offset: 0,
                what,
            });
        }
        highest = number;
        headers.extend(header(files, &path, number, node)?);
    }
    Ok((headers, highest))
}

/// The place before the first entry.
pub(super) fn start(headers: &[Header]) -> Position {
    Position {
        sequence: 0,
        segment: headers.first().map_or(0, |header| header.number),
        last: 0,
        offset: segment::HEADER as u64,
        hash: Digest::from_bytes([0; 32]),
    }
}

/// Hands every entry behind `from` to `take`, in order. `claimed` is an entry that somebody else
/// says was durable, 0 for none.
pub(super) fn walk<E: From<OpenError>>(
    segments: &Segments,
    from: Position,
    claimed: u64,
    mut take: impl FnMut(Frame, Locator, Position) -> Result<(), E>,
) -> Result<Tail, E> {
    let headers = segments.headers();
    let mut tail = Tail {
        end: from,
        torn: 0,
        damaged_bodies: 0,
    };
    let rest = headers
        .iter()
        .enumerate()
        .filter(|(_, header)| header.number >= from.segment);
    for (index, header) in rest {
        if header.number == from.segment && from.last > 0 {
            tail.end = find_again(segments, header, from)?;
        } else {
            continues(segments, &tail.end, header)?;
            tail.end = header.start();
        }
        let walk = SegmentWalk {
            segments,
            header,
            next: headers.get(index + 1),
            claimed,
        };
        walk.run(&mut tail, &mut take)?;
    }
    if claimed > tail.end.sequence {
        let what = format!(
            "it ends with entry {}, but entry {claimed} was durable",
            tail.end.sequence
        );
        return Err(damaged(segments, &tail.end, what).into());
    }
    Ok(tail)
}

fn damaged(segments: &Segments, at: &Position, what: String) -> OpenError {
    OpenError::Damaged {
        path: segments.path(at.segment),
        offset: at.offset,
        what,
    }
}

/// The place `at` in a segment, if the journal has the entry that it is behind. It has moved when the
/// segment has lost its bodies since: an index whose newest state had not reached the disk before a
/// crash leads to where the entry was then.
fn find_again(segments: &Segments, header: &Header, at: Position) -> Result<Position, OpenError> {
    let path = segments.path(header.number);
    let failed = |error| OpenError::files("reading", &path)(error);
    let opened = segments.open(header.number).map_err(&failed)?;
    let mut window = opened.window().map_err(&failed)?;
    let moved = opened.header.stripped;
    let mut offset = if moved {
        segment::HEADER as u64
    } else {
        at.last
    };
    while let Some(frame) = Frame::read(&mut window, offset).map_err(&failed)? {
        if frame.sequence == at.sequence && !frame.is_close() && frame.hash() == at.hash {
            return Ok(Position {
                last: frame.offset,
                offset: frame.end(),
                ..at
            });
        }
        if !moved || frame.sequence > at.sequence {
            break;
        }
        offset = frame.end();
    }
    let what = format!(
        "entry {} is not here, and the index says it was durable",
        at.sequence
    );
    let offset = at.last;
    Err(OpenError::Damaged { path, offset, what })
}

/// Whether a segment begins where the journal so far ends.
fn continues(segments: &Segments, end: &Position, header: &Header) -> Result<(), OpenError> {
    if header.first == end.sequence + 1 && header.previous == end.hash {
        return Ok(());
    }
    let what = format!(
        "it ends with entry {}, and the segment after it begins with entry {}",
        end.sequence, header.first
    );
    Err(damaged(segments, end, what))
}

/// One segment being walked.
struct SegmentWalk<'s> {
    segments: &'s Segments,
    header: &'s Header,
    next: Option<&'s Header>,
    claimed: u64,
}

impl SegmentWalk<'_> {
    fn run<E: From<OpenError>>(
        &self,
        tail: &mut Tail,
        take: &mut impl FnMut(Frame, Locator, Position) -> Result<(), E>,
    ) -> Result<(), E> {
        let path = self.segments.path(self.header.number);
        let failed = |error| OpenError::files("reading", &path)(error);
        let opened = self.segments.open(self.header.number).map_err(&failed)?;
        let (file, mut window) = (&opened.file, opened.window().map_err(&failed)?);
        // What follows the last entry before the next segment's first was left behind by a crash.
        while self
            .next
            .is_none_or(|next| tail.end.sequence + 1 < next.first)
        {
            let at = tail.end.offset;
            let frame = Frame::read(&mut window, at).map_err(&failed)?;
            let Some(frame) = frame else {
                if self.next.is_some() || !is_blank(file.as_ref(), at).map_err(&failed)? {
                    tail.torn += self.ends_at(&mut window, tail.end, at)?;
                }
                return Ok(());
            };
            if frame.kind == Kind::Close {
                tail.end.offset = frame.end();
                continue;
            }
            if frame.sequence != tail.end.sequence + 1 || frame.previous != tail.end.hash {
                let what = format!("entry {} does not follow the one before it", frame.sequence);
                return Err(damaged(self.segments, &tail.end, what).into());
            }
            // Only here can a body be torn: a segment is durable before the next one is begun. One
            // that was dropped is not: a backup may end with a segment that has none.
            let may_be_torn = self.next.is_none() && !frame.stripped;
            if may_be_torn && frame.body(&mut window).map_err(&failed)?.is_none() {
                if self.claims(&mut window, frame.end()).map_err(&failed)?.0 < frame.sequence {
                    tail.torn += self.ends_at(&mut window, tail.end, frame.end())?;
                    return Ok(());
                }
                tracing::error!(path = %path.display(), at, "a stored body is damaged");
                tail.damaged_bodies += 1;
            }
            let body = frame.body_at(self.header.number);
            tail.end = Position {
                sequence: frame.sequence,
                segment: self.header.number,
                last: frame.offset,
                offset: frame.end(),
                hash: frame.hash(),
            };
            take(frame, body, tail.end)?;
        }
        Ok(())
    }

    /// The newest entry that something behind `offset` says was durable, and how many frames are
    /// there.
    fn claims(&self, window: &mut Window<'_>, offset: u64) -> std::io::Result<(u64, u64)> {
        let (mut claimed, mut frames, mut at) = (self.claimed, 0, offset);
        while let Some(frame) = window.find(at)? {
            claimed = claimed.max(frame.durable);
            frames += 1;
            at = frame.end();
        }
        Ok((claimed, frames))
    }

    /// The journal ends at `end`, unless something says that more was durable. Returns how many
    /// frames it leaves behind.
    fn ends_at(
        &self,
        window: &mut Window<'_>,
        end: Position,
        behind: u64,
    ) -> Result<u64, OpenError> {
        let path = self.segments.path(self.header.number);
        let claims = self.claims(window, behind);
        let (mut claimed, frames) = claims.map_err(OpenError::files("reading", &path))?;
        if let Some(next) = self.next {
            claimed = claimed.max(next.first - 1);
        }
        if claimed > end.sequence {
            let what = format!("entry {} cannot be read, and was durable", end.sequence + 1);
            return Err(damaged(self.segments, &end, what));
        }
        Ok(frames + 1)
    }
}
