//! Directory: which mailboxes there are. An immutable value, swapped whole, read from a file.

use std::collections::BTreeMap;

use axle_model::{
    mailbox::{MailboxId, WorkflowId},
    ods::OdsCode,
};
use serde::Deserialize;
use toml::Spanned;

use crate::problem::Problem;

/// Every mailbox of the broker.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    mailboxes: BTreeMap<MailboxId, Mailbox>,
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
    mailbox: Vec<Spanned<Entry>>,
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
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    #[default]
    Open,
    Closed,
}

impl Directory {
    /// Reads a directory file (TOML), or says everything that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let file: File = toml::from_str(text).map_err(|error| vec![Problem::of_toml(&error)])?;
        let (mut directory, mut problems) = (Self::default(), Vec::new());
        for entry in file.mailbox {
            let span = entry.span();
            let mailbox = Mailbox::of(entry.into_inner());
            let id = mailbox.id.clone();
            if directory.mailboxes.insert(id.clone(), mailbox).is_some() {
                problems.push(Problem::new(span, format!("{id} is listed twice")));
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
        if !mailbox.open {
            return Err(NoMailbox::Closed);
        }
        if !mailbox.workflows.is_empty() && !mailbox.workflows.contains(workflow) {
            return Err(NoMailbox::WorkflowNotTaken);
        }
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
}

impl Mailbox {
    fn of(entry: Entry) -> Self {
        Self {
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
