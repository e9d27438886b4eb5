//! Refuse: what the store's errors are to a caller. The caller's own mistakes are named; the
//! broker's troubles are logged here in full and shown without their inside.

use axle_model::refusal::{Finding, Issue, Reason, Refusal, Severity};
use axle_store::StoreError;

/// The refusal a caller sees for a store's error.
pub(crate) fn refusal_of(error: StoreError) -> Refusal {
    match error {
        StoreError::SubmissionConflict { earlier } => Refusal::new(
            Reason::SubmissionConflict,
            "this submission id was used before, for other content",
            "use a new submission id for a new document; a retry must repeat the first submission exactly",
        )
        .about(earlier),
        StoreError::DocumentConflict { earlier } => document_conflict().about(earlier),
        StoreError::Stale { delivery } => Refusal::new(
            Reason::Conflict,
            "the delivery changed while this was being decided",
            "look at it again, then try again",
        )
        .about(delivery),
        StoreError::Unknown { message } => unknown_message().about(message),
        StoreError::LedgerStart { first } => Refusal::new(
            Reason::PageTokenInvalid,
            format!("the ledger no longer reaches back to this token; it begins at {first}"),
            "list your messages to catch up, then watch without a token",
        ),
        StoreError::ChunkOutOfOrder { expected } => Refusal::new(
            Reason::ChunkOutOfOrder,
            format!("the upload goes on at byte {expected}"),
            "ask GetUpload where to go on, and send from there",
        ),
        StoreError::UploadConflict => Refusal::new(
            Reason::SubmissionConflict,
            "this submission id belongs to an upload of another document",
            "use a new submission id for a new document, or begin again at offset 0",
        ),
        StoreError::UploadUnknown => Refusal::new(
            Reason::UploadNotFound,
            "there is no such upload of yours, or not all of it",
            "begin again at offset 0",
        ),
        StoreError::UploadsFull { most } => Refusal::new(
            Reason::TooManyStreams,
            format!("{most} of your uploads are under way already"),
            "finish one of them first",
        ),
        StoreError::Full { free_bytes } => {
            tracing::error!(free_bytes, "a document was refused: the store's disk is nearly full");
            Refusal::new(
                Reason::StorageLow,
                "the broker has no room for more documents",
                "try again later with the same submission id; collecting goes on",
            )
        }
        StoreError::Damaged { message, place } => {
            tracing::error!(%message, %place, "a stored body is damaged; it was not served");
            Refusal::new(
                Reason::StoredChecksumMismatch,
                "the stored document is damaged and is not served",
                "tell the broker's operator; ask the sender to send it again",
            )
            .about(message)
        }
        StoreError::Dropped { message } => Refusal::new(
            Reason::DeliveryNotInState,
            "the document was delivered, and is no longer kept here",
            "ask its sender, if it is needed once more",
        )
        .about(message),
        StoreError::Stopped { why } => {
            tracing::error!(%why, "a call was refused: the store has stopped");
            Refusal::new(
                Reason::StoreUnavailable,
                "the broker's store has stopped for safety",
                "try again later with the same submission id; tell the broker's operator",
            )
        }
    }
}

/// Absent and not the caller's: the two answer the same.
pub(crate) fn unknown_message() -> Refusal {
    Refusal::new(
        Reason::MessageNotFound,
        "no such message among yours",
        "check the name or the submission id",
    )
}

/// Rule V-118: the identifier of an earlier document on other bytes.
fn document_conflict() -> Refusal {
    let what = "This document identifier was already used for different content.";
    let remedy = "give every new version of a document a new Bundle.identifier";
    let finding = Finding {
        rule: Some("V-118"),
        severity: Severity::Error,
        path: "Bundle.identifier".to_owned(),
        what: what.to_owned(),
        remedy: remedy.into(),
        itk3_code: Some(20008),
        issue: Issue::Duplicate,
        position: None,
    };
    Refusal::new(Reason::SubmissionConflict, what, remedy).with(vec![finding])
}
