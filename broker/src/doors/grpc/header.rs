//! Header: what a sender says about a document, read field by field into the model's types. Every
//! field that is wrong is named, not only the first.

use std::{collections::BTreeMap, time::Duration};

use axle_model::{
    digest::Digest,
    envelope::{MediaType, Priority, Submission},
    id::SubmissionId,
    mailbox::WorkflowId,
    ods::OdsCode,
    patient::PatientHint,
    refusal::{Finding, Reason, Refusal},
};
use axle_proto::v1::{DocumentHeader, PatientAddress, Priority as WirePriority};
use bytes::Bytes;

use crate::view::Limits;

/// The most labels of one submission.
const LABELS_MAX: usize = 16;
/// The longest name of a label, in bytes.
const LABEL_NAME_BYTES_MAX: usize = 40;
/// The longest value of a label, in bytes.
const LABEL_VALUE_BYTES_MAX: usize = 200;
/// The longest reference, in bytes.
const REFERENCE_BYTES_MAX: usize = 100;
/// The longest time to live, ten years: longer is a mistake.
const TIME_TO_LIVE_MAX: Duration = Duration::from_hours(10 * 365 * 24);

/// Reads a header and the document it is about.
pub(super) fn submission_of(
    header: Option<DocumentHeader>,
    body: Bytes,
    limits: &Limits,
) -> Result<Submission, Refusal> {
    let header = present(header)?;
    if body.len() > limits.body_bytes_max {
        return Err(too_large(body.len(), limits.body_bytes_max));
    }
    let (size, sha256) = (header.size_bytes, header.sha256.clone());
    let mut submission = envelope_of(header, limits)?;
    submission.digest = digest_of(&body, size, &sha256)?;
    submission.body = body;
    Ok(submission)
}

/// Reads the header of a document that is uploaded; its length comes beside it.
pub(super) fn uploaded_of(
    header: Option<DocumentHeader>,
    limits: &Limits,
) -> Result<(Submission, u64), Refusal> {
    let header = present(header)?;
    let (size, sha256) = (header.size_bytes, header.sha256.clone());
    let mut submission = envelope_of(header, limits)?;
    submission.digest = Digest::from_slice(&sha256).ok_or_else(|| {
        let what = "it is not a SHA-256 of 32 bytes, which an upload requires";
        Refusal::field("header.sha256", what, "state the digest of the document")
    })?;
    if size == 0 {
        let what = "it is missing, and an upload requires it";
        return Err(Refusal::field(
            "header.size_bytes",
            what,
            "state the document's length",
        ));
    }
    Ok((submission, size))
}

fn present(header: Option<DocumentHeader>) -> Result<DocumentHeader, Refusal> {
    header.ok_or_else(|| {
        Refusal::field(
            "header",
            "the header is missing",
            "say who the document is for, and what it is",
        )
    })
}

/// All that a header says, without the document.
fn envelope_of(header: DocumentHeader, limits: &Limits) -> Result<Submission, Refusal> {
    let mut fields = Fields::default();
    let id = fields.read(
        "header.submission_id",
        SubmissionId::parse(&header.submission_id),
    );
    let claimed_sender = fields.optional("header.sender", &header.sender, OdsCode::parse);
    let patient = fields.patient(header.patient.as_ref(), &header.recipients);
    let recipients = fields.recipients(&header, limits.recipients_max);
    let workflow = fields.optional("header.workflow", &header.workflow, WorkflowId::parse);
    let media_type = fields.media_type(&header.media_type);
    let priority = fields.priority(header.priority);
    let time_to_live = fields.time_to_live(header.time_to_live.as_ref());
    fields.reference("header.patient_ref", &header.patient_ref);
    fields.reference("header.correlation_id", &header.correlation_id);
    let labels = fields.labels(header.labels);
    let (Some(id), Some(media_type), true) = (id, media_type, fields.findings.is_empty()) else {
        return Err(fields.into_refusal());
    };
    let reference = |text: String| (!text.is_empty()).then(|| text.into_boxed_str());
    let order_key = reference(header.patient_ref).map(|text| Digest::of(text.as_bytes()));
    Ok(Submission {
        id,
        claimed_sender,
        recipients,
        patient,
        restricted: header.restricted,
        workflow,
        media_type,
        body: Bytes::new(),
        digest: Digest::from_bytes([0; 32]),
        order_key,
        correlation_id: reference(header.correlation_id),
        priority,
        time_to_live,
        labels,
    })
}

