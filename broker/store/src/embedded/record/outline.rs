//! Outlines: the same bytes as the records of messages, read for those fields alone that queues and
//! timers ask for. Each field has the tag and the meaning that it has there.

use prost::{Message as _, bytes::Bytes};

use super::{LocatorRecord, Malformed, StateRecord, VERSION, WaitRecord, decode};

/// Of a `StoredRecord`.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::embedded) struct StoredOutline {
    #[prost(message, optional, tag = "1")]
    pub(in crate::embedded) message: Option<MessageOutline>,
    #[prost(uint64, tag = "2")]
    pub(in crate::embedded) sequence: u64,
    #[prost(uint32, tag = "3")]
    pub(in crate::embedded) segment: u32,
    #[prost(message, repeated, tag = "6")]
    pub(in crate::embedded) pieces: Vec<LocatorRecord>,
}

impl StoredOutline {
    /// Reads it out of one copy of the record, in which its fields have their parts: to give each its own
    /// would be half of a start's work.
    pub(in crate::embedded) fn read(record: &[u8]) -> Result<Self, Malformed> {
        match record.split_first() {
            Some((&VERSION, rest)) => {
                let read = Self::decode(Bytes::copy_from_slice(rest));
                read.map_err(|_| Malformed("a record's encoding"))
            }
            Some(_) | None => decode(record),
        }
    }
}

/// Of a `MessageRecord`.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::embedded) struct MessageOutline {
    #[prost(bytes = "bytes", tag = "1")]
    pub(in crate::embedded) id: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(in crate::embedded) sender: Bytes,
    #[prost(bytes = "bytes", tag = "5")]
    pub(in crate::embedded) workflow: Bytes,
    #[prost(uint64, tag = "9")]
    pub(in crate::embedded) size: u64,
    #[prost(bool, tag = "10")]
    pub(in crate::embedded) urgent: bool,
    #[prost(bytes = "bytes", optional, tag = "11")]
    pub(in crate::embedded) order_key: Option<Bytes>,
    #[prost(uint64, tag = "15")]
    pub(in crate::embedded) accept_micros: u64,
    #[prost(uint64, tag = "16")]
    pub(in crate::embedded) expire_micros: u64,
    #[prost(message, repeated, tag = "18")]
    pub(in crate::embedded) deliveries: Vec<DeliveryOutline>,
    #[prost(uint64, optional, tag = "19")]
    pub(in crate::embedded) warn_micros: Option<u64>,
    #[prost(uint64, optional, tag = "20")]
    pub(in crate::embedded) order_hold_micros: Option<u64>,
    #[prost(bytes = "bytes", repeated, tag = "21")]
    pub(in crate::embedded) names: Vec<Bytes>,
}

/// Of a `DeliveryRecord`.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::embedded) struct DeliveryOutline {
    #[prost(bytes = "bytes", tag = "1")]
    pub(in crate::embedded) recipient: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(in crate::embedded) mailbox: Bytes,
    #[prost(message, optional, tag = "3")]
    pub(in crate::embedded) state: Option<StateRecord>,
    #[prost(uint32, tag = "4")]
    pub(in crate::embedded) version: u32,
    #[prost(message, repeated, tag = "7")]
    pub(in crate::embedded) timeline: Vec<EventOutline>,
    #[prost(bool, tag = "8")]
    pub(in crate::embedded) aged: bool,
    #[prost(uint64, optional, tag = "9")]
    pub(in crate::embedded) tried_since_micros: Option<u64>,
    #[prost(message, optional, tag = "13")]
    pub(in crate::embedded) infrastructure: Option<WaitRecord>,
    #[prost(message, optional, tag = "14")]
    pub(in crate::embedded) business: Option<WaitRecord>,
}

/// Of an `EventRecord`.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(in crate::embedded) struct EventOutline {
    #[prost(uint64, tag = "2")]
    pub(in crate::embedded) time_micros: u64,
}
