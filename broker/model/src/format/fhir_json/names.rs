//! Names of members: read without a copy where they are not escaped, and remembered where none may come
//! twice.

use std::{borrow::Cow, fmt};

use serde::de::{self, DeserializeSeed, Deserializer, Visitor};

/// More names than any part of the facts reads.
const SEEN_MAX: usize = 20;

/// The names seen in one object, as many as any part of the facts has.
#[derive(Default)]
pub(super) struct Seen<'a> {
    names: [Cow<'a, str>; SEEN_MAX],
    length: usize,
}

impl<'a> Seen<'a> {
    pub(super) fn contains(&self, name: &str) -> bool {
        self.names.iter().take(self.length).any(|seen| seen == name)
    }

    pub(super) fn add(&mut self, name: Cow<'a, str>) {
        if let Some(free) = self.names.get_mut(self.length) {
            *free = name;
            self.length += 1;
        }
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