/// The refusal of a document that is larger than one call takes.
pub(super) fn too_large(bytes: usize, bytes_max: usize) -> Refusal {
    let mib = |bytes: usize| format!("{:.1} MiB", bytes as f64 / 1_048_576.0);
    Refusal::new(
        Reason::DocumentTooLarge,
        format!(
            "the document is {}; one call takes at most {}",
            mib(bytes),
            mib(bytes_max)
        ),
        "upload it with UploadDocument",
    )
}

/// The digest of the body, once its length and checksum are those the header states.
fn digest_of(body: &Bytes, size_bytes: u64, sha256: &[u8]) -> Result<Digest, Refusal> {
    if size_bytes != 0 && size_bytes != body.len() as u64 {
        return Err(Refusal::new(
            Reason::SizeMismatch,
            format!(
                "header.size_bytes says {size_bytes} but {} bytes arrived",
                body.len()
            ),
            "send the whole document, and its length",
        ));
    }
    let digest = Digest::of(body);
    if !sha256.is_empty() && sha256 != digest.as_bytes() {
        return Err(Refusal::new(
            Reason::ChecksumMismatch,
            "header.sha256 is not the SHA-256 of the bytes that arrived",
            "send the document again; if it happens again, look for what changes it on the way",
        ));
    }
    Ok(digest)
}

/// What was found wrong so far.
#[derive(Default)]
struct Fields {
    findings: Vec<Finding>,
}

impl Fields {
    fn wrong(&mut self, path: impl Into<String>, what: impl Into<String>, remedy: &'static str) {
        self.findings.push(Finding::field(path, what, remedy));
    }

    fn read<T, E: ToString>(&mut self, path: &str, read: Result<T, E>) -> Option<T> {
        read.map_err(|why| self.wrong(path, why.to_string(), "correct this field"))
            .ok()
    }

    fn optional<T, E: ToString>(
        &mut self,
        path: &str,
        text: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        if text.is_empty() {
            None
        } else {
            self.read(path, parse(text))
        }
    }

    /// The patient whom the document goes by: told by a field of its own, or as MESH writes it among
    /// the recipients, where it must stand alone. What is wrong is told without any of its text.
    fn patient(
        &mut self,
        told: Option<&PatientAddress>,
        recipients: &[String],
    ) -> Option<PatientHint> {
        let is_address = |text: &&String| PatientHint::is_address(text);
        let address = recipients.iter().find(is_address);
        if address.is_some() && (recipients.len() > 1 || told.is_some()) {
            let what = "a recipient by patient stands beside others";
            let remedy = "submit to the patient's practice apart, with its own submission id";
            self.wrong("header.recipients", what, remedy);
            return None;
        }
        if let Some(address) = address {
            return self.read("header.recipients[0]", PatientHint::parse(address));
        }
        let PatientAddress {
            nhs_number,
            birth_date,
            family_name,
        } = told?;
        let patient = PatientHint::new(nhs_number, birth_date, family_name);
        self.read("header.patient", patient)
    }

