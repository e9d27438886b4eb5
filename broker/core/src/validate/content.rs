//! L2, content: narratives that are only text, sections that say something, and contained resources
//! that are used (V-214 to V-216).

use std::collections::BTreeSet;

use axle_model::facts::{Facts, Section};

use super::{
    review::Review,
    structure::{Space, Spaces},
};

/// V-214: narratives without active content, as the readers have found them.
pub(super) fn narratives(review: &mut Review<'_>, facts: &Facts<'_>) {
    for (what, path) in &facts.swept.narratives {
        review.found("V-214", path.as_str(), *what);
    }
}

/// V-215: the sections of the Composition, each with those within it.
pub(super) fn sections(review: &mut Review<'_>, document: &Space<'_, '_>) {
    if let Some(composition) = document.bundle.composition() {
        let path = || format!("{}.entry[0].resource", document.path);
        within(review, &composition.sections, &path);
    }
}

// No deeper than the document nests.
fn within(review: &mut Review<'_>, sections: &[Section<'_>], around: &dyn Fn() -> String) {
    for (index, section) in sections.iter().enumerate() {
        let path = || format!("{}.section[{index}]", around());
        let says = section.has_text
            || section.has_empty_reason
            || !section.entries.is_empty()
            || !section.sections.is_empty();
        if !says {
            review.found("V-215", path(), "the section is empty");
        }
        if section.title.is_none() {
            review.found("V-215", path(), "the section has no title");
        }
        within(review, &section.sections, &path);
    }
}

/// V-216: contained resources that nothing refers to, or that contain others.
pub(super) fn contained(review: &mut Review<'_>, facts: &Facts<'_>, spaces: &Spaces<'_, '_>) {
    let entries = || spaces.iter().flat_map(|space| &space.bundle.entries);
    if entries().all(|entry| entry.resource.contained.is_empty()) {
        return;
    }
    let links = facts.swept.links.iter();
    let local = links.filter_map(|link| {
        let id = link.address.strip_prefix('#')?;
        Some((link.owner.path(), id))
    });
    let used: BTreeSet<(String, &str)> = local.collect();
    for space in spaces.iter() {
        for (index, entry) in space.bundle.entries.iter().enumerate() {
            let owner = format!("{}.entry[{index}]", space.path);
            // One that refers to the resource around it is used by it.
            let around = used.contains(&(owner.clone(), ""));
            for (number, one) in entry.resource.contained.iter().enumerate() {
                let path = || format!("{owner}.resource.contained[{number}]");
                if !one.contained.is_empty() {
                    let what = "a contained resource contains another";
                    review.found("V-216", path(), what);
                }
                let id = one.id.as_deref().unwrap_or_default();
                if !around && !used.contains(&(owner.clone(), id)) {
                    review.found("V-216", path(), "nothing refers to the contained resource");
                }
            }
        }
    }
}
