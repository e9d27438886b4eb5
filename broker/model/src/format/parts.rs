//! Which element of FHIR is which fact, for STU3 and R4 and for both syntaxes. To read one more
//! fact, give it a field and name its element here; what is not named is skipped.

mod datatypes;

use super::place::{Part, Place};
use crate::facts::{
    Attachment, AttachmentHolder, Bundle, Coded, Composition, Content, Destination, Entry,
    Extension, Instruction, Issue, MessageHeader, Meta, Name, Organisation, Patient, Practitioner,
    Relation, Release, Resource, Response, Role, Section, Source, Text,
};

impl<'a> Resource<'a> {
    /// Makes it a resource of that type; its children follow.
    pub(super) fn begin(&mut self, kind: Text<'a>) {
        self.content = match &*kind {
            "Bundle" if self.level < Bundle::LEVELS_MAX => Content::Bundle(Box::new(Bundle {
                level: self.level + 1,
                ..Bundle::default()
            })),
            "MessageHeader" => Content::MessageHeader(Box::default()),
            "Composition" => Content::Composition(Box::default()),
            "Patient" => Content::Patient(Box::default()),
            "Organization" => Content::Organisation(Organisation::default()),
            "PractitionerRole" | "HealthcareService" => Content::Role(Box::default()),
            "Binary" => Content::Binary(Box::default()),
            "DocumentReference" => Content::DocumentReference(Vec::new()),
            "OperationOutcome" => Content::OperationOutcome(Vec::new()),
            "Practitioner" => Content::Practitioner(Practitioner::default()),
            "Medication"
            | "MedicationRequest"
            | "MedicationStatement"
            | "MedicationAdministration"
            | "MedicationDispense" => Content::Medicine(Coded::default()),
            "AllergyIntolerance" => Content::Allergy(Coded::default()),
            _ => Content::Unread,
        };
        self.kind = Some(kind);
    }
}

impl<'a> Part<'a> for Resource<'a> {
    fn child(&mut self, name: &str) -> Place<'_, 'a> {
        match (name, &mut self.content) {
            ("resourceType", _) => Place::Repeated,
            ("id", _) => Place::Text(&mut self.id),
            ("meta", _) => Place::one(&mut self.meta),
            ("contained", _) => {
                self.contained.push(Resource {
                    // A Bundle within is not looked into.
                    level: Bundle::LEVELS_MAX,
                    ..Resource::default()
                });
                self.contained
                    .last_mut()
                    .map_or(Place::Skip, Place::Resource)
            }
            (_, Content::Unread) => Place::Skip,
            (_, Content::Bundle(bundle)) => bundle.child(name),
            (_, Content::MessageHeader(header)) => header.child(name),
            (_, Content::Composition(composition)) => composition.child(name),
            (_, Content::Patient(patient)) => patient.child(name),
            (_, Content::Organisation(organisation)) => organisation.child(name),
            (_, Content::Role(role)) => role.child(name),
            (_, Content::Binary(attachment)) => attachment.child(name),
            ("content", Content::DocumentReference(contents)) => Place::many(contents),
            (_, Content::DocumentReference(_)) => Place::Skip,
            ("identifier", Content::Practitioner(practitioner)) => {
                Place::many(&mut practitioner.identifiers)
            }
            // What is taken or dispensed, and Medication's own code.
            ("medicationCodeableConcept" | "code", Content::Medicine(medicine)) => {
                Place::one(&mut medicine.what)
            }
            ("code", Content::Allergy(allergy)) => Place::one(&mut allergy.what),
            (_, Content::Practitioner(_) | Content::Medicine(_) | Content::Allergy(_)) => {
                Place::Skip
            }
            ("issue", Content::OperationOutcome(issues)) => Place::many(issues),
            (_, Content::OperationOutcome(_)) => Place::Skip,
        }
    }
}

impl<'a> Part<'a> for Meta<'a> {
    fn child(&mut self, name: &str) -> Place<'_, 'a> {
        match name {
            "profile" => Place::First(&mut self.profile),
            "versionId" => Place::Text(&mut self.version_id),
            "security" => Place::many(&mut self.security),
            _ => Place::Skip,
        }
    }
}

