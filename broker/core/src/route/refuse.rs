//! Refuse: why a document cannot be routed, told so that its sender can mend it. No patient data.

use axle_model::{
    mailbox::WorkflowId,
    ods::OdsCode,
    refusal::{Finding, Issue, Reason, Refusal, Severity},
};

use crate::{directory::NoMailbox, event::DeadLetterCause, table::Class};

pub(super) fn no_workflow() -> Refusal {
    Refusal::new(
        Reason::WorkflowUnknown,
        "no workflow was named and none could be told from the document",
        "name one in header.workflow",
    )
}

pub(super) fn unknown_workflow(workflow: &WorkflowId) -> Refusal {
    let known = "name one that this broker's routing table lists";
    let what = format!("workflow {workflow} is not known here");
    Refusal::new(Reason::WorkflowUnknown, what, known).about(workflow)
}

pub(super) fn not_carried(workflow: &WorkflowId, media_type: &str) -> Refusal {
    Refusal::new(
        Reason::MediaTypeNotAllowed,
        format!("workflow {workflow} does not carry {media_type}"),
        "send application/fhir+json or application/fhir+xml, or use a workflow that allows opaque payloads",
    )
    .about(workflow)
}

pub(super) fn too_large(size: u64, class: &Class, bytes_max: u64) -> Refusal {
    Refusal::new(
        Reason::DocumentTooLarge,
        format!(
            "the document has {size} bytes; of class {}, {bytes_max} are taken",
            class.id
        ),
        "send its large attachments apart",
    )
}

/// Rule V-307: no class of the table is for this type.
pub(super) fn unknown_type() -> Refusal {
    let what = "A document of this type and event is not known here.";
    let remedy =
        "check Composition.type and the event, or ask the broker's operator for a class of them";
    let finding = Finding {
        rule: Some("V-307"),
        severity: Severity::Error,
        itk3_code: Some(10004),
        issue: Issue::NotSupported,
        ..Finding::field("Composition.type", what, remedy)
    };
    Refusal::new(Reason::DocumentInvalid, what, remedy).with(vec![finding])
}

pub(super) fn another_patient() -> Refusal {
    Refusal::new(
        Reason::PatientMismatch,
        "the document is about another patient than the one whose practice it is to go to",
        "check header.patient against the document; do not send by a guess",
    )
}

pub(super) fn not_allowed(sender: OdsCode, workflow: &WorkflowId, recipient: OdsCode) -> Refusal {
    Refusal::new(
        Reason::SenderNotAuthorised,
        format!("{sender} may not send {workflow} to {recipient}"),
        "ask the broker's operator to allow it in the routing table",
    )
    .about(recipient)
}

/// The register does not know the organisation.
pub(super) fn unknown_organisation(recipient: OdsCode) -> Refusal {
    Refusal::new(
        Reason::RecipientUnknown,
        format!("{recipient} is not known to the register of organisations"),
        "check the ODS code of the recipient",
    )
    .about(recipient)
}

/// The organisation is closed, and nobody took over.
pub(super) fn closed_organisation(recipient: OdsCode) -> Refusal {
    Refusal::new(
        Reason::RecipientUnknown,
        format!("{recipient} has closed, and the register names no successor"),
        "find out which organisation took over and send to that one",
    )
    .about(recipient)
}

pub(super) fn too_many_copies(count: usize, copies_max: usize) -> Refusal {
    Refusal::new(
        Reason::DocumentInvalid,
        format!("{count} organisations are to get a copy; at most {copies_max} can"),
        "shorten the distribution list, or submit it for the others apart",
    )
}

/// What holds a parked delivery still holds it.
pub(super) fn still_parked(cause: DeadLetterCause, recipient: OdsCode) -> Refusal {
    let (what, remedy) = match cause {
        DeadLetterCause::ParkedSuccessorAmbiguous => (
            format!("it cannot be told who has taken over from {recipient}"),
            "name the successor in a [[successor]] of the routing table, or reroute the delivery",
        ),
        DeadLetterCause::ParkedRegisterStale => (
            "the register of organisations is older than it may be".to_owned(),
            "bring the register up to date, or reroute the delivery",
        ),
        DeadLetterCause::AttemptsSpent
        | DeadLetterCause::MailboxClosed
        | DeadLetterCause::OrganisationWithdrawn
        | DeadLetterCause::ParkedUnknownType
        | DeadLetterCause::ParkedHeld => (
            format!("{recipient} still cannot be reached"),
            "reroute the delivery",
        ),
    };
    Refusal::new(Reason::DeliveryNotInState, what, remedy).about(recipient)
}

/// The refusal of a document that no mailbox takes.
pub fn no_mailbox(why: NoMailbox, recipient: OdsCode, workflow: &WorkflowId) -> Refusal {
    let refusal = match why {
        NoMailbox::Unknown => Refusal::new(
            Reason::RecipientUnknown,
            format!("no mailbox is known for {recipient}"),
            "check the ODS code of the recipient",
        ),
        NoMailbox::WorkflowNotTaken => Refusal::new(
            Reason::RecipientUnknown,
            format!("{recipient} has no mailbox for workflow {workflow}"),
            "check the workflow, or ask the recipient to accept it",
        ),
        NoMailbox::Closed => Refusal::new(
            Reason::MailboxClosed,
            format!("the mailbox of {recipient} is closed"),
            "find out which organisation took over and send to that one",
        ),
    };
    refusal.about(recipient)
}

/// One refusal for all recipients that cannot be reached: the first one's, with a finding for each.
pub(super) fn all_of(mut refusals: Vec<(String, Refusal)>) -> Refusal {
    let finding = |(path, refusal): &(String, Refusal)| {
        Finding::field(path, refusal.what.clone(), refusal.remedy.clone())
    };
    let findings: Vec<Finding> = refusals.iter().map(finding).collect();
    let (_, first) = refusals.swap_remove(0);
    let what = findings
        .iter()
        .map(|finding| finding.what.as_str())
        .collect::<Vec<_>>()
        .join("; ");
    Refusal {
        what,
        ..first.with(findings)
    }
}
