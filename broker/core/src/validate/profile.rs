//! L4, profiles: what a document of its kind should bring (V-401 to V-410). Its kind is told by the
//! event, or, where there is no header, by its type.

use axle_model::{
    facts::{Facts, Flag, MessageHeader, Section},
    nhs_number::NhsNumber,
    patient::BirthDate,
};

use super::{case::Case, envelope::Exchange, review::Review};
use crate::registration::FamilyName;

const HEADER: &str = "Bundle.entry[0].resource";
const DISCHARGE_SUMMARY: &str = "373942005";
const OUTPATIENT_LETTER: &str = "823681000000100";
const PATIENT_SUMMARY: &str = "60591-5";
const EMERGENCY_DEPARTMENT: &str = "394576009";
/// The system of the events of the Electronic Prescription Service.
const PRESCRIPTION_EVENTS: &str = "https://fhir.nhs.uk/CodeSystem/message-event";
/// The system of ITK3's response codes.
const RESPONSE_CODES: &str = "https://fhir.nhs.uk/STU3/CodeSystem/ITK-ResponseCodes-1";

const ATTENDANCE: (&str, &str) = ("1077881000000105", "Attendance details");
const CLINICAL_SUMMARY: (&str, &str) = ("887181000000106", "Clinical summary");
const DISCHARGE: [(&str, &str); 5] = [
    ("886731000000109", "Patient demographics"),
    ("886711000000101", "GP practice"),
    ("887231000000104", "Person completing record"),
    ("886811000000106", "Discharge details"),
    ("887201000000105", "Plan and requested actions"),
];
const SUMMARY: [(&str, &str); 3] = [
    ("11450-4", "Problems"),
    ("48765-2", "Allergies"),
    ("10160-0", "Medicines"),
];

/// What kind of document it is, as far as there are rules for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Profile {
    /// Transfer of Care: discharge from a ward, or from mental health care.
    Discharge,
    /// Transfer of Care: discharge from emergency care.
    Emergency,
    /// Transfer of Care: outpatient letter.
    Outpatient,
    /// GP Connect Send Document.
    SendDocument,
    /// International Patient Summary.
    Summary,
    /// Booking and referral.
    Bars,
    /// A prescription on its way to the prescription service.
    Prescription,
    /// ITK3 response.
    Response,
    /// Anything else.
    Other,
}

impl Profile {
    pub(super) fn of(facts: &Facts<'_>, exchange: Exchange) -> Self {
        let event = facts.event_code().unwrap_or_default();
        let system = facts.event().and_then(|event| event.system());
        match event {
            "ITK003D" | "ITK004D" => return Self::Discharge,
            "ITK005D" => return Self::Emergency,
            "ITK006D" => return Self::Outpatient,
            "ITK007C" => return Self::SendDocument,
            "ITK008M" => return Self::Response,
            _ if exchange == Exchange::Bars => return Self::Bars,
            _ if system == Some(PRESCRIPTION_EVENTS) && event.starts_with("prescription-order") => {
                return Self::Prescription;
            }
            _ => {}
        }
        // A message of another event says itself what it is for.
        if facts.header().is_some() {
            return Self::Other;
        }
        let is = |code: &str| facts.types().any(|(_, found)| found == code);
        if is(PATIENT_SUMMARY) {
            Self::Summary
        } else if is(OUTPATIENT_LETTER) {
            Self::Outpatient
        } else if is(DISCHARGE_SUMMARY) && is_emergency(facts) {
            Self::Emergency
        } else if is(DISCHARGE_SUMMARY) {
            Self::Discharge
        } else {
            Self::Other
        }
    }

    pub(super) const fn is_transfer_of_care(self) -> bool {
        matches!(self, Self::Discharge | Self::Emergency | Self::Outpatient)
    }
}

fn is_emergency(facts: &Facts<'_>) -> bool {
    let settings = facts.care_settings();
    settings
        .iter()
        .any(|(_, code)| *code == EMERGENCY_DEPARTMENT)
}

