//! L3, the patient: an NHS number that can be one, and what a look-up takes (V-301 to V-304). Nothing
//! here repeats a value: that a number fails its check digit is told, never the number.

use axle_model::{
    facts::{Content, Patient},
    nhs_number::{NhsNumber, NotAnNhsNumber},
};

use super::{
    case::{Case, nth},
    review::Review,
};

/// Checks every patient's numbers, and what is known of the one the document is about.
pub(super) fn check(review: &mut Review<'_>, case: &Case<'_, '_>) {
    case.each(|path, resource| {
        if let Content::Patient(patient) = &resource.content {
            numbers(review, patient, || case.patient_path(path));
        }
    });
    let Some((path, patient)) = case.subject() else {
        return;
    };
    one_number(review, case, patient, &path);
    if !matches!(
        case.facts.nhs_number_status(),
        None | Some("01" | "number-present-and-verified")
    ) {
        review.found(
            "V-303",
            format!("{path}.identifier"),
            "the NHS number is not verified",
        );
    }
    if !case.facts.syntax.is_fhir() {
        return;
    }
    let there = [
        ("birthDate", "date of birth", patient.birth_date.is_some()),
        ("name", "family name", patient.family().is_some()),
        ("gender", "gender", patient.gender.is_some()),
    ];
    for (name, what, _) in there.iter().filter(|(.., there)| !there) {
        let what = format!("the patient's {what} is missing; the practice cannot be looked up");
        review.found("V-304", format!("{path}.{name}"), what);
    }
}

/// V-301: ten digits, the last of which checks the others.
fn numbers(review: &mut Review<'_>, patient: &Patient<'_>, path: impl Fn() -> String) {
    for (index, identifier) in patient.nhs_numbers() {
        let Some(value) = identifier.value() else {
            continue;
        };
        let what = match NhsNumber::parse(value) {
            Ok(_) => continue,
            Err(NotAnNhsNumber::Shape) => "the NHS number is not ten digits",
            Err(NotAnNhsNumber::CheckDigit) => "the NHS number fails its check digit",
        };
        let path = nth(&path(), "identifier", index);
        review.found("V-301", format!("{path}.value"), what);
    }
}

/// V-302: one number. Without one, nobody can be looked up: somebody has to be named.
fn one_number(review: &mut Review<'_>, case: &Case<'_, '_>, patient: &Patient<'_>, path: &str) {
    let path = || format!("{path}.identifier");
    let mut numbers = patient.nhs_numbers().filter_map(|(_, one)| one.value());
    if let Some(first) = numbers.next() {
        if numbers.any(|other| other != first) {
            review.found("V-302", path(), "the patient has more than one NHS number");
        }
        return;
    }
    if case.authorised.submission().recipients.is_empty() {
        let what = "there is no NHS number; the document needs an explicit recipient";
        review.found("V-302", path(), what);
    } else if case.facts.syntax.is_fhir() {
        // V-411 and V-412 say so of the other formats.
        review.warned("V-302", path(), "the patient has no NHS number");
    }
}
