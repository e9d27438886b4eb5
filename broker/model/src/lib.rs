//! The words of Axle: identifiers, the envelope of a document, the facts read from it, refusals and
//! receipts. No I/O, no clock, no randomness, and no decision: those belong to the layers above.

pub mod answer;
pub mod day;
pub mod digest;
pub mod envelope;
pub mod facts;
pub mod format;
pub mod id;
pub mod identity;
pub mod mailbox;
pub mod nhs_number;
pub mod ods;
pub mod patient;
pub mod professional;
pub mod receipt;
pub mod refusal;
pub mod snomed;
pub mod synthetic;
pub mod time;
