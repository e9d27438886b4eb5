//! Carried formats: what a document that is not FHIR has to say of itself (V-411 for HL7 v2, V-412 for
//! CDA), that its sender is who it says (V-117), and the rules of FHIR's levels that hold for every
//! format: attachments (V-211 to V-213) and organisations (V-309). Its facts are told in FHIR's words, but the paths
//! here are those that its maker knows.

use axle_model::{
    facts::{Facts, Syntax},
    ods::OdsCode,
};

use super::{attachments, case::Case, organisations, review::Review};
use crate::authorise::Authorised;

/// The kinds of message whose every part is read.
const KINDS: [&str; 3] = ["MDM^T02", "ORU^R01", "REF^I12"];

/// Checks a document that is not FHIR.
pub(super) fn check(review: &mut Review<'_>, facts: &Facts<'_>, authorised: &Authorised) {
    match facts.syntax {
        Syntax::Hl7v2 => {
            from(review, authorised, facts.sender(), "MSH-4");
            hl7v2(review, facts);
        }
        Syntax::Cda => {
            let sender = "DistributionEnvelope.header.senderAddress";
            from(review, authorised, facts.sender(), sender);
            from(
                review,
                authorised,
                facts.custodian(),
                "ClinicalDocument.custodian",
            );
            cda(review, facts);
        }
        Syntax::Json | Syntax::Xml => {}
    }
}

/// Checks what it holds and names.
pub(super) fn coded(review: &mut Review<'_>, case: &Case<'_, '_>) {
    let facts = case.facts;
    let (sender, receiver, copy, attachment) = match facts.syntax {
        Syntax::Hl7v2 => ("MSH-4", "MSH-6", "PRT-8", "OBX-5"),
        Syntax::Cda => (
            "DistributionEnvelope.header.senderAddress",
            "DistributionEnvelope.header.addresslist",
            "ClinicalDocument.informationRecipient",
            "ClinicalDocument.component",
        ),
        Syntax::Json | Syntax::Xml => return,
    };
    let custodian = facts
        .custodian()
        .map(|code| (code, "ClinicalDocument.custodian"));
    let senders = facts.sender().map(|code| (code, sender));
    for (code, path) in senders.into_iter().chain(custodian) {
        if let Some(what) = organisations::trouble(case, code) {
            review.coded("V-309", 20003, path, what);
        }
    }
    for code in facts.receivers() {
        if let Some(what) = organisations::trouble(case, code) {
            review.coded("V-309", 20002, receiver, what);
        }
    }
    for code in facts.copies() {
        if let Some(what) = organisations::trouble(case, code) {
            review.warned("V-309", copy, what);
        }
    }
    // One that is no base64 has been told of.
    let there = facts
        .attachments()
        .into_iter()
        .filter(|one| one.data.is_some());
    for one in there {
        attachments::one(review, one, || attachment.to_owned());
    }
}

/// V-117: the organisation it says it is from is the sender, or delegated to the sender.
fn from(
    review: &mut Review<'_>,
    authorised: &Authorised,
    stated: Option<OdsCode>,
    path: &'static str,
) {
    if let Some(code) = stated
        && !authorised.speaks_for(code)
    {
        let holder = authorised.sender();
        let what =
            format!("the certificate belongs to {holder} but the document says it is from {code}");
        review.found("V-117", path, what);
    }
}

/// V-411: the fields by which a message of HL7 v2 can be told apart, filed and found.
fn hl7v2(review: &mut Review<'_>, facts: &Facts<'_>) {
    let event = facts.event_code();
    match event {
        Some(event) if KINDS.contains(&event) => {}
        Some(event) => {
            let what = format!("{event} is not one of the messages that are read in full");
            review.found("V-411", "MSH-9", what);
        }
        None => review.found("V-411", "MSH-9", "the message does not say what kind it is"),
    }
    let identifier = facts.bundle().and_then(|bundle| bundle.identifier.as_ref());
    if identifier.is_none() {
        let what = "the message has no control id, so a repeat cannot be recognised";
        review.found("V-411", "MSH-10", what);
    }
    if nhs_number(facts).is_none() {
        let what = "no identifier of the patient is an NHS number, by its authority NHS";
        review.found("V-411", "PID-3", what);
    }
    if event.is_some_and(|event| event.starts_with("MDM")) {
        document(review, facts);
    }
    for (index, attachment) in facts.attachments().iter().enumerate() {
        if attachment.data.is_none() {
            let what = format!("attachment {} does not say that it is base64", index + 1);
            review.found("V-411", "OBX-5", what);
        }
    }
}

/// What a message with a document says of it.
fn document(review: &mut Review<'_>, facts: &Facts<'_>) {
    let Some(composition) = facts.composition() else {
        return;
    };
    if composition.kind.is_none() {
        review.found("V-411", "TXA-2", "the document has no type");
    }
    if composition.identifier.is_none() {
        review.found("V-411", "TXA-12", "the document has no number of its own");
    }
    if composition.status.as_deref() != Some("final") {
        let what = "the document is not authenticated (AU) or legally authenticated (LA)";
        review.found("V-411", "TXA-17", what);
    }
}

/// V-412: the elements by which a clinical document can be told apart, filed and found.
fn cda(review: &mut Review<'_>, facts: &Facts<'_>) {
    let Some(document) = facts.document() else {
        return;
    };
    let composition = document.bundle.composition();
    let told = [
        (
            facts.is_cda_r2(),
            "typeId",
            "the document does not say that it is CDA R2, POCD_HD000040",
        ),
        (
            document.bundle.identifier.is_some(),
            "id",
            "the document has no id, so a repeat cannot be recognised",
        ),
        (
            composition.is_some_and(|composition| composition.kind.is_some()),
            "code",
            "the document has no type",
        ),
        (
            nhs_number(facts).is_some(),
            "recordTarget.patientRole.id",
            "no identifier of the patient is an NHS number, by its root",
        ),
    ];
    for (_, element, what) in told.into_iter().filter(|(is_told, ..)| !is_told) {
        review.found("V-412", format!("ClinicalDocument.{element}"), what);
    }
}

fn nhs_number<'f>(facts: &'f Facts<'_>) -> Option<&'f str> {
    facts.patient()?.nhs_number()
}