impl<'a> Part<'a> for Bundle<'a> {
    fn child(&mut self, name: &str) -> Place<'_, 'a> {
        match name {
            "identifier" => Place::one(&mut self.identifier),
            "type" => Place::Text(&mut self.usage),
            "timestamp" => Place::Text(&mut self.timestamp),
            "total" => Place::Seen(&mut self.has_total),
            "link" => Place::Seen(&mut self.has_link),
            "entry" => {
                let mut entry = Entry::default();
                entry.resource.level = self.level;
                self.entries.push(entry);
                self.entries
                    .last_mut()
                    .map_or(Place::Skip, |entry| Place::Entry(entry))
            }
            _ => Place::Skip,
        }
    }
}

impl<'a> Part<'a> for Entry<'a> {
    fn child(&mut self, name: &str) -> Place<'_, 'a> {
        match name {
            "fullUrl" => Place::Text(&mut self.full_url),
            "resource" if self.resource.kind.is_some() => Place::Repeated,
            "resource" => Place::Resource(&mut self.resource),
            "request" => Place::Seen(&mut self.foreign.request),
            "response" => Place::Seen(&mut self.foreign.response),
            "search" => Place::Seen(&mut self.foreign.search),
            "link" => Place::Seen(&mut self.foreign.link),
            _ => Place::Skip,
        }
    }
}

impl<'a> Part<'a> for MessageHeader<'a> {
    fn child(&mut self, name: &str) -> Place<'_, 'a> {
        match name {
            "event" => {
                self.release = Some(Release::Stu3);
                Place::one(&mut self.event)
            }
            "eventCoding" => {
                self.release = Some(Release::R4);
                Place::one(&mut self.event)
            }
            "eventUri" => {
                self.release = Some(Release::R4);
                Place::Text(&mut self.event_uri)
            }
            "sender" => Place::one(&mut self.sender),
            "receiver" => Place::one(&mut self.receiver),
            "destination" => Place::many(&mut self.destinations),
            "source" => Place::one(&mut self.source),
            "focus" => Place::many(&mut self.focus),
            "timestamp" => Place::Text(&mut self.timestamp),
            "definition" => Place::Text(&mut self.definition),
            "response" => Place::one(&mut self.response),
            "extension" => Place::many(&mut self.extensions),
            _ => Place::Skip,
        }
    }
}

impl<'a> Part<'a> for Destination<'a> {
    fn child(&mut self, name: &str) -> Place<'_, 'a> {
        match name {
            "endpoint" => Place::Text(&mut self.endpoint),
            "receiver" => Place::one(&mut self.receiver),
            _ => Place::Skip,
        }
    }
}

impl<'a> Part<'a> for Source<'a> {
    fn child(&mut self, name: &str) -> Place<'_, 'a> {
        match name {
            "endpoint" => Place::Text(&mut self.endpoint),
            _ => Place::Skip,
        }
    }
}

impl<'a> Part<'a> for Response<'a> {
    fn child(&mut self, name: &str) -> Place<'_, 'a> {
        match name {
            "identifier" => Place::Text(&mut self.identifier),
            "code" => Place::Text(&mut self.code),
            "details" => Place::one(&mut self.details),
            _ => Place::Skip,
        }
    }
}

impl<'a> Part<'a> for Issue<'a> {
    fn child(&mut self, name: &str) -> Place<'_, 'a> {
        match name {
            "severity" => Place::Text(&mut self.severity),
            "code" => Place::Text(&mut self.code),
            "details" => Place::one(&mut self.details),
            _ => Place::Skip,
        }
    }
}

impl<'a> Part<'a> for Extension<'a> {
    fn child(&mut self, name: &str) -> Place<'_, 'a> {
        match name {
            "url" => Place::Text(&mut self.url),
            "extension" => Place::many(&mut self.instructions),
            "valueCodeableConcept" => Place::one(&mut self.concept),
            "valueReference" => Place::one(&mut self.reference),
            _ => Place::Skip,
        }
    }
}

impl<'a> Part<'a> for Instruction<'a> {
    fn child(&mut self, name: &str) -> Place<'_, 'a> {
        match name {
            "url" => Place::Text(&mut self.name),
            "valueBoolean" => Place::Boolean(&mut self.boolean),
            "valueString" => Place::Text(&mut self.string),
            "valueCoding" => Place::one(&mut self.coding),
            "valueReference" => Place::one(&mut self.reference),
            _ => Place::Skip,
        }
    }
}

