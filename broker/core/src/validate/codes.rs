//! L3, codes: of SNOMED CT wherever they stand, of the document's type, of its sections, and of
//! medicines and allergies (V-305 to V-308, V-312, V-313). Whether a code means what it should is not
//! asked: only whether it can be one, and is one that this broker and the headings know.

use axle_model::facts::{Concept, Content, Section};

use super::{case::Case, profile::Profile, review::Review};
use crate::table::OnUnknownType;

const SNOMED: &str = "http://snomed.info/sct";
const LOINC: &str = "http://loinc.org";

/// The headings of Transfer of Care, in SNOMED CT; as texts in order.
#[rustfmt::skip]
const HEADINGS: [&str; 32] = [
    "1052891000000108", "1052901000000109", "1052941000000107", "1052951000000105",
    "1064471000000105", "1077881000000105", "1077901000000108", "1077931000000102",
    "1078901000000109", "1082101000000102", "715851000000102", "717121000000105",
    "886711000000101", "886731000000109", "886751000000102", "886781000000108",
    "886811000000106", "886891000000102", "886921000000105", "886931000000107",
    "886961000000102", "887051000000101", "887111000000104", "887141000000103",
    "887151000000100", "887161000000102", "887171000000109", "887181000000106",
    "887201000000105", "887231000000104", "887261000000109", "933361000000108",
];

/// The sections of an International Patient Summary, in LOINC; as texts in order.
#[rustfmt::skip]
const SUMMARY_HEADINGS: [&str; 17] = [
    "10157-6", "10160-0", "10162-6", "104605-1", "11348-0", "11369-6", "11450-4", "18776-5",
    "29762-2", "30954-2", "42348-3", "46264-8", "47420-5", "47519-4", "48765-2", "81338-6", "8716-3",
];

/// Checks the codes of a document.
pub(super) fn check(review: &mut Review<'_>, case: &Case<'_, '_>, profile: Profile) {
    snomed(review, case);
    document_type(review, case);
    if let Some(composition) = case.facts.composition() {
        let known: Option<(&str, &[&str])> = if profile.is_transfer_of_care() {
            Some((SNOMED, &HEADINGS))
        } else if profile == Profile::Summary {
            Some((LOINC, &SUMMARY_HEADINGS))
        } else {
            None
        };
        if let Some((system, headings)) = known {
            let path = || case.composition_path().unwrap_or_default();
            sections(review, &composition.sections, &path, system, headings);
        }
    }
    case.each(|path, resource| match &resource.content {
        Content::Medicine(medicine) => {
            if let Some(what) = &medicine.what
                && !is_coded(what, Some(SNOMED))
            {
                review.found("V-312", path(), "the medicine is not coded with dm+d");
            }
        }
        Content::Allergy(allergy) => {
            if !allergy
                .what
                .as_ref()
                .is_some_and(|what| is_coded(what, None))
            {
                review.found("V-313", path(), "the allergy is given in words only");
            }
        }
        Content::Unread
        | Content::Bundle(_)
        | Content::MessageHeader(_)
        | Content::Composition(_)
        | Content::Patient(_)
        | Content::Organisation(_)
        | Content::Role(_)
        | Content::Binary(_)
        | Content::DocumentReference(_)
        | Content::OperationOutcome(_)
        | Content::Practitioner(_) => {}
    });
}

fn is_coded(concept: &Concept<'_>, system: Option<&str>) -> bool {
    concept
        .codings
        .iter()
        .any(|coding| coding.code().is_some() && (system.is_none() || coding.system() == system))
}

/// V-305, V-306: errors where routing goes by the code, warnings elsewhere.
fn snomed(review: &mut Review<'_>, case: &Case<'_, '_>) {
    if case.facts.swept.codes.is_empty() {
        return;
    }
    let composition = case.composition_path();
    let routes = |path: &str| {
        let of_composition = composition.as_deref().and_then(|composition| {
            let rest = path.strip_prefix(composition)?.strip_prefix('.')?;
            Some(rest.starts_with("type.") || is_heading(rest))
        });
        let header = "Bundle.entry[0].resource.event";
        of_composition.unwrap_or(false) || path.starts_with(header) && case.facts.header().is_some()
    };
    for (rule, path) in &case.facts.swept.codes {
        let what = if *rule == "V-306" {
            "the SNOMED CT id is that of a description or a relationship; a concept's is needed"
        } else {
            "the SNOMED CT code is mistyped"
        };
        if routes(path) {
            review.found(rule, path.as_str(), what);
        } else {
            review.warned(rule, path.as_str(), what);
        }
    }
}

/// Whether a path within the Composition is that of a section's code.
fn is_heading(path: &str) -> bool {
    let mut steps = path
        .split('.')
        .skip_while(|step| step.starts_with("section["));
    path.starts_with("section[") && steps.next() == Some("code")
}

/// V-307: a type that can be told and that the routing table lists.
fn document_type(review: &mut Review<'_>, case: &Case<'_, '_>) {
    let Some(composition) = case.facts.composition() else {
        return;
    };
    // That there is none is told by V-209.
    if composition.kind.is_none() {
        return;
    }
    let path = || format!("{}.type", case.composition_path().unwrap_or_default());
    let mut types = case.facts.types();
    if !types.any(|(system, _)| matches!(system, SNOMED | LOINC)) {
        let what = "the document's type has no SNOMED CT or LOINC code";
        review.found("V-307", path(), what);
        return;
    }
    let table = &case.snapshot.table;
    let is_refused = match table.on_unknown_type() {
        OnUnknownType::Reject => true,
        OnUnknownType::Park => false,
        OnUnknownType::Deliver => {
            case.authorised.submission().workflow.is_none() && table.fallback().is_none()
        }
    };
    if case.class.is_none() && !table.classes().is_empty() && is_refused {
        review.found("V-307", path(), "the document's type is not known here");
    }
}

/// V-308: headings of that system that are on the list.
fn sections(
    review: &mut Review<'_>,
    sections: &[Section<'_>],
    around: &dyn Fn() -> String,
    system: &str,
    headings: &[&str],
) {
    for (index, section) in sections.iter().enumerate() {
        let path = || format!("{}.section[{index}]", around());
        let codings = section.code.iter().flat_map(|code| &code.codings);
        let mut codes = codings
            .filter(|coding| coding.system() == Some(system))
            .filter_map(|coding| coding.code());
        if codes.any(|code| headings.binary_search(&code).is_err()) {
            let what = "the section's code is not a heading for this kind of document";
            review.found("V-308", format!("{}.code", path()), what);
        }
        self::sections(review, &section.sections, &path, system, headings);
    }
}

#[cfg(test)]
mod tests {
    use super::{HEADINGS, SUMMARY_HEADINGS};

    #[test]
    fn headings_are_in_the_order_they_are_searched_in() {
        assert!(HEADINGS.is_sorted());
        assert!(SUMMARY_HEADINGS.is_sorted());
    }
}
