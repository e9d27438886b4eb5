//! Route: from a checked document to the mailboxes it goes to. All recipients are found, or the
//! document is refused and every one that cannot be is named; nothing is guessed.

mod copies;
mod find;
mod reach;
mod refuse;
mod trace;
mod way;

use std::{borrow::Cow, time::Duration};

use axle_model::{
    envelope::{Priority, RecipientType},
    mailbox::{MailboxId, WorkflowId},
    ods::OdsCode,
    patient::PatientHint,
    refusal::{Finding, Refusal},
    time::Timestamp,
};

use self::{reach::Reach, trace::Untold};
pub use self::{
    refuse::no_mailbox,
    trace::{Explanation, Stage, Step},
};
use crate::{
    delivery::{Delivery, Routing},
    event::DeadLetterCause,
    message::{Message, RoutedBy},
    registration::Registration,
    snapshot::Snapshot,
    table::{Source, Subject, Terms},
    validate::Checked,
};

/// A document that is to be delivered, and where. Only [`route`] makes one.
#[derive(Debug)]
pub struct Routed<'c> {
    checked: &'c Checked<'c>,
    workflow: WorkflowId,
    class: Option<Box<str>>,
    table_version: u32,
    register_version: Box<str>,
    restricted: bool,
    reroute_once: bool,
    terms: Terms,
    priority: Priority,
    lifetime: Duration,
    warnings: Vec<Finding>,
    destinations: Vec<Destination>,
}

/// Where one recipient's copy goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The organisation it is for, as it was named.
    pub recipient: OdsCode,
    /// The organisation that gets it: the recipient, or whoever stands for it.
    pub organisation: OdsCode,
    /// The mailbox it waits in.
    pub mailbox: MailboxId,
    /// What its recipient is to do with it.
    pub recipient_type: RecipientType,
    /// How it was found.
    pub routing: Routing,
    /// Why it is set aside for an operator first, if it is.
    pub parked: Option<DeadLetterCause>,
}

/// The patient whose registered practice must be looked up before the document can be routed; `None`
/// when it goes by its named recipients, or may go by them only.
pub fn patient_to_look_up<'c>(
    snapshot: &Snapshot,
    checked: &'c Checked<'_>,
    now: Timestamp,
) -> Option<Cow<'c, PatientHint>> {
    if !checked.submission().recipients.is_empty() {
        return None;
    }
    let subject = Subject::new(snapshot, checked.authorised(), checked.facts(), now);
    if subject.is_restricted() {
        return None;
    }
    let class = snapshot.table.classify(&subject);
    for source in class.map_or(crate::table::Class::ROUTE, |class| class.route.as_slice()) {
        match source {
            Source::Explicit => {}
            Source::HeaderReceiver => {
                if checked
                    .facts()
                    .is_some_and(|facts| !facts.receivers().is_empty())
                {
                    return None;
                }
            }
            Source::RegisteredPractice => return find::patient(class, checked),
        }
    }
    None
}

/// Finds the workflow and the deliveries of a document: all of them, or it is refused.
pub fn route<'c>(
    snapshot: &Snapshot,
    checked: &'c Checked<'c>,
    registration: Registration,
    now: Timestamp,
) -> Result<Routed<'c>, Refusal> {
    way::walk(snapshot, checked, registration, now, &mut Untold)
}

/// What [`route`] does, told step by step.
pub fn explain(
    snapshot: &Snapshot,
    checked: &Checked<'_>,
    registration: Registration,
    now: Timestamp,
) -> Explanation {
    let mut steps = Vec::new();
    let routed = way::walk(snapshot, checked, registration, now, &mut steps);
    let outcome = routed.map(|routed| routed.destinations);
    Explanation { steps, outcome }
}

/// Where a parked delivery goes once an operator lets it go: its recipient is resolved again, by
/// what holds now. The operator's word stands for the sender's permission.
///
/// # Errors
/// It cannot be reached, or still cannot be told who receives for it.
pub fn again(
    snapshot: &Snapshot,
    message: &Message,
    delivery: &Delivery,
    now: Timestamp,
) -> Result<MailboxId, Refusal> {
    let class = message.routed_by.class.as_deref();
    let reach = Reach {
        snapshot,
        workflow: &message.workflow,
        class: class.and_then(|id| snapshot.table.class(id)),
        strictly: message.routed_by.restricted || delivery.routing.basis.is_copy(),
        now,
    };
    let reached = reach.find(delivery.recipient, &mut Untold)?;
    match reached.parked {
        Some(cause) => Err(refuse::still_parked(cause, delivery.recipient)),
        None => Ok(reached.mailbox),
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

    /// By what else it was routed.
    pub fn routed_by(&self) -> RoutedBy {
        RoutedBy {
            class: self.class.clone(),
            register_version: self.register_version.clone(),
            restricted: self.restricted,
        }
    }

    /// Whether it is sent on once if it came to the wrong practice, as its class says.
    pub const fn reroute_once(&self) -> bool {
        self.reroute_once
    }

    /// How soon it should be collected: as its sender says, or a rule of the table.
    pub const fn priority(&self) -> Priority {
        self.priority
    }

    /// What its sender should know of the recipients it has, and of those it has not.
    pub fn warnings(&self) -> &[Finding] {
        &self.warnings
    }

    /// The terms it travels on.
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// How long it waits to be collected.
    pub const fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Where it goes: those whom it is for, in the order the sender gave, then those who get a copy.
    pub fn destinations(&self) -> &[Destination] {
        &self.destinations
    }
}

#[cfg(test)]
mod tests;
