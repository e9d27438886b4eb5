//! L3, organisations and the people in them: ODS codes, the custodian, professional numbers, and how
//! confidential the document is (V-309 to V-311, V-314).

use axle_model::{
    facts::{Coding, Content, Organisation, Reference},
    ods::OdsCode,
    professional::Register,
};

use super::{
    case::{Case, nth},
    review::Review,
};
use crate::organisations::Unresolved;

/// The codes of v3-Confidentiality.
const CONFIDENTIALITY: [&str; 6] = ["U", "L", "M", "N", "R", "V"];

/// What an organisation is in a message or document.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Sender,
    Recipient,
    Other,
}

/// Checks the organisations of a document, and who they are in it.
pub(super) fn check(review: &mut Review<'_>, case: &Case<'_, '_>) {
    let parts = parts(case);
    for (number, space) in case.spaces.iter().enumerate() {
        for (index, entry) in space.bundle.entries.iter().enumerate() {
            if let Content::Organisation(organisation) = &entry.resource.content {
                let part = parts.iter().find(|(place, _)| *place == (number, index));
                let part = part.map_or(Part::Other, |(_, part)| *part);
                let path = || format!("{}.entry[{index}].resource", space.path);
                codes(review, case, organisation, part, path);
            }
        }
    }
    custodian(review, case);
    practitioners(review, case);
    confidentiality(review, case);
}

/// The entries that are sender, custodian or recipient: each its space, its place and what it is.
fn parts(case: &Case<'_, '_>) -> Vec<((usize, usize), Part)> {
    let mut found = Vec::new();
    for (number, space) in case.spaces.iter().enumerate() {
        let mut note = |reference: &Reference<'_>, part| {
            let place = reference
                .address()
                .and_then(|one| space.addresses.find(one));
            found.extend(place.map(|place| ((number, place), part)));
        };
        if let Some(header) = space
            .bundle
            .entries
            .first()
            .and_then(|one| one.resource.header())
        {
            header
                .sender
                .iter()
                .for_each(|sender| note(sender, Part::Sender));
            header
                .receivers()
                .for_each(|receiver| note(receiver, Part::Recipient));
        }
        if let Some(composition) = space.bundle.composition() {
            let custodian = composition.custodian.iter();
            custodian.for_each(|custodian| note(custodian, Part::Sender));
        }
    }
    found
}

/// V-309: codes of the right shape, of organisations that are there.
fn codes(
    review: &mut Review<'_>,
    case: &Case<'_, '_>,
    organisation: &Organisation<'_>,
    part: Part,
    path: impl Fn() -> String,
) {
    let itk3_code = match part {
        Part::Sender => 20003,
        Part::Recipient => 20002,
        Part::Other => 20010,
    };
    for (index, identifier) in organisation.identifiers.iter().enumerate() {
        let Some(value) = identifier.value().filter(|_| identifier.is_ods()) else {
            continue;
        };
        let path = || format!("{}.value", nth(&path(), "identifier", index));
        let Ok(code) = OdsCode::parse(value) else {
            let what = "the organisation's code is not an ODS code";
            review.coded("V-309", itk3_code, path(), what);
            continue;
        };
        let Some(what) = trouble(case, code) else {
            continue;
        };
        match part {
            Part::Sender | Part::Recipient => review.coded("V-309", itk3_code, path(), what),
            // A document may name whoever had to do with the patient, abroad or long ago.
            Part::Other => review.warned("V-309", path(), what),
        }
    }
}

/// What is wrong with an ODS code, for a finding; `None` if it is somebody's.
pub(super) fn trouble(case: &Case<'_, '_>, code: OdsCode) -> Option<String> {
    Some(match why_not(case, code)? {
        Unresolved::Closed => format!("organisation {code} is closed, and nobody took over"),
        Unresolved::Unknown | Unresolved::Ambiguous | Unresolved::Stale => {
            format!("organisation {code} is not known to ODS")
        }
    })
}

/// Why a code is nobody's; `None` also while the register is too old to say.
fn why_not(case: &Case<'_, '_>, code: OdsCode) -> Option<Unresolved> {
    let (organisations, rules) = (&case.snapshot.organisations, &case.snapshot.rules);
    if rules.assume_known.contains(&code) {
        return None;
    }
    if !organisations.knows(code) {
        return Some(Unresolved::Unknown);
    }
    let resolved = organisations.resolve(code, case.now).err();
    resolved.filter(|why| *why == Unresolved::Closed)
}

/// V-310: a custodian, who is the sender or a site of it.
fn custodian(review: &mut Review<'_>, case: &Case<'_, '_>) {
    let Some(composition) = case.facts.composition() else {
        return;
    };
    let path = || {
        let composition = case.composition_path().unwrap_or_default();
        format!("{composition}.custodian")
    };
    if composition.custodian.is_none() {
        review.found(
            "V-310",
            path(),
            "the document does not say which organisation keeps it",
        );
        return;
    }
    match case.facts.custodian() {
        None => review.found("V-310", path(), "the custodian has no ODS code"),
        // One that the sender may not speak for is told by V-117.
        Some(code) => {
            let sender = case.facts.sender().unwrap_or(case.authorised.sender());
            let is_site = code.as_str().starts_with(sender.as_str());
            if !is_site && !case.authorised.speaks_for(code) {
                review.found("V-310", path(), "the custodian is not the sender");
            }
        }
    }
}

/// V-311: professional numbers of the right shape.
fn practitioners(review: &mut Review<'_>, case: &Case<'_, '_>) {
    case.each(|path, resource| {
        let Content::Practitioner(practitioner) = &resource.content else {
            return;
        };
        for (index, identifier) in practitioner.identifiers.iter().enumerate() {
            let register = identifier.system().and_then(Register::of_system);
            let Some((register, number)) = register.zip(identifier.value()) else {
                continue;
            };
            if !register.accepts(number) {
                let path = nth(&path(), "identifier", index);
                let what = format!("the {} number is malformed", register.name());
                review.found("V-311", format!("{path}.value"), what);
            }
        }
    });
}

/// V-314: marks that are known, and what they bring with them.
fn confidentiality(review: &mut Review<'_>, case: &Case<'_, '_>) {
    let unknown = "the mark of confidentiality is not one of v3-Confidentiality";
    if let Some(composition) = case.facts.composition()
        && let Some(mark) = composition.confidentiality.as_deref()
        && !CONFIDENTIALITY.contains(&mark)
    {
        let path = case.composition_path().unwrap_or_default();
        review.found("V-314", format!("{path}.confidentiality"), unknown);
    }
    let is_unknown = |mark: &&Coding<'_>| {
        let of_list = mark
            .system()
            .is_some_and(|system| system.contains("v3-Confidentiality"));
        of_list
            && mark
                .code()
                .is_some_and(|code| !CONFIDENTIALITY.contains(&code))
    };
    let marks = |meta: Option<&axle_model::facts::Meta<'_>>| {
        meta.is_some_and(|meta| meta.security.iter().any(|mark| is_unknown(&mark)))
    };
    if marks(case.facts.root.meta.as_ref()) {
        review.found("V-314", "Bundle.meta.security", unknown);
    }
    case.each(|path, resource| {
        if marks(resource.meta.as_ref()) {
            review.found("V-314", format!("{}.meta.security", path()), unknown);
        }
    });
    if case.facts.is_restricted() {
        let path = case.spaces.document(case.facts).map(|one| one.path.clone());
        let what = "the document is restricted: automatic copies are off";
        review.found("V-314", path.unwrap_or_else(|| "Bundle".to_owned()), what);
    }
}
