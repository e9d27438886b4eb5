//! Reading a routing table: entry by entry, so that everything wrong with it is told at once.

use std::ops::Range;

use axle_model::{
    mailbox::{REPORT_WORKFLOW, WorkflowId},
    ods::OdsCode,
};
use toml::{Spanned, de::DeTable};

use super::{
    Class, OnUnknownType, RoutingTable, Rule,
    condition::{Condition, Scope},
    entry::Entry,
    matcher::Matcher,
    refset::{ReadFile, Refsets},
    rule::recipient_type,
};
use crate::{
    organisations::overrides::Overrides,
    policy::{Allow, Any, Policy},
    problem::Problem,
};

/// The most classes, and the most rules.
const ENTRIES_MAX: usize = 10_000;

/// Reads a whole table.
pub(super) fn table(text: &str, file: ReadFile<'_>) -> Result<RoutingTable, Vec<Problem>> {
    let (root, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(errors.iter().map(Problem::of_toml).collect());
    }
    let mut problems = Vec::new();
    let span = 0..0;
    let mut root = Entry::new("the table", span, root.into_inner(), &mut problems);
    let lines = Lines::of(text);
    let mut table = RoutingTable::default();
    root.must("version");
    table.version = root.whole_number("version").unwrap_or_default();
    let fallback = table.read_defaults(&mut root);
    table.read_workflows(&mut root);
    let mut refsets = Refsets::default();
    root.tables("refset", "[[refset]]", |entry| refsets.read(entry, file));
    table.read_classes(&mut root, &lines, &refsets);
    table.read_rules(&mut root, &lines, &refsets);
    if let Some(fallback) = fallback {
        table.require(&mut root, &fallback);
        table.fallback = Some(fallback.into_inner());
    }
    table.read_severities(&mut root);
    let successors = root.values("successor");
    table.successors = Overrides::read(successors, root.problems());
    table.policy = policy(&mut root);
    root.finish();
    if problems.is_empty() {
        Ok(table)
    } else {
        problems.sort_by_key(|problem| problem.span.start);
        Err(problems)
    }
}

impl RoutingTable {
    /// Reads `[defaults]`; the workflow in it is to be looked for once all are known.
    fn read_defaults(&mut self, root: &mut Entry<'_, '_>) -> Option<Spanned<WorkflowId>> {
        let mut entry = root.table("defaults", "[defaults]")?;
        let fallback = entry.read("workflow", WorkflowId::parse);
        let unknown = entry.read("on_unknown_type", |text| match text {
            "deliver" => Ok(OnUnknownType::Deliver),
            "park" => Ok(OnUnknownType::Park),
            "reject" => Ok(OnUnknownType::Reject),
            _ => Err("write \"deliver\", \"park\" or \"reject\""),
        });
        if let (Some(park), None) = (&unknown, &fallback)
            && *park.get_ref() == OnUnknownType::Park
        {
            let what = "`on_unknown_type` = \"park\" needs `workflow`: what is parked is kept and \
                        let go under it";
            entry.wrong_at(park.span(), what);
        }
        self.on_unknown_type = unknown.map_or(OnUnknownType::default(), Spanned::into_inner);
        let copies = entry.read("copy_recipient_type", recipient_type);
        self.copy_type = copies.map(Spanned::into_inner);
        self.defaults.read_due(&mut entry);
        entry.finish();
        fallback
    }

    fn read_workflows(&mut self, root: &mut Entry<'_, '_>) {
        let (defaults, workflows) = (self.defaults, &mut self.workflows);
        root.tables("workflow", "[[workflow]]", |mut entry| {
            let (id, terms) = defaults.read(&mut entry);
            if let Some(id) = id {
                if id.get_ref().as_str() == REPORT_WORKFLOW {
                    let what = format!("workflow {} is the broker's own", id.get_ref());
                    entry.wrong_at(id.span(), what);
                }
                if workflows.insert(id.get_ref().clone(), terms).is_some() {
                    let what = format!("workflow {} is listed twice", id.get_ref());
                    entry.wrong_at(id.span(), what);
                }
            }
            entry.finish();
        });
    }

