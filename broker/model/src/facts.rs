//! The facts of a document: what routing and the rules need to know of it, read once from its bytes
//! and borrowed from them. One struct for every format, so that no rule ever asks which syntax a
//! document came in. It decides nothing and keeps no clinical content.

mod addresses;
mod answering;
mod attachment;
mod bundle;
mod clinical;
mod composition;
mod datatypes;
mod header;
mod links;
mod parties;
mod replacing;
mod routing;
mod text;
mod when;

pub(crate) use self::links::Step;
pub use self::{
    addresses::Addresses,
    answering::{Answering, Asked, Issue, message_name},
    attachment::{Attachment, Data, Signature},
    bundle::{Bundle, Content, Entry, Foreign, Meta, Resource},
    clinical::Coded,
    composition::{Composition, Relation, Section},
    datatypes::{Coding, Concept, Identifier, Reference},
    header::{Destination, Extension, Flag, Instruction, MessageHeader, Response, Source},
    links::{Link, Owner, Swept},
    parties::{AttachmentHolder, Name, Organisation, Patient, Practitioner, Role},
    text::Text,
    when::{NotATime, When},
};

/// The words of FHIR that the facts of other formats are told in.
pub(crate) mod words {
    pub(crate) use super::{
        datatypes::{ODS_ORGANISATION, ODS_SITE},
        header::ACKNOWLEDGEMENTS,
        parties::NHS_NUMBER,
        routing::{INFORMATION_RECIPIENT, VERIFICATION},
    };
    /// The profile of a document that says it is of CDA R2's type (typeId).
    pub(crate) const CDA_TYPE: &str = "urn:hl7-org:v3:POCD_HD000040";
}

use std::borrow::Cow;

use crate::{digest::Digest, format::Malformed, ods::OdsCode};

/// SNOMED CT code of the section that lists who gets a copy (Transfer of Care).
const DISTRIBUTION_LIST: &str = "887261000000109";

/// The most references looked at when recipients or authors are gathered; each is a walk over the
/// entries.
const REFERENCES_MAX: usize = 256;

/// What is known of one document.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts<'a> {
    /// The syntax it was read from.
    pub syntax: Syntax,
    /// The FHIR release it is written in; `None` where nothing in it tells.
    pub release: Option<Release>,
    /// The resource that is the whole document: a Bundle, if it is to be accepted.
    pub root: Resource<'a>,
    /// What the format forbids but reading survived.
    pub flaws: Vec<Malformed>,
    /// What was found on the way, wherever it stood.
    pub swept: Swept<'a>,
}

/// How a document is written down. The facts of one that is not FHIR are told in FHIR's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// FHIR JSON.
    Json,
    /// FHIR XML.
    Xml,
    /// HL7 v2, segments and fields.
    Hl7v2,
    /// CDA R2, on its own or in an ITK2 distribution envelope.
    Cda,
}

impl Syntax {
    /// Whether the document is FHIR, so that FHIR's own rules are for it.
    pub const fn is_fhir(self) -> bool {
        match self {
            Self::Json | Self::Xml => true,
            Self::Hl7v2 | Self::Cda => false,
        }
    }
}

/// A release of FHIR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// STU3 (3.0).
    Stu3,
    /// R4 (4.0).
    R4,
}

/// What a Bundle is for, as far as this broker carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A document: its first entry is a Composition.
    Document,
    /// A message: its first entry is a MessageHeader.
    Message,
}

/// A Bundle and where it stands, for the paths of findings.
#[derive(Clone, Debug)]
pub struct Located<'f, 'a> {
    /// The Bundle.
    pub bundle: &'f Bundle<'a>,
    /// Its own id (`Bundle.id`).
    pub id: Option<&'f str>,
    /// Its path: `Bundle`, or `Bundle.entry[2].resource` when it is carried inside a message.
    pub path: Cow<'static, str>,
}