impl<'a> Part<'a> for Composition<'a> {
    fn child(&mut self, name: &str) -> Place<'_, 'a> {
        match name {
            "identifier" => Place::one(&mut self.identifier),
            "status" => Place::Text(&mut self.status),
            "type" => Place::one(&mut self.kind),
            "date" => Place::Text(&mut self.date),
            "title" => Place::Text(&mut self.title),
            "confidentiality" => Place::Text(&mut self.confidentiality),
            "subject" => Place::one(&mut self.subject),
            "author" => Place::many(&mut self.authors),
            "custodian" => Place::one(&mut self.custodian),
            "relatesTo" => Place::many(&mut self.relates_to),
            "section" => Place::many(&mut self.sections),
            "extension" => Place::many(&mut self.extensions),
            _ => Place::Skip,
        }
    }
}

impl<'a> Part<'a> for Relation<'a> {
    fn child(&mut self, name: &str) -> Place<'_, 'a> {
        match name {
            "code" => Place::Text(&mut self.code),
            "targetIdentifier" => Place::one(&mut self.target_identifier),
            "targetReference" => Place::one(&mut self.target_reference),
            _ => Place::Skip,
        }
    }
}

impl<'a> Part<'a> for Section<'a> {
    fn child(&mut self, name: &str) -> Place<'_, 'a> {
        match name {
            "title" => Place::Text(&mut self.title),
            "text" => Place::Seen(&mut self.has_text),
            "emptyReason" => Place::Seen(&mut self.has_empty_reason),
            "code" => Place::one(&mut self.code),
            "entry" => Place::many(&mut self.entries),
            "section" => Place::many(&mut self.sections),
            _ => Place::Skip,
        }
    }
}

impl<'a> Part<'a> for Patient<'a> {
    fn child(&mut self, name: &str) -> Place<'_, 'a> {
        match name {
            "identifier" => Place::many(&mut self.identifiers),
            "birthDate" => Place::Text(&mut self.birth_date),
            "gender" => Place::Text(&mut self.gender),
            "name" => Place::many(&mut self.names),
            "link" => Place::Seen(&mut self.has_link),
            "deceasedBoolean" => Place::Boolean(&mut self.deceased),
            "deceasedDateTime" => Place::Text(&mut self.deceased_time),
            "generalPractitioner" => Place::many(&mut self.practices),
            _ => Place::Skip,
        }
    }
}

impl<'a> Part<'a> for Name<'a> {
    fn child(&mut self, name: &str) -> Place<'_, 'a> {
        match name {
            "use" => Place::Text(&mut self.usage),
            // A string in STU3 and R4; the first one where an older list is sent.
            "family" => Place::First(&mut self.family),
            _ => Place::Skip,
        }
    }
}

impl<'a> Part<'a> for Organisation<'a> {
    fn child(&mut self, name: &str) -> Place<'_, 'a> {
        match name {
            "identifier" => Place::many(&mut self.identifiers),
            _ => Place::Skip,
        }
    }
}

impl<'a> Part<'a> for Role<'a> {
    fn child(&mut self, name: &str) -> Place<'_, 'a> {
        match name {
            "organization" | "providedBy" => Place::one(&mut self.organisation),
            "specialty" => Place::many(&mut self.specialties),
            _ => Place::Skip,
        }
    }
}

impl<'a> Part<'a> for AttachmentHolder<'a> {
    fn child(&mut self, name: &str) -> Place<'_, 'a> {
        match name {
            "attachment" => Place::one(&mut self.attachment),
            _ => Place::Skip,
        }
    }
}

impl<'a> Part<'a> for Attachment<'a> {
    fn child(&mut self, name: &str) -> Place<'_, 'a> {
        match name {
            "contentType" => Place::Text(&mut self.content_type),
            "data" => {
                self.release = Some(Release::R4);
                Place::Data(self)
            }
            "content" => {
                self.release = Some(Release::Stu3);
                Place::Data(self)
            }
            _ => Place::Skip,
        }
    }
}
