//! The Axle SDK: how trusts send documents and practices collect them, over gRPC and mutual TLS, with
//! retries under the same submission id, streams that reconnect, and errors in words. It decides
//! nothing about a document. The `axle` command line, [`cli`], stands on top of it.

pub mod admin;
pub mod alarms;
pub mod answer;
pub mod bulk;
pub mod cli;
pub mod collect;
pub mod connection;
pub mod convert;
pub mod error;
mod explain;
pub mod mailbox;
pub mod outcome;
pub mod profile;
pub mod reconcile;
pub mod retry;
pub mod send;
#[cfg(test)]
mod testing;
pub mod tls;
pub mod track;
pub mod upload;
pub mod watch;

pub use axle_proto::v1;
pub use connection::Client;
pub use error::ClientError;
pub use profile::Profile;
