//! A case: one document with all that the rules of its coded facts and of its kind look at.

use axle_model::{
    facts::{Content, Facts, Patient, Resource, Syntax},
    time::Timestamp,
};

use super::{envelope::Exchange, structure::Spaces};
use crate::{authorise::Authorised, snapshot::Snapshot, table::Class};

/// One document and what it is judged by.
pub(super) struct Case<'c, 'a> {
    pub(super) snapshot: &'c Snapshot,
    pub(super) authorised: &'c Authorised,
    pub(super) facts: &'c Facts<'a>,
    pub(super) spaces: Spaces<'c, 'a>,
    pub(super) class: Option<&'c Class>,
    pub(super) exchange: Exchange,
    pub(super) now: Timestamp,
}

impl<'c, 'a> Case<'c, 'a> {
    /// Every resource with its path, contained ones included.
    pub(super) fn each(&self, mut look: impl FnMut(&dyn Fn() -> String, &'c Resource<'a>)) {
        for space in self.spaces.iter() {
            for (index, entry) in space.bundle.entries.iter().enumerate() {
                let path = || format!("{}.entry[{index}].resource", space.path);
                look(&path, &entry.resource);
                for (number, contained) in entry.resource.contained.iter().enumerate() {
                    look(&|| format!("{}.contained[{number}]", path()), contained);
                }
            }
        }
    }

    /// The path of the Composition; `None` without a document.
    pub(super) fn composition_path(&self) -> Option<String> {
        let document = self.spaces.document(self.facts)?;
        Some(format!("{}.entry[0].resource", document.path))
    }

    /// The patient that the document is about, with the path.
    pub(super) fn subject(&self) -> Option<(String, &'c Patient<'a>)> {
        let subject = self.facts.patient()?;
        let mut found = None;
        self.each(|path, resource| {
            if let Content::Patient(patient) = &resource.content
                && std::ptr::eq(patient.as_ref(), subject)
            {
                found = Some((self.patient_path(path), patient.as_ref()));
            }
        });
        found
    }

    /// The path of a patient in the words of the document's own format.
    pub(super) fn patient_path(&self, path: &dyn Fn() -> String) -> String {
        match self.facts.syntax {
            Syntax::Json | Syntax::Xml => path(),
            Syntax::Hl7v2 => "PID".to_owned(),
            Syntax::Cda => "ClinicalDocument.recordTarget.patientRole".to_owned(),
        }
    }
}

/// The path of one of a list, in which the first may be the only one.
pub(super) fn nth(path: &str, name: &str, index: usize) -> String {
    match index {
        0 => format!("{path}.{name}"),
        index => format!("{path}.{name}[{index}]"),
    }
}
