//! Matcher: the conditions of a table, compiled. For each key there is one map from each value to the
//! set of the clauses that list it; what a document has is looked up once, and the sets are combined.
//! So the cost follows the document and hardly the table.

use std::{collections::HashMap, ops::Not as _};

use super::{
    bits::Bits,
    condition::{Clause, Condition, Key},
    subject::Subject,
};

/// Conditions, numbered in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Matcher {
    items: Vec<Item>,
    keys: Vec<Listed>,
    size_over: Steps,
    age_under: Steps,
    clauses: usize,
}

/// A condition, by the numbers of its clauses. Main clauses come first, so that an item's number is
/// that of its main clause.
#[derive(Clone, Debug, Default)]
struct Item {
    any: Vec<usize>,
    all: Vec<usize>,
    not: Option<usize>,
}

/// The clauses that ask for a key.
#[derive(Clone, Debug)]
struct Listed {
    key: Key,
    /// Those that do not ask for it.
    free: Bits,
    /// By code, then by system: those that list it.
    values: HashMap<Box<str>, Vec<(Box<str>, Bits)>>,
}

/// The clauses that ask for a number beyond a threshold.
#[derive(Clone, Debug, Default)]
struct Steps {
    /// Those that do not ask for one.
    free: Bits,
    /// For each threshold, in rising order, the clauses that ask for this one or, as a number passes
    /// thresholds from below or from above, for one that was passed before.
    at: Vec<(u64, Bits)>,
}

impl Matcher {
    pub(super) fn new<'c>(conditions: impl Iterator<Item = &'c Condition> + Clone) -> Self {
        let mut clauses: Vec<&Clause> = conditions.clone().map(|one| &one.main).collect();
        let mut items = Vec::with_capacity(clauses.len());
        let mut add = |clause: &'c Clause| {
            clauses.push(clause);
            clauses.len() - 1
        };
        for condition in conditions {
            items.push(Item {
                any: condition.any.iter().map(&mut add).collect(),
                all: condition.all.iter().map(&mut add).collect(),
                not: condition.not.as_ref().map(&mut add),
            });
        }
        let keys = Key::ALL
            .into_iter()
            .filter_map(|key| Listed::new(key, &clauses));
        Self {
            items,
            keys: keys.collect(),
            size_over: Steps::rising(&clauses, |clause| clause.size_over),
            age_under: Steps::falling(&clauses, |clause| clause.age_under),
            clauses: clauses.len(),
        }
    }

    /// The first condition that holds.
    pub(super) fn first(&self, subject: &Subject<'_>) -> Option<usize> {
        if self.items.is_empty() {
            return None;
        }
        let holding = self.holding(subject);
        self.items_of(&holding).next()
    }

    /// The conditions that hold, in their order.
    pub(super) fn all(&self, subject: &Subject<'_>) -> Vec<usize> {
        if self.items.is_empty() {
            return Vec::new();
        }
        let holding = self.holding(subject);
        self.items_of(&holding).collect()
    }

    fn items_of<'m>(&'m self, holding: &'m Bits) -> impl Iterator<Item = usize> + 'm {
        let mains = holding
            .iter()
            .take_while(|number| *number < self.items.len());
        mains.filter(|number| {
            let Some(item) = self.items.get(*number) else {
                return false;
            };
            let holds = |clause: &usize| holding.contains(*clause);
            (item.any.is_empty() || item.any.iter().any(holds))
                && item.all.iter().all(holds)
                && item.not.as_ref().is_some_and(holds).not()
        })
    }

    /// The clauses that hold.
    fn holding(&self, subject: &Subject<'_>) -> Bits {
        let mut holding = Bits::all(self.clauses);
        let mut one = Bits::none(self.clauses);
        for listed in &self.keys {
            one.copy(&listed.free);
            subject.each(listed.key, |system, code| {
                let found = listed.values.get(code).into_iter().flatten();
                for (_, clauses) in found.filter(|(of, _)| **of == *system) {
                    one.add(clauses);
                }
            });
            holding.keep(&one);
        }
        self.size_over.keep(&mut holding, Some(subject.size()));
        if !self.age_under.at.is_empty() {
            self.age_under.keep(&mut holding, subject.age());
        }
        holding
    }
}

impl Listed {
    /// `None` when no clause asks for the key.
    fn new(key: Key, clauses: &[&Clause]) -> Option<Self> {
        let mut listed = Self {
            key,
            free: Bits::all(clauses.len()),
            values: HashMap::new(),
        };
        for (number, clause) in clauses.iter().enumerate() {
            let asked = clause.listed.iter().filter(|(asked, _)| *asked == key);
            for value in asked.flat_map(|(_, values)| values) {
                listed.free.remove(number);
                let systems = listed.values.entry(value.code().into()).or_default();
                let known = systems.iter().position(|(of, _)| **of == *value.system());
                let at = known.unwrap_or_else(|| {
                    systems.push((value.system().into(), Bits::none(clauses.len())));
                    systems.len() - 1
                });
                systems[at].1.insert(number);
            }
        }
        (!listed.values.is_empty()).then_some(listed)
    }
}

impl Steps {
    /// A number passes what is below it.
    fn rising(clauses: &[&Clause], threshold: impl Fn(&Clause) -> Option<u64>) -> Self {
        let mut steps = Self::new(clauses, threshold);
        let mut passed = Bits::none(clauses.len());
        for (_, asking) in &mut steps.at {
            passed.add(asking);
            asking.copy(&passed);
        }
        steps
    }

    /// A number passes what is above it: thresholds are kept as their complements.
    fn falling(clauses: &[&Clause], threshold: impl Fn(&Clause) -> Option<u64>) -> Self {
        Self::rising(clauses, |clause| threshold(clause).map(|at| u64::MAX - at))
    }

    fn new(clauses: &[&Clause], threshold: impl Fn(&Clause) -> Option<u64>) -> Self {
        let mut free = Bits::all(clauses.len());
        let mut at: std::collections::BTreeMap<u64, Bits> = std::collections::BTreeMap::new();
        for (number, clause) in clauses.iter().enumerate() {
            if let Some(threshold) = threshold(clause) {
                free.remove(number);
                let none = || Bits::none(clauses.len());
                at.entry(threshold).or_insert_with(none).insert(number);
            }
        }
        Self {
            free,
            at: at.into_iter().collect(),
        }
    }

    fn keep(&self, holding: &mut Bits, number: Option<u64>) {
        if self.at.is_empty() {
            return;
        }
        let mut one = self.free.clone();
        let passed = number.map_or(0, |number| self.at.partition_point(|(at, _)| *at < number));
        if let Some((_, clauses)) = passed.checked_sub(1).and_then(|last| self.at.get(last)) {
            one.add(clauses);
        }
        holding.keep(&one);
    }
}
