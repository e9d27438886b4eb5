//! Collecting documents under a lease: a stream of whole, verified documents that survives broken
//! connections, and settlements that work from any connection. It stores nothing, acknowledges
//! nothing by itself, and extends no lease: whoever needs longer than the lease asks for more.

use std::{sync::Arc, time::Duration};

use axle_proto::v1::{CollectStart, Message};
use bytes::Bytes;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use crate::{connection::Client, convert, error::ClientError};

mod download;
mod settle;
mod stream;

pub use settle::Settler;

/// What a collector asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectOptions {
    /// `mailboxes/ODS` or `mailboxes/ODS/WORKFLOW`; empty for every mailbox of the organisation.
    pub mailboxes: Vec<String>,
    /// What the collector calls itself in timelines, at most 100 bytes.
    pub consumer_id: String,
    /// How long a lease runs: time enough to store the document.
    pub lease: Duration,
    /// At most this many documents leased and unsettled.
    pub outstanding_max: u32,
    /// At most this many bytes of documents leased and unsettled.
    pub outstanding_bytes_max: u64,
    /// Larger documents are fetched apart; bytes.
    pub inline_bytes_max: u64,
    /// How long to try to reconnect before giving up; `None` for ever.
    pub reconnect_for: Option<Duration>,
}

impl Default for CollectOptions {
    fn default() -> Self {
        Self {
            mailboxes: Vec::new(),
            consumer_id: String::new(),
            lease: Duration::from_secs(60),
            outstanding_max: 16,
            outstanding_bytes_max: 64 * 1024 * 1024,
            inline_bytes_max: 1024 * 1024,
            reconnect_for: None,
        }
    }
}

impl CollectOptions {
    fn start(&self) -> CollectStart {
        CollectStart {
            mailboxes: self.mailboxes.clone(),
            consumer_id: self.consumer_id.clone(),
            lease_duration: Some(convert::duration(self.lease)),
            max_outstanding_deliveries: self.outstanding_max,
            max_outstanding_bytes: self.outstanding_bytes_max,
            max_inline_bytes: self.inline_bytes_max,
        }
    }
}

/// A document, leased to this collector, whole and verified.
#[derive(Clone, PartialEq)]
pub struct Received {
    /// messages/UUID/deliveries/ODS.
    pub name: String,
    /// Proves the lease.
    pub token: String,
    /// mailboxes/ODS or mailboxes/ODS/WORKFLOW.
    pub mailbox: String,
    /// How often it has been leased, this time included.
    pub attempt: u32,
    /// When the lease runs out.
    pub lease_expire_time: Option<prost_types::Timestamp>,
    /// What is known of the message.
    pub message: Message,
    /// The document, byte for byte as it was sent; its SHA-256 is the message's.
    pub content: Bytes,
}

impl std::fmt::Debug for Received {
    /// Without the document, and without the token that would let others settle it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Received")
            .field("name", &self.name)
            .field("attempt", &self.attempt)
            .field("size_bytes", &self.content.len())
            .finish_non_exhaustive()
    }
}

/// How the collector's connection stands.
#[derive(Clone, Debug)]
pub enum Connection {
    /// Not there yet.
    Connecting,
    /// The broker has given a sign of life.
    Open {
        /// How many items the collector will have handed out, counted from its beginning, when it
        /// has handed out all that waited at the beginning of this stream.
        announced: u64,
    },
    /// It broke, and is being made anew.
    Lost(ClientError),
}

/// A stream of documents.
#[derive(Debug)]
pub struct Collector {
    received: mpsc::Receiver<Result<Received, ClientError>>,
    connection: watch::Receiver<Connection>,
    settler: Settler,
    downloaded: watch::Receiver<u64>,
    stream: JoinHandle<()>,
}

impl Client {
    /// Begins to collect, in a task that ends when the collector is dropped.
    pub fn collector(&self, options: CollectOptions) -> Collector {
        let places = usize::try_from(options.outstanding_max).unwrap_or(1).max(1);
        let (deliver, received) = mpsc::channel(places);
        let (note, connection) = watch::channel(Connection::Connecting);
        let (publish, commands) = watch::channel(None);
        let (downloads, downloaded) = watch::channel(0);
        let settler = Settler::new(self.clone(), commands);
        let stream = stream::Stream {
            client: self.clone(),
            options,
            settler: settler.clone(),
            deliver,
            note,
            publish,
            downloaded: Arc::new(downloads),
        };
        Collector {
            received,
            connection,
            settler,
            downloaded,
            stream: tokio::spawn(stream.run()),
        }
    }
}

impl Collector {
    /// The next document. An error with a subject is about that one delivery, which will be offered
    /// again; after an error without one there is nothing more. `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Received, ClientError>> {
        self.received.recv().await
    }

    /// Settles what was received; clones work from any task, and after the collector is gone.
    pub fn settler(&self) -> &Settler {
        &self.settler
    }

    /// How the connection stands, as it changes.
    pub fn connection(&self) -> watch::Receiver<Connection> {
        self.connection.clone()
    }

    /// How many bytes of documents that do not come along have been fetched, as they are.
    pub fn downloaded(&self) -> watch::Receiver<u64> {
        self.downloaded.clone()
    }

    /// Ends the stream and gives back what was leased but not handed out. Returns how many that were.
    pub async fn close(mut self) -> usize {
        self.received.close();
        let mut tokens = Vec::new();
        while let Some(item) = self.received.recv().await {
            tokens.extend(item.ok().map(|received| received.token));
        }
        self.stream.abort();
        for token in &tokens {
            // Best effort: what cannot be given back is offered again when its lease runs out.
            let _ = self.settler.release(token, Duration::ZERO).await;
        }
        tokens.len()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.stream.abort();
    }
}

#[cfg(test)]
mod tests;
