//! The receipt: what the sender holds once a document is durably accepted.

use crate::{id::MessageId, mailbox::WorkflowId, ods::OdsCode, time::Timestamp};

/// Proof of acceptance. It exists only after the message is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The message made of the submission.
    pub message: MessageId,
    /// When it was accepted.
    pub accept_time: Timestamp,
    /// When what nobody has collected by then ends as expired.
    pub expire_time: Timestamp,
    /// The workflow it travels under.
    pub workflow: WorkflowId,
    /// The organisations it is delivered to.
    pub recipients: Vec<OdsCode>,
    /// Those of them whose delivery waits for an operator of the broker first, each with the reason as
    /// a code.
    pub parked: Vec<(OdsCode, &'static str)>,
    /// Whether this repeats the receipt of an earlier, equal submit.
    pub duplicate: bool,
}
