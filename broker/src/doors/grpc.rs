//! The gRPC door: translates `axle.v1` to the engine's words and back. It decides nothing and
//! touches no store.

mod admin;
mod alarm_stream;
mod collect_stream;
mod collection;
mod credits;
mod foreign;
mod header;
mod principal;
mod reconcile;
mod reply;
mod status;
mod streams;
mod submission;
mod submit_stream;
mod terms;
mod upload;
mod watch_stream;

pub use admin::AdminDoor;
pub use collection::CollectionDoor;
pub use foreign::ForeignLayer;
pub use streams::Streams;
pub use submission::SubmissionDoor;
