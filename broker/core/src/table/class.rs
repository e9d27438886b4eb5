//! Class: documents of one kind, by what they say of themselves, and how that kind finds its
//! recipient.

use std::time::Duration;

use axle_model::{mailbox::WorkflowId, ods::OdsCode};
use toml::Spanned;

use super::{
    amount,
    condition::{Condition, Scope},
    entry::Entry,
    refset::Refsets,
    terms::{self, Terms},
};
use crate::validate::{NotARule, RuleSet};

/// The longest id of a class or a rule.
pub(super) const ID_BYTES_MAX: usize = 60;
/// The most organisations of a fallback chain.
const FALLBACK_MAX: usize = 8;

/// A class of documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// Its name in the table.
    pub id: Box<str>,
    /// The workflow its documents travel under.
    pub workflow: WorkflowId,
    /// Where it stands in the table.
    pub line: u32,
    /// Where its recipient is looked for when its sender names none, in this order. A named recipient
    /// always counts.
    pub route: Vec<Source>,
    /// Whether a document of it goes by the patient it is about also where its sender names none: the
    /// table says aloud that it may go to the registered practice.
    pub by_patient: bool,
    /// Who gets what no source finds a recipient for.
    pub default_to: Option<OdsCode>,
    /// Who gets what has a recipient without a mailbox: the first of these that has one.
    pub fallback: Vec<OdsCode>,
    /// Whether those whom a document lists for a copy get one.
    pub honour_copies: bool,
    /// Whether a document that came to the wrong practice is sent on once.
    pub reroute_once: bool,
    /// The most bytes of a document.
    pub bytes_max: Option<u64>,
    /// The rules that its documents may not bend, whatever is set of them.
    pub required_rules: RuleSet,
    /// Whether a document of one of its events that fits no class is refused, whatever else is said of
    /// unknown types.
    pub strict: bool,
    /// When the infrastructure response is due, if not as its workflow says.
    pub inf_due: Option<Duration>,
    /// When the business response is due, if not as its workflow says.
    pub bus_due: Option<Duration>,
}

/// Where a recipient is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Among the recipients that the sender names.
    Explicit,
    /// At the practice that the patient is registered with, as the register of patients says.
    RegisteredPractice,
    /// Among the receivers that the message's header names.
    HeaderReceiver,
}

impl Source {
    /// The source as it is written in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Explicit => "explicit",
            Self::RegisteredPractice => "registered-practice",
            Self::HeaderReceiver => "header-receiver",
        }
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        let mut all = [
            Self::Explicit,
            Self::RegisteredPractice,
            Self::HeaderReceiver,
        ]
        .into_iter();
        let found = all.find(|source| source.as_str() == text);
        found.ok_or("write \"explicit\", \"registered-practice\" or \"header-receiver\"")
    }
}

impl Class {
    /// Where a recipient is looked for unless a class says it.
    pub const ROUTE: &'static [Source] = &[Source::Explicit, Source::RegisteredPractice];

    /// The terms of its documents, where those of its workflow are `terms`.
    #[must_use]
    pub fn terms(&self, terms: Terms) -> Terms {
        Terms {
            inf_due: self.inf_due.unwrap_or(terms.inf_due),
            bus_due: self.bus_due.unwrap_or(terms.bus_due),
            ..terms
        }
    }

    /// Whether the recipient of its documents is looked for there.
    pub fn looks_at(&self, source: Source) -> bool {
        self.route.contains(&source)
    }

    /// Reads a `[[class]]`; `None` when it lacks what it cannot be without.
    pub(super) fn read(
        mut entry: Entry<'_, '_>,
        line: u32,
        refsets: &Refsets,
    ) -> Option<(Spanned<Self>, Condition)> {
        for key in ["id", "workflow", "match"] {
            entry.must(key);
        }
        let id = entry.read("id", id);
        let workflow = entry.read("workflow", WorkflowId::parse);
        let scope = Scope {
            classes: None,
            refsets,
        };
        let condition = entry.table("match", "`match` of a [[class]]");
        let condition = condition.map(|within| Condition::read(within, scope));
        let route = entry.list("route", Source::parse);
        let route: Option<Vec<Source>> =
            route.map(|route| route.into_iter().map(Spanned::into_inner).collect());
        let default_to = entry.read("default_to", OdsCode::parse);
        let fallback = entry.list("fallback", OdsCode::parse).unwrap_or_default();
        if let Some(beyond) = fallback.get(FALLBACK_MAX) {
            let what = format!("`fallback` takes at most {FALLBACK_MAX} organisations");
            entry.wrong_at(beyond.span(), what);
        }
        let rules = entry.list("required_rules", rule_id).unwrap_or_default();
        let on_no_recipient = entry.read("on_no_recipient", |text| match text {
            "return" => Ok(()),
            _ => Err("write \"return\": it is refused, and its sender told"),
        });
        if let (Some(returned), Some(_)) = (on_no_recipient, &default_to) {
            let what = "`on_no_recipient` and `default_to` cannot both be meant: leave one out";
            entry.wrong_at(returned.span(), what);
        }
        let (inf_due, bus_due) = terms::due(&mut entry);
        let class = Self {
            id: id.map_or_else(Box::default, Spanned::into_inner),
            line,
            by_patient: (route.iter().flatten())
                .any(|source| *source == Source::RegisteredPractice),
            route: route.unwrap_or_else(|| Self::ROUTE.to_vec()),
            default_to: default_to.map(Spanned::into_inner),
            fallback: fallback.into_iter().map(Spanned::into_inner).collect(),
            honour_copies: entry.flag("honour_copies").unwrap_or_default(),
            reroute_once: entry.flag("reroute_once").unwrap_or_default(),
            bytes_max: entry
                .read("max_size", amount::bytes)
                .map(Spanned::into_inner),
            required_rules: RuleSet::of(rules.iter().map(|id| &**id.get_ref())).unwrap_or_default(),
            strict: entry.flag("strict").unwrap_or_default(),
            inf_due,
            bus_due,
            workflow: workflow.as_ref()?.get_ref().clone(),
        };
        let span = workflow?.span();
        entry.finish();
        Some((Spanned::new(span, class), condition?))
    }
}

/// The id of a class or a rule.
pub(super) fn id(text: &str) -> Result<Box<str>, String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    let fits = (1..=ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(plain);
    let why = || format!("write 1 to {ID_BYTES_MAX} letters, digits, '-', '_' and '.'");
    fits.then(|| text.into()).ok_or_else(why)
}

fn rule_id(text: &str) -> Result<Box<str>, NotARule> {
    RuleSet::of([text]).map(|_| text.into())
}
