//! Names of members: read without a copy where they are not escaped, and remembered where none may come
//! twice.

use std::{borrow::Cow, fmt};

use serde::de::{self, DeserializeSeed, Deserializer, Visitor};

/// The names seen in the objects that are being read, the innermost last: one list for all of them, for
/// there are many objects and few names in each.
#[derive(Default)]
pub(super) struct Seen<'a>(Vec<Cow<'a, str>>);

impl<'a> Seen<'a> {
    /// Where the names of an object begin that is entered now.
    pub(super) const fn mark(&self) -> usize {
        self.0.len()
    }

    /// Whether the object that began at `mark` has that name already.
    pub(super) fn contains(&self, mark: usize, name: &str) -> bool {
        let names = self.0.get(mark..).unwrap_or_default();
        names.iter().any(|seen| seen == name)
    }

    pub(super) fn add(&mut self, name: Cow<'a, str>) {
        self.0.push(name);
    }

    /// Forgets the names of the object that began at `mark`.
    pub(super) fn reset(&mut self, mark: usize) {
        self.0.truncate(mark);
    }
}

/// A text, borrowed unless it is escaped: a member's name, or a resource's type.
pub(super) struct Word;

impl<'a> DeserializeSeed<'a> for Word {
    type Value = Cow<'a, str>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'a> Visitor<'a> for Word {
    type Value = Cow<'a, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E: de::Error>(self, value: &'a str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(value.to_owned()))
    }
}
