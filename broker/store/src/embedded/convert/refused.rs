//! Refused submissions to records and back.

use axle_core::change::Refused;
use axle_model::{id::SubmissionId, time::Timestamp};

use super::{digest, ods};
use crate::embedded::record::{Malformed, RefusedRecord};

impl From<&Refused> for RefusedRecord {
    fn from(refused: &Refused) -> Self {
        Self {
            sender: refused.sender.to_string(),
            submission: refused.submission.to_string(),
            digest: refused.digest.map(|digest| digest.as_bytes().to_vec()),
            reason: refused.reason.to_string(),
            micros: refused.time.as_micros(),
        }
    }
}

impl TryFrom<RefusedRecord> for Refused {
    type Error = Malformed;

    fn try_from(record: RefusedRecord) -> Result<Self, Malformed> {
        Ok(Self {
            sender: ods(&record.sender)?,
            submission: SubmissionId::parse(&record.submission)
                .map_err(|_| Malformed("a submission id"))?,
            digest: record.digest.as_deref().map(digest).transpose()?,
            reason: record.reason.into(),
            time: Timestamp::from_micros(record.micros),
        })
    }
}
