//! FHIR's small types, which stand everywhere.

use super::super::{
    place::{Part, Place},
    record::Record,
};
use crate::facts::{Coding, Concept, Identifier, Reference};

impl<'a> Part<'a> for Identifier<'a> {
    fn child(&mut self, name: &str) -> Place<'_, 'a> {
        match name {
            "system" => Place::Text(&mut self.system),
            "value" => Place::Text(&mut self.value),
            "extension" => Place::many(&mut self.extensions),
            _ => Place::Skip,
        }
    }
}

impl<'a> Part<'a> for Coding<'a> {
    fn child(&mut self, name: &str) -> Place<'_, 'a> {
        match name {
            "system" => Place::Text(&mut self.system),
            "code" => Place::Text(&mut self.code),
            _ => Place::Skip,
        }
    }

    fn end(&self, record: &mut Record<'a, '_>) {
        record.coding(self.system(), self.code());
    }
}

impl<'a> Part<'a> for Concept<'a> {
    fn child(&mut self, name: &str) -> Place<'_, 'a> {
        match name {
            "coding" => Place::many(&mut self.codings),
            _ => Place::Skip,
        }
    }
}

impl<'a> Part<'a> for Reference<'a> {
    fn child(&mut self, name: &str) -> Place<'_, 'a> {
        match name {
            "reference" => Place::Text(&mut self.reference),
            "identifier" => Place::one(&mut self.identifier),
            _ => Place::Skip,
        }
    }
}
