//! Documents and headers for the proofs: synthetic ones, dated today, and a small one for load.

use std::{
    fmt::Write as _,
    sync::OnceLock,
    time::{SystemTime, UNIX_EPOCH},
};

use axle_model::{
    digest::Digest,
    ods::OdsCode,
    synthetic::{Document, nhs_number},
    time::Timestamp,
};
use axle_proto::v1::DocumentHeader;

/// A document's media type.
pub const XML: &str = "application/fhir+xml";
/// A document's media type.
pub const JSON: &str = "application/fhir+json";

/// The present moment.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let micros = since.expect("a clock after 1970").as_micros();
    Timestamp::from_micros(u64::try_from(micros).expect("a clock before the year 500,000"))
}

/// An ODS code.
pub fn ods(code: &str) -> OdsCode {
    OdsCode::parse(code).expect("an ODS code")
}

/// Synthetic document `number` from a trust for a practice, written now.
pub fn document(number: u64, sender: &str, practice: &str) -> Document {
    Document::new(number, ods(sender), ods(practice)).written_at(now())
}

/// A header for these recipients; everything else is left to the SDK.
pub fn to(recipients: &[&str]) -> DocumentHeader {
    DocumentHeader {
        recipients: recipients.iter().map(ToString::to_string).collect(),
        ..DocumentHeader::default()
    }
}

/// The same header under this submission id.
pub fn named(submission_id: &str, header: DocumentHeader) -> DocumentHeader {
    DocumentHeader {
        submission_id: submission_id.to_owned(),
        ..header
    }
}

/// A FHIR R4 document of about a kilobyte, for load: the smallest that keeps every rule. `filler`
/// bytes are added to its narrative. The same arguments give the same bytes, in one process. Each key
/// has a patient of its own, so that none of them waits for another.
pub fn small(key: &str, sender: &str, filler: usize) -> String {
    let hash = Digest::of(key.as_bytes());
    let (first, _) = hash.as_bytes().split_at(8);
    let number = u64::from_be_bytes(first.try_into().expect("eight bytes"));
    let patient = nhs_number(number).expose();
    static WRITTEN: OnceLock<Timestamp> = OnceLock::new();
    let time = WRITTEN.get_or_init(now);
    let mut text = String::with_capacity(1_200 + filler);
    write!(
        text,
        r#"{{"resourceType":"Bundle","meta":{{"profile":["https://fhir.hl7.org.uk/StructureDefinition/UKCore-Bundle"]}},
"identifier":{{"system":"https://tools.ietf.org/html/rfc4122","value":"{key}"}},"type":"document","timestamp":"{time}",
"entry":[{{"fullUrl":"urn:uuid:6f1d6f5c-2f58-4d3e-9f0c-0d8a5f3f7a01","resource":{{"resourceType":"Composition","status":"final",
"type":{{"coding":[{{"system":"http://snomed.info/sct","code":"823681000000100","display":"Outpatient letter"}}]}},
"date":"{time}","title":"Outpatient letter","author":[{{"display":"Clinic"}}],
"subject":{{"reference":"urn:uuid:6f1d6f5c-2f58-4d3e-9f0c-0d8a5f3f7a02"}},
"custodian":{{"reference":"urn:uuid:6f1d6f5c-2f58-4d3e-9f0c-0d8a5f3f7a03"}},
"section":[{{"title":"Plan","text":{{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">"#
    )
    .expect("a String takes all");
    text.extend(std::iter::repeat_n('x', filler));
    write!(
        text,
        r#"</div>"}}}}]}}}},
{{"fullUrl":"urn:uuid:6f1d6f5c-2f58-4d3e-9f0c-0d8a5f3f7a02","resource":{{"resourceType":"Patient","identifier":[{{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"{patient:010}"}}]}}}},
{{"fullUrl":"urn:uuid:6f1d6f5c-2f58-4d3e-9f0c-0d8a5f3f7a03","resource":{{"resourceType":"Organization","identifier":[{{"system":"https://fhir.nhs.uk/Id/ods-organization-code","value":"{sender}"}}]}}}}]}}"#
    )
    .expect("a String takes all");
    text
}
