//! Directory: which mailboxes there are. An immutable value, swapped whole, read from a file.

use std::{collections::BTreeMap, ops::Range, time::Duration};

use axle_model::{
    mailbox::{MailboxId, WorkflowId},
    ods::OdsCode,
};
use serde::Deserialize;
use toml::Spanned;

use crate::{event::DeadLetterCause, problem::Problem};

/// Every mailbox of the broker.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    mailboxes: BTreeMap<MailboxId, Mailbox>,
    senders: BTreeMap<OdsCode, Duration>,
    closing: Closing,
}

/// What becomes of documents that wait in a mailbox which is closed, or not listed any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// How long they stay where they are, for a mistake in the file to be noticed and mended, and
    /// for the owner to collect what it can; then they are set aside.
    pub grace: Duration,
}

/// A mailbox as its owner set it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// Its name.
    pub id: MailboxId,
    /// What people call its owner.
    pub display: String,
    /// The workflows it takes; empty for all.
    pub workflows: Vec<WorkflowId>,
    /// Whether it takes new documents. What it holds can be collected either way.
    pub open: bool,
    /// How long nobody may ask for its documents before that raises an alarm; `None` for ever.
    pub silent_after: Option<Duration>,
}

/// Why no mailbox takes a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoMailbox {
    /// The organisation has none here.
    Unknown,
    /// It has one, but not for this workflow.
    WorkflowNotTaken,
    /// It is closed.
    Closed,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    closing: ClosingEntry,
    #[serde(default)]
    mailbox: Vec<Spanned<Entry>>,
    #[serde(default)]
    sender: Vec<Spanned<SenderEntry>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClosingEntry {
    grace_minutes: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SenderEntry {
    organisation: OdsCode,
    silent_after_hours: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    organisation: OdsCode,
    workflow: Option<WorkflowId>,
    #[serde(default)]
    display: String,
    #[serde(default)]
    workflows: Vec<WorkflowId>,
    #[serde(default)]
    status: Status,
    silent_after_hours: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    #[default]
    Open,
    Closed,
}

impl Default for Closing {
    fn default() -> Self {
        let grace = Duration::from_hours(1);
        Self { grace }
    }
}

impl From<ClosingEntry> for Closing {
    fn from(entry: ClosingEntry) -> Self {
        let minutes = |minutes: u32| Duration::from_mins(minutes.into());
        let grace = entry.grace_minutes.map(minutes);
        grace.map_or_else(Self::default, |grace| Self { grace })
    }
}

impl Directory {
    /// Reads a directory file (TOML), or says everything that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let file: File = toml::from_str(text).map_err(|error| vec![Problem::of_toml(&error)])?;
        let (mut directory, mut problems) = (Self::default(), Vec::new());
        directory.closing = file.closing.into();
        for entry in file.mailbox {
            let span = entry.span();
            let mailbox = Mailbox::of(entry.into_inner(), &span, &mut problems);
            let id = mailbox.id.clone();
            if id.organisation == OdsCode::BROKER {
                let what = format!("{} is the broker itself", OdsCode::BROKER);
                problems.push(Problem::new(span.clone(), what));
            }
            if directory.mailboxes.insert(id.clone(), mailbox).is_some() {
                problems.push(Problem::new(span, format!("{id} is listed twice")));
            }
        }
        for entry in file.sender {
            let span = entry.span();
            let SenderEntry {
                organisation,
                silent_after_hours,
            } = entry.into_inner();
            let silent_after = hours(silent_after_hours, &span, &mut problems);
            if directory
                .senders
                .insert(organisation, silent_after)
                .is_some()
            {
                let what = format!("sender {organisation} is listed twice");
                problems.push(Problem::new(span, what));
            }
        }
        if problems.is_empty() {
            Ok(directory)
        } else {
            Err(problems)
        }
    }

    /// The mailbox in which a document for `recipient` under `workflow` waits: the one set apart for
    /// that workflow if there is one, otherwise the organisation's.
    pub fn resolve(
        &self,
        recipient: OdsCode,
        workflow: &WorkflowId,
    ) -> Result<&Mailbox, NoMailbox> {
        let apart = MailboxId {
            organisation: recipient,
            workflow: Some(workflow.clone()),
        };
        let found = self
            .mailboxes
            .get(&apart)
            .or_else(|| self.mailboxes.get(&MailboxId::of(recipient)));
        let mailbox = found.ok_or_else(|| match self.of_organisation(recipient).next() {
            Some(_) => NoMailbox::WorkflowNotTaken,
            None => NoMailbox::Unknown,
        })?;
        mailbox.accepts(workflow)?;
        Ok(mailbox)
    }

    /// A mailbox by its name.
    pub fn mailbox(&self, id: &MailboxId) -> Option<&Mailbox> {
        self.mailboxes.get(id)
    }

    /// The mailboxes of an organisation, in the order of their names.
    pub fn of_organisation(&self, organisation: OdsCode) -> impl Iterator<Item = &Mailbox> {
        let first = MailboxId::of(organisation);
        let all = self.mailboxes.range(first..).map(|(_, mailbox)| mailbox);
        all.take_while(move |mailbox| mailbox.id.organisation == organisation)
    }

    /// Every mailbox, in the order of their names.
    pub fn mailboxes(&self) -> impl Iterator<Item = &Mailbox> {
        self.mailboxes.values()
    }

    /// The senders whose silence raises an alarm, each with how long it may last.
    pub fn senders(&self) -> impl Iterator<Item = (OdsCode, Duration)> {
        self.senders.iter().map(|(&code, &after)| (code, after))
    }

    /// Why documents may not wait in a mailbox any longer; `None` when they may.
    pub fn closed(&self, id: &MailboxId) -> Option<DeadLetterCause> {
        if let Some(cause) = DeadLetterCause::of_parked(id) {
            return Some(cause);
        }
        match self.mailbox(id) {
            Some(mailbox) if mailbox.open => None,
            Some(_) => Some(DeadLetterCause::MailboxClosed),
            None if self.of_organisation(id.organisation).next().is_some() => {
                Some(DeadLetterCause::MailboxClosed)
            }
            None => Some(DeadLetterCause::OrganisationWithdrawn),
        }
    }

    /// What becomes of documents in a mailbox that is closed.
    pub const fn closing(&self) -> Closing {
        self.closing
    }
}

/// A span of hours from the file.
fn hours(hours: u32, span: &Range<usize>, problems: &mut Vec<Problem>) -> Duration {
    if hours == 0 {
        let what = "silent_after_hours must be at least 1";
        problems.push(Problem::new(span.clone(), what));
    }
    Duration::from_hours(hours.into())
}

impl Mailbox {
    /// Whether it takes a document under `workflow`, or why not.
    pub fn accepts(&self, workflow: &WorkflowId) -> Result<(), NoMailbox> {
        if !self.open {
            return Err(NoMailbox::Closed);
        }
        let listed = self.workflows.is_empty() || self.workflows.contains(workflow);
        let apart = self.id.workflow.as_ref();
        if listed && apart.is_none_or(|only| only == workflow) {
            Ok(())
        } else {
            Err(NoMailbox::WorkflowNotTaken)
        }
    }

    fn of(entry: Entry, span: &Range<usize>, problems: &mut Vec<Problem>) -> Self {
        Self {
            silent_after: entry
                .silent_after_hours
                .map(|after| hours(after, span, problems)),
            id: MailboxId {
                organisation: entry.organisation,
                workflow: entry.workflow,
            },
            display: entry.display,
            workflows: entry.workflows,
            open: matches!(entry.status, Status::Open),
        }
    }
}

#[cfg(test)]
mod tests;
