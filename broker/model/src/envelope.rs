//! The envelope: what a sender says about a document, and the document's bytes. Everything in it has
//! been read into the field's own types; nothing in it is trusted yet.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use bytes::Bytes;

use crate::{
    digest::Digest, id::SubmissionId, mailbox::WorkflowId, ods::OdsCode, patient::PatientHint,
};

/// One submit: a document, whom it is for, and how it is to travel.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The sender's own name for it: the idempotency key.
    pub id: SubmissionId,
    /// The sender the header claims; the certificate decides (never the other way round).
    pub claimed_sender: Option<OdsCode>,
    /// The organisations it is for, in the order given, without repeats. Empty leaves the recipient
    /// to the routing table.
    pub recipients: Vec<OdsCode>,
    /// The patient whose registered practice it is for, instead of a recipient. Used at the door only.
    pub patient: Option<PatientHint>,
    /// Whether the sender marks it as restricted: it then goes to named recipients only.
    pub restricted: bool,
    /// The workflow named by the sender; `None` leaves it to the routing table.
    pub workflow: Option<WorkflowId>,
    /// What the bytes are said to be.
    pub media_type: MediaType,
    /// The document, as it will be delivered.
    pub body: Bytes,
    /// SHA-256 of `body`.
    pub digest: Digest,
    /// Which of one patient's documents these are, for order; a digest, so that it identifies nobody.
    pub order_key: Option<Digest>,
    /// The sender's reference to a conversation, handed on as it is.
    pub correlation_id: Option<Box<str>>,
    /// How soon it should be collected.
    pub priority: Priority,
    /// How long it may wait to be collected; `None` for the workflow's own limit.
    pub time_to_live: Option<Duration>,
    /// Small facts of the sender's own, handed on as they are.
    pub labels: BTreeMap<String, String>,
}

impl Submission {
    /// The digest of all that makes two submits the same: the same id with another digest is a
    /// conflict, not a repeat. Recipients count as a set, since their order decides nothing.
    pub fn request_digest(&self) -> Digest {
        let mut recipients = self.recipients.clone();
        recipients.sort_unstable();
        let mut parts: Vec<&[u8]> = vec![
            self.digest.as_bytes(),
            self.media_type.as_str().as_bytes(),
            self.workflow
                .as_ref()
                .map_or("", |workflow| workflow.as_str())
                .as_bytes(),
            self.priority.as_str().as_bytes(),
            self.correlation_id
                .as_deref()
                .unwrap_or_default()
                .as_bytes(),
            self.order_key
                .as_ref()
                .map_or(&[], |key| key.as_bytes().as_slice()),
        ];
        let patient = self.patient.as_ref().map(|patient| {
            let (number, born) = (patient.nhs_number.expose(), patient.birth_date.expose());
            (number.to_be_bytes(), born, patient.family.as_bytes())
        });
        if let Some((number, born, family)) = &patient {
            parts.extend([number.as_slice(), born.as_bytes(), family]);
        }
        if self.restricted {
            parts.push(b"restricted");
        }
        let seconds = self
            .time_to_live
            .map_or([0; 8], |ttl| ttl.as_secs().to_be_bytes());
        parts.push(&seconds);
        parts.extend(
            recipients
                .iter()
                .map(|recipient| recipient.as_str().as_bytes()),
        );
        let labels = self
            .labels
            .iter()
            .flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
        parts.extend(labels);
        Digest::of_parts(parts)
    }
}

/// How soon a document should be collected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Before everything that is routine.
    Urgent,
    /// In its turn.
    #[default]
    Routine,
}

impl Priority {
    /// The priority in a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Urgent => "urgent",
            Self::Routine => "routine",
        }
    }
}

/// What a recipient is to do with a document (ITK-RecipientType-1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecipientType {
    /// Act on it: the one it is for.
    #[default]
    ForAction,
    /// Know of it: everybody who gets a copy.
    ForInformation,
}

impl RecipientType {
    /// Both.
    pub const ALL: [Self; 2] = [Self::ForAction, Self::ForInformation];

    /// The code.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ForAction => "FA",
            Self::ForInformation => "FI",
        }
    }

    /// Reads a code.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == code)
    }
}

/// What a document's bytes are declared to be.
#[derive(Clone, PartialEq, Eq)]
pub enum MediaType {
    /// `application/fhir+json`
    FhirJson,
    /// `application/fhir+xml`
    FhirXml,
    /// `x-application/hl7-v2+er7`: HL7 v2, in its own syntax of segments.
    Hl7v2,
    /// `application/cda+xml`: HL7 CDA R2.
    Cda,
    /// Anything else: carried unread, and only by a workflow that allows it.
    Opaque(Arc<str>),
}

impl MediaType {
    const LENGTH_MAX: usize = 100;

    /// Reads a media type (RFC 9110, section 8.3.1): case and parameters such as `charset` are set
    /// aside. `None` for what is not of the shape `type/subtype`.
    pub fn parse(text: &str) -> Option<Self> {
        let essence = text.split(';').next()?.trim_matches([' ', '\t']);
        if essence.len() > Self::LENGTH_MAX {
            return None;
        }
        let (kind, subtype) = essence.split_once('/')?;
        let token = |part: &str| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b);
            !part.is_empty() && part.bytes().all(plain)
        };
        if !token(kind) || !token(subtype) {
            return None;
        }
        Some(match essence.to_ascii_lowercase().as_str() {
            "application/fhir+json" => Self::FhirJson,
            "application/fhir+xml" => Self::FhirXml,
            "x-application/hl7-v2+er7" | "application/hl7-v2" => Self::Hl7v2,
            "application/cda+xml" => Self::Cda,
            other => Self::Opaque(other.into()),
        })
    }

    /// Whether documents of this type are read: their facts route and check them.
    pub const fn is_read(&self) -> bool {
        match self {
            Self::FhirJson | Self::FhirXml | Self::Hl7v2 | Self::Cda => true,
            Self::Opaque(_) => false,
        }
    }

    /// The media type as text, without parameters.
    pub fn as_str(&self) -> &str {
        match self {
            Self::FhirJson => "application/fhir+json",
            Self::FhirXml => "application/fhir+xml",
            Self::Hl7v2 => "x-application/hl7-v2+er7",
            Self::Cda => "application/cda+xml",
            Self::Opaque(text) => text,
        }
    }
}

impl fmt::Debug for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::MediaType;

    #[test]
    fn parameters_and_case_are_set_aside() {
        for text in [
            "application/fhir+json",
            "Application/FHIR+JSON; charset=utf-8",
        ] {
            assert_eq!(MediaType::parse(text), Some(MediaType::FhirJson), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_media_type_is_refused() {
        for text in [
            "",
            "json",
            "/",
            "application/",
            "a b/c",
            "application/fhir\n",
        ] {
            assert_eq!(MediaType::parse(text), None, "{text:?}");
        }
    }
}