impl<'a> Facts<'a> {
    /// The outer Bundle; `None` when the document is another resource.
    pub fn bundle(&self) -> Option<&Bundle<'a>> {
        self.root.bundle()
    }

    /// Whether it is a document or a message; `None` when it is neither.
    pub fn kind(&self) -> Option<Kind> {
        self.bundle()?.kind()
    }

    /// The header of a message.
    pub fn header(&self) -> Option<&MessageHeader<'a>> {
        let bundle = self.bundle()?;
        bundle.entries.first()?.resource.header()
    }

    /// The event of a message.
    pub fn event(&self) -> Option<&Coding<'a>> {
        self.header()?.event.as_ref()
    }

    /// The code of a message's event, for example `ITK003D`; for an event told by URI, that URI.
    pub fn event_code(&self) -> Option<&str> {
        let header = self.header()?;
        let coded = header.event.as_ref().and_then(Coding::code);
        coded.or_else(|| present(header.event_uri.as_ref()))
    }

    /// The codings of the document's type, each a system and a code.
    pub fn types(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        let kind = self.composition().and_then(|c| c.kind.as_ref());
        let codings = kind.map_or(&[][..], |kind| &kind.codings);
        codings
            .iter()
            .filter_map(|coding| Some((coding.system()?, coding.code()?)))
    }

    /// The document Bundle: the whole, or the one a message's focus points at.
    pub fn document(&self) -> Option<Located<'_, 'a>> {
        let bundle = self.bundle()?;
        match bundle.kind()? {
            Kind::Document => Some(Located {
                bundle,
                id: self.root.id.as_deref(),
                path: Cow::Borrowed("Bundle"),
            }),
            Kind::Message => {
                let focus = self.header()?.focus.first()?;
                let (index, entry) = bundle.resolve(focus)?;
                let inner = entry.resource.bundle()?;
                (inner.kind() == Some(Kind::Document)).then(|| Located {
                    bundle: inner,
                    id: entry.resource.id.as_deref(),
                    path: Cow::Owned(format!("Bundle.entry[{index}].resource")),
                })
            }
        }
    }

    /// The Composition of the document.
    pub fn composition(&self) -> Option<&Composition<'a>> {
        self.document()?.bundle.composition()
    }

    /// Whether a CDA document says that it is one of CDA R2 (typeId).
    pub fn is_cda_r2(&self) -> bool {
        let document = self.document();
        let first = document.and_then(|document| document.bundle.entries.first());
        let meta = first.and_then(|entry| entry.resource.meta.as_ref());
        meta.and_then(|meta| meta.profile.as_deref()) == Some(words::CDA_TYPE)
    }

    /// The organisation that sent the message, as its header says.
    pub fn sender(&self) -> Option<OdsCode> {
        self.bundle()?.ods_code(self.header()?.sender.as_ref()?)
    }

    /// The organisation that keeps the document, as its Composition says.
    pub fn custodian(&self) -> Option<OdsCode> {
        let document = self.document()?.bundle;
        document.ods_code(document.composition()?.custodian.as_ref()?)
    }

    /// The organisations the document's authors write for, in their order, without repeats.
    pub fn authors(&self) -> Vec<OdsCode> {
        let Some(document) = self.document() else {
            return Vec::new();
        };
        let authors = document.bundle.composition().into_iter();
        distinct(
            authors
                .flat_map(|composition| &composition.authors)
                .take(REFERENCES_MAX)
                .filter_map(|author| document.bundle.ods_code(author)),
        )
    }

    /// The organisations named as recipients, by the header (`receiver`, `destination.receiver`),
    /// then by the distribution list; in their order, without repeats. They are claims of the
    /// sender: the envelope routes, these may confirm it.
    pub fn recipients(&self) -> Vec<OdsCode> {
        distinct(self.receivers().into_iter().chain(self.copies()))
    }

    /// Whom the distribution lists among the sections name.
    fn distribution_list(&self) -> impl Iterator<Item = &Reference<'a>> {
        let composition = self.composition().into_iter();
        let sections = composition.flat_map(|composition| &composition.sections);
        let lists = sections.filter(|section| {
            let code = section.code.as_ref();
            code.is_some_and(|code| code.has(DISTRIBUTION_LIST))
        });
        lists.flat_map(|section| &section.entries)
    }

    /// The patient: the Composition's subject, else the first Patient there is.
    pub fn patient(&self) -> Option<&Patient<'a>> {
        if let Some(document) = self.document() {
            let composition = document.bundle.composition();
            let subject = composition.and_then(|c| c.subject.as_ref());
            let named = subject.and_then(|subject| document.bundle.resolve(subject));
            return named
                .and_then(|(_, entry)| entry.resource.patient())
                .or_else(|| document.bundle.patient());
        }
        self.bundle()?.patient()
    }

    /// The attachments of the document and of the message around it, in their order.
    pub fn attachments(&self) -> Vec<&Attachment<'a>> {
        let mut found = Vec::new();
        if let Some(bundle) = self.bundle() {
            bundle.attachments(&mut found);
        }
        found
    }

    /// What tells this document from every other of its sender: Bundle.identifier with its system.
    /// Without a system its value may be as common as `1`, so then it counts together with Bundle.id
    /// and the id of the first entry's resource. `None` when it carries none of these.
    pub fn identity(&self) -> Option<Digest> {
        let bundle = self.bundle()?;
        let identifier = bundle.identifier.as_ref();
        let value = identifier.and_then(Identifier::value);
        if let (Some(system), Some(value)) = (identifier.and_then(Identifier::system), value) {
            return Some(Digest::of_parts([system.as_bytes(), value.as_bytes()]));
        }
        let id = present(self.root.id.as_ref());
        let first = bundle.entries.first();
        let first = first.and_then(|entry| present(entry.resource.id.as_ref()));
        (value.is_some() || id.is_some() || first.is_some()).then(|| {
            let parts = [value, id, first].map(|part| part.unwrap_or_default().as_bytes());
            Digest::of_parts(parts)
        })
    }
}

/// A text that is there and not empty.
fn present<'t>(text: Option<&'t Text<'_>>) -> Option<&'t str> {
    text.map(|text| &**text).filter(|text| !text.is_empty())
}

fn distinct(codes: impl Iterator<Item = OdsCode>) -> Vec<OdsCode> {
    let mut seen = std::collections::BTreeSet::new();
    codes.filter(|code| seen.insert(*code)).collect()
}
