//! Documents to measure with: the model's synthetic ones, a large one made of clinical entries, and
//! templates that make many different documents cheaply. Nothing here is about anybody.

use std::{collections::BTreeMap, fmt::Write as _};

use axle_model::{
    digest::Digest,
    envelope::{MediaType, Priority, Submission},
    id::SubmissionId,
    mailbox::WorkflowId,
    ods::OdsCode,
    synthetic::{Document, nhs_number},
    time::Timestamp,
};
use bytes::Bytes;
use uuid::Uuid;

/// 16 KiB, the size of an ordinary letter.
pub const LETTER_BYTES: usize = 16 * 1024;
/// 1 MiB.
pub const MIB: usize = 1024 * 1024;

const UUID_LENGTH: usize = 36;

/// A document with what it is, as a trust would send it.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What it is called in results.
    pub name: &'static str,
    /// What it is declared to be.
    pub media_type: MediaType,
    /// Its bytes.
    pub body: Bytes,
}

/// The four documents of the routing path, written `now` by `sender` for `practice`.
pub fn samples(sender: OdsCode, practice: OdsCode, now: Timestamp) -> [Sample; 4] {
    let document = Document::new(1, sender, practice).written_at(now);
    let sample = |name, media_type, text: String| Sample {
        name,
        media_type,
        body: text.into(),
    };
    let letter = document.outpatient_letter_json();
    [
        sample("r4_json_16k", MediaType::FhirJson, letter.clone()),
        sample(
            "stu3_xml_36k",
            MediaType::FhirXml,
            document.discharge_summary_xml(),
        ),
        sample(
            "attachment_json_1m",
            MediaType::FhirJson,
            document.sized(MIB).outpatient_letter_json(),
        ),
        sample(
            "clinical_json_1m",
            MediaType::FhirJson,
            with_observations(&letter, MIB),
        ),
    ]
}

/// An R4 document with Observations of its patient added until it has about `bytes`.
fn with_observations(letter: &str, bytes: usize) -> String {
    let patient = reference_after(letter, "\"subject\"").unwrap_or_default();
    let end = letter.rfind(']').unwrap_or(letter.len());
    let (head, tail) = letter.split_at(end);
    let mut text = String::with_capacity(bytes + 1024);
    text.push_str(head.trim_end());
    for number in 0.. {
        if text.len() + tail.len() >= bytes {
            break;
        }
        let id = Uuid::from_u128(0x6f1d_6f5c_2f58_4d3e_9f0c_0000_0000_0000 + number);
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            r#",
    {{
      "fullUrl": "urn:uuid:{id}",
      "resource": {{
        "resourceType": "Observation",
        "id": "{id}",
        "status": "final",
        "category": [
          {{
            "coding": [
              {{
                "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                "code": "laboratory"
              }}
            ]
          }}
        ],
        "code": {{
          "coding": [
            {{
              "system": "http://snomed.info/sct",
              "code": "1022431000000105",
              "display": "Haemoglobin concentration"
            }}
          ]
        }},
        "subject": {{
          "reference": "{patient}"
        }},
        "valueQuantity": {{
          "value": {value},
          "unit": "g/L",
          "system": "http://unitsofmeasure.org",
          "code": "g/L"
        }}
      }}
    }}"#,
            value = 110 + number % 50
        );
    }
    text.push_str(tail);
    text
}

/// The first reference that follows `element`.
fn reference_after<'t>(text: &'t str, element: &str) -> Option<&'t str> {
    let (_, after) = text.split_once(element)?;
    let (_, value) = after.split_once("\"reference\": \"")?;
    value.split_once('"').map(|(value, _)| value)
}

/// A submission of `body` under the id `id`, as the gRPC door would make it.
pub fn submission(
    id: SubmissionId,
    practice: OdsCode,
    media_type: MediaType,
    body: Bytes,
) -> Submission {
    Submission {
        id,
        claimed_sender: None,
        recipients: vec![practice],
        patient: None,
        restricted: false,
        workflow: None,
        media_type,
        digest: Digest::of(&body),
        body,
        order_key: None,
        correlation_id: None,
        priority: Priority::Routine,
        time_to_live: None,
        labels: BTreeMap::new(),
    }
}

/// A workflow of an estate, by its number.
pub fn workflow_name(number: usize) -> String {
    format!("LOAD_{number}")
}

/// The same as an id; `None` never, for the names above are of the right shape.
pub fn workflow(number: usize) -> Option<WorkflowId> {
    WorkflowId::parse(&workflow_name(number)).ok()
}

/// Makes documents that differ in their UUID and in their patient: enough to be different documents for
/// the broker, which tells them apart by their identifiers, and to be told apart by those who count
/// them; and none of them waits for another. (With one Composition.identifier they would be versions of
/// one document, which are accepted one after the other.)
#[derive(Clone, Debug)]
pub struct Template {
    bytes: Vec<u8>,
    uuid_at: usize,
    /// Where the Composition's identifier is, in documents that have one.
    composition_at: Option<usize>,
    /// Where the patient's NHS number is, in documents that have one.
    patient_at: Option<usize>,
    media_type: &'static str,
}

