//! Reading a TOML file key by key, so that one wrong value does not hide the next, with variables of
//! the environment laid over it. It knows nothing of what the keys mean.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    net::SocketAddr,
    ops::{Range, RangeInclusive},
    path::{Path, PathBuf},
};

use axle_core::problem::{Problem, advice};
use serde::de::DeserializeOwned;
use toml::{
    Spanned,
    de::{DeTable, DeValue, ValueDeserializer},
};

use super::error::{ConfigError, Flaw};

const VARIABLE_PREFIX: &str = "AXLE__";

/// A configuration being read, and everything found wrong so far.
pub(super) struct Reader<'t> {
    file: &'t Path,
    text: &'t str,
    sections: BTreeMap<String, Written<'t>>,
    known: BTreeSet<&'static str>,
    problems: Vec<Problem>,
    /// Those of variables, which have no place in the file.
    flaws: Vec<Flaw>,
}

/// A section as written.
#[derive(Default)]
struct Written<'t> {
    header: Option<Range<usize>>,
    keys: BTreeMap<String, Value<'t>>,
}

/// A value as written, and where.
enum Value<'t> {
    File {
        key: Range<usize>,
        value: Spanned<DeValue<'t>>,
    },
    Variable {
        name: String,
        text: String,
    },
}

/// One section, whose keys are asked for one by one.
pub(super) struct Section<'r, 't> {
    reader: &'r mut Reader<'t>,
    name: &'static str,
    written: Written<'t>,
    known: Vec<&'static str>,
}

/// Where a value came from, for what is wrong with it.
enum Origin {
    File(Range<usize>),
    Variable(String),
}

impl<'t> Reader<'t> {
    /// Begins with the text of `file`. A text that is not TOML is an error by itself.
    pub(super) fn new(
        file: &'t Path,
        text: &'t str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let root = DeTable::parse(text)
            .map_err(|error| ConfigError::of(file, text, vec![Problem::of_toml(&error)]))?;
        let mut reader = Self {
            file,
            text,
            sections: BTreeMap::new(),
            known: BTreeSet::new(),
            problems: Vec::new(),
            flaws: Vec::new(),
        };
        for (name, section) in root.into_inner() {
            let header = section.span();
            let DeValue::Table(table) = section.into_inner() else {
                let what = format!("`{}` must stand in a section", name.get_ref());
                reader.problems.push(Problem::new(name.span(), what));
                continue;
            };
            let keys = table.into_iter().map(|(key, value)| {
                let span = key.span();
                (
                    key.into_inner().into_owned(),
                    Value::File { key: span, value },
                )
            });
            let written = Written {
                header: Some(header),
                keys: keys.collect(),
            };
            reader
                .sections
                .insert(name.into_inner().into_owned(), written);
        }
        for (name, text) in variables {
            reader.overlay(name, text);
        }
        Ok(reader)
    }

    fn overlay(&mut self, name: String, text: String) {
        let Some(path) = name.strip_prefix(VARIABLE_PREFIX) else {
            return;
        };
        let path = path.to_ascii_lowercase();
        match path.split("__").collect::<Vec<_>>()[..] {
            [section, key] if !section.is_empty() && !key.is_empty() => {
                let written = self.sections.entry(section.to_owned()).or_default();
                written
                    .keys
                    .insert(key.to_owned(), Value::Variable { name, text });
            }
            _ => {
                let what = "does not name a key: variables are named AXLE__SECTION__KEY";
                self.flaws.push(Flaw::of(name, what));
            }
        }
    }

