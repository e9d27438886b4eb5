//! The decisions of Axle, in the order of a document's journey: authorise, validate, route, deliver.
//! Pure and synchronous: time, randomness and snapshots are arguments; nothing here does I/O.

pub mod authorise;
pub mod policy;
pub mod validate;
