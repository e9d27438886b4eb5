//! Why a store did not do as asked.

use std::sync::Arc;

use axle_model::id::{DeliveryId, MessageId};
use thiserror::Error;

/// Why the store did not do as asked.
#[derive(Clone, Debug, Error)]
pub enum StoreError {
    /// The sender used this submission id before, for something else.
    #[error("the submission id was used before, for {earlier}")]
    SubmissionConflict {
        /// The message it became.
        earlier: MessageId,
    },
    /// The sender used this document identifier before, for other bytes (rule V-118).
    #[error("the document's identifier was used before, for {earlier} with other content")]
    DocumentConflict {
        /// The message it became.
        earlier: MessageId,
    },
    /// The delivery has moved on since the change was decided. Decide again.
    #[error("{delivery} has moved on")]
    Stale {
        /// Which.
        delivery: DeliveryId,
    },
    /// No such message.
    #[error("{message} is not in the store")]
    Unknown {
        /// Which.
        message: MessageId,
    },
    /// The ledger no longer reaches back to that sequence.
    #[error("the ledger begins at {first}, after the entry asked for")]
    LedgerStart {
        /// The oldest entry there is.
        first: u64,
    },
    /// A piece of an upload does not follow what is there.
    #[error("the upload goes on at byte {expected}")]
    ChunkOutOfOrder {
        /// Where it does.
        expected: u64,
    },
    /// The submission id belongs to an upload of another document.
    #[error("the submission id belongs to an upload of another document")]
    UploadConflict,
    /// No such upload, or not all of it.
    #[error("the upload is not here, or not whole")]
    UploadUnknown,
    /// The sender has as many uploads under way as it may.
    #[error("{most} uploads are under way, and no more may be")]
    UploadsFull {
        /// How many that is.
        most: usize,
    },
    /// The disk is nearly full; nothing was stored.
    #[error("the store's disk is nearly full: {free_bytes} bytes are free")]
    Full {
        /// What is left.
        free_bytes: u64,
    },
    /// A stored record no longer has its checksum.
    #[error("{message}: the stored body is damaged at {place}")]
    Damaged {
        /// Whose body.
        message: MessageId,
        /// File and offset.
        place: String,
    },
    /// The body was dropped: every delivery was settled, and its retention is over.
    #[error("the body of {message} was dropped after its retention")]
    Dropped {
        /// Whose body.
        message: MessageId,
    },
    /// The store has stopped and takes nothing until the process is started again.
    #[error("the store has stopped: {why}")]
    Stopped {
        /// What failed.
        why: Arc<str>,
    },
}