/// Checks a document by the rules of its kind.
pub(super) fn check(review: &mut Review<'_>, case: &Case<'_, '_>, profile: Profile) {
    match profile {
        Profile::Discharge => present(review, case, "V-401", &DISCHARGE),
        Profile::Emergency => {
            present(review, case, "V-401", &DISCHARGE);
            present(review, case, "V-402", &[ATTENDANCE]);
            if !is_emergency(case.facts) {
                let path = case.composition_path().unwrap_or_default();
                let what = "the care setting is not emergency care (394576009)";
                review.found("V-402", format!("{path}.extension"), what);
            }
        }
        Profile::Outpatient => present(review, case, "V-403", &[ATTENDANCE, CLINICAL_SUMMARY]),
        Profile::SendDocument => letter(review, case),
        Profile::Summary => summary(review, case),
        Profile::Bars => bars(review, case),
        Profile::Prescription => {
            let what = "a prescription is for the prescription service, not for a practice";
            review.found("V-409", format!("{HEADER}.event"), what);
        }
        Profile::Response => response(review, case),
        Profile::Other => {}
    }
    same_patient(review, case);
    type_and_event(review, case, profile);
}

/// The sections that a document of its kind should have.
fn present(review: &mut Review<'_>, case: &Case<'_, '_>, rule: &str, expected: &[(&str, &str)]) {
    if case.facts.composition().is_none() {
        return;
    }
    let codes = case.facts.section_codes();
    for (code, title) in expected {
        if !codes.iter().any(|(_, found)| found == code) {
            let path = case.composition_path().unwrap_or_default();
            let what = format!("the section {title} ({code}) is missing");
            review.found(rule, format!("{path}.section"), what);
        }
    }
}

/// V-404: a letter, and no receivers where the patient's practice is looked up.
fn letter(review: &mut Review<'_>, case: &Case<'_, '_>) {
    let Some(document) = case.spaces.document(case.facts) else {
        return;
    };
    fn entries<'f>(sections: &'f [Section<'_>], found: &mut Vec<&'f str>) {
        for section in sections {
            found.extend(section.entries.iter().filter_map(|entry| entry.address()));
            entries(&section.sections, found);
        }
    }
    let mut addresses = Vec::new();
    if let Some(composition) = document.bundle.composition() {
        entries(&composition.sections, &mut addresses);
    }
    let is_binary = |address: &&str| {
        let entry = document.addresses.find(address);
        let entry = entry.and_then(|place| document.bundle.entries.get(place));
        entry.is_some_and(|entry| entry.resource.kind.as_deref() == Some("Binary"))
    };
    if !addresses.iter().any(is_binary) {
        let path = format!("{}.entry[0].resource.section", document.path);
        review.found("V-404", path, "no section refers to the letter (a Binary)");
    }
    let submission = case.authorised.submission();
    let by_patient = submission.recipients.is_empty() && submission.patient.is_some();
    let names =
        |header: &MessageHeader<'_>| header.receiver.is_some() || !header.destinations.is_empty();
    if by_patient && case.facts.header().is_some_and(names) {
        let what = "the message names a receiver, but goes to the patient's practice";
        review.found("V-404", format!("{HEADER}.destination"), what);
    }
}

/// V-405: a document that goes by its patient is about that patient. It would go to a stranger's
/// practice otherwise, so this holds whatever kind it is.
fn same_patient(review: &mut Review<'_>, case: &Case<'_, '_>) {
    let Some(meant) = case.authorised.submission().patient.as_ref() else {
        return;
    };
    let Some((path, patient)) = case.subject() else {
        return;
    };
    let differs = |name: &str| {
        let what = "the document is not about the patient whose practice is to be found";
        (format!("{path}.{name}"), what)
    };
    let number = patient.nhs_number().map(NhsNumber::parse);
    let born = patient.birth_date.as_deref().map(BirthDate::parse);
    let wrong = [
        (
            "identifier",
            number.is_some_and(|number| number != Ok(meant.nhs_number)),
        ),
        (
            "birthDate",
            born.is_some_and(|born| born != Ok(meant.birth_date)),
        ),
        (
            "name",
            patient
                .family()
                .is_some_and(|family| FamilyName::of(family) != FamilyName::of(&meant.family)),
        ),
    ];
    for (name, _) in wrong.iter().filter(|(_, wrong)| *wrong) {
        let (path, what) = differs(name);
        review.found("V-405", path, what);
    }
}

