//! Records: messages and steps as the journal and the index keep them, in Protocol Buffers behind
//! one version byte. A field is added with a new tag and never changes its meaning.

mod answer;
mod applied;
mod fields;
mod routing;
mod writer;

use std::collections::BTreeMap;

pub(super) use answer::{AnswerRecord, WaitRecord, WaitWord};
pub(super) use applied::{AppliedRecord, TotalsRecord};
pub(super) use fields::{Fields, Value};
pub(super) use routing::{RedirectRecord, RoutingRecord};
pub(super) use writer::{Writer, append_with};

/// The version byte before every record.
pub(super) const VERSION: u8 = 1;

/// A message, with the state of its deliveries.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct MessageRecord {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) id: Vec<u8>,
    #[prost(string, tag = "2")]
    pub(super) sender: String,
    #[prost(string, tag = "3")]
    pub(super) submission: String,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) request: Vec<u8>,
    #[prost(string, tag = "5")]
    pub(super) workflow: String,
    #[prost(uint32, tag = "6")]
    pub(super) table_version: u32,
    #[prost(string, tag = "7")]
    pub(super) media_type: String,
    #[prost(bytes = "vec", tag = "8")]
    pub(super) digest: Vec<u8>,
    #[prost(uint64, tag = "9")]
    pub(super) size: u64,
    #[prost(bool, tag = "10")]
    pub(super) urgent: bool,
    #[prost(bytes = "vec", optional, tag = "11")]
    pub(super) order_key: Option<Vec<u8>>,
    #[prost(string, optional, tag = "12")]
    pub(super) correlation_id: Option<String>,
    #[prost(btree_map = "string, string", tag = "13")]
    pub(super) labels: BTreeMap<String, String>,
    #[prost(bytes = "vec", optional, tag = "14")]
    pub(super) document: Option<Vec<u8>>,
    #[prost(uint64, tag = "15")]
    pub(super) accept_micros: u64,
    #[prost(uint64, tag = "16")]
    pub(super) expire_micros: u64,
    #[prost(message, repeated, tag = "17")]
    pub(super) warnings: Vec<WarningRecord>,
    #[prost(message, repeated, tag = "18")]
    pub(super) deliveries: Vec<DeliveryRecord>,
    /// Missing in records of earlier versions, which warned of nothing.
    #[prost(uint64, optional, tag = "19")]
    pub(super) warn_micros: Option<u64>,
    /// Missing in records of earlier versions.
    #[prost(uint64, optional, tag = "20")]
    pub(super) order_hold_micros: Option<u64>,
    #[prost(bytes = "vec", repeated, tag = "21")]
    pub(super) names: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "22")]
    pub(super) replaces: Vec<Vec<u8>>,
    /// The class of the routing table.
    #[prost(string, optional, tag = "23")]
    pub(super) class: Option<String>,
    #[prost(string, tag = "24")]
    pub(super) register_version: String,
    #[prost(bool, tag = "25")]
    pub(super) restricted: bool,
    /// What it came to as an answer.
    #[prost(message, optional, tag = "26")]
    pub(super) answer: Option<AnswerRecord>,
    #[prost(bool, tag = "27")]
    pub(super) reroute_once: bool,
    /// The resource name of the delivery that it carries on.
    #[prost(string, optional, tag = "28")]
    pub(super) rerouted_from: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct WarningRecord {
    #[prost(string, tag = "1")]
    pub(super) rule: String,
    #[prost(string, tag = "2")]
    pub(super) path: String,
    #[prost(string, tag = "3")]
    pub(super) what: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct DeliveryRecord {
    #[prost(string, tag = "1")]
    pub(super) recipient: String,
    /// The resource name of the mailbox.
    #[prost(string, tag = "2")]
    pub(super) mailbox: String,
    #[prost(message, optional, tag = "3")]
    pub(super) state: Option<StateRecord>,
    #[prost(uint32, tag = "4")]
    pub(super) version: u32,
    #[prost(uint32, tag = "5")]
    pub(super) attempts: u32,
    #[prost(message, optional, tag = "6")]
    pub(super) lease: Option<LeaseRecord>,
    #[prost(message, repeated, tag = "7")]
    pub(super) timeline: Vec<EventRecord>,
    #[prost(bool, tag = "8")]
    pub(super) aged: bool,
    #[prost(uint64, optional, tag = "9")]
    pub(super) tried_since_micros: Option<u64>,
    /// The message that supersedes it.
    #[prost(bytes = "vec", optional, tag = "10")]
    pub(super) superseded_by: Option<Vec<u8>>,
    #[prost(bool, tag = "11")]
    pub(super) for_information: bool,
    /// Missing for a recipient that its sender named.
    #[prost(message, optional, tag = "12")]
    pub(super) routing: Option<RoutingRecord>,
    /// How its answers stand; missing where none is asked for, and in records of earlier versions.
    #[prost(message, optional, tag = "13")]
    pub(super) infrastructure: Option<WaitRecord>,
    #[prost(message, optional, tag = "14")]
    pub(super) business: Option<WaitRecord>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct StateRecord {
    #[prost(enumeration = "StateWord", tag = "1")]
    pub(super) word: i32,
    /// Until when it rests or is leased.
    #[prost(uint64, tag = "2")]
    pub(super) until_micros: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(super) enum StateWord {
    Unknown = 0,
    Queued = 1,
    Leased = 2,
    DeadLettered = 3,
    Acknowledged = 4,
    Rejected = 5,
    Expired = 6,
    Withdrawn = 7,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct LeaseRecord {
    #[prost(uint32, tag = "1")]
    pub(super) epoch: u32,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) nonce: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct EventRecord {
    #[prost(enumeration = "EventWord", tag = "1")]
    pub(super) word: i32,
    #[prost(uint64, tag = "2")]
    pub(super) time_micros: u64,
    /// By an organisation; by an operator; by the broker when neither is there.
    #[prost(string, optional, tag = "3")]
    pub(super) organisation: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(super) operator: Option<String>,
    /// The consumer, the code or the reason.
    #[prost(string, tag = "5")]
    pub(super) text: String,
    #[prost(uint64, optional, tag = "6")]
    pub(super) until_micros: Option<u64>,
    /// The lease's epoch, or the attempts.
    #[prost(uint32, tag = "7")]
    pub(super) number: u32,
    /// The mailboxes it was moved from and to.
    #[prost(string, optional, tag = "8")]
    pub(super) from_mailbox: Option<String>,
    #[prost(string, optional, tag = "9")]
    pub(super) to_mailbox: Option<String>,
    /// The message that supersedes it.
    #[prost(bytes = "vec", optional, tag = "10")]
    pub(super) by_message: Option<Vec<u8>>,
    /// Whether an answer is positive; its code is the number, the message that brought it above.
    #[prost(bool, tag = "16")]
    pub(super) positive: bool,
    /// The message in which the document went on.
    #[prost(bytes = "vec", optional, tag = "17")]
    pub(super) rerouted_to: Option<Vec<u8>>,
    /// Whether it is the business response that did not come.
    #[prost(bool, tag = "18")]
    pub(super) business: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(super) enum EventWord {
    Unknown = 0,
    Accepted = 1,
    Leased = 2,
    Extended = 3,
    Released = 4,
    Lapsed = 5,
    Acknowledged = 6,
    Rejected = 7,
    DeadLettered = 8,
    Expired = 9,
    Requeued = 10,
    Withdrawn = 11,
    Superseded = 12,
    Rerouted = 13,
    Returned = 14,
    Aged = 15,
    Answered = 20,
    AnswerLapsed = 21,
}

/// A delivery's step.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct AdvanceRecord {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) message: Vec<u8>,
    #[prost(string, tag = "2")]
    pub(super) recipient: String,
    #[prost(string, tag = "3")]
    pub(super) sender: String,
    #[prost(uint32, tag = "4")]
    pub(super) from: u32,
    #[prost(message, optional, tag = "5")]
    pub(super) state: Option<StateRecord>,
    #[prost(uint32, tag = "6")]
    pub(super) attempts: u32,
    #[prost(message, optional, tag = "7")]
    pub(super) lease: Option<LeaseRecord>,
    #[prost(message, optional, tag = "8")]
    pub(super) event: Option<EventRecord>,
    /// Its mailbox after the step, when that is another.
    #[prost(string, optional, tag = "9")]
    pub(super) mailbox: Option<String>,
}

/// Several things that became true together.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TogetherRecord {
    #[prost(message, optional, tag = "1")]
    pub(super) message: Option<MessageRecord>,
    #[prost(message, repeated, tag = "2")]
    pub(super) advances: Vec<AdvanceRecord>,
    #[prost(message, optional, tag = "3")]
    pub(super) refused: Option<RefusedRecord>,
    /// Where the message's body is, when it was uploaded; otherwise it follows the record.
    #[prost(message, repeated, tag = "4")]
    pub(super) pieces: Vec<LocatorRecord>,
}

/// A submission that was refused: in the journal, and as the index keeps it.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct RefusedRecord {
    #[prost(string, tag = "1")]
    pub(super) sender: String,
    #[prost(string, tag = "2")]
    pub(super) submission: String,
    #[prost(bytes = "vec", optional, tag = "3")]
    pub(super) digest: Option<Vec<u8>>,
    /// The code of the reason.
    #[prost(string, tag = "4")]
    pub(super) reason: String,
    #[prost(uint64, tag = "5")]
    pub(super) micros: u64,
}

/// A place in the journal.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct LocatorRecord {
    #[prost(uint32, tag = "1")]
    pub(super) segment: u32,
    #[prost(uint64, tag = "2")]
    pub(super) offset: u64,
    #[prost(uint64, tag = "3")]
    pub(super) length: u64,
    #[prost(fixed32, tag = "4")]
    pub(super) crc: u32,
}

/// A piece of a document that is uploaded. In the journal its bytes follow the record; in the index
/// it says where they are.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PieceRecord {
    /// The key of the upload; not in the index, where it is in the entry's key.
    #[prost(bytes = "vec", tag = "1")]
    pub(super) key: Vec<u8>,
    #[prost(string, tag = "2")]
    pub(super) sender: String,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) request: Vec<u8>,
    #[prost(uint64, tag = "4")]
    pub(super) start: u64,
    #[prost(uint64, tag = "5")]
    pub(super) end: u64,
    #[prost(uint64, tag = "6")]
    pub(super) time_micros: u64,
    #[prost(message, optional, tag = "7")]
    pub(super) place: Option<LocatorRecord>,
}

