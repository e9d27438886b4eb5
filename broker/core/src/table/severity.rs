//! Severities in a routing table: how much the rules weigh for the documents of one workflow or one
//! sender. What is said of a sender counts above what is said of a workflow, and what is said of both
//! above either; between equals the later entry counts.

use std::{collections::BTreeMap, ops::Range};

use axle_model::{mailbox::WorkflowId, ods::OdsCode};
use serde::Deserialize;

use crate::{
    problem::Problem,
    validate::{Overrides, Setting, Strictness},
};

/// One `[[severity]]` of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeverityEntry {
    #[serde(default)]
    workflow: Vec<WorkflowId>,
    #[serde(default)]
    sender: Vec<OdsCode>,
    rules: BTreeMap<String, Setting>,
}

/// What the rules weigh for some documents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Severities {
    by_workflow: BTreeMap<WorkflowId, Overrides>,
    by_sender: BTreeMap<OdsCode, Overrides>,
    by_both: BTreeMap<OdsCode, BTreeMap<WorkflowId, Overrides>>,
}

impl Severities {
    /// Adds what an entry says. `is_listed` tells the workflows that the table lists.
    pub(super) fn add(
        &mut self,
        entry: SeverityEntry,
        span: &Range<usize>,
        is_listed: impl Fn(&WorkflowId) -> bool,
        problems: &mut Vec<Problem>,
    ) {
        let mut problem = |what| problems.push(Problem::new(span.clone(), what));
        if entry.workflow.is_empty() && entry.sender.is_empty() {
            let what = "[[severity]] needs a workflow or a sender; for all documents, set it in \
                        [validation] of axle.toml";
            problem(what.to_owned());
        }
        for workflow in entry.workflow.iter().filter(|one| !is_listed(one)) {
            problem(format!(
                "workflow {workflow} is not listed: add a [[workflow]] with this id"
            ));
        }
        for (rule, setting) in &entry.rules {
            let set = |overrides: &mut Overrides| overrides.set(rule, *setting);
            if let Err(error) = set(&mut Overrides::default()) {
                problem(format!("[[severity]]: {error}"));
                continue;
            }
            let places = self.places(&entry.workflow, &entry.sender);
            // The id has just been found to be right.
            places.into_iter().for_each(|place| drop(set(place)));
        }
    }

    fn places(&mut self, workflows: &[WorkflowId], senders: &[OdsCode]) -> Vec<&mut Overrides> {
        fn of<'m, K: Ord + Clone>(
            map: &'m mut BTreeMap<K, Overrides>,
            keys: &[K],
        ) -> Vec<&'m mut Overrides> {
            for key in keys {
                map.entry(key.clone()).or_default();
            }
            let places = map.iter_mut();
            let places = places.filter(|(key, _)| keys.contains(*key));
            places.map(|(_, overrides)| overrides).collect()
        }
        match (workflows, senders) {
            (workflows, []) => of(&mut self.by_workflow, workflows),
            ([], senders) => of(&mut self.by_sender, senders),
            (workflows, senders) => {
                for sender in senders {
                    self.by_both.entry(*sender).or_default();
                }
                let both = self.by_both.iter_mut();
                let both = both.filter(|(sender, _)| senders.contains(*sender));
                both.flat_map(|(_, map)| of(map, workflows)).collect()
            }
        }
    }

    /// Whether every document is judged alike.
    pub fn is_empty(&self) -> bool {
        self.by_workflow.is_empty() && self.by_sender.is_empty() && self.by_both.is_empty()
    }

    /// Puts what is said of this workflow and this sender above what is set.
    pub fn overlay(
        &self,
        strictness: &mut Strictness,
        workflow: Option<&WorkflowId>,
        sender: OdsCode,
    ) {
        let by_workflow = workflow.and_then(|workflow| self.by_workflow.get(workflow));
        let by_sender = self.by_sender.get(&sender);
        let by_both = workflow.and_then(|one| self.by_both.get(&sender)?.get(one));
        for overrides in [by_workflow, by_sender, by_both].into_iter().flatten() {
            strictness.overlay(overrides);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use axle_model::{mailbox::WorkflowId, ods::OdsCode};

    use crate::{
        table::RoutingTable,
        validate::{Overrides, Setting, Strictness},
    };

    const TABLE: &str = r#"
version = 1
[[workflow]]
id = "LETTERS"
[[workflow]]
id = "RESULTS"

[[severity]]
workflow = ["LETTERS"]
sender = ["RR8"]
rules = { "V-301" = "error" }

[[severity]]
workflow = ["LETTERS", "RESULTS"]
rules = { "V-301" = "warning", "V-109" = "warning" }

[[severity]]
sender = ["RR8", "RBA"]
rules = { "V-109" = "off" }
"#;

    #[test]
    fn what_is_said_of_both_counts_above_the_sender_and_that_above_the_workflow() {
        let table = RoutingTable::parse(TABLE).unwrap();
        let of = |workflow: &str, sender| {
            let workflow = WorkflowId::parse(workflow).unwrap();
            let mut strictness = Strictness::default();
            let sender = OdsCode::parse(sender).unwrap();
            let severities = table.severities();
            severities.overlay(&mut strictness, Some(&workflow), sender);
            strictness
        };
        let expected = |settings: &[(&str, Setting)]| {
            let mut overrides = Overrides::default();
            for (rule, setting) in settings {
                overrides.set(rule, *setting).unwrap();
            }
            let mut strictness = Strictness::default();
            strictness.overlay(&overrides);
            strictness
        };
        let (off, warning, error) = (Setting::Off, Setting::Warning, Setting::Error);
        assert_eq!(
            of("LETTERS", "RR8"),
            expected(&[("V-301", error), ("V-109", off)])
        );
        assert_eq!(
            of("RESULTS", "RBA"),
            expected(&[("V-301", warning), ("V-109", off)])
        );
        assert_eq!(
            of("RESULTS", "RH8"),
            expected(&[("V-301", warning), ("V-109", warning)])
        );
    }

    #[test]
    fn what_is_wrong_with_an_entry_is_told() {
        for (entry, expected) in [
            (
                "rules = { \"V-301\" = \"off\" }",
                "needs a workflow or a sender",
            ),
            (
                "sender = [\"RR8\"]\nrules = { \"V-004\" = \"off\" }",
                "V-004 is not a rule whose severity can be set",
            ),
            (
                "workflow = [\"OTHER\"]\nrules = { \"V-301\" = \"off\" }",
                "workflow OTHER is not listed",
            ),
            (
                "sender = [\"RR8\"]\nrules = { \"V-301\" = \"loud\" }",
                "unknown variant `loud`",
            ),
        ] {
            let problems =
                RoutingTable::parse(&format!("version = 1\n[[severity]]\n{entry}")).unwrap_err();
            assert!(problems[0].what.contains(expected), "{problems:?}");
        }
    }
}
