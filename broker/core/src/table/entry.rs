//! Entry: a table of the file read key by key, so that one mistake does not hide the next. What is
//! written and never asked for is a mistake, most likely of spelling.

use std::{fmt::Display, ops::Range};

use serde::de::DeserializeOwned;
use toml::{
    Spanned,
    de::{DeTable, DeValue, ValueDeserializer},
};

use crate::problem::{Problem, advice};

/// A table of the file, whose keys are asked for one by one.
pub(super) struct Entry<'t, 'p> {
    /// What it is called in problems, for example `[[class]]`.
    name: &'static str,
    span: Range<usize>,
    keys: DeTable<'t>,
    known: Vec<&'static str>,
    problems: &'p mut Vec<Problem>,
}

impl<'t, 'p> Entry<'t, 'p> {
    pub(super) fn new(
        name: &'static str,
        span: Range<usize>,
        keys: DeTable<'t>,
        problems: &'p mut Vec<Problem>,
    ) -> Self {
        Self {
            name,
            span,
            keys,
            known: Vec::new(),
            problems,
        }
    }

    /// Everything found wrong so far, for those who read further.
    pub(super) const fn problems(&mut self) -> &mut Vec<Problem> {
        self.problems
    }

    /// Where it stands.
    pub(super) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Whether it has no keys at all.
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Something is wrong with the whole of it.
    pub(super) fn wrong(&mut self, what: impl Into<String>) {
        self.wrong_at(self.span.clone(), what);
    }

    /// Something is wrong at a place of it.
    pub(super) fn wrong_at(&mut self, span: Range<usize>, what: impl Into<String>) {
        self.problems.push(Problem::new(span, what));
    }

    /// The same entry, lent.
    pub(super) fn reborrow(&mut self) -> Entry<'t, '_> {
        let keys = std::mem::take(&mut self.keys);
        Entry::new(self.name, self.span.clone(), keys, self.problems)
    }

    /// Whether a key has exactly this text; it is then read.
    pub(super) fn is_text(&mut self, key: &'static str, text: &str) -> bool {
        let value = self.keys.get(key).map(Spanned::get_ref);
        let is = value.and_then(DeValue::as_str) == Some(text);
        if is {
            self.take(key);
        }
        is
    }

    fn take(&mut self, key: &'static str) -> Option<Spanned<DeValue<'t>>> {
        self.known.push(key);
        self.keys.remove(key)
    }

    /// Whether a key is there; that it is not is told.
    pub(super) fn must(&mut self, key: &'static str) {
        if !self.keys.contains_key(key) {
            self.wrong(format!("{} lacks `{key}`", self.name));
        }
    }

    fn refuse(&mut self, span: Range<usize>, key: &str, expected: &str) {
        self.wrong_at(span, format!("`{key}` must be {expected}"));
    }

    /// A text.
    pub(super) fn text(&mut self, key: &'static str) -> Option<Spanned<String>> {
        let value = self.take(key)?;
        let span = value.span();
        if let DeValue::String(text) = value.into_inner() {
            return Some(Spanned::new(span, text.into_owned()));
        }
        self.refuse(span, key, "a text in quotes");
        None
    }

    /// A text that is read further.
    pub(super) fn read<T, E: Display>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Spanned<T>> {
        let text = self.text(key)?;
        let span = text.span();
        match read(text.get_ref()) {
            Ok(value) => Some(Spanned::new(span, value)),
            Err(why) => {
                self.wrong_at(span, format!("`{key}`: {:?}: {why}", text.get_ref()));
                None
            }
        }
    }

    /// One text or a list of them, each read further; `None` when the key is not there.
    pub(super) fn list<T, E: Display>(
        &mut self,
        key: &'static str,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Vec<Spanned<T>>> {
        let value = self.take(key)?;
        let span = value.span();
        let values = match value.into_inner() {
            DeValue::Array(array) => array.into_iter().collect(),
            one @ (DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Table(_)) => vec![Spanned::new(span.clone(), one)],
        };
        let mut list = Vec::with_capacity(values.len());
        for value in values {
            let span = value.span();
            let DeValue::String(text) = value.into_inner() else {
                self.refuse(span, key, "a text in quotes or a list of them");
                continue;
            };
            match read(&text) {
                Ok(value) => list.push(Spanned::new(span, value)),
                Err(why) => self.wrong_at(span, format!("`{key}`: {text:?}: {why}")),
            }
        }
        Some(list)
    }

    /// True or false.
    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        let value = self.take(key)?;
        if let DeValue::Boolean(flag) = value.get_ref() {
            return Some(*flag);
        }
        self.refuse(value.span(), key, "true or false");
        None
    }