    /// Reads a section; one that is missing is read as empty.
    pub(super) fn section<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Section<'_, 't>) -> Option<T>,
    ) -> Option<T> {
        self.known.insert(name);
        let written = self.sections.remove(name).unwrap_or_default();
        let mut section = Section {
            reader: self,
            name,
            written,
            known: Vec::new(),
        };
        let value = read(&mut section);
        section.finish();
        value
    }

    /// Reads a section if it is there.
    pub(super) fn optional<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Section<'_, 't>) -> Option<T>,
    ) -> Option<Option<T>> {
        self.known.insert(name);
        if self.sections.contains_key(name) {
            self.section(name, read).map(Some)
        } else {
            Some(None)
        }
    }

    /// The value, when everything was in order.
    pub(super) fn finish<T>(mut self, value: impl FnOnce() -> Option<T>) -> Result<T, ConfigError> {
        for (name, written) in std::mem::take(&mut self.sections) {
            let known = self.known.iter().copied();
            let what = format!("there is no section [{name}]: {}", advice(&name, known));
            if let Some(header) = written.header {
                self.problems.push(Problem::new(header, what.clone()));
            }
            for value in written.keys.into_values() {
                if let Value::Variable { name, .. } = value {
                    self.flaws.push(Flaw::of(name, what.clone()));
                }
            }
        }
        let in_order = self.problems.is_empty() && self.flaws.is_empty();
        match value() {
            Some(value) if in_order => Ok(value),
            Some(_) | None => {
                let error = ConfigError::of(self.file, self.text, self.problems);
                Err(error.and(ConfigError::from_iter(self.flaws)))
            }
        }
    }

    fn problem(&mut self, origin: Origin, what: String) {
        match origin {
            Origin::File(span) => self.problems.push(Problem::new(span, what)),
            Origin::Variable(name) => self.flaws.push(Flaw::of(name, what)),
        }
    }
}

