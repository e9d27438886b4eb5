//! The identifiers of submissions, messages and deliveries.

use std::{fmt, sync::Arc};

use thiserror::Error;
use uuid::Uuid;

use crate::{ods::OdsCode, time::Timestamp};

/// A message: one accepted submission with its one stored body. A UUIDv7, so that the order of ids is
/// the order of acceptance to the millisecond. Named `messages/{uuid}` on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(Uuid);

/// Why a text names no message or delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotAName {
    /// Not `messages/` and a UUID.
    #[error("a message is named messages/UUID")]
    Message,
    /// Not a message's name, `/deliveries/` and an ODS code.
    #[error("a delivery is named messages/UUID/deliveries/ODS")]
    Delivery,
}

impl MessageId {
    /// A message id from its UUID.
    pub const fn new(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// A message id from 16 bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// The least id of a time's millisecond: what was accepted from then on is not before it.
    pub const fn least_at(time: Timestamp) -> Self {
        Self(Uuid::from_u128((time.as_millis() as u128) << 80))
    }

    /// The 16 bytes, whose order is the order of ids.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Reads `messages/UUID`; the UUID alone will do, as people paste it.
    pub fn parse(name: &str) -> Result<Self, NotAName> {
        let uuid = name.strip_prefix("messages/").unwrap_or(name);
        Uuid::try_parse(uuid)
            .map(Self)
            .map_err(|_| NotAName::Message)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "messages/{}", self.0)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A delivery: one message for one recipient. Named `messages/{uuid}/deliveries/{ods}`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryId {
    /// The message delivered.
    pub message: MessageId,
    /// The organisation it is for.
    pub recipient: OdsCode,
}

impl DeliveryId {
    /// Reads `messages/UUID/deliveries/ODS`.
    pub fn parse(name: &str) -> Result<Self, NotAName> {
        let (message, recipient) = name.split_once("/deliveries/").ok_or(NotAName::Delivery)?;
        Ok(Self {
            message: MessageId::parse(message)?,
            recipient: OdsCode::parse(recipient).map_err(|_| NotAName::Delivery)?,
        })
    }
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/deliveries/{}", self.message, self.recipient)
    }
}

impl fmt::Debug for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A sender's own name for a submission, the idempotency key: unique for the sender, 1 to 100
/// printable ASCII characters without spaces.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubmissionId(Arc<str>);

/// Why a text is not a submission id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "a submission id is 1 to 100 printable ASCII characters without spaces; a UUID is a good one"
)]
pub struct NotASubmissionId;

impl SubmissionId {
    /// The longest submission id, in bytes.
    pub const LENGTH_MAX: usize = 100;

    /// Reads a submission id.
    pub fn parse(text: &str) -> Result<Self, NotASubmissionId> {
        let fits = (1..=Self::LENGTH_MAX).contains(&text.len());
        if fits && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(text.into()))
        } else {
            Err(NotASubmissionId)
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SubmissionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for SubmissionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{DeliveryId, MessageId, SubmissionId};

    #[test]
    fn names_are_read_and_written_back() {
        let message = "messages/0197a9b0-7c1e-7000-8000-0123456789ab";
        let delivery = format!("{message}/deliveries/K81003");
        assert_eq!(
            MessageId::parse(message).map(|id| id.to_string()),
            Ok(message.to_owned())
        );
        assert_eq!(
            DeliveryId::parse(&delivery).map(|id| id.to_string()),
            Ok(delivery)
        );
    }

    #[test]
    fn a_submission_id_has_no_white_space_and_an_end() {
        let long = "x".repeat(SubmissionId::LENGTH_MAX + 1);
        for text in ["", "a b", "a\n", "é", long.as_str()] {
            assert!(SubmissionId::parse(text).is_err(), "{text:?}");
        }
        assert!(SubmissionId::parse("RR8:2026/11/22#1").is_ok());
    }
}
