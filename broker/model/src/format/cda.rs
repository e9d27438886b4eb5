//! CDA R2: a walk over a clinical document, on its own or in the envelopes it travels in (ITK2's
//! distribution envelope, SOAP's around that). It keeps the way to each element; which element stands
//! for which fact is told in `cda/document.rs` and `cda/envelope.rs`, what is XML in `xml.rs`.

mod document;
mod envelope;
mod types;

use std::borrow::Cow;

use quick_xml::events::BytesStart;

use self::envelope::Envelope;
use super::{
    Limits, Malformed,
    assembly::{self, Told},
    record::Found,
    xml::{Met, Namespace, Tag, Walk},
};
use crate::facts::Resource;

/// Stands on the way for an element that is not read, nor anything in it.
const UNREAD: &str = "?";

/// Reads a document. `text` starts with `<` after white space.
pub(super) fn read<'a>(
    text: &'a str,
    limits: &Limits,
) -> Result<(Resource<'a>, Found<'a>), Malformed> {
    let mut reading = Reading {
        walk: Walk::new(text, limits)?,
        way: Vec::new(),
        opened: Vec::new(),
        document_at: None,
        envelope: Envelope::default(),
        documents: Vec::new(),
    };
    let read = reading.whole();
    let Reading {
        walk,
        envelope,
        mut documents,
        ..
    } = reading;
    let found = walk.end(read)?;
    let root = match envelope.into_header() {
        Some((identifier, header)) => assembly::message(identifier, header, documents),
        None => assembly::document(documents.pop().unwrap_or_default()),
    };
    Ok((root, found))
}

struct Reading<'a, 'l> {
    walk: Walk<'a, 'l>,
    /// The names of the elements that are not over yet, outermost first.
    way: Vec<&'a str>,
    /// The same elements.
    opened: Vec<Opened>,
    /// How many elements are around what the present document holds.
    document_at: Option<usize>,
    envelope: Envelope<'a>,
    /// The last is the one that is being read.
    documents: Vec<Told<'a>>,
}

/// An element that is not over yet.
struct Opened {
    /// How many namespace declarations are in force around it.
    scopes: usize,
    /// Where its contents begin.
    contents: usize,
}

/// What is to become of an element that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begun {
    /// It, or something in it, is read.
    Read,
    /// There may be one, and one has been read.
    Repeated,
}

impl<'a> Reading<'a, '_> {
    /// The whole of it: one element, and nothing after it.
    fn whole(&mut self) -> Result<(), Malformed> {
        loop {
            match self.walk.next(!self.way.is_empty())? {
                Met::Element { start, open } => {
                    self.begin(&start)?;
                    if !open {
                        self.end("")?;
                    }
                }
                Met::End => {
                    let contents = self.opened.last().map_or(0, |opened| opened.contents);
                    self.end(self.walk.text_from(contents))?;
                }
                Met::EndOfDocument => return Err(self.walk.cut_short()),
            }
            if self.way.is_empty() {
                break;
            }
        }
        self.walk.nothing_more()?;
        if self.documents.is_empty() {
            let what = "there is no ClinicalDocument of CDA in the document";
            return Err(self.walk.record.malformed("V-010", what));
        }
        self.one_patient();
        Ok(())
    }

    /// An element begins.
    fn begin(&mut self, start: &BytesStart<'a>) -> Result<(), Malformed> {
        self.walk.record.deeper()?;
        let scopes = self.walk.scopes.mark();
        let tag = Tag::read(self.walk.text, start, &mut self.walk.scopes)?;
        self.walk.record.step(Cow::Borrowed(tag.name));
        self.opened.push(Opened {
            scopes,
            contents: self.walk.offset(),
        });
        self.way.push(self.name(&tag));
        // Taken out for as long as it is looked at.
        let mut way = std::mem::take(&mut self.way);
        let begun = match self.document_at {
            Some(at) => self.document(way.get(at..).unwrap_or_default(), &tag),
            None => self.around(&way, &tag),
        };
        if begun? == Begun::Repeated {
            self.walk.record.repeated();
            way.pop();
            way.push(UNREAD);
        }
        self.way = way;
        Ok(())
    }

    /// What an element is called on the way: nothing within a document that is not CDA's is read,
    /// and nothing around it that is not the envelope's.
    fn name(&self, tag: &Tag<'a>) -> &'a str {
        let is_read = match (tag.namespace, self.document_at) {
            (Namespace::Cda, Some(_)) | (Namespace::Itk, None) => true,
            (Namespace::Cda, None) => tag.name == "ClinicalDocument",
            // SOAP's two, whichever of its versions they are of.
            (Namespace::Other, None) => match self.way.len() {
                0 => tag.name == "Envelope",
                depth => depth == 1 && tag.name == "Body",
            },
            (Namespace::Itk | Namespace::Other, Some(_))
            | (Namespace::Fhir | Namespace::Xhtml, _) => false,
        };
        if is_read { tag.name } else { UNREAD }
    }

    /// An element outside of a document: part of an envelope, or the document's own.
    fn around(&mut self, way: &[&str], tag: &Tag<'a>) -> Result<Begun, Malformed> {
        let way = way.strip_prefix(&["Envelope", "Body"]).unwrap_or(way);
        match way {
            ["ClinicalDocument"]
            | [
                "DistributionEnvelope",
                "payloads",
                "payload",
                "ClinicalDocument",
            ] => {
                self.walk.record.entry()?;
                self.documents.push(Told::default());
                self.document_at = Some(self.opened.len());
            }
            ["Envelope" | "DistributionEnvelope"] => {}
            [_] => {
                let what = "the outermost element is neither CDA's nor an envelope's";
                return Err(self.walk.record.malformed("V-010", what));
            }
            ["DistributionEnvelope", rest @ ..] => {
                self.envelope.element(rest, tag, &mut self.walk.record)?;
            }
            _ => {}
        }
        Ok(Begun::Read)
    }

    /// The innermost element is over; `text` is what stood in it.
    fn end(&mut self, text: &'a str) -> Result<(), Malformed> {
        if let Some(at) = self.document_at {
            let way = std::mem::take(&mut self.way);
            let ended = self.contents(way.get(at..).unwrap_or_default(), text);
            self.way = way;
            ended?;
            if self.way.len() == at {
                self.document_at = None;
            }
        }
        self.way.pop();
        if let Some(opened) = self.opened.pop() {
            self.walk.scopes.reset(opened.scopes);
        }
        self.walk.record.back();
        self.walk.record.shallower();
        Ok(())
    }

    /// All documents of one envelope are about one patient (V-007): those that are not cannot go to
    /// one patient's practice.
    fn one_patient(&mut self) {
        let patients = || {
            self.documents
                .iter()
                .filter_map(|told| told.patient.as_ref())
        };
        let number = patients().find_map(|patient| patient.nhs_number());
        let born = patients().find_map(|patient| patient.birth_date.as_ref());
        let is_another = patients().any(|patient| {
            patient.nhs_number().is_some_and(|own| Some(own) != number)
                || patient
                    .birth_date
                    .as_ref()
                    .is_some_and(|own| Some(own) != born)
        });
        if is_another {
            self.walk.record.step(Cow::Borrowed("recordTarget"));
            self.walk.record.repeated();
            self.walk.record.back();
        }
    }
}

#[cfg(test)]
mod tests;
