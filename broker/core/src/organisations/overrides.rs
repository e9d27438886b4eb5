//! Overrides: successors that an operator names in the routing table, each from a day on. They beat
//! the register, which learns of a merger weeks later or gets it wrong.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use axle_model::{day::Day, ods::OdsCode};
use serde::Deserialize;
use toml::{
    Spanned,
    de::{DeValue, ValueDeserializer},
    value::Datetime,
};

use super::{
    HopBy,
    trace::{Obstacle, Step, follow},
};
use crate::problem::Problem;

/// The most entries; a thousand practices do not merge at once.
pub const OVERRIDES_MAX: usize = 10_000;
/// The longest reason.
const REASON_BYTES_MAX: usize = 200;

/// A `[[successor]]` of the routing table, as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    from: OdsCode,
    to: OdsCode,
    from_date: Datetime,
    reason: String,
}

/// One organisation that takes over from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// From this one.
    pub from: OdsCode,
    /// This one.
    pub to: OdsCode,
    /// From this day on, in British time.
    pub from_date: Day,
    /// Why, in the operator's words.
    pub reason: Box<str>,
}

/// All of them. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    entries: Arc<BTreeMap<(OdsCode, Day), Override>>,
}

impl Overrides {
    /// Reads the `[[successor]]` of a routing table, the values of that array; what is wrong with
    /// them is added to `problems`.
    pub fn read<'t>(
        values: impl IntoIterator<Item = Spanned<DeValue<'t>>>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut all = BTreeMap::new();
        let mut spans: Vec<(Range<usize>, (OdsCode, Day))> = Vec::new();
        for (count, value) in values.into_iter().enumerate() {
            let span = value.span();
            if count == OVERRIDES_MAX {
                let what = format!("there may be {OVERRIDES_MAX} entries of [[successor]]");
                problems.push(Problem::new(span, what));
                break;
            }
            let entry = match Entry::deserialize(ValueDeserializer::from(value)) {
                Ok(entry) => entry.checked(&span, problems),
                Err(error) => {
                    let place = error.span().unwrap_or(span.clone());
                    problems.push(Problem::new(place, error.message()));
                    None
                }
            };
            let Some(entry) = entry else {
                continue;
            };
            let key = (entry.from, entry.from_date);
            let (from, day) = key;
            spans.push((span.clone(), key));
            if all.insert(key, entry).is_some() {
                let what = format!("{from} has two successors from {day}: leave one");
                problems.push(Problem::new(span, what));
            }
        }
        let entries = Arc::new(all);
        let overrides = Self { entries };
        for (span, (from, day)) in spans {
            if overrides.loops(from, day) {
                let what = format!("from {day} the successors of {from} lead back to {from}");
                problems.push(Problem::new(span, what));
            }
        }
        overrides
    }

    /// The entry that counts for an organisation on a day: the latest that has begun.
    pub fn in_force(&self, from: OdsCode, today: Day) -> Option<&Override> {
        if self.entries.is_empty() {
            return None;
        }
        let begun = self.entries.range((from, Day::FIRST)..=(from, today));
        begun.last().map(|(_, entry)| entry)
    }

    /// All entries, by organisation and day.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Override> {
        self.entries.values()
    }

    /// Whether the entries by themselves lead in a circle from an organisation on this day.
    fn loops(&self, from: OdsCode, day: Day) -> bool {
        let trace = follow(from, |code| match self.in_force(code, day) {
            Some(entry) => Step::To(entry.to, HopBy::Successor),
            None => Step::Stays,
        });
        trace.obstacle == Some(Obstacle::Loop)
    }
}

