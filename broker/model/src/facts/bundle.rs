//! Bundles, their entries, and how a reference finds its entry.

use super::{
    Attachment, AttachmentHolder, Coded, Coding, Composition, Identifier, Issue, Kind,
    MessageHeader, Organisation, Patient, Practitioner, Reference, Role, Text,
};
use crate::ods::OdsCode;

/// Bundle.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bundle<'a> {
    /// What identifies it.
    pub identifier: Option<Identifier<'a>>,
    /// What it is for, as written (`type`).
    pub usage: Option<Text<'a>>,
    /// When it was put together (R4).
    pub timestamp: Option<Text<'a>>,
    /// Its entries, in their order.
    pub entries: Vec<Entry<'a>>,
    /// Whether it counts the results of a search.
    pub has_total: bool,
    /// Whether it has links to other pages.
    pub has_link: bool,
    /// 1 for the outer Bundle, 2 for one within it.
    pub(crate) level: u8,
}

/// Bundle.entry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry<'a> {
    /// The entry's address.
    pub full_url: Option<Text<'a>>,
    /// The entry's resource.
    pub resource: Resource<'a>,
    /// What belongs to other kinds of Bundle than those carried.
    pub foreign: Foreign,
}

/// What an entry has only in other kinds of Bundle: each is there or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Foreign {
    /// `request`
    pub request: bool,
    /// `response`
    pub response: bool,
    /// `search`
    pub search: bool,
    /// `link`
    pub link: bool,
}

/// A resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resource<'a> {
    /// Its type, for example `Patient`; `None` when there is no resource.
    pub kind: Option<Text<'a>>,
    /// Its id.
    pub id: Option<Text<'a>>,
    /// What it says of itself.
    pub meta: Option<Meta<'a>>,
    /// What was read of it.
    pub content: Content<'a>,
    /// The resources it contains, which have no entries of their own.
    pub contained: Vec<Resource<'a>>,
    /// How many Bundles are around it.
    pub(crate) level: u8,
}

/// Resource.meta.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meta<'a> {
    /// The first profile it claims to follow.
    pub profile: Option<Text<'a>>,
    /// Which version of the resource it is.
    pub version_id: Option<Text<'a>>,
    /// Who may see it, in codes (v3-Confidentiality, ActCode).
    pub security: Vec<Coding<'a>>,
}

