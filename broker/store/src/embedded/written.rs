//! What a frame records: a change, as it is written and as it is read back. A change of one part is
//! written as that part; one of several, and a refusal, in a record that holds them together.

use axle_core::{
    change::{Advance, LedgerEntry, Refused},
    message::Message,
};

use super::{
    frame::{Frame, Kind},
    record::{
        AdvanceRecord, Malformed, MessageRecord, RefusedRecord, TogetherRecord, decode, encode,
    },
};
use crate::entry;

/// A change out of the journal; its body is where its frame is.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) message: Option<Message>,
    pub(super) advances: Vec<Advance>,
    pub(super) refused: Option<Refused>,
}

/// The kind and the record of the frame for a change.
pub(super) fn encoded(
    message: Option<&Message>,
    advances: &[Advance],
    refused: Option<&Refused>,
) -> (Kind, Vec<u8>) {
    match (message, advances, refused) {
        (Some(message), [], None) => (Kind::Accept, encode(&MessageRecord::from(message))),
        (None, [advance], None) => (Kind::Advance, encode(&AdvanceRecord::from(advance))),
        (message, advances, refused) => {
            let record = TogetherRecord {
                message: message.map(MessageRecord::from),
                advances: advances.iter().map(AdvanceRecord::from).collect(),
                refused: refused.map(RefusedRecord::from),
            };
            (Kind::Together, encode(&record))
        }
    }
}

impl Written {
    /// Reads what a frame records.
    pub(super) fn read(frame: &Frame) -> Result<Self, Malformed> {
        match frame.kind {
            Kind::Accept => Ok(Self {
                message: Some(decode::<MessageRecord>(&frame.record)?.try_into()?),
                advances: Vec::new(),
                refused: None,
            }),
            Kind::Advance => Ok(Self {
                message: None,
                advances: vec![decode::<AdvanceRecord>(&frame.record)?.try_into()?],
                refused: None,
            }),
            Kind::Together => {
                let record = decode::<TogetherRecord>(&frame.record)?;
                let advances = record.advances.into_iter().map(Advance::try_from);
                Ok(Self {
                    message: record.message.map(Message::try_from).transpose()?,
                    advances: advances.collect::<Result<_, _>>()?,
                    refused: record.refused.map(Refused::try_from).transpose()?,
                })
            }
            Kind::Close => Err(Malformed("an entry where the journal was closed")),
        }
    }

    /// Its entry in the ledger.
    pub(super) fn entry(&self, sequence: u64) -> LedgerEntry {
        LedgerEntry {
            sequence,
            ..entry::of(self.message.as_ref(), &self.advances, self.refused.as_ref())
        }
    }
}
