//! Report: what a sender finds in its own mailbox when a document was not delivered. It becomes true
//! together with the step it tells of, so there is one for each, whatever is cut short. A report
//! never begets another.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axle_model::{
    answer::Stage,
    digest::Digest,
    envelope::{MediaType, Priority},
    id::{MessageId, SubmissionId},
    mailbox::{MailboxId, REPORT_WORKFLOW, WorkflowId},
    ods::OdsCode,
};
use bytes::Bytes;
use serde::Serialize;

use crate::{
    change::{Acceptance, Advance, Body},
    delivery::Delivery,
    directory::Directory,
    event::EventKind,
    message::{Message, RoutedBy},
};

/// How long a report waits to be collected.
const LIFETIME: Duration = Duration::from_hours(30 * 24);

/// A report as its reader sees it: JSON, without patient data. Names of fields are never changed.
#[derive(Debug, Serialize)]
struct Report<'r> {
    /// `undelivered`, or `unanswered` of a document that was collected.
    report: &'static str,
    delivery: String,
    submission_id: &'r str,
    correlation_id: Option<&'r str>,
    recipient: OdsCode,
    mailbox: String,
    workflow: &'r str,
    document_sha256: String,
    accept_time: String,
    event_time: String,
    /// `dead-lettered`, `rejected` or `expired`; of an unanswered one as a rule `acknowledged`.
    state: &'static str,
    /// A code, or an operator's words.
    reason: &'r str,
    what_to_do: &'static str,
}

/// Where the reports to an organisation wait: its mailbox set apart for them, if it has one,
/// otherwise the one with its own name, which needs no entry in the directory for that.
pub fn mailbox(directory: &Directory, organisation: OdsCode) -> MailboxId {
    let mut own = directory.of_organisation(organisation);
    let apart = own.find(|mailbox| is_for_reports(&mailbox.id));
    apart.map_or(MailboxId::of(organisation), |mailbox| mailbox.id.clone())
}

/// Whether reports may wait in this mailbox: its owner may then look into it, listed or not.
pub fn may_wait_in(mailbox: &MailboxId) -> bool {
    mailbox.workflow.is_none() || is_for_reports(mailbox)
}

fn is_for_reports(mailbox: &MailboxId) -> bool {
    mailbox.workflow.as_ref().map(WorkflowId::as_str) == Some(REPORT_WORKFLOW)
}

/// The report that `advance` of `message` calls for, named `id`, into this mailbox; `None` when the
/// sender need not be told, or is the broker itself.
pub fn report(
    message: &Message,
    advance: &Advance,
    id: MessageId,
    mailbox: impl FnOnce(OdsCode) -> MailboxId,
) -> Option<Acceptance> {
    let event = &advance.step.event;
    if !event.is_reported() || message.sender == OdsCode::BROKER {
        return None;
    }
    let recipient = advance.delivery.recipient;
    let delivery = message.delivery(recipient)?;
    let (reason, what_to_do) = cause(&event.kind);
    let kind = if event.is_undelivered() {
        "undelivered"
    } else {
        "unanswered"
    };
    let report = Report {
        report: kind,
        delivery: advance.delivery.to_string(),
        submission_id: message.submission.as_str(),
        correlation_id: message.correlation_id.as_deref(),
        recipient,
        mailbox: delivery.mailbox.to_string(),
        workflow: message.workflow.as_str(),
        document_sha256: message.digest.to_string(),
        accept_time: message.accept_time.to_string(),
        event_time: event.time.to_string(),
        state: advance.step.state.as_str(),
        reason,
        what_to_do,
    };
    let body = Bytes::from(serde_json::to_vec_pretty(&report).ok()?);
    // The step's version makes it this step's report and no other's.
    let name = format!("report:{}:{}", advance.delivery, advance.step.from);
    let submission = SubmissionId::parse(&name).ok()?;
    let to = Delivery::accept(
        message.sender,
        mailbox(message.sender),
        OdsCode::BROKER,
        event.time,
    );
    let message = message_of(message, kind, submission, id, &body, to)?;
    let body = Body::Whole(body);
    Some(Acceptance { message, body })
}

/// Why the document was not delivered, and what its sender can do.
fn cause(kind: &EventKind) -> (&str, &'static str) {
    const ASK: &str = "ask the recipient, correct what it names, and send a new document";
    const OPERATOR: &str = "the broker's operator can offer it again or send it elsewhere; ask there, or use another way";
    const PARKED: &str = "it is kept, and waits for the broker's operator to say where it goes; send it again only \
         after it was withdrawn";
    match kind {
        EventKind::Rejected { code, .. } => (code, ASK),
        EventKind::DeadLettered { cause, .. } if cause.is_parked() => (cause.as_str(), PARKED),
        EventKind::DeadLettered { cause, .. } => (cause.as_str(), OPERATOR),
        EventKind::Returned { reason } => (reason, ASK),
        EventKind::Expired => (
            "NOT_COLLECTED_IN_TIME",
            "nobody collected it: tell the recipient by another way, and send it again",
        ),
        EventKind::AnswerLapsed { stage } => (
            match stage {
                Stage::Infrastructure => "NO_INFRASTRUCTURE_RESPONSE_IN_TIME",
                Stage::Business => "NO_BUSINESS_RESPONSE_IN_TIME",
            },
            "the recipient's system collected it and its answer did not come: ask the recipient whether it has the document and knows the patient",
        ),
        EventKind::Accepted
        | EventKind::Leased { .. }
        | EventKind::Extended { .. }
        | EventKind::Released { .. }
        | EventKind::Lapsed { .. }
        | EventKind::Acknowledged
        | EventKind::Answered { .. }
        | EventKind::Requeued { .. }
        | EventKind::Withdrawn { .. }
        | EventKind::Superseded { .. }
        | EventKind::Rerouted { .. }
        | EventKind::Aged => ("", ""),
    }
}

fn message_of(
    about: &Message,
    kind: &str,
    submission: SubmissionId,
    id: MessageId,
    body: &Bytes,
    to: Delivery,
) -> Option<Message> {
    let digest = Digest::of(body);
    let now = to.timeline.first()?.time;
    let labels = BTreeMap::from([
        ("report".to_owned(), kind.to_owned()),
        ("message".to_owned(), about.id.to_string()),
    ]);
    Some(Message {
        id,
        sender: OdsCode::BROKER,
        request: Digest::of_parts([submission.as_str().as_bytes(), digest.as_bytes()]),
        submission,
        workflow: WorkflowId::parse(REPORT_WORKFLOW).ok()?,
        table_version: about.table_version,
        routed_by: RoutedBy::default(),
        media_type: MediaType::Opaque(Arc::from("application/json")),
        digest,
        size: body.len() as u64,
        priority: Priority::Urgent,
        order_key: None,
        order_hold: Duration::ZERO,
        correlation_id: Some(about.submission.as_str().into()),
        labels,
        document: None,
        names: Vec::new(),
        replaces: Vec::new(),
        accept_time: now,
        expire_time: now.after(LIFETIME),
        warn_time: now.after(LIFETIME),
        warnings: Vec::new(),
        answer: None,
        reroute_once: false,
        rerouted_from: None,
        deliveries: vec![to],
    })
}

#[cfg(test)]
mod tests;