impl Template {
    /// Bytes that no broker reads, `bytes` of them (at least 36).
    pub fn opaque(bytes: usize) -> Self {
        // Printable and without a period that a compressor or a cache would profit from.
        let filler = (0..bytes.max(UUID_LENGTH) as u64).map(|at| {
            let mixed = at.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
            b' ' + u8::try_from(mixed % 94).unwrap_or_default()
        });
        Self {
            bytes: filler.collect(),
            uuid_at: 0,
            composition_at: None,
            patient_at: None,
            media_type: "application/octet-stream",
        }
    }

    /// An R4 outpatient letter as FHIR JSON from `sender` for `practice`, written `now`; brought up to
    /// `bytes` by an attachment when that is more than it has.
    pub fn letter(sender: OdsCode, practice: OdsCode, now: Timestamp, bytes: usize) -> Self {
        let document = Document::new(1, sender, practice).written_at(now);
        let plain = document.outpatient_letter_json();
        let text = match plain.len() + 2 * 1024 < bytes {
            true => document.sized(bytes).outpatient_letter_json(),
            false => plain,
        };
        // The Bundle's own identifier is the first one of the text, the Composition's the second.
        let mut identifiers = text.match_indices("\"identifier\"").map(|(at, _)| {
            let prefix = "\"value\": \"";
            let value = text.get(at..).and_then(|rest| rest.find(prefix));
            let value = at + value.unwrap_or_default() + prefix.len();
            let digits = text.get(value..).unwrap_or_default();
            value + digits.find(|c: char| c.is_ascii_hexdigit()).unwrap_or(0)
        });
        let patient = format!("{:010}", nhs_number(1).expose());
        Self {
            patient_at: text.find(&patient),
            uuid_at: identifiers.next().unwrap_or_default(),
            composition_at: identifiers.next(),
            bytes: text.into_bytes(),
            media_type: "application/fhir+json",
        }
    }

    /// What the documents are declared to be.
    pub const fn media_type(&self) -> &'static str {
        self.media_type
    }

    /// How long each is, in bytes.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Document `sequence` (below 2⁶²) of the run `run`.
    pub fn make(&self, run: u64, sequence: u64) -> Bytes {
        let mut bytes = self.bytes.clone();
        let uuid = numbered(run, sequence);
        for at in [Some(self.uuid_at), self.composition_at]
            .into_iter()
            .flatten()
        {
            if let Some(place) = bytes.get_mut(at..at + UUID_LENGTH) {
                uuid.hyphenated().encode_lower(place);
            }
        }
        let place = self.patient_at.and_then(|at| bytes.get_mut(at..at + 10));
        if let Some(place) = place {
            let patient = format!("{:010}", nhs_number(sequence).expose());
            place.copy_from_slice(patient.as_bytes());
        }
        bytes.into()
    }

    /// The sequence of a document of the run `run`; `None` for any other.
    pub fn sequence(&self, run: u64, document: &[u8]) -> Option<u64> {
        let place = document.get(self.uuid_at..self.uuid_at + UUID_LENGTH)?;
        let uuid = Uuid::try_parse_ascii(place).ok()?;
        let sequence = uuid.as_u64_pair().1 & (u64::MAX >> 2);
        (document.len() == self.bytes.len() && uuid == numbered(run, sequence)).then_some(sequence)
    }
}

fn numbered(run: u64, sequence: u64) -> Uuid {
    let number = u128::from(run) << 64 | u128::from(sequence);
    uuid::Builder::from_random_bytes(number.to_be_bytes()).into_uuid()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use axle_model::{envelope::MediaType, format, ods::OdsCode, time::Timestamp};

    use super::{LETTER_BYTES, MIB, Template, samples};

    const NOW: Timestamp = Timestamp::from_micros(1_795_339_800_000_000);

    fn ods(code: &str) -> OdsCode {
        OdsCode::parse(code).unwrap()
    }

    #[test]
    fn the_samples_can_be_read_and_have_the_sizes_they_are_named_for() {
        let sizes = [
            15_000..20_000,
            33_000..40_000,
            MIB - 4..MIB + 4,
            MIB..MIB + 2_000,
        ];
        for (sample, size) in samples(ods("RR8"), ods("P81000"), NOW).iter().zip(sizes) {
            let limits = format::Limits::default();
            format::read(&sample.media_type, &sample.body, &limits).unwrap();
            let bytes = sample.body.len();
            assert!(size.contains(&bytes), "{}: {bytes} bytes", sample.name);
        }
    }

    #[test]
    fn documents_of_a_template_are_different_documents_and_say_which_they_are() {
        let letter = Template::letter(ods("RR8"), ods("P81000"), NOW, LETTER_BYTES);
        let identity = |sequence| {
            let bytes = letter.make(7, sequence);
            let limits = format::Limits::default();
            let facts = format::read(&MediaType::FhirJson, &bytes, &limits).unwrap();
            facts.identity().unwrap()
        };
        assert_ne!(identity(1), identity(2));
        let patient = |sequence| {
            let bytes = letter.make(7, sequence);
            let limits = format::Limits::default();
            let facts = format::read(&MediaType::FhirJson, &bytes, &limits).unwrap();
            facts.patient().unwrap().nhs_number().unwrap().to_owned()
        };
        assert_ne!(patient(1), patient(2));
        for template in [Template::opaque(LETTER_BYTES), letter] {
            let third = template.make(7, 3);
            assert_eq!(third.len(), template.size());
            assert_eq!(template.sequence(7, &third), Some(3));
            assert_eq!(template.sequence(8, &third), None);
            assert_eq!(template.sequence(7, &third[1..]), None);
        }
    }
}
