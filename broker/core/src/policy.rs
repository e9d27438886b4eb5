//! Policy: who may send what to whom, and in whose name. An immutable value, swapped whole; what no
//! rule allows is refused.

use std::{collections::BTreeMap, sync::Arc};

use axle_model::{mailbox::WorkflowId, ods::OdsCode};

/// Who may send what to whom.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    rules: Vec<Allow>,
    delegations: BTreeMap<OdsCode, Arc<[OdsCode]>>,
}

/// One permission: all three must match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow {
    /// The organisations that may send.
    pub senders: Any<OdsCode>,
    /// Under these workflows.
    pub workflows: Any<WorkflowId>,
    /// To these organisations.
    pub recipients: Any<OdsCode>,
}

/// A list of values, or all there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Any<T> {
    /// Whatever it is.
    All,
    /// One of these.
    Of(Vec<T>),
}

impl<T: PartialEq> Any<T> {
    fn admits(&self, value: &T) -> bool {
        match self {
            Self::All => true,
            Self::Of(values) => values.contains(value),
        }
    }
}

impl Policy {
    /// A policy of these permissions; `delegations` maps an organisation to those it may send for.
    pub fn new(rules: Vec<Allow>, delegations: BTreeMap<OdsCode, Vec<OdsCode>>) -> Self {
        let delegations = delegations
            .into_iter()
            .map(|(to, codes)| (to, codes.into()))
            .collect();
        Self { rules, delegations }
    }

    /// Whether `sender` may send to `recipient` under `workflow`.
    pub fn allows(&self, sender: OdsCode, workflow: &WorkflowId, recipient: OdsCode) -> bool {
        self.rules.iter().any(|rule| {
            rule.senders.admits(&sender)
                && rule.workflows.admits(workflow)
                && rule.recipients.admits(&recipient)
        })
    }

    /// The organisations `sender` may send for, besides itself.
    pub fn delegations_of(&self, sender: OdsCode) -> Arc<[OdsCode]> {
        self.delegations.get(&sender).cloned().unwrap_or_default()
    }
}