impl Entry {
    fn checked(self, span: &Range<usize>, problems: &mut Vec<Problem>) -> Option<Override> {
        let Self {
            from,
            to,
            from_date,
            reason,
        } = self;
        let before = problems.len();
        let mut problem = |what: String| problems.push(Problem::new(span.clone(), what));
        let day = match from_date {
            Datetime {
                date: Some(date),
                time: None,
                offset: None,
            } => Day::new(date.year, date.month, date.day),
            Datetime { .. } => None,
        };
        if day.is_none() {
            problem("from_date must be a day without quotes: from_date = 2026-04-01".to_owned());
        }
        if from == to {
            problem(format!("{from} cannot be its own successor"));
        }
        if from == OdsCode::BROKER || to == OdsCode::BROKER {
            problem(format!("{} is the broker itself", OdsCode::BROKER));
        }
        let fits = (1..=REASON_BYTES_MAX).contains(&reason.len());
        if !fits || reason.chars().any(char::is_control) {
            let what = format!("reason must be a line of 1 to {REASON_BYTES_MAX} bytes");
            problem(what);
        }
        (problems.len() == before).then_some(Override {
            from,
            to,
            from_date: day?,
            reason: reason.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use axle_model::{day::Day, ods::OdsCode};
    use toml::de::{DeTable, DeValue};

    use super::Overrides;
    use crate::problem::Problem;

    fn read(text: &str) -> (Overrides, Vec<Problem>) {
        let mut table = DeTable::parse(text).unwrap().into_inner();
        let Some(DeValue::Array(entries)) = table.remove("successor").map(|all| all.into_inner())
        else {
            panic!("{text}")
        };
        let mut problems = Vec::new();
        let overrides = Overrides::read(entries, &mut problems);
        (overrides, problems)
    }

    fn entry(from: &str, to: &str, day: &str) -> String {
        format!(
            "[[successor]]\nfrom = \"{from}\"\nto = \"{to}\"\nfrom_date = {day}\nreason = \"merger\"\n"
        )
    }

    fn successor(overrides: &Overrides, from: &str, today: &str) -> Option<String> {
        let from = OdsCode::parse(from).unwrap();
        let found = overrides.in_force(from, Day::parse(today).unwrap());
        found.map(|entry| entry.to.to_string())
    }

    #[test]
    fn the_latest_entry_that_has_begun_counts() {
        let text =
            entry("A83627", "A83008", "2026-04-01") + &entry("A83627", "A83009", "2027-01-01");
        let (overrides, problems) = read(&text);
        assert_eq!(problems, []);
        for (today, expected) in [
            ("2026-03-31", None),
            ("2026-04-01", Some("A83008")),
            ("2026-12-31", Some("A83008")),
            ("2027-01-01", Some("A83009")),
        ] {
            let found = successor(&overrides, "A83627", today);
            assert_eq!(found.as_deref(), expected, "{today}");
        }
        assert_eq!(successor(&overrides, "A83008", "2030-01-01"), None);
        assert_eq!(overrides.iter().len(), 2);
    }

    #[test]
    fn an_entry_that_cannot_be_meant_is_told() {
        let long = "x".repeat(201);
        for (text, what) in [
            (entry("A83627", "A83627", "2026-04-01"), "its own successor"),
            (entry("A83627", "AXLE", "2026-04-01"), "the broker itself"),
            (
                entry("A83627", "A83008", "2026-04-01T00:00:00"),
                "must be a day",
            ),
            (
                entry("A83627", "A83008", "2026-04-01").replace("merger", ""),
                "reason must",
            ),
            (
                entry("A83627", "A83008", "2026-04-01").replace("merger", &long),
                "reason must",
            ),
            (
                entry("A83627", "A83008", "2026-04-01").repeat(2),
                "two successors from 2026-04-01",
            ),
        ] {
            let (_, problems) = read(&text);
            assert!(problems[0].what.contains(what), "{text}: {problems:?}");
        }
    }

    #[test]
    fn entries_that_lead_in_a_circle_are_told_from_the_day_they_do() {
        let there = entry("A83627", "A83008", "2026-04-01");
        let (_, problems) = read(&(there.clone() + &entry("A83008", "A83627", "2027-01-01")));
        let told: Vec<&str> = problems.iter().map(|one| one.what.as_str()).collect();
        assert_eq!(
            told,
            ["from 2027-01-01 the successors of A83008 lead back to A83008"]
        );
        // Back again, without a circle: the first entry has been replaced by then.
        let back =
            entry("A83627", "A83009", "2027-01-01") + &entry("A83008", "A83627", "2027-01-01");
        assert_eq!(read(&(there + &back)).1, []);
    }
}
