//! The international patient summary.

use super::super::{
    clinical::{self, Document},
    draft::Draft,
    parts::{LOINC, Maker, Release, concept, section},
};

pub(super) fn ips(name: &str) -> Draft {
    let maker = Maker::new(name, Release::R4);
    let heading = |code: &str, title: &str, about: &str| {
        section(
            concept(LOINC, code, title),
            title,
            "As told by the patient's record.",
            vec![maker.reference(about)],
        )
    };
    let document = Document {
        kind: concept(LOINC, "60591-5", "Patient summary Document"),
        title: "Patient summary",
        profile: "UKCore-Composition",
        extensions: Vec::new(),
        sections: vec![
            heading("11450-4", "Problem list", "condition"),
            heading("48765-2", "Allergies and adverse reactions", "allergy"),
            heading("10160-0", "Medication use", "medicine"),
        ],
        entries: clinical::findings(&maker),
    };
    Draft::of(document.bundle(&maker))
}
