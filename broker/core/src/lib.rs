//! The decisions of Axle, in the order of a document's journey: authorise, validate, route, deliver.
//! Pure and synchronous: time, randomness and snapshots are arguments; nothing here does I/O.

pub mod alarm;
pub mod answer;
pub mod authorise;
pub mod change;
pub mod delivery;
pub mod directory;
pub mod event;
pub mod lease;
pub mod message;
pub mod order;
pub mod organisations;
pub mod policy;
pub mod problem;
pub mod reconcile;
pub mod registration;
pub mod report;
pub mod retry;
pub mod route;
pub mod snapshot;
pub mod table;
pub mod totals;
pub mod validate;
