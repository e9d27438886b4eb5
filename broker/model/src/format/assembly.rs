//! Assembly: what a document of another standard tells, put together as the Bundle that would say the
//! same in FHIR, so that rules and routing look at one shape. It knows neither HL7 v2 nor CDA.

use std::borrow::Cow;

use crate::facts::{
    Attachment, Bundle, Coding, Composition, Concept, Content, Entry, Extension, Identifier,
    MessageHeader, Meta, Patient, Reference, Resource, Text,
    words::{INFORMATION_RECIPIENT, ODS_ORGANISATION, ODS_SITE, VERIFICATION},
};

/// Where FHIR says that an identifier is a UUID.
pub(super) const UUIDS: &str = "https://tools.ietf.org/html/rfc4122";
/// SNOMED CT.
pub(super) const SNOMED: &str = "http://snomed.info/sct";
/// LOINC.
pub(super) const LOINC: &str = "http://loinc.org";

/// The OID of NHS numbers.
pub(super) const NHS_NUMBER_OID: &str = "2.16.840.1.113883.2.1.4.1";
/// The OIDs under which organisations and sites have their ODS codes.
const ODS_OIDS: [(&str, &str); 4] = [
    ("2.16.840.1.113883.2.1.3.2.4.18.48", ODS_ORGANISATION),
    ("2.16.840.1.113883.2.1.3.2.4.19.1", ODS_ORGANISATION),
    ("2.16.840.1.113883.2.1.3.2.4.18.49", ODS_SITE),
    ("2.16.840.1.113883.2.1.3.2.4.19.2", ODS_SITE),
];

/// The address of a document within its message: a resource that no bytes hold needs one.
const DOCUMENT: &str = "urn:axle:document";

/// What is told of one document.
#[derive(Default)]
pub(super) struct Told<'a> {
    /// What identifies these bytes of it.
    pub(super) identifier: Option<Identifier<'a>>,
    pub(super) composition: Composition<'a>,
    pub(super) patient: Option<Patient<'a>>,
    /// Whether the patient's own record is marked as restricted.
    pub(super) is_restricted: bool,
    pub(super) attachments: Vec<Attachment<'a>>,
    /// The definition it says it follows.
    pub(super) profile: Option<Text<'a>>,
}

impl<'a> Told<'a> {
    /// The document, as a Bundle of that type.
    pub(super) fn document(self, level: u8) -> Resource<'a> {
        let composition = Content::Composition(Box::new(self.composition));
        let mut composition = resource("Composition", composition);
        composition.meta = self.profile.map(|profile| Meta {
            profile: Some(profile),
            ..Meta::default()
        });
        let mut entries = vec![entry(composition)];
        if let Some(patient) = self.patient {
            let mark = || coded(CONFIDENTIALITY, "R");
            let mut patient = resource("Patient", Content::Patient(Box::new(patient)));
            patient.meta = self.is_restricted.then(|| Meta {
                security: vec![mark()],
                ..Meta::default()
            });
            entries.push(entry(patient));
        }
        let attachments = self.attachments.into_iter();
        entries
            .extend(attachments.map(|attachment| {
                entry(resource("Binary", Content::Binary(Box::new(attachment))))
            }));
        bundle("document", self.identifier, entries, level)
    }
}

const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";

/// A document on its own.
pub(super) fn document(told: Told<'_>) -> Resource<'_> {
    told.document(1)
}

/// A message that carries documents; its focus is the first of them.
pub(super) fn message<'a>(
    identifier: Option<Identifier<'a>>,
    mut header: MessageHeader<'a>,
    documents: Vec<Told<'a>>,
) -> Resource<'a> {
    header.focus.push(Reference {
        reference: Some(Text::from(DOCUMENT)),
        identifier: None,
    });
    let header = Content::MessageHeader(Box::new(header));
    let mut entries = vec![entry(resource("MessageHeader", header))];
    entries.extend(documents.into_iter().map(|told| entry(told.document(2))));
    if let Some(first) = entries.get_mut(1) {
        first.full_url = Some(Text::from(DOCUMENT));
    }
    bundle("message", identifier, entries, 1)
}

fn bundle<'a>(
    usage: &'static str,
    identifier: Option<Identifier<'a>>,
    entries: Vec<Entry<'a>>,
    level: u8,
) -> Resource<'a> {
    let bundle = Bundle {
        identifier,
        usage: Some(Text::from(usage)),
        entries,
        level,
        ..Bundle::default()
    };
    Resource {
        level: level - 1,
        ..resource("Bundle", Content::Bundle(Box::new(bundle)))
    }
}

fn resource<'a>(kind: &'static str, content: Content<'a>) -> Resource<'a> {
    Resource {
        kind: Some(Text::from(kind)),
        content,
        ..Resource::default()
    }
}

fn entry(resource: Resource<'_>) -> Entry<'_> {
    Entry {
        resource,
        ..Entry::default()
    }
}

/// The system of the ODS codes under an OID, if there are any.
pub(super) fn ods_system(oid: &str) -> Option<&'static str> {
    let known = ODS_OIDS.iter().find(|(known, _)| *known == oid);
    known.map(|(_, system)| *system)
}

/// A code of a system.
pub(super) fn coded<'a>(system: &'static str, code: &'static str) -> Coding<'a> {
    Coding {
        system: Some(Text::from(system)),
        code: Some(Text::from(code)),
    }
}

/// A value within a system.
pub(super) fn identified<'a>(system: Text<'a>, value: Text<'a>) -> Identifier<'a> {
    Identifier {
        system: Some(system),
        value: Some(value),
        extensions: Vec::new(),
    }
}

/// Whoever has that identifier.
pub(super) fn whoever(identifier: Identifier<'_>) -> Reference<'_> {
    Reference {
        reference: None,
        identifier: Some(identifier),
    }
}

/// That whoever has this identifier is to get a copy.
pub(super) fn copy_to(identifier: Identifier<'_>) -> Extension<'_> {
    Extension {
        url: Some(Text::from(INFORMATION_RECIPIENT)),
        reference: Some(whoever(identifier)),
        ..Extension::default()
    }
}

/// That an NHS number was verified so far, by the code `01` to `08`.
pub(super) fn verified(code: Text<'_>) -> Extension<'_> {
    let coding = Coding {
        system: None,
        code: Some(code),
    };
    Extension {
        url: Some(Text::from(VERIFICATION)),
        concept: Some(Concept {
            codings: vec![coding],
        }),
        ..Extension::default()
    }
}

/// A text that is not in the document as it stands.
pub(super) fn composed<'a>(text: String) -> Text<'a> {
    Text::from(Cow::Owned(text))
}
