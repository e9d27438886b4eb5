//! Facts: to be completed (its author replaces this; `event_code` and `types` are what routing uses).

use std::borrow::Cow;

/// What a document says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts<'a> {
    event: Option<Cow<'a, str>>,
    types: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl Facts<'_> {
    /// The code of the message's event.
    pub fn event_code(&self) -> Option<&str> {
        self.event.as_deref()
    }

    /// System and code of every coding of the Composition's type.
    pub fn types(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.types.iter().map(|(system, code)| (&**system, &**code))
    }
}