    fn read_classes(&mut self, root: &mut Entry<'_, '_>, lines: &Lines, refsets: &Refsets) {
        let mut read: Vec<(Spanned<Class>, Condition)> = Vec::new();
        root.tables("class", "[[class]]", |entry| {
            let line = lines.line(&entry.span());
            read.extend(Class::read(entry, line, refsets));
        });
        limit(root, "class", read.len());
        for (index, (class, _)) in read.iter().enumerate() {
            let workflow = Spanned::new(class.span(), class.get_ref().workflow.clone());
            self.require(root, &workflow);
            let id = &class.get_ref().id;
            if read[..index]
                .iter()
                .any(|(other, _)| other.get_ref().id == *id)
            {
                root.wrong_at(class.span(), format!("class {id} is listed twice"));
            }
        }
        self.class_matcher = Matcher::new(read.iter().map(|(_, condition)| condition));
        let any_event = |condition: &Condition| condition.events().next().is_none();
        self.any_event = read.iter().any(|(_, condition)| any_event(condition));
        for (class, condition) in read {
            let events = condition.events().map(Box::from).collect();
            self.events.push(events);
            self.classes.push(class.into_inner());
        }
    }

    fn read_rules(&mut self, root: &mut Entry<'_, '_>, lines: &Lines, refsets: &Refsets) {
        let ids: Vec<String> = self
            .classes
            .iter()
            .map(|class| class.id.to_string())
            .collect();
        let scope = Scope {
            classes: Some(&ids),
            refsets,
        };
        let mut read: Vec<(Rule, Condition)> = Vec::new();
        root.tables("rule", "[[rule]]", |mut entry| {
            let span = entry.span();
            let line = lines.line(&span);
            let known = read.len();
            let duplicate =
                |rule: &Rule| read[..known].iter().any(|(other, _)| other.id == rule.id);
            let rule = Rule::read(entry.reborrow(), line, scope);
            if let Some((rule, _)) = &rule
                && duplicate(rule)
            {
                entry.wrong_at(span, format!("rule {} is listed twice", rule.id));
            }
            read.extend(rule);
        });
        limit(root, "rule", read.len());
        self.rule_matcher = Matcher::new(read.iter().map(|(_, condition)| condition));
        self.rules = read.into_iter().map(|(rule, _)| rule).collect();
    }

    fn read_severities(&mut self, root: &mut Entry<'_, '_>) {
        for entry in root.each("severity") {
            let span = entry.span();
            let is_listed = |workflow: &WorkflowId| self.workflows.contains_key(workflow);
            let severities = &mut self.severities;
            severities.add(entry.into_inner(), &span, is_listed, root.problems());
        }
    }

    fn require(&self, root: &mut Entry<'_, '_>, workflow: &Spanned<WorkflowId>) {
        let id = workflow.get_ref();
        if !self.workflows.contains_key(id) {
            let what = format!("workflow {id} is not listed: add a [[workflow]] with this id");
            root.wrong_at(workflow.span(), what);
        }
    }
}

fn limit(root: &mut Entry<'_, '_>, what: &str, count: usize) {
    if count > ENTRIES_MAX {
        root.wrong(format!(
            "{count} entries of [[{what}]]; at most {ENTRIES_MAX}"
        ));
    }
}

/// Reads `[[allow]]` and `[[delegate]]`.
fn policy(root: &mut Entry<'_, '_>) -> Policy {
    let mut rules = Vec::new();
    root.tables("allow", "[[allow]]", |mut entry| {
        let senders = any(&mut entry, "sender", OdsCode::parse);
        let workflows = any(&mut entry, "workflow", WorkflowId::parse);
        let recipients = any(&mut entry, "recipient", OdsCode::parse);
        entry.finish();
        rules.push(Allow {
            senders,
            workflows,
            recipients,
        });
    });
    let mut delegations = std::collections::BTreeMap::new();
    root.tables("delegate", "[[delegate]]", |mut entry| {
        entry.must("to");
        entry.must("organisations");
        let to = entry.read("to", OdsCode::parse);
        let organisations = entry
            .list("organisations", OdsCode::parse)
            .unwrap_or_default();
        entry.finish();
        let organisations = organisations.into_iter().map(Spanned::into_inner).collect();
        if let Some(to) = to {
            delegations.insert(to.into_inner(), organisations);
        }
    });
    Policy::new(rules, delegations)
}

/// `"*"` or a list.
fn any<T, E: std::fmt::Display>(
    entry: &mut Entry<'_, '_>,
    key: &'static str,
    read: impl Fn(&str) -> Result<T, E>,
) -> Any<T> {
    entry.must(key);
    if entry.is_text(key, "*") {
        return Any::All;
    }
    let values = entry.list(key, read).unwrap_or_default();
    Any::Of(values.into_iter().map(Spanned::into_inner).collect())
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self(newlines.map(|(at, _)| at).collect())
    }

    /// The line, from 1, that a span begins on.
    fn line(&self, span: &Range<usize>) -> u32 {
        let before = self.0.partition_point(|newline| *newline < span.start);
        u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1)
    }
}