/// V-406: the event and the type speak of the same kind of document.
fn type_and_event(review: &mut Review<'_>, case: &Case<'_, '_>, profile: Profile) {
    let expected = match profile {
        Profile::Discharge | Profile::Emergency => DISCHARGE_SUMMARY,
        Profile::Outpatient => OUTPATIENT_LETTER,
        Profile::SendDocument
        | Profile::Summary
        | Profile::Bars
        | Profile::Prescription
        | Profile::Response
        | Profile::Other => return,
    };
    let mut types = case.facts.types().peekable();
    if types.peek().is_some() && !types.any(|(_, code)| code == expected) {
        let path = case.composition_path().unwrap_or_default();
        let what = "the document's type is not the one that the message's event is for";
        review.found("V-406", format!("{path}.type"), what);
    }
}

/// V-407: the sections that every patient summary has, each with something in it.
fn summary(review: &mut Review<'_>, case: &Case<'_, '_>) {
    let (Some(path), Some(composition)) = (case.composition_path(), case.facts.composition())
    else {
        return;
    };
    for (code, title) in SUMMARY {
        let is = |section: &&Section<'_>| section.code.as_ref().is_some_and(|one| one.has(code));
        let what = match composition.sections.iter().find(is) {
            None => format!("the section {title} ({code}) is missing"),
            Some(section) if section.entries.is_empty() && !section.has_empty_reason => {
                format!("the section {title} ({code}) has neither entries nor an emptyReason")
            }
            Some(_) => continue,
        };
        review.found("V-407", format!("{path}.section"), what);
    }
}

/// V-408: what a booking or referral is and where it goes.
fn bars(review: &mut Review<'_>, case: &Case<'_, '_>) {
    let Some(header) = case.facts.header() else {
        return;
    };
    let event = case.facts.event_code().unwrap_or_default();
    let known = [
        "servicerequest-request",
        "servicerequest-response",
        "booking-request",
        "booking-response",
    ];
    if !known.contains(&event) {
        let what = "the event is not one of booking and referral";
        review.found("V-408", format!("{HEADER}.event"), what);
    }
    let destination = header.destinations.first();
    let path = format!("{HEADER}.destination");
    match destination {
        None => review.found("V-408", path, "the message has no destination"),
        Some(destination) => {
            if destination.endpoint.is_none() {
                let what = "the destination has no endpoint";
                review.found("V-408", format!("{path}.endpoint"), what);
            }
            if destination.receiver.is_none() {
                let what = "the destination has no receiver";
                review.found("V-408", format!("{path}.receiver"), what);
            }
        }
    }
}

/// V-410: an answer that names what it answers, says one thing, and asks for no answer itself.
fn response(review: &mut Review<'_>, case: &Case<'_, '_>) {
    let Some(header) = case.facts.header() else {
        return;
    };
    let response = header.response.as_ref();
    let there = [
        (
            "identifier",
            response.is_some_and(|one| one.identifier.is_some()),
        ),
        ("code", response.is_some_and(|one| one.code.is_some())),
    ];
    for (name, _) in there.iter().filter(|(_, there)| !there) {
        let what = format!("the response has no {name}");
        review.found("V-410", format!("{HEADER}.response.{name}"), what);
    }
    let mut issues = 0;
    for issue in case.facts.issues() {
        issues += 1;
        let codings = issue.details.iter().flat_map(|details| &details.codings);
        if codings
            .filter(|coding| coding.system() == Some(RESPONSE_CODES))
            .count()
            != 1
        {
            let what = "an issue of the outcome has not exactly one ITK3 response code";
            review.found("V-410", format!("{HEADER}.response.details"), what);
        }
    }
    if issues == 0 {
        let what = "the response brings no outcome";
        review.found("V-410", format!("{HEADER}.response.details"), what);
    }
    for name in ["InfAckRequested", "BusAckRequested"] {
        let mut instructions = header.handling().flat_map(|handling| handling.named(name));
        if instructions.any(|one| one.boolean == Some(Flag::True)) {
            let what = format!("a response must not ask for an answer ({name})");
            review.found(
                "V-410",
                format!("{HEADER}.extension(ITK-MessageHandling-2)"),
                what,
            );
        }
    }
}
