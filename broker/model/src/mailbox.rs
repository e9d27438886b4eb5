//! Workflows and mailboxes: where a document waits for the organisation it is for.

use std::{fmt, sync::Arc};

use thiserror::Error;

use crate::ods::{NotAnOdsCode, OdsCode};

/// The workflow of what the broker itself tells a sender: the reports of documents that were not
/// delivered. No routing table may list it.
pub const REPORT_WORKFLOW: &str = "AXLE_REPORT";

/// The name of a workflow, as in the MESH workflow list, for example `TOC_FHIR_IP_DISCH`:
/// 1 to 50 characters of `A-Z`, `a-z`, `0-9`, `_` and `-`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkflowId(Arc<str>);

/// Why a text is not a workflow name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "a workflow is named by 1 to 50 letters, digits, '_' and '-', for example TOC_FHIR_IP_DISCH"
)]
pub struct NotAWorkflow;

impl WorkflowId {
    /// The longest workflow name.
    pub const LENGTH_MAX: usize = 50;

    /// Reads a workflow name.
    pub fn parse(text: &str) -> Result<Self, NotAWorkflow> {
        let fits = (1..=Self::LENGTH_MAX).contains(&text.len());
        let plain = text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if fits && plain {
            Ok(Self(text.into()))
        } else {
            Err(NotAWorkflow)
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WorkflowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for WorkflowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for WorkflowId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A mailbox of an organisation: for all its workflows (`mailboxes/K81003`), or for one of them
/// alone (`mailboxes/K81003/TOC_FHIR_IP_DISCH`).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailboxId {
    /// The organisation the mailbox belongs to.
    pub organisation: OdsCode,
    /// The one workflow it is for; `None` for all that have no mailbox of their own.
    pub workflow: Option<WorkflowId>,
}

/// Why a text is not the name of a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotAMailbox {
    /// It does not start with `mailboxes/`, or has too many parts.
    #[error("a mailbox is named mailboxes/ODS or mailboxes/ODS/WORKFLOW")]
    Shape,
    /// The organisation's part is not an ODS code.
    #[error(transparent)]
    Organisation(#[from] NotAnOdsCode),
    /// The workflow's part is not a workflow name.
    #[error(transparent)]
    Workflow(#[from] NotAWorkflow),
}

impl MailboxId {
    /// The mailbox of `organisation` for all its workflows.
    pub const fn of(organisation: OdsCode) -> Self {
        Self {
            organisation,
            workflow: None,
        }
    }

    /// Reads a resource name, `mailboxes/ODS` or `mailboxes/ODS/WORKFLOW`.
    pub fn parse(name: &str) -> Result<Self, NotAMailbox> {
        let rest = name.strip_prefix("mailboxes/").ok_or(NotAMailbox::Shape)?;
        let (organisation, workflow) = match rest.split_once('/') {
            Some((organisation, workflow)) => (organisation, Some(WorkflowId::parse(workflow)?)),
            None => (rest, None),
        };
        Ok(Self {
            organisation: OdsCode::parse(organisation)?,
            workflow,
        })
    }
}

impl fmt::Display for MailboxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mailboxes/{}", self.organisation)?;
        self.workflow
            .as_ref()
            .map_or(Ok(()), |workflow| write!(f, "/{workflow}"))
    }
}

impl fmt::Debug for MailboxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::MailboxId;

    #[test]
    fn names_are_read_and_written_back() {
        for name in ["mailboxes/K81003", "mailboxes/K81003/TOC_FHIR_IP_DISCH"] {
            assert_eq!(
                MailboxId::parse(name).map(|id| id.to_string()),
                Ok(name.to_owned())
            );
        }
    }

    #[test]
    fn other_names_are_refused() {
        for name in [
            "K81003",
            "mailboxes/",
            "mailboxes/k81003",
            "mailboxes/K81003/",
            "mailboxes/K81003/A/B",
        ] {
            assert!(MailboxId::parse(name).is_err(), "{name}");
        }
    }
}
