//! Route: from a checked document to the mailboxes it goes to. All recipients are found, or the
//! document is refused and every one that cannot be is named; nothing is guessed.

use std::time::Duration;

use axle_model::{
    facts::Facts,
    mailbox::{MailboxId, WorkflowId},
    ods::OdsCode,
    patient::PatientHint,
    refusal::{Finding, Reason, Refusal},
    time::Timestamp,
};

use crate::{
    directory::{Directory, NoMailbox},
    registration::{Registration, unregistered},
    snapshot::Snapshot,
    table::{RoutingTable, Subject, Terms},
    validate::Checked,
};

/// A document that is to be delivered, and where. Only [`route`] makes one.
#[derive(Debug)]
pub struct Routed<'c> {
    checked: &'c Checked<'c>,
    workflow: WorkflowId,
    table_version: u32,
    terms: Terms,
    lifetime: Duration,
    destinations: Vec<Destination>,
}

/// Where one recipient's copy goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The organisation.
    pub recipient: OdsCode,
    /// Its mailbox.
    pub mailbox: MailboxId,
}

/// The patient whose registered practice must be looked up before the document can be routed; `None`
/// when it goes by its named recipients, or may go by them only.
pub fn patient_to_look_up<'c>(
    _snapshot: &Snapshot,
    checked: &'c Checked<'_>,
) -> Option<&'c PatientHint> {
    let submission = checked.submission();
    let hint = submission.patient.as_ref();
    hint.filter(|_| submission.recipients.is_empty() && !is_restricted(checked))
}

/// Finds the workflow and the mailbox of every recipient.
pub fn route<'c>(
    snapshot: &Snapshot,
    checked: &'c Checked<'c>,
    registration: Registration,
    now: Timestamp,
) -> Result<Routed<'c>, Refusal> {
    let Snapshot {
        directory, table, ..
    } = snapshot;
    let (workflow, terms) = workflow_of(snapshot, checked, now)?;
    let submission = checked.submission();
    if checked.facts().is_none() && !terms.opaque {
        return Err(Refusal::new(
            Reason::MediaTypeNotAllowed,
            format!("workflow {workflow} does not carry {}", submission.media_type.as_str()),
            "send application/fhir+json or application/fhir+xml, or use a workflow that allows opaque payloads",
        )
        .about(&workflow));
    }
    let recipients = recipients(checked, registration)?;
    let mut destinations = Vec::with_capacity(recipients.len());
    let mut refusals = Vec::new();
    for (index, &recipient) in recipients.iter().enumerate() {
        match destination(directory, table, checked, &workflow, recipient) {
            Ok(destination) => destinations.push(destination),
            Err(refusal) => refusals.push((index, refusal)),
        }
    }
    if !refusals.is_empty() {
        return Err(all_of(refusals));
    }
    let lifetime = submission
        .time_to_live
        .map_or(terms.lifetime, |asked| asked.min(terms.lifetime));
    Ok(Routed {
        checked,
        workflow,
        table_version: table.version(),
        terms: *terms,
        lifetime,
        destinations,
    })
}

/// The recipients that were named; otherwise the practice of the patient, if that may be and is known.
fn recipients(checked: &Checked<'_>, registration: Registration) -> Result<Vec<OdsCode>, Refusal> {
    let submission = checked.submission();
    if !submission.recipients.is_empty() {
        return Ok(submission.recipients.clone());
    }
    if is_restricted(checked) {
        return Err(unregistered(Reason::RestrictedNeedsRecipient));
    }
    match registration {
        Registration::Registered { practice, .. } => Ok(vec![practice]),
        Registration::None(reason) => Err(unregistered(reason)),
        Registration::NotAsked => Err(unregistered(Reason::RecipientRequired)),
    }
}

/// Whether the sender or the document says that it is restricted.
fn is_restricted(checked: &Checked<'_>) -> bool {
    checked.submission().restricted || checked.facts().is_some_and(Facts::is_restricted)
}

/// The workflow the sender named; otherwise that of the document's class; otherwise the table's own.
fn workflow_of<'t>(
    snapshot: &'t Snapshot,
    checked: &Checked<'_>,
    now: Timestamp,
) -> Result<(WorkflowId, &'t Terms), Refusal> {
    let table = &snapshot.table;
    let classified = || {
        let subject = Subject::new(snapshot, checked.authorised(), checked.facts(), now);
        Some(&table.classify(&subject)?.workflow)
    };
    let named = checked.submission().workflow.as_ref();
    let workflow = named
        .or_else(classified)
        .or(table.fallback())
        .ok_or_else(|| {
            Refusal::new(
                Reason::WorkflowUnknown,
                "no workflow was named and none could be told from the document",
                "name one in header.workflow",
            )
        })?;
    let terms = table.terms(workflow).ok_or_else(|| {
        let known = "name one that this broker's routing table lists";
        Refusal::new(
            Reason::WorkflowUnknown,
            format!("workflow {workflow} is not known here"),
            known,
        )
        .about(workflow)
    })?;
    Ok((workflow.clone(), terms))
}

fn destination(
    directory: &Directory,
    table: &RoutingTable,
    checked: &Checked<'_>,
    workflow: &WorkflowId,
    recipient: OdsCode,
) -> Result<Destination, Refusal> {
    let sender = checked.sender();
    if !table.policy().allows(sender, workflow, recipient) {
        return Err(Refusal::new(
            Reason::SenderNotAuthorised,
            format!("{sender} may not send {workflow} to {recipient}"),
            "ask the broker's operator to allow it in the routing table",
        )
        .about(recipient));
    }
    let mailbox = directory
        .resolve(recipient, workflow)
        .map_err(|why| no_mailbox(why, recipient, workflow))?;
    Ok(Destination {
        recipient,
        mailbox: mailbox.id.clone(),
    })
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
fn all_of(mut refusals: Vec<(usize, Refusal)>) -> Refusal {
    let finding = |(index, refusal): &(usize, Refusal)| {
        let path = format!("header.recipients[{index}]");
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

impl<'c> Routed<'c> {
    /// The document routed.
    pub const fn checked(&self) -> &'c Checked<'c> {
        self.checked
    }

    /// The workflow it travels under.
    pub const fn workflow(&self) -> &WorkflowId {
        &self.workflow
    }

    /// The version of the table that routed it.
    pub const fn table_version(&self) -> u32 {
        self.table_version
    }

    /// The terms it travels on.
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// How long it waits to be collected.
    pub const fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Where it goes, in the order the sender gave.
    pub fn destinations(&self) -> &[Destination] {
        &self.destinations
    }
}

#[cfg(test)]
mod tests;
