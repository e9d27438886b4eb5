//! The Composition: what kind of document it is, whose, about whom, and under which headings.

use super::{Concept, Extension, Identifier, Reference, Text};

/// Composition.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Composition<'a> {
    /// What identifies it through its versions.
    pub identifier: Option<Identifier<'a>>,
    /// Its state: `final` if it is to be sent.
    pub status: Option<Text<'a>>,
    /// What kind of document it is (`type`).
    pub kind: Option<Concept<'a>>,
    /// When it was written.
    pub date: Option<Text<'a>>,
    /// Its title.
    pub title: Option<Text<'a>>,
    /// How confidential it is (v3-Confidentiality).
    pub confidentiality: Option<Text<'a>>,
    /// Whom it is about.
    pub subject: Option<Reference<'a>>,
    /// Who wrote it.
    pub authors: Vec<Reference<'a>>,
    /// The organisation that keeps it.
    pub custodian: Option<Reference<'a>>,
    /// The documents it replaces or adds to.
    pub relates_to: Vec<Relation<'a>>,
    /// Its sections.
    pub sections: Vec<Section<'a>>,
    /// Its extensions: the care setting, who else gets a copy.
    pub extensions: Vec<Extension<'a>>,
}

/// Composition.relatesTo.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Relation<'a> {
    /// How: `replaces`, `appends` …
    pub code: Option<Text<'a>>,
    /// The identifier of the other document.
    pub target_identifier: Option<Identifier<'a>>,
    /// The address of the other document.
    pub target_reference: Option<Reference<'a>>,
}

/// Composition.section, without its narrative.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Section<'a> {
    /// Its title.
    pub title: Option<Text<'a>>,
    /// Whether it has a narrative.
    pub has_text: bool,
    /// Whether it says why it is empty.
    pub has_empty_reason: bool,
    /// Its heading, coded.
    pub code: Option<Concept<'a>>,
    /// The resources it is about.
    pub entries: Vec<Reference<'a>>,
    /// The sections within it.
    pub sections: Vec<Section<'a>>,
}
