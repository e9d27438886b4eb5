//! The routing table: which documents travel under which workflow, on what terms, and who may send
//! them to whom. An immutable value with a version, swapped whole, read from a file.

mod severity;

use std::{collections::BTreeMap, ops::Range, time::Duration};

use axle_model::{
    envelope::Priority,
    mailbox::{REPORT_WORKFLOW, WorkflowId},
    ods::OdsCode,
};
use serde::Deserialize;
use toml::Spanned;

pub use self::severity::Severities;
use self::severity::SeverityEntry;
use crate::{
    order::Order,
    policy::{Allow, Any, Policy},
    problem::Problem,
    retry::Retry,
};

/// The routing table.
#[derive(Clone, Debug, Default)]
pub struct RoutingTable {
    version: u32,
    fallback: Option<WorkflowId>,
    workflows: BTreeMap<WorkflowId, Terms>,
    classes: Vec<Class>,
    policy: Policy,
    severities: Severities,
}

/// The terms of a workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Whether it carries payloads that the broker does not read.
    pub opaque: bool,
    /// How long a document waits to be collected before it ends as expired.
    pub lifetime: Duration,
    /// How often it is offered.
    pub retry: Retry,
    /// How long a routine document may wait until its sender is warned.
    pub warn_routine: Duration,
    /// The same for an urgent one.
    pub warn_urgent: Duration,
    /// Which of a sender's documents are delivered in order.
    pub order: Order,
    /// How long later documents of a patient wait for an earlier one once it has been tried.
    pub order_hold: Duration,
    /// How long after its collection the infrastructure response (ITK3) to a document is waited for.
    pub inf_due: Duration,
    /// The same for the business response, which a person may have to give.
    pub bus_due: Duration,
}

/// A class of documents, by what they say of themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// Its name in the table.
    pub id: String,
    /// The workflow its documents travel under.
    pub workflow: WorkflowId,
    events: Vec<String>,
    types: Vec<Code>,
}

