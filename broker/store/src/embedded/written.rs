//! What a frame records: a change, as it is written and as it is read back. A change of one part is
//! written as that part; one of several, and a refusal, in a record that holds them together.

use axle_core::{
    change::{Advance, LedgerEntry, Recorded, Refused},
    message::Message,
};
use axle_model::time::Timestamp;

use super::{
    at_rest::{AtRest, SEAL_BYTES, Unopened, What},
    convert::writing::write_message,
    frame::{Frame, Kind},
    located::Located,
    record::{
        AdvanceRecord, LocatorRecord, Malformed, MessageRecord, PieceRecord, RefusedRecord,
        TogetherRecord, append_with, decode, encode,
    },
    segment::Locator,
};
use crate::{
    Chunk, entry,
    state::{Body as _, Half, StoredPiece},
};

/// Nearly every record is shorter.
const RECORD_BYTES: usize = 640;

/// What a frame records cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("{0}")]
    Malformed(#[from] Malformed),
    #[error("{0}")]
    Unopened(#[from] Unopened),
}

/// An entry out of the journal: a change, or a piece of an upload.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// The message it accepts, and where its body is.
    pub(super) accept: Option<(Message, Located)>,
    pub(super) advances: Vec<Advance>,
    pub(super) refused: Option<Refused>,
    pub(super) piece: Option<StoredPiece<Locator>>,
}

/// The kind and the record of the frame for a change. `pieces` is where an uploaded body is.
pub(super) fn encoded(
    message: Option<&Message>,
    pieces: Option<&[Locator]>,
    advances: &[Advance],
    refused: Option<&Refused>,
) -> (Kind, Vec<u8>) {
    if let (None, None, [advance], None) = (message, pieces, advances, refused) {
        return (Kind::Advance, encode(&AdvanceRecord::from(advance)));
    }
    let mut record = Vec::with_capacity(RECORD_BYTES);
    let kind = match (message, pieces, advances, refused) {
        (Some(message), None, [], None) => {
            append_with(&mut record, |to| write_message(to, message));
            Kind::Accept
        }
        (message, pieces, advances, refused) => {
            append_with(&mut record, |to| {
                if let Some(message) = message {
                    to.within(1, |to| write_message(to, message));
                }
                for advance in advances {
                    to.made(2, &AdvanceRecord::from(advance));
                }
                if let Some(refused) = refused {
                    to.made(3, &RefusedRecord::from(refused));
                }
                for &piece in pieces.unwrap_or_default() {
                    to.made(4, &LocatorRecord::from(piece));
                }
            });
            Kind::Together
        }
    };
    (kind, record)
}

/// The record of the frame for a piece of an upload.
pub(super) fn encoded_piece(key: &Half, chunk: &Chunk) -> Vec<u8> {
    encode(&PieceRecord {
        key: key.as_bytes().to_vec(),
        sender: chunk.sender.to_string(),
        request: chunk.request.as_bytes().to_vec(),
        start: chunk.offset,
        end: chunk.offset + chunk.data.len() as u64,
        time_micros: chunk.now.as_micros(),
        place: None,
    })
}

impl Written {
    /// Reads what a frame records; its body is at `body`.
    pub(super) fn read(frame: &Frame, body: Locator, at_rest: &AtRest) -> Result<Self, Unreadable> {
        let &Frame { sequence, kind, .. } = frame;
        if !frame.sealed {
            return Ok(Self::of(kind, &frame.record, body)?);
        }
        let mut record = frame.record.clone();
        at_rest.open(What::Record { sequence, kind }, &mut record)?;
        Ok(Self::of(kind, &record, body)?)
    }

    fn of(kind: Kind, record: &[u8], body: Locator) -> Result<Self, Malformed> {
        match kind {
            Kind::Accept => {
                let message = decode::<MessageRecord>(record)?.try_into()?;
                Ok(Self {
                    accept: Some((message, Located::Whole(body))),
                    ..Self::default()
                })
            }
            Kind::Advance => Ok(Self {
                advances: vec![decode::<AdvanceRecord>(record)?.try_into()?],
                ..Self::default()
            }),
            Kind::Together => {
                let record = decode::<TogetherRecord>(record)?;
                let located = match record.pieces.is_empty() {
                    true => Located::Whole(body),
                    false => Located::of(record.pieces.into_iter().map(Locator::from).collect()),
                };
                let message = record.message.map(Message::try_from).transpose()?;
                let advances = record.advances.into_iter().map(Advance::try_from);
                Ok(Self {
                    accept: message.map(|message| (message, located)),
                    advances: advances.collect::<Result<_, _>>()?,
                    refused: record.refused.map(Refused::try_from).transpose()?,
                    piece: None,
                })
            }
            Kind::Piece => Ok(Self {
                piece: Some(decode::<PieceRecord>(record)?.found(body)?),
                ..Self::default()
            }),
            Kind::Close => Err(Malformed("an entry where the journal was closed")),
        }
    }

    /// Its entry in the ledger; one that records nothing for a piece, which nobody may see yet.
    pub(super) fn entry(&self, sequence: u64) -> LedgerEntry {
        let message = self.accept.as_ref().map(|(message, _)| message);
        LedgerEntry {
            sequence,
            ..entry::of(message, &self.advances, self.refused.as_ref())
        }
    }

    /// When the newest of it happened; a piece is no record of the ledger, and has its time too.
    pub(super) fn time(&self) -> Option<Timestamp> {
        let records = self.entry(0).records;
        let piece = self.piece.as_ref().map(|piece| piece.time);
        records.iter().map(Recorded::time).chain(piece).max()
    }
}

impl Frame {
    /// Where its body is, in the segment of this number.
    pub(super) const fn body_at(&self, segment: u32) -> Locator {
        Locator {
            segment,
            offset: self.body_offset(),
            length: match self.sealed {
                true => self.body_length.saturating_sub(SEAL_BYTES as u64),
                false => self.body_length,
            },
            crc: self.body_crc,
        }
    }
}
