//! The routing table: which documents travel under which workflow, on what terms, how they find their
//! recipients, and who may send them to whom. An immutable value with a version, swapped whole, read
//! from a file and compiled as it is read: what it costs to look something up hardly depends on its
//! size.

mod amount;
pub(crate) mod bits;
mod class;
mod condition;
mod entry;
mod matcher;
mod read;
mod refset;
mod rule;
mod severity;
mod subject;
mod terms;
#[cfg(test)]
mod tests;
mod value;

use std::collections::BTreeMap;

use axle_model::{envelope::RecipientType, mailbox::WorkflowId};

use self::matcher::Matcher;
pub use self::{
    class::{Class, Source},
    refset::ReadFile,
    rule::Rule,
    severity::Severities,
    subject::Subject,
    terms::Terms,
};
use crate::{organisations::overrides::Overrides, policy::Policy, problem::Problem};

/// The routing table.
#[derive(Clone, Debug, Default)]
pub struct RoutingTable {
    version: u32,
    fallback: Option<WorkflowId>,
    on_unknown_type: OnUnknownType,
    copy_type: Option<RecipientType>,
    defaults: Terms,
    workflows: BTreeMap<WorkflowId, Terms>,
    classes: Vec<Class>,
    class_matcher: Matcher,
    /// The events that each class asks for.
    events: Vec<Vec<Box<str>>>,
    /// Whether a class asks for no event.
    any_event: bool,
    rules: Vec<Rule>,
    rule_matcher: Matcher,
    severities: Severities,
    successors: Overrides,
    policy: Policy,
}

/// What becomes of a document that is read and fits no class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnUnknownType {
    /// It travels under the workflow that is named, or the table's own.
    #[default]
    Deliver,
    /// It is accepted and set aside for an operator.
    Park,
    /// It is refused.
    Reject,
}

impl OnUnknownType {
    /// What becomes of it, as it is written in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deliver => "deliver",
            Self::Park => "park",
            Self::Reject => "reject",
        }
    }
}

impl RoutingTable {
    /// Reads a routing table (TOML), or says everything that is wrong with it. It may name no files.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        Self::parse_with(text, &mut |_| Err("no file can be read here".to_owned()))
    }

    /// Reads a routing table (TOML), or says everything that is wrong with it; `file` reads the files
    /// that it names.
    pub fn parse_with(text: &str, file: ReadFile<'_>) -> Result<Self, Vec<Problem>> {
        read::table(text, file)
    }

    /// The table's version, as its author numbered it.
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// The terms of a workflow, if the table lists it.
    pub fn terms(&self, workflow: &WorkflowId) -> Option<&Terms> {
        self.workflows.get(workflow)
    }

    /// The first class whose match holds for a document.
    pub fn classify(&self, subject: &Subject<'_>) -> Option<&Class> {
        self.classes.get(self.class_matcher.first(subject)?)
    }

    /// A class by its name.
    pub fn class(&self, id: &str) -> Option<&Class> {
        self.classes.iter().find(|class| *class.id == *id)
    }

    /// The classes, in their order.
    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// A strict class that asks for this event, if there is one.
    pub fn strict(&self, event: &str) -> Option<&Class> {
        let mut classes = self.classes.iter().zip(&self.events);
        let strict = classes
            .find(|(class, events)| class.strict && events.iter().any(|asked| **asked == *event));
        strict.map(|(class, _)| class)
    }

    /// The rules that hold for a document, in their order; none after one that stops.
    pub fn rules_for(&self, subject: &Subject<'_>) -> Vec<&Rule> {
        let mut rules = Vec::new();
        for number in self.rule_matcher.all(subject) {
            let Some(rule) = self.rules.get(number) else {
                continue;
            };
            rules.push(rule);
            if rule.stop {
                break;
            }
        }
        rules
    }

    /// The rules, in their order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The workflow of documents that name none and fit no class.
    pub const fn fallback(&self) -> Option<&WorkflowId> {
        self.fallback.as_ref()
    }

    /// What becomes of a document that is read and fits no class.
    pub const fn on_unknown_type(&self) -> OnUnknownType {
        self.on_unknown_type
    }

    /// What a copy is for, unless its rule says otherwise.
    pub fn copy_type(&self) -> RecipientType {
        self.copy_type.unwrap_or(RecipientType::ForInformation)
    }

    /// The events it knows: those its classes ask for. Empty, which is any, when documents of other
    /// events have a workflow too: the default one, or that of a class that asks for no event.
    pub fn events(&self) -> impl Iterator<Item = &str> {
        let any = self.fallback.is_some() || self.any_event;
        let events = if any { &[] } else { self.events.as_slice() };
        events.iter().flatten().map(|event| &**event)
    }

    /// How much the validation rules weigh for the documents of one workflow or one sender.
    pub const fn severities(&self) -> &Severities {
        &self.severities
    }

    /// Who took over from whom, against what the register says.
    pub const fn successors(&self) -> &Overrides {
        &self.successors
    }

    /// Who may send what to whom.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }
}