/// A code with its system.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Code {
    system: String,
    code: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    #[serde(default)]
    defaults: Defaults,
    #[serde(default)]
    workflow: Vec<Spanned<WorkflowEntry>>,
    #[serde(default)]
    class: Vec<Spanned<ClassEntry>>,
    #[serde(default)]
    allow: Vec<AllowEntry>,
    #[serde(default)]
    delegate: Vec<DelegateEntry>,
    #[serde(default)]
    severity: Vec<Spanned<SeverityEntry>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Defaults {
    workflow: Option<Spanned<WorkflowId>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WorkflowEntry {
    id: WorkflowId,
    #[serde(default)]
    opaque: bool,
    expires_after_hours: Option<u32>,
    attempts_max: Option<u32>,
    retry_base_seconds: Option<u32>,
    retry_ceiling_seconds: Option<u32>,
    warn_after_seconds: Option<u32>,
    warn_urgent_after_seconds: Option<u32>,
    #[serde(default)]
    order: Order,
    order_hold_seconds: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassEntry {
    id: String,
    workflow: WorkflowId,
    r#match: Match,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Match {
    #[serde(default)]
    event: Vec<String>,
    #[serde(default)]
    r#type: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AllowEntry {
    sender: ListOrAll<OdsCode>,
    workflow: ListOrAll<WorkflowId>,
    recipient: ListOrAll<OdsCode>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DelegateEntry {
    to: OdsCode,
    organisations: Vec<OdsCode>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "\"*\" or a list such as [\"RR8\", \"RBA\"]")]
enum ListOrAll<T> {
    All(Star),
    Of(Vec<T>),
}

#[derive(Deserialize)]
enum Star {
    #[serde(rename = "*")]
    Star,
}

impl<T> From<ListOrAll<T>> for Any<T> {
    fn from(entry: ListOrAll<T>) -> Self {
        match entry {
            ListOrAll::All(Star::Star) => Self::All,
            ListOrAll::Of(values) => Self::Of(values),
        }
    }
}

impl Default for Terms {
    fn default() -> Self {
        // Five days is what senders know from MESH.
        let lifetime = Duration::from_hours(5 * 24);
        Self {
            opaque: false,
            lifetime,
            retry: Retry::default(),
            warn_routine: Duration::from_hours(24),
            warn_urgent: Duration::from_hours(1),
            order: Order::default(),
            order_hold: Duration::from_hours(4),
            inf_due: Duration::from_hours(4),
            bus_due: Duration::from_hours(72),
        }
    }
}

impl Terms {
    /// How long a document may wait until its sender is warned.
    pub const fn warn_after(&self, priority: Priority) -> Duration {
        match priority {
            Priority::Routine => self.warn_routine,
            Priority::Urgent => self.warn_urgent,
        }
    }
}

impl RoutingTable {
    /// Reads a routing table (TOML), or says everything that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let file: File = toml::from_str(text).map_err(|error| vec![Problem::of_toml(&error)])?;
        let mut problems = Vec::new();
        let mut table = Self {
            version: file.version,
            ..Self::default()
        };
        for entry in file.workflow {
            let span = entry.span();
            let entry = entry.into_inner();
            let terms = entry.terms(&span, &mut problems);
            if entry.id.as_str() == REPORT_WORKFLOW {
                let what = format!("workflow {} is the broker's own", entry.id);
                problems.push(Problem::new(span.clone(), what));
            }
            if table.workflows.insert(entry.id.clone(), terms).is_some() {
                problems.push(Problem::new(
                    span,
                    format!("workflow {} is listed twice", entry.id),
                ));
            }
        }
        for entry in file.class {
            let span = entry.span();
            let class = Class::of(entry.into_inner(), &span, &mut problems);
            table.require(&class.workflow, span, &mut problems);
            table.classes.push(class);
        }
        if let Some(fallback) = file.defaults.workflow {
            table.require(fallback.get_ref(), fallback.span(), &mut problems);
            table.fallback = Some(fallback.into_inner());
        }
        for entry in file.severity {
            let (span, entry) = (entry.span(), entry.into_inner());
            let is_listed = |workflow: &_| table.workflows.contains_key(workflow);
            let severities = &mut table.severities;
            severities.add(entry, &span, is_listed, &mut problems);
        }
        let rules = file.allow.into_iter().map(|entry| Allow {
            senders: entry.sender.into(),
            workflows: entry.workflow.into(),
            recipients: entry.recipient.into(),
        });
        let delegations = file
            .delegate
            .into_iter()
            .map(|entry| (entry.to, entry.organisations));
        table.policy = Policy::new(rules.collect(), delegations.collect());
        if problems.is_empty() {
            Ok(table)
        } else {
            Err(problems)
        }
    }

    fn require(&self, workflow: &WorkflowId, span: Range<usize>, problems: &mut Vec<Problem>) {
        if !self.workflows.contains_key(workflow) {
            let what =
                format!("workflow {workflow} is not listed: add a [[workflow]] with this id");
            problems.push(Problem::new(span, what));
        }
    }

    /// The table's version, as its author numbered it.
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// The terms of a workflow, if the table lists it.
    pub fn terms(&self, workflow: &WorkflowId) -> Option<&Terms> {
        self.workflows.get(workflow)
    }

    /// The first class whose match holds for a document with this event and these types, each a
    /// system and a code.
    pub fn classify<'f>(
        &self,
        event: Option<&str>,
        types: impl Iterator<Item = (&'f str, &'f str)> + Clone,
    ) -> Option<&Class> {
        self.classes.iter().find(|class| {
            let by_event = class.events.is_empty()
                || event.is_some_and(|event| class.events.iter().any(|listed| listed == event));
            let is = |code: &Code| {
                types
                    .clone()
                    .any(|found| found == (&*code.system, &*code.code))
            };
            by_event && (class.types.is_empty() || class.types.iter().any(is))
        })
    }

    /// The workflow of documents that name none and fit no class.
    pub const fn fallback(&self) -> Option<&WorkflowId> {
        self.fallback.as_ref()
    }

    /// The events it knows: those its classes ask for. Empty, which is any, when documents of other
    /// events have a workflow too: the default one, or that of a class that asks for no event.
    pub fn events(&self) -> impl Iterator<Item = &str> {
        let any =
            self.fallback.is_some() || self.classes.iter().any(|class| class.events.is_empty());
        let classes = if any { &[] } else { self.classes.as_slice() };
        classes
            .iter()
            .flat_map(|class| class.events.iter().map(String::as_str))
    }

    /// What the rules weigh for the documents of one workflow or one sender.
    pub const fn severities(&self) -> &Severities {
        &self.severities
    }

    /// Who may send what to whom.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }
}

