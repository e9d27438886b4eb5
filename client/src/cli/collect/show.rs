//! What a person or a program is shown of a collected document.

use axle_model::mailbox::REPORT_WORKFLOW;
use serde::Serialize;

use super::super::{save::Saved, view};
use crate::collect::Received;

/// What a report of the broker's says, in a line; `None` when it is none.
pub(super) fn undelivered(received: &Received) -> Option<String> {
    if received.message.workflow != REPORT_WORKFLOW {
        return None;
    }
    let report: serde_json::Value = serde_json::from_slice(&received.content).ok()?;
    let text = |field: &str| report.get(field)?.as_str().map(str::to_owned);
    let kind = match text("report")?.as_str() {
        "unanswered" => "NOT ANSWERED",
        _ => "NOT DELIVERED",
    };
    Some(format!(
        "{kind}: your {} to {} is {}: {}",
        text("submission_id")?,
        text("recipient")?,
        text("state")?,
        text("reason")?,
    ))
}

#[derive(Serialize)]
pub(super) struct CollectedView {
    delivery: String,
    mailbox: String,
    attempt: u32,
    file: String,
    already_there: bool,
    message: view::MessageView,
}

impl CollectedView {
    pub(super) fn new(received: &Received, saved: &Saved) -> Self {
        Self {
            delivery: received.name.clone(),
            mailbox: received.mailbox.clone(),
            attempt: received.attempt,
            file: saved.path.display().to_string(),
            already_there: saved.again,
            message: (&received.message).into(),
        }
    }
}
