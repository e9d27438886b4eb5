//! Places of bodies to records and back, and the records that hold them.

use axle_core::message::Message;
use axle_model::time::Timestamp;

use super::{digest, ods};
use crate::{
    embedded::{
        located::Located,
        record::{LocatorRecord, Malformed, PieceRecord, StoredRecord},
        segment::Locator,
    },
    state::{Body as _, Half, StoredPiece},
};

impl From<Locator> for LocatorRecord {
    fn from(place: Locator) -> Self {
        Self {
            segment: place.segment,
            offset: place.offset,
            length: place.length,
            crc: place.crc,
        }
    }
}

impl From<LocatorRecord> for Locator {
    fn from(record: LocatorRecord) -> Self {
        Self {
            segment: record.segment,
            offset: record.offset,
            length: record.length,
            crc: record.crc,
        }
    }
}

impl StoredRecord {
    /// The message, its ledger sequence and the place of its body.
    pub(in crate::embedded) fn read(self) -> Result<(Message, u64, Located), Malformed> {
        let record = self
            .message
            .ok_or(Malformed("a record without its message"))?;
        let message = Message::try_from(record)?;
        let body = if self.pieces.is_empty() {
            Located::Whole(Locator {
                segment: self.segment,
                offset: self.offset,
                length: message.size,
                crc: self.crc,
            })
        } else {
            Located::of(self.pieces.into_iter().map(Locator::from).collect())
        };
        Ok((message, self.sequence, body))
    }
}

impl From<&StoredPiece<Locator>> for PieceRecord {
    fn from(piece: &StoredPiece<Locator>) -> Self {
        Self {
            key: Vec::new(),
            sender: piece.sender.to_string(),
            request: piece.request.as_bytes().to_vec(),
            start: piece.start,
            end: piece.end,
            time_micros: piece.time.as_micros(),
            place: Some(piece.piece.into()),
        }
    }
}

impl PieceRecord {
    /// A piece out of the index.
    pub(in crate::embedded) fn read(self, key: Half) -> Result<StoredPiece<Locator>, Malformed> {
        let place = self.place.ok_or(Malformed("a piece without its place"))?;
        self.at(key, place.into())
    }

    /// A piece out of the journal, whose bytes are at `piece`.
    pub(in crate::embedded) fn found(
        self,
        piece: Locator,
    ) -> Result<StoredPiece<Locator>, Malformed> {
        let key = self.key.as_slice().try_into();
        let key = key.map_err(|_| Malformed("the key of an upload"))?;
        self.at(Half::from_bytes(key), piece)
    }

    fn at(self, key: Half, piece: Locator) -> Result<StoredPiece<Locator>, Malformed> {
        Ok(StoredPiece {
            key,
            sender: ods(&self.sender)?,
            request: digest(&self.request)?,
            start: self.start,
            end: self.end,
            piece,
            time: Timestamp::from_micros(self.time_micros),
            call: None,
        })
    }
}