impl WorkflowEntry {
    fn terms(&self, span: &Range<usize>, problems: &mut Vec<Problem>) -> Terms {
        let mut terms = Terms {
            opaque: self.opaque,
            order: self.order,
            ..Terms::default()
        };
        let mut positive = |value: Option<u32>, name: &str| {
            if value == Some(0) {
                problems.push(Problem::new(
                    span.clone(),
                    format!("{name} must be at least 1"),
                ));
            }
            value
        };
        if let Some(hours) = positive(self.expires_after_hours, "expires_after_hours") {
            terms.lifetime = Duration::from_hours(hours.into());
        }
        if let Some(attempts) = positive(self.attempts_max, "attempts_max") {
            terms.retry.attempts_max = attempts;
        }
        if let Some(seconds) = positive(self.retry_base_seconds, "retry_base_seconds") {
            terms.retry.base = Duration::from_secs(seconds.into());
        }
        if let Some(seconds) = positive(self.retry_ceiling_seconds, "retry_ceiling_seconds") {
            terms.retry.ceiling = Duration::from_secs(seconds.into());
        }
        if let Some(seconds) = positive(self.warn_after_seconds, "warn_after_seconds") {
            terms.warn_routine = Duration::from_secs(seconds.into());
        }
        let urgent = positive(self.warn_urgent_after_seconds, "warn_urgent_after_seconds");
        if let Some(seconds) = urgent {
            terms.warn_urgent = Duration::from_secs(seconds.into());
        }
        if let Some(seconds) = positive(self.order_hold_seconds, "order_hold_seconds") {
            terms.order_hold = Duration::from_secs(seconds.into());
        }
        terms
    }
}

impl Class {
    fn of(entry: ClassEntry, span: &Range<usize>, problems: &mut Vec<Problem>) -> Self {
        if entry.r#match.event.is_empty() && entry.r#match.r#type.is_empty() {
            let what = format!(
                "class {} matches nothing: give it an event or a type",
                entry.id
            );
            problems.push(Problem::new(span.clone(), what));
        }
        let mut types = Vec::new();
        for text in entry.r#match.r#type {
            match Code::parse(text.get_ref()) {
                Some(code) => types.push(code),
                None => problems.push(Problem::new(
                    text.span(),
                    format!(
                        "{:?} is not a code: write snomed:CODE, loinc:CODE or SYSTEM-URL|CODE",
                        text.get_ref()
                    ),
                )),
            }
        }
        Self {
            id: entry.id,
            workflow: entry.workflow,
            events: entry.r#match.event,
            types,
        }
    }
}

impl Code {
    fn parse(text: &str) -> Option<Self> {
        let (system, code) = match text.split_once('|') {
            Some(full) => full,
            None => match text.split_once(':')? {
                ("snomed", code) => ("http://snomed.info/sct", code),
                ("loinc", code) => ("http://loinc.org", code),
                _ => return None,
            },
        };
        let whole = !system.is_empty() && !code.is_empty();
        whole.then(|| Self {
            system: system.to_owned(),
            code: code.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