impl<'t> Section<'_, 't> {
    /// An address and port.
    pub(super) fn address(&mut self, key: &'static str, default: SocketAddr) -> Option<SocketAddr> {
        self.value(
            key,
            "an address and port such as \"127.0.0.1:7443\"",
            default,
        )
    }

    /// A whole number within `range`.
    pub(super) fn number<N: DeserializeOwned + PartialOrd + Display>(
        &mut self,
        key: &'static str,
        default: N,
        range: RangeInclusive<N>,
    ) -> Option<N> {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        self.checked(key, &expected, default, |number| range.contains(number))
    }

    /// A value of any type that is `expected`.
    pub(super) fn value<T: DeserializeOwned>(
        &mut self,
        key: &'static str,
        expected: &str,
        default: T,
    ) -> Option<T> {
        self.checked(key, expected, default, |_| true)
    }

    /// A value that is `expected` and `fits`; `None` when what is written is neither.
    pub(super) fn checked<T: DeserializeOwned>(
        &mut self,
        key: &'static str,
        expected: &str,
        default: T,
        fits: impl FnOnce(&T) -> bool,
    ) -> Option<T> {
        match self.take(key) {
            Some(value) => self.convert(key, value, expected, fits),
            None => Some(default),
        }
    }

    /// A path, relative to the file's folder; without a default it must be given.
    pub(super) fn path(
        &mut self,
        key: &'static str,
        default: Option<&'static str>,
    ) -> Option<PathBuf> {
        let path = match self.take(key) {
            Some(value) => self.convert(key, value, "a path", |path: &PathBuf| path != ""),
            None if default.is_some() => default.map(PathBuf::from),
            None => {
                let variable = format!("{VARIABLE_PREFIX}{}__{key}", self.name).to_uppercase();
                let what = format!(
                    "[{}] lacks `{key}`: add {key} = \"PATH\" or set {variable}",
                    self.name
                );
                let header = self.written.header.clone().unwrap_or(0..0);
                self.reader.problem(Origin::File(header), what);
                None
            }
        };
        path.map(|path| self.beside_file(path))
    }

    /// Something wrong with the section as a whole.
    pub(super) fn problem(&mut self, what: &str) {
        let header = self.written.header.clone().unwrap_or(0..0);
        self.reader.problem(Origin::File(header), what.to_owned());
    }

    /// A path that may be missing, relative to the file's folder.
    pub(super) fn optional_path(&mut self, key: &'static str) -> Option<Option<PathBuf>> {
        let path = self.checked(key, "a path", None, |path: &Option<PathBuf>| {
            path.as_deref() != Some(Path::new(""))
        })?;
        Some(path.map(|path| self.beside_file(path)))
    }

    /// A list of paths; empty when there is none.
    pub(super) fn paths(&mut self, key: &'static str) -> Option<Vec<PathBuf>> {
        let all_paths = |paths: &Vec<PathBuf>| paths.iter().all(|path| path != "");
        let paths = self.checked(key, "a list of paths", Vec::new(), all_paths)?;
        Some(
            paths
                .into_iter()
                .map(|path| self.beside_file(path))
                .collect(),
        )
    }

    /// A table whose keys are all `is_key` and whose values are all `expected`; empty when there is
    /// none.
    pub(super) fn map<T: DeserializeOwned>(
        &mut self,
        key: &'static str,
        is_key: impl Fn(&str) -> bool,
        expected_key: &str,
        expected: &str,
    ) -> Option<BTreeMap<String, T>> {
        let Some(value) = self.take(key) else {
            return Some(BTreeMap::new());
        };
        let variable: String;
        let (origin, written) = match value {
            Value::File { value, .. } => (Origin::File(value.span()), Some(value.into_inner())),
            Value::Variable { name, text } => {
                variable = text;
                let written = DeValue::parse(&variable).ok().map(Spanned::into_inner);
                (Origin::Variable(name), written)
            }
        };
        let Some(DeValue::Table(table)) = written else {
            let what = format!("`{key}` must be a table such as {{ KEY = VALUE }}");
            self.reader.problem(origin, what);
            return None;
        };
        let (mut map, mut whole) = (BTreeMap::new(), true);
        for (name, value) in table {
            let place = |span: Range<usize>| match &origin {
                Origin::File(_) => Origin::File(span),
                Origin::Variable(name) => Origin::Variable(name.clone()),
            };
            if !is_key(name.get_ref()) {
                let what = format!("`{}` must be {expected_key}", name.get_ref());
                self.reader.problem(place(name.span()), what);
                whole = false;
            }
            let span = value.span();
            if let Ok(value) = T::deserialize(ValueDeserializer::from(value)) {
                map.insert(name.get_ref().to_string(), value);
            } else {
                let what = format!("`{}` must be {expected}", name.get_ref());
                self.reader.problem(place(span), what);
                whole = false;
            }
        }
        whole.then_some(map)
    }

    fn take(&mut self, key: &'static str) -> Option<Value<'t>> {
        self.known.push(key);
        self.written.keys.remove(key)
    }

    fn convert<T: DeserializeOwned>(
        &mut self,
        key: &str,
        value: Value<'_>,
        expected: &str,
        fits: impl FnOnce(&T) -> bool,
    ) -> Option<T> {
        let (origin, converted) = match value {
            Value::File { value, .. } => {
                let span = value.span();
                (
                    Origin::File(span),
                    T::deserialize(ValueDeserializer::from(value)).ok(),
                )
            }
            Value::Variable { name, text } => (Origin::Variable(name), from_variable(&text)),
        };
        let converted = converted.filter(fits);
        if converted.is_none() {
            self.reader
                .problem(origin, format!("`{key}` must be {expected}"));
        }
        converted
    }

    fn beside_file(&self, path: PathBuf) -> PathBuf {
        let folder = self.reader.file.parent().unwrap_or(Path::new(""));
        folder.join(path)
    }

    /// What was written and never asked for is a mistake, most likely of spelling.
    fn finish(self) {
        for (key, value) in self.written.keys {
            let origin = match value {
                Value::File { key, .. } => Origin::File(key),
                Value::Variable { name, .. } => Origin::Variable(name),
            };
            let advice = advice(&key, self.known.iter().copied());
            let what = format!("there is no `{key}` in [{}]: {advice}", self.name);
            self.reader.problem(origin, what);
        }
    }
}

/// A variable is written as in TOML, or, where that does not fit, bare: `AXLE__LOG__FILTER=info`.
fn from_variable<T: DeserializeOwned>(text: &str) -> Option<T> {
    let as_toml = ValueDeserializer::parse(text).ok();
    as_toml
        .and_then(|value| T::deserialize(value).ok())
        .or_else(|| {
            let bare = DeValue::String(text.into());
            T::deserialize(ValueDeserializer::from(Spanned::new(0..0, bare))).ok()
        })
}
