//! Replacing: what a document may be called by a later one, and which earlier ones it replaces
//! (Composition.relatesTo). Names are digests: an identifier may hold anything.

use uuid::Uuid;

use super::{Facts, Identifier, Relation};
use crate::digest::Digest;

/// The most documents that one replaces; what it says beyond is not looked at.
const REPLACED_MAX: usize = 16;

impl Facts<'_> {
    /// What a later document may call this one: by the identifier of its Bundle or that of its
    /// Composition. Empty for what is no document.
    pub fn names(&self) -> Vec<Digest> {
        let Some(document) = self.document() else {
            return Vec::new();
        };
        let composition = document.bundle.composition();
        let own = [
            document.bundle.identifier.as_ref(),
            composition.and_then(|composition| composition.identifier.as_ref()),
        ];
        distinct(own.into_iter().flatten().filter_map(name))
    }

    /// The names of the documents that this one replaces, as its Composition says. Its own Bundle
    /// is not among them.
    pub fn replaces(&self) -> Vec<Digest> {
        let Some(document) = self.document() else {
            return Vec::new();
        };
        let own = document.bundle.identifier.as_ref().and_then(name);
        let relations = document.bundle.composition().into_iter();
        let relations = relations.flat_map(|composition| &composition.relates_to);
        let replaced = relations
            .filter(|relation| relation.code.as_deref() == Some("replaces"))
            .filter_map(target)
            .filter(|name| Some(*name) != own);
        distinct(replaced.take(REPLACED_MAX))
    }
}

fn target(relation: &Relation<'_>) -> Option<Digest> {
    let reference = relation.target_reference.as_ref();
    let by_identifier = relation.target_identifier.as_ref().and_then(name);
    by_identifier
        .or_else(|| name(reference?.identifier.as_ref()?))
        .or_else(|| by_uuid(reference?.address()?))
}

/// A UUID names the same thing under whatever system, and with or without `urn:uuid:`. Any other
/// value means something within its system only.
fn name(identifier: &Identifier<'_>) -> Option<Digest> {
    let value = identifier.value()?;
    by_uuid(value).or_else(|| {
        let system = identifier.system()?;
        Some(Digest::of_parts([system.as_bytes(), value.as_bytes()]))
    })
}

pub(super) fn by_uuid(text: &str) -> Option<Digest> {
    let uuid = Uuid::try_parse(text).ok()?;
    Some(Digest::of_parts([b"uuid".as_slice(), uuid.as_bytes()]))
}

fn distinct(names: impl Iterator<Item = Digest>) -> Vec<Digest> {
    let mut found = Vec::new();
    for name in names {
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

#[cfg(test)]
mod tests;