/// What was read of a resource, by its type.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Content<'a> {
    /// A type no fact is read from, or a Bundle nested too deep to be read.
    #[default]
    Unread,
    /// Bundle.
    Bundle(Box<Bundle<'a>>),
    /// MessageHeader.
    MessageHeader(Box<MessageHeader<'a>>),
    /// Composition.
    Composition(Box<Composition<'a>>),
    /// Patient.
    Patient(Box<Patient<'a>>),
    /// Organization.
    Organisation(Organisation<'a>),
    /// PractitionerRole or HealthcareService.
    Role(Box<Role<'a>>),
    /// Binary.
    Binary(Box<Attachment<'a>>),
    /// DocumentReference.
    DocumentReference(Vec<AttachmentHolder<'a>>),
    /// OperationOutcome.
    OperationOutcome(Vec<Issue<'a>>),
    /// Practitioner.
    Practitioner(Practitioner<'a>),
    /// Medication, or a resource about one: MedicationRequest and its like.
    Medicine(Coded<'a>),
    /// AllergyIntolerance.
    Allergy(Coded<'a>),
}

impl<'a> Bundle<'a> {
    /// The most Bundles one within the other that are read.
    pub const LEVELS_MAX: u8 = 2;

    /// Whether it is a document or a message; `None` for anything else.
    pub fn kind(&self) -> Option<Kind> {
        match self.usage.as_deref()? {
            "document" => Some(Kind::Document),
            "message" => Some(Kind::Message),
            _ => None,
        }
    }

    /// The Composition, if that is the first entry.
    pub fn composition(&self) -> Option<&Composition<'a>> {
        self.entries.first()?.resource.composition()
    }

    /// The first Patient.
    pub fn patient(&self) -> Option<&Patient<'a>> {
        self.entries
            .iter()
            .find_map(|entry| entry.resource.patient())
    }

    /// The entry a reference points at, and its index: by the entry's address, or by type and id
    /// for a relative reference. UUIDs compare without regard to case.
    pub fn resolve(&self, reference: &Reference<'a>) -> Option<(usize, &Entry<'a>)> {
        let address = reference.address()?;
        let is_urn = address.starts_with("urn:");
        let relative = (!is_urn && !address.contains("://")).then(|| address.split_once('/'));
        let target = |entry: &Entry<'a>| {
            let full_url = entry.full_url.as_deref().unwrap_or_default();
            if full_url == address || is_urn && full_url.eq_ignore_ascii_case(address) {
                return true;
            }
            let Some(Some((kind, id))) = relative else {
                return false;
            };
            let resource = &entry.resource;
            resource.kind.as_deref() == Some(kind) && resource.id.as_deref() == Some(id)
                || full_url
                    .strip_suffix(address)
                    .is_some_and(|base| base.ends_with('/'))
        };
        self.entries
            .iter()
            .enumerate()
            .find(|(_, entry)| target(entry))
    }

    /// The ODS code of the organisation a reference stands for: of its own identifier, of the
    /// Organization it points at, or of the organisation that role or service belongs to.
    pub fn ods_code(&self, reference: &Reference<'a>) -> Option<OdsCode> {
        let own = |reference: &Reference<'a>| reference.identifier.as_ref()?.ods_code();
        own(reference).or_else(|| {
            let (_, entry) = self.resolve(reference)?;
            let Content::Role(role) = &entry.resource.content else {
                return entry.resource.organisation()?.ods_code();
            };
            let organisation = role.organisation.as_ref()?;
            own(organisation).or_else(|| {
                let (_, entry) = self.resolve(organisation)?;
                entry.resource.organisation()?.ods_code()
            })
        })
    }

    /// Appends the attachments of this Bundle and of those within it.
    pub(super) fn attachments<'f>(&'f self, found: &mut Vec<&'f Attachment<'a>>) {
        for entry in &self.entries {
            match &entry.resource.content {
                Content::Binary(attachment) => found.push(attachment),
                Content::DocumentReference(contents) => {
                    found.extend(contents.iter().filter_map(|c| c.attachment.as_ref()));
                }
                Content::Bundle(inner) => inner.attachments(found),
                Content::Unread
                | Content::MessageHeader(_)
                | Content::Composition(_)
                | Content::Patient(_)
                | Content::Organisation(_)
                | Content::Role(_)
                | Content::OperationOutcome(_)
                | Content::Practitioner(_)
                | Content::Medicine(_)
                | Content::Allergy(_) => {}
            }
        }
    }
}

impl<'a> Resource<'a> {
    /// Its Bundle, if it is one.
    pub fn bundle(&self) -> Option<&Bundle<'a>> {
        if let Content::Bundle(bundle) = &self.content {
            Some(bundle)
        } else {
            None
        }
    }

    /// Its MessageHeader, if it is one.
    pub fn header(&self) -> Option<&MessageHeader<'a>> {
        if let Content::MessageHeader(header) = &self.content {
            Some(header)
        } else {
            None
        }
    }

    /// Its Composition, if it is one.
    pub fn composition(&self) -> Option<&Composition<'a>> {
        if let Content::Composition(composition) = &self.content {
            Some(composition)
        } else {
            None
        }
    }

    /// Its Patient, if it is one.
    pub fn patient(&self) -> Option<&Patient<'a>> {
        if let Content::Patient(patient) = &self.content {
            Some(patient)
        } else {
            None
        }
    }

    /// Its Organization, if it is one.
    pub const fn organisation(&self) -> Option<&Organisation<'a>> {
        if let Content::Organisation(organisation) = &self.content {
            Some(organisation)
        } else {
            None
        }
    }
}
