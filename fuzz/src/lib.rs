//! What every fuzz target does with the bytes it is given: reads them, and asks of what it read all
//! that the broker asks. A target is a file in `targets/` with one call of this, a `[[bin]]` in the
//! manifest, and a folder in `corpus/`.

use std::{collections::BTreeMap, sync::LazyLock};

use axle_core::{
    authorise::authorise,
    organisations::draft::{Draft, Place},
    policy::Policy,
    snapshot::Snapshot,
    validate::validate,
};
use axle_model::{
    answer::ResponseCode,
    digest::Digest,
    envelope::{MediaType, Priority, Submission},
    facts::{Facts, When},
    format::{Limits, read},
    id::{DeliveryId, MessageId, SubmissionId},
    identity::Identity,
    mailbox::{MailboxId, WorkflowId},
    nhs_number::NhsNumber,
    ods::OdsCode,
    patient::{BirthDate, PatientHint},
    time::Timestamp,
};

/// 2026-11-23T09:30:00Z, in microseconds.
const NOW: Timestamp = Timestamp::from_micros(1_795_426_200_000_000);

/// What operators say; making it anew each time would be most of the work.
static SNAPSHOT: LazyLock<Snapshot> = LazyLock::new(Snapshot::default);

/// A document of a media type: its facts, and what the rules say of it.
pub fn document(media_type: MediaType, body: &[u8]) {
    if let Ok(facts) = read(&media_type, body, &Limits::default()) {
        ask(&facts);
    }
    let Ok(sender) = OdsCode::parse("RR8") else {
        return;
    };
    let Ok(id) = SubmissionId::parse("1") else {
        return;
    };
    let submission = Submission {
        id,
        claimed_sender: None,
        recipients: vec![sender],
        patient: None,
        restricted: false,
        workflow: None,
        media_type,
        digest: Digest::of(body),
        body: body.to_vec().into(),
        order_key: None,
        correlation_id: None,
        priority: Priority::Routine,
        time_to_live: None,
        labels: BTreeMap::new(),
    };
    let caller = Identity {
        organisation: Some(sender),
        operator: false,
        serial: "1".to_owned(),
        fingerprint: Digest::of(b"certificate"),
    };
    let policy = Policy::new(Vec::new(), BTreeMap::new());
    if let Ok(authorised) = authorise(&policy, &caller, submission) {
        match validate(&SNAPSHOT, &authorised, NOW) {
            Ok(checked) => {
                let _ = checked.document_identity();
            }
            Err(refusal) => assert!(!refusal.findings.is_empty(), "a refusal names a rule"),
        }
    }
}

/// Everything that is asked of a document's facts.
fn ask(facts: &Facts<'_>) {
    let _ = (
        facts.kind(),
        facts.event_code(),
        facts.sender(),
        facts.custodian(),
    );
    let _ = (
        facts.authors(),
        facts.recipients(),
        facts.receivers(),
        facts.copies(),
    );
    let _ = (
        facts.types().count(),
        facts.section_codes(),
        facts.care_settings(),
    );
    let _ = (
        facts.specialties(),
        facts.stated_practices(),
        facts.recipient_type(),
    );
    let _ = (
        facts.is_restricted(),
        facts.is_deceased(),
        facts.nhs_number_status(),
    );
    let _ = (
        facts.identity(),
        facts.names(),
        facts.replaces(),
        facts.attachments(),
    );
    if let Some(patient) = facts.patient() {
        let _ = (patient.family(), patient.nhs_number().map(NhsNumber::parse));
    }
    // Nothing of a document is in what is printed of it.
    let _ = format!("{facts:?}");
}

/// The small texts of headers, names and look-ups, each as what it may be taken for.
pub fn words(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let _ = (
        OdsCode::parse(text),
        NhsNumber::parse(text),
        ResponseCode::parse(text),
    );
    let _ = (
        MediaType::parse(text),
        When::parse(text),
        Timestamp::parse(text),
    );
    let _ = (PatientHint::parse(text), BirthDate::parse(text));
    let _ = (
        MessageId::parse(text),
        DeliveryId::parse(text),
        SubmissionId::parse(text),
    );
    let _ = (MailboxId::parse(text), WorkflowId::parse(text));
}

/// A register of organisations: each line a record.
pub fn register(bytes: &[u8]) {
    let mut draft = Draft::default();
    for (line, text) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        draft.add(Place { file: 0, line }, text);
    }
    let _ = draft.finish(NOW, NOW);
}