    /// The organisations named as recipients; addresses by patient are passed over. That there are none
    /// is for routing to judge.
    fn recipients(&mut self, header: &DocumentHeader, recipients_max: usize) -> Vec<OdsCode> {
        let texts = &header.recipients;
        if texts.len() > recipients_max {
            let what = format!(
                "{} recipients; at most {recipients_max} are taken",
                texts.len()
            );
            self.wrong(
                "header.recipients",
                what,
                "submit it in parts, each with its own submission id",
            );
            return Vec::new();
        }
        let mut recipients = Vec::with_capacity(texts.len());
        let organisations = texts.iter().enumerate();
        for (index, text) in organisations.filter(|(_, text)| !PatientHint::is_address(text)) {
            let path = format!("header.recipients[{index}]");
            match self.read(&path, OdsCode::parse(text)) {
                Some(code) if recipients.contains(&code) => {
                    self.wrong(
                        path,
                        format!("{code} is named twice"),
                        "name each recipient once",
                    );
                }
                Some(code) => recipients.push(code),
                None => {}
            }
        }
        recipients
    }

    fn media_type(&mut self, text: &str) -> Option<MediaType> {
        let media_type = MediaType::parse(text);
        if media_type.is_none() {
            let what = if text.is_empty() {
                "it is missing"
            } else {
                "it is not a media type"
            };
            self.wrong(
                "header.media_type",
                what,
                "say application/fhir+json or application/fhir+xml",
            );
        }
        media_type
    }

    fn priority(&mut self, number: i32) -> Priority {
        match WirePriority::try_from(number) {
            Ok(WirePriority::Unspecified | WirePriority::Routine) => Priority::Routine,
            Ok(WirePriority::Urgent) => Priority::Urgent,
            Err(_) => {
                self.wrong(
                    "header.priority",
                    format!("{number} is not a priority"),
                    "routine is 1, urgent is 2",
                );
                Priority::Routine
            }
        }
    }

    fn time_to_live(&mut self, wire: Option<&prost_types::Duration>) -> Option<Duration> {
        let wire = wire?;
        let seconds = u64::try_from(wire.seconds)
            .ok()
            .filter(|&seconds| seconds >= 1);
        let span = seconds
            .map(Duration::from_secs)
            .filter(|&span| span <= TIME_TO_LIVE_MAX);
        if span.is_none() {
            self.wrong(
                "header.time_to_live",
                "it is not between one second and ten years",
                "correct it, or leave it out",
            );
        }
        span
    }

    fn reference(&mut self, path: &str, text: &str) {
        if text.len() > REFERENCE_BYTES_MAX || text.chars().any(char::is_control) {
            let what =
                format!("it is longer than {REFERENCE_BYTES_MAX} bytes or has control characters");
            self.wrong(path, what, "use a short opaque reference");
        }
    }

    fn labels(
        &mut self,
        wire: std::collections::HashMap<String, String>,
    ) -> BTreeMap<String, String> {
        if wire.len() > LABELS_MAX {
            let what = format!("{} labels; at most {LABELS_MAX} are taken", wire.len());
            self.wrong("header.labels", what, "leave some out");
        }
        let fits = |(name, value): (&String, &String)| {
            let plain = name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
            plain
                && (1..=LABEL_NAME_BYTES_MAX).contains(&name.len())
                && value.len() <= LABEL_VALUE_BYTES_MAX
                && !value.chars().any(char::is_control)
        };
        if !wire.iter().all(fits) {
            let what = "a name is not 1 to 40 letters, digits, '_', '-' and '.', or a value is over 200 bytes";
            self.wrong("header.labels", what, "shorten them");
        }
        wire.into_iter().collect()
    }

    fn into_refusal(self) -> Refusal {
        let said: Vec<_> = self
            .findings
            .iter()
            .map(|finding| format!("{}: {}", finding.path, finding.what))
            .collect();
        let remedy = self
            .findings
            .first()
            .map(|finding| finding.remedy.clone())
            .unwrap_or_default();
        Refusal::new(Reason::HeaderFieldInvalid, said.join("; "), remedy).with(self.findings)
    }
}

#[cfg(test)]
mod tests;
