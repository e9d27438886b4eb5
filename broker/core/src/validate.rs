//! Validate: to be completed (its author replaces this; the getters below are what `route` and `change` use).

use axle_model::{envelope::Submission, facts::Facts, ods::OdsCode, refusal::Finding};

use crate::authorise::Authorised;

/// A submission whose document has been checked.
#[derive(Debug)]
pub struct Checked<'s> {
    authorised: &'s Authorised,
    facts: Option<Facts<'s>>,
    warnings: Vec<Finding>,
}

impl<'s> Checked<'s> {
    /// What was submitted.
    pub fn submission(&self) -> &'s Submission {
        self.authorised.submission()
    }

    /// Who sends it.
    pub fn sender(&self) -> OdsCode {
        self.authorised.sender()
    }

    /// What the document says; `None` for an opaque payload.
    pub fn facts(&self) -> Option<&Facts<'s>> {
        self.facts.as_ref()
    }

    /// Rules bent.
    pub fn warnings(&self) -> &[Finding] {
        &self.warnings
    }

    /// What identifies the document (rule V-118).
    pub fn document_identity(&self) -> Option<String> {
        None
    }
}
