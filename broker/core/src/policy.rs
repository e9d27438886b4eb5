//! Policy: who may send what to whom, and in whose name. An immutable value, swapped whole; what no
//! rule allows is refused. It is compiled as it is made, so that a thousand permissions cost what ten
//! cost.

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
    sync::Arc,
};

use axle_model::{mailbox::WorkflowId, ods::OdsCode};

use crate::table::bits::Bits;

/// Who may send what to whom.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    count: usize,
    senders: Admitted<OdsCode>,
    workflows: Admitted<WorkflowId>,
    recipients: Admitted<OdsCode>,
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

/// For each value the permissions that admit it.
#[derive(Clone, Debug)]
struct Admitted<T> {
    /// Those that admit whatever it is.
    all: Bits,
    /// Those that admit this one, or whatever it is.
    of: HashMap<T, Bits>,
}

impl<T> Default for Admitted<T> {
    fn default() -> Self {
        Self {
            all: Bits::default(),
            of: HashMap::new(),
        }
    }
}

impl<T: Hash + Eq + Clone> Admitted<T> {
    fn new<'r>(rules: impl ExactSizeIterator<Item = &'r Any<T>> + Clone) -> Self
    where
        T: 'r,
    {
        let mut all = Bits::none(rules.len());
        for (number, _) in rules
            .clone()
            .enumerate()
            .filter(|(_, any)| **any == Any::All)
        {
            all.insert(number);
        }
        let mut of: HashMap<T, Bits> = HashMap::new();
        for (number, any) in rules.enumerate() {
            if let Any::Of(values) = any {
                for value in values {
                    let admitting = of.entry(value.clone()).or_insert_with(|| all.clone());
                    admitting.insert(number);
                }
            }
        }
        Self { all, of }
    }

    fn admitting(&self, value: &T) -> &Bits {
        self.of.get(value).unwrap_or(&self.all)
    }
}

impl Policy {
    /// A policy of these permissions; `delegations` maps an organisation to those it may send for.
    pub fn new(rules: Vec<Allow>, delegations: BTreeMap<OdsCode, Vec<OdsCode>>) -> Self {
        let delegations = delegations
            .into_iter()
            .map(|(to, codes)| (to, codes.into()))
            .collect();
        Self {
            count: rules.len(),
            senders: Admitted::new(rules.iter().map(|rule| &rule.senders)),
            workflows: Admitted::new(rules.iter().map(|rule| &rule.workflows)),
            recipients: Admitted::new(rules.iter().map(|rule| &rule.recipients)),
            delegations,
        }
    }

    /// Whether `sender` may send to `recipient` under `workflow`.
    pub fn allows(&self, sender: OdsCode, workflow: &WorkflowId, recipient: OdsCode) -> bool {
        let mut admitting = self.senders.admitting(&sender).clone();
        admitting.keep(self.workflows.admitting(workflow));
        admitting.keep(self.recipients.admitting(&recipient));
        admitting.iter().next().is_some()
    }

    /// How many permissions there are.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// The organisations `sender` may send for, besides itself.
    pub fn delegations_of(&self, sender: OdsCode) -> Arc<[OdsCode]> {
        self.delegations.get(&sender).cloned().unwrap_or_default()
    }
}
