//! Strictness: what operators make of the rules. A rule's own severity is the least of it; above that
//! come the broker's settings, those for a workflow or a sender, and what a class of documents
//! requires. All of it is an array by the time a document is looked at.

use axle_model::refusal::Severity;
use serde::Deserialize;
use thiserror::Error;

use super::table;

/// What it means that a document breaks a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Setting {
    /// Nothing: the rule is not applied.
    Off,
    /// The document is delivered, and the finding recorded.
    Warning,
    /// The document is refused.
    Error,
}

/// There is no rule of that id, or none that can be set.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0} is not a rule whose severity can be set")]
pub struct NotARule(String);

/// A set of rules whose severity may be set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleSet(u128);

/// The severity of every rule, as far as it is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strictness {
    settings: [Option<Setting>; table::COUNT],
    required: RuleSet,
}

/// Changes to the severities of some rules: what an entry of a file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides(Vec<(u8, Setting)>);

impl RuleSet {
    /// The rules with these ids, for example `V-301`.
    ///
    /// # Errors
    /// The first id that names no rule, or a rule that cannot be set.
    pub fn of<'t>(ids: impl IntoIterator<Item = &'t str>) -> Result<Self, NotARule> {
        let mut set = Self::default();
        for id in ids {
            set.0 |= 1 << place(id)?;
        }
        Ok(set)
    }

    const fn contains(self, place: usize) -> bool {
        self.0 >> place & 1 == 1
    }
}

impl Overrides {
    /// Adds a rule's severity; what is added later counts.
    ///
    /// # Errors
    /// An id that names no rule, or a rule that cannot be set.
    pub fn set(&mut self, id: &str, setting: Setting) -> Result<(), NotARule> {
        let place = u8::try_from(place(id)?).map_err(|_| NotARule(id.to_owned()))?;
        self.0.push((place, setting));
        Ok(())
    }
}

impl Default for Strictness {
    fn default() -> Self {
        Self {
            settings: [None; table::COUNT],
            required: RuleSet::default(),
        }
    }
}

impl Strictness {
    /// Puts these changes above what is set.
    pub fn overlay(&mut self, overrides: &Overrides) {
        for (place, setting) in &overrides.0 {
            if let Some(slot) = self.settings.get_mut(usize::from(*place)) {
                *slot = Some(*setting);
            }
        }
    }

    /// Makes a warning of the rule `id`, unless it is set.
    pub(super) fn soften(&mut self, id: &str) {
        let slot = table::settable(id).and_then(|place| self.settings.get_mut(place));
        if let Some(slot) = slot {
            slot.get_or_insert(Setting::Warning);
        }
    }

    /// Makes errors of these rules, whatever is set.
    pub fn require(&mut self, rules: RuleSet) {
        self.required.0 |= rules.0;
    }

    /// The severity of the rule at `place` where it has `default` unless it is set; `None` when it
    /// is off.
    pub(super) fn severity(&self, place: usize, default: Severity) -> Option<Severity> {
        if matches!(default, Severity::Fatal | Severity::Info) {
            return Some(default);
        }
        if self.required.contains(place) {
            return Some(Severity::Error);
        }
        match self.settings.get(place).copied().flatten() {
            None => Some(default),
            Some(Setting::Off) => None,
            Some(Setting::Warning) => Some(Severity::Warning),
            Some(Setting::Error) => Some(Severity::Error),
        }
    }
}

fn place(id: &str) -> Result<usize, NotARule> {
    table::settable(id).ok_or_else(|| NotARule(id.to_owned()))
}

#[cfg(test)]
mod tests;