    /// A whole number of at least 1.
    pub(super) fn number(&mut self, key: &'static str) -> Option<u32> {
        let span = self.keys.get(key).map(Spanned::span);
        let number = self.whole_number(key)?;
        if number == 0 {
            self.wrong_at(
                span.unwrap_or_default(),
                format!("{key} must be at least 1"),
            );
            return None;
        }
        Some(number)
    }

    /// A whole number.
    pub(super) fn whole_number(&mut self, key: &'static str) -> Option<u32> {
        let value = self.take(key)?;
        let span = value.span();
        if let DeValue::Integer(number) = value.into_inner()
            && let Ok(number) = u32::from_str_radix(number.as_str(), number.radix())
        {
            return Some(number);
        }
        self.refuse(span, key, "a whole number below 4294967296");
        None
    }

    /// A table within it.
    pub(super) fn table(&mut self, key: &'static str, name: &'static str) -> Option<Entry<'t, '_>> {
        let value = self.take(key)?;
        let span = value.span();
        if let DeValue::Table(keys) = value.into_inner() {
            return Some(Entry::new(name, span, keys, self.problems));
        }
        self.refuse(span, key, "a table");
        None
    }

    /// A list of tables within it, each read in its turn.
    pub(super) fn tables(
        &mut self,
        key: &'static str,
        name: &'static str,
        mut read: impl FnMut(Entry<'t, '_>),
    ) {
        let Some(value) = self.take(key) else {
            return;
        };
        let span = value.span();
        let DeValue::Array(array) = value.into_inner() else {
            self.refuse(span, key, &format!("a list of tables, written {name}"));
            return;
        };
        for value in array {
            let span = value.span();
            match value.into_inner() {
                DeValue::Table(keys) => read(Entry::new(name, span, keys, self.problems)),
                DeValue::String(_)
                | DeValue::Integer(_)
                | DeValue::Float(_)
                | DeValue::Boolean(_)
                | DeValue::Datetime(_)
                | DeValue::Array(_) => self.refuse(span, key, "a list of tables"),
            }
        }
    }

    /// A list whose values are read elsewhere, as they are written.
    pub(super) fn values(&mut self, key: &'static str) -> Vec<Spanned<DeValue<'t>>> {
        let Some(value) = self.take(key) else {
            return Vec::new();
        };
        let span = value.span();
        if let DeValue::Array(array) = value.into_inner() {
            return array.into_iter().collect();
        }
        self.refuse(span, key, &format!("a list of tables, written [[{key}]]"));
        Vec::new()
    }

    /// A list of tables whose form is somebody else's; of one that cannot be read, what is wrong.
    pub(super) fn each<T: DeserializeOwned>(&mut self, key: &'static str) -> Vec<Spanned<T>> {
        let array = self.values(key);
        let mut list = Vec::with_capacity(array.len());
        for value in array {
            let span = value.span();
            match T::deserialize(ValueDeserializer::from(value)) {
                Ok(value) => list.push(Spanned::new(span, value)),
                Err(error) => {
                    let at = error.span().unwrap_or(span);
                    self.problems.push(Problem::new(at, error.message()));
                }
            }
        }
        list
    }

    /// Tells of every key that was not asked for.
    pub(super) fn finish(self) {
        for (key, _) in self.keys {
            let advice = advice(key.get_ref(), self.known.iter().copied());
            let what = format!("there is no `{}` in {}: {advice}", key.get_ref(), self.name);
            self.problems.push(Problem::new(key.span(), what));
        }
    }
}
