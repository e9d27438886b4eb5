//! L2, the Composition: about one patient, final, complete, and clear about what it replaces (V-207 to
//! V-210). Whether this broker has seen what is replaced is for the engine, which asks the store.

use axle_model::facts::{Composition, Facts, Relation};

use super::{review::Review, structure::Space};

/// Checks the Composition of the document.
pub(super) fn check(review: &mut Review<'_>, facts: &Facts<'_>, document: &Space<'_, '_>) {
    let Some(composition) = document.bundle.composition() else {
        return;
    };
    let path = || format!("{}.entry[0].resource", document.path);
    subject(review, composition, document, &path);
    others(review, facts, document);
    status(review, composition, &path);
    complete(review, composition, &path);
    for (index, relation) in composition.relates_to.iter().enumerate() {
        let path = match index {
            0 => format!("{}.relatesTo", path()),
            index => format!("{}.relatesTo[{index}]", path()),
        };
        relates(review, relation, &path);
    }
}

/// V-207: the subject is one Patient.
fn subject(
    review: &mut Review<'_>,
    composition: &Composition<'_>,
    document: &Space<'_, '_>,
    path: &dyn Fn() -> String,
) {
    let path = || format!("{}.subject", path());
    let Some(subject) = composition.subject.as_ref() else {
        review.found("V-207", path(), "the document is about nobody");
        return;
    };
    let Some(address) = subject.address() else {
        let what = "the document does not bring the patient it is about";
        review.found("V-207", path(), what);
        return;
    };
    // One that leads nowhere is told by V-204.
    let entry = document.addresses.find(address);
    let entry = entry.and_then(|index| document.bundle.entries.get(index));
    if entry.is_some_and(|entry| entry.resource.patient().is_none()) {
        review.found("V-207", path(), "the document is not about a patient");
    }
}

/// V-207: no other Patient, but one that is the same person's record or a relative's.
fn others(review: &mut Review<'_>, facts: &Facts<'_>, document: &Space<'_, '_>) {
    let entries = document.bundle.entries.iter().enumerate();
    let patients = entries.filter(|(_, entry)| entry.resource.patient().is_some());
    let patients: Vec<usize> = patients.map(|(index, _)| index).collect();
    if patients.len() < 2 {
        return;
    }
    let subject = document.bundle.composition().and_then(|composition| {
        let address = composition.subject.as_ref()?.address()?;
        document.addresses.find(address)
    });
    let subject = subject.or(patients.first().copied());
    let explained = |patient: usize| {
        facts.swept.links.iter().any(|link| {
            let is_of = document.addresses.find(&link.address) == Some(patient)
                && link.owner.path().starts_with(&document.path);
            let owner = link.owner.inner.unwrap_or(link.owner.outer);
            let owner = usize::try_from(owner).ok();
            let owner = owner.and_then(|owner| document.bundle.entries.get(owner));
            let kind = owner.and_then(|owner| owner.resource.kind.as_deref());
            is_of
                && (kind == Some("RelatedPerson")
                    || kind == Some("Patient") && facts.swept.names(link).next() == Some("link"))
        })
    };
    for patient in patients {
        if Some(patient) != subject && !explained(patient) {
            let path = format!("{}.entry[{patient}].resource", document.path);
            review.found("V-207", path, "the document is about more than one patient");
        }
    }
}

/// V-208: final, or a correction that says of what.
fn status(review: &mut Review<'_>, composition: &Composition<'_>, path: &dyn Fn() -> String) {
    let path = || format!("{}.status", path());
    match composition.status.as_deref() {
        Some("final") => {}
        Some("amended" | "entered-in-error") if !composition.relates_to.is_empty() => {}
        Some("amended" | "entered-in-error") => {
            let what = "the document corrects another and does not say which";
            review.found("V-208", path(), what);
        }
        Some("preliminary") => review.found("V-208", path(), "the document is not final"),
        Some(_) => review.found(
            "V-208",
            path(),
            "the document's status is not one of FHIR's",
        ),
        None => review.found("V-208", path(), "the document has no status"),
    }
}

/// V-209: what every document has.
fn complete(review: &mut Review<'_>, composition: &Composition<'_>, path: &dyn Fn() -> String) {
    let there = [
        ("type", composition.kind.is_some()),
        ("date", composition.date.is_some()),
        ("author", !composition.authors.is_empty()),
        ("title", composition.title.is_some()),
    ];
    for (name, _) in there.iter().filter(|(_, there)| !there) {
        let what = format!("the document has no {name}");
        review.found("V-209", format!("{}.{name}", path()), what);
    }
}

/// V-210: how it relates to an earlier document, and to which.
fn relates(review: &mut Review<'_>, relation: &Relation<'_>, path: &str) {
    let what = "a document can replace another or add to it, nothing else";
    match relation.code.as_deref() {
        Some("replaces" | "appends") => {}
        // Of FHIR's list, but nothing here is done about it: a summary made from another document.
        Some("transforms" | "signs") => review.warned("V-210", format!("{path}.code"), what),
        Some(_) | None => review.found("V-210", format!("{path}.code"), what),
    }
    let by_identifier = relation.target_identifier.as_ref();
    let by_reference = relation.target_reference.as_ref();
    let named = by_identifier.is_some_and(|identifier| identifier.value().is_some())
        || by_reference.is_some_and(|reference| {
            reference.address().is_some()
                || (reference.identifier.as_ref()).is_some_and(|one| one.value().is_some())
        });
    if !named {
        let what = "the document does not say which other document it relates to";
        review.found("V-210", path, what);
    }
}
