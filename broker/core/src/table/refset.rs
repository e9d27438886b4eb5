//! Refsets: lists of codes in files of their own, one code a line, for a site that is licensed for
//! them. The table names the file; whoever reads the table reads it.

use std::collections::BTreeMap;

use toml::Spanned;

use super::{
    entry::Entry,
    value::{Value, system_of},
};

/// The most codes of one list.
const CODES_MAX: usize = 100_000;

/// The lists of a table, by their ids.
#[derive(Debug, Default)]
pub(super) struct Refsets {
    lists: BTreeMap<String, Vec<Value>>,
}

/// Reads the text of a file that the table names, or says why it cannot.
pub type ReadFile<'r> = &'r mut dyn FnMut(&str) -> Result<String, String>;

impl Refsets {
    /// The codes of a list.
    pub(super) fn get(&self, name: &str) -> Result<&[Value], &'static str> {
        let list = self.lists.get(name).map(Vec::as_slice);
        list.ok_or("there is no [[refset]] with this id")
    }

    /// Reads a `[[refset]]`.
    pub(super) fn read(&mut self, mut entry: Entry<'_, '_>, file: ReadFile<'_>) {
        for key in ["id", "system", "file"] {
            entry.must(key);
        }
        let id = entry.text("id");
        let system = entry.read("system", |text| match system_of(text) {
            Some(system) => Ok(system.to_owned()),
            None if text.contains("://") => Ok(text.to_owned()),
            None => Err("write snomed, loinc or the URL of the system"),
        });
        let path = entry.text("file");
        if let (Some(id), Some(system), Some(path)) = (id, system, path) {
            let codes = file(path.get_ref()).and_then(|text| codes(system.get_ref(), &text));
            match codes {
                Ok(codes) => {
                    if self.lists.insert(id.get_ref().clone(), codes).is_some() {
                        entry.wrong(format!("refset {} is listed twice", id.get_ref()));
                    }
                }
                Err(why) => {
                    entry.wrong_at(path.span(), format!("{}: {why}", path.get_ref()));
                    // What refers to it is no mistake of its own.
                    self.lists.insert(Spanned::into_inner(id), Vec::new());
                }
            }
        }
        entry.finish();
    }
}

/// One code a line; empty lines and what follows a `#` are set aside.
fn codes(system: &str, text: &str) -> Result<Vec<Value>, String> {
    let mut codes = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.split('#').next().unwrap_or_default().trim();
        if code.is_empty() {
            continue;
        }
        let is_code = code
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
        if !is_code {
            return Err(format!("line {} is not a code", number + 1));
        }
        codes.push(Value::of(system, code));
    }
    match codes.len() {
        0 => Err("it lists no code".to_owned()),
        count if count > CODES_MAX => Err(format!("it lists {count} codes; at most {CODES_MAX}")),
        _ => Ok(codes),
    }
}