/// A message as the index keeps it: with the place of its body.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct StoredRecord {
    #[prost(message, optional, tag = "1")]
    pub(super) message: Option<MessageRecord>,
    #[prost(uint64, tag = "2")]
    pub(super) sequence: u64,
    #[prost(uint32, tag = "3")]
    pub(super) segment: u32,
    #[prost(uint64, tag = "4")]
    pub(super) offset: u64,
    #[prost(fixed32, tag = "5")]
    pub(super) crc: u32,
    /// The pieces of an uploaded body; the place above is of a body in one.
    #[prost(message, repeated, tag = "6")]
    pub(super) pieces: Vec<LocatorRecord>,
}

/// The bytes of a record, behind its version.
pub(super) fn encode(record: &impl prost::Message) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + record.encoded_len());
    bytes.push(VERSION);
    // A Vec grows as it must, so this cannot fail.
    record.encode_raw(&mut bytes);
    bytes
}

/// Reads a record behind its version.
pub(super) fn decode<R: prost::Message + Default>(bytes: &[u8]) -> Result<R, Malformed> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => R::decode(rest).map_err(|_| Malformed("a record's encoding")),
        Some(_) => Err(Malformed(
            "a record's version, which this build does not know",
        )),
        None => Err(Malformed("an empty record")),
    }
}

/// What of a record could not be read. It passed its checksum, so another build wrote it, or a
/// defect did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read {0}")]
pub(super) struct Malformed(pub(super) &'static str);
