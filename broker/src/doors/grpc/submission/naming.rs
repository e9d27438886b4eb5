//! Naming: how a sender names one of its messages on the wire.

use axle_model::{
    id::{MessageId, SubmissionId},
    refusal::Refusal,
};

use crate::engine::track::MessageKey;

pub(super) fn by_name(name: &str) -> Result<MessageKey, Refusal> {
    let id = MessageId::parse(name).map_err(|why| invalid("name", why.to_string()))?;
    Ok(MessageKey::Message(id))
}

pub(super) fn by_submission(id: &str) -> Result<MessageKey, Refusal> {
    let id = SubmissionId::parse(id).map_err(|why| invalid("submission_id", why.to_string()))?;
    Ok(MessageKey::Submission(id))
}

/// The refusal of a call that names no message.
pub(super) fn unnamed() -> Refusal {
    invalid("name", "it is missing".to_owned())
}

fn invalid(field: &str, why: String) -> Refusal {
    Refusal::field(
        field,
        why,
        "name a message by its name or your submission id",
    )
}
