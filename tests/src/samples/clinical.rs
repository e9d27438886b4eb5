//! What the documents tell: one short stay, with a problem, a medicine, an allergy and an encounter,
//! and the headings they are told under.

use super::{
    parts::{Maker, SNOMED, WRITTEN, coding, concept, section, snomed},
    tree::Node,
};

/// A Composition with what it is about.
pub(super) struct Document {
    pub(super) kind: Node,
    pub(super) title: &'static str,
    /// The profile of its Composition.
    pub(super) profile: &'static str,
    pub(super) extensions: Vec<Node>,
    pub(super) sections: Vec<Node>,
    /// What it brings besides its subject, authors and organisations.
    pub(super) entries: Vec<Node>,
}

impl Document {
    /// As a Bundle that names its parties: the patient, the author in a role, the trust that keeps it
    /// and the patient's practice.
    pub(super) fn bundle(self, maker: &Maker) -> Node {
        use super::parts::{PRACTICE, TRUST, identifier};
        let identifier = identifier(
            "https://tools.ietf.org/html/rfc4122",
            &maker.id("composition identifier"),
        );
        let mut composition = maker.resource("Composition", "composition", self.profile);
        if !self.extensions.is_empty() {
            composition.set("extension", self.extensions);
        }
        let composition = composition
            .with("identifier", identifier)
            .with("status", "final")
            .with("type", self.kind)
            .with("subject", maker.reference("patient"))
            .with("encounter", maker.reference("encounter"))
            .with("date", WRITTEN)
            .with("author", [maker.reference("role")])
            .with("title", self.title)
            .with("confidentiality", "N")
            .with("custodian", maker.reference("trust"))
            .with("section", self.sections);
        let practice = maker.organisation("practice", PRACTICE, "Example Medical Centre");
        let mut entries = vec![
            maker.entry("composition", composition),
            maker.entry("patient", maker.patient()),
            maker.entry("practitioner", maker.practitioner()),
            maker.entry("role", maker.role()),
            maker.entry(
                "trust",
                maker.organisation("trust", TRUST, "Example Teaching Hospitals"),
            ),
            maker.entry("practice", practice),
            maker.entry("encounter", encounter(maker)),
        ];
        entries.extend(self.entries);
        maker.bundle("document", "document").with("entry", entries)
    }
}

fn encounter(maker: &Maker) -> Node {
    let class = maker.either(
        coding(
            "http://hl7.org/fhir/v3/ActCode",
            "IMP",
            "inpatient encounter",
        ),
        coding(
            "http://terminology.hl7.org/CodeSystem/v3-ActCode",
            "IMP",
            "inpatient encounter",
        ),
    );
    let profile = maker.either("CareConnect-Encounter-1", "UKCore-Encounter");
    let period = Node::new()
        .with("start", "2026-11-18T08:15:00+00:00")
        .with("end", "2026-11-22T09:00:00+00:00");
    maker
        .resource("Encounter", "encounter", profile)
        .with("status", "finished")
        .with("class", class)
        .with("subject", maker.reference("patient"))
        .with("period", period)
        .with("serviceProvider", maker.reference("trust"))
}

/// A problem: pneumonia.
pub(super) fn condition(maker: &Maker) -> Node {
    let profile = maker.either("CareConnect-Condition-1", "UKCore-Condition");
    let status: Node = maker.either(
        "active".into(),
        concept(
            "http://terminology.hl7.org/CodeSystem/condition-clinical",
            "active",
            "Active",
        ),
    );
    let condition = maker
        .resource("Condition", "condition", profile)
        .with("clinicalStatus", status)
        .with("code", snomed("233604007", "Pneumonia"))
        .with("subject", maker.reference("patient"));
    maker.entry("condition", condition)
}

/// A medicine: amoxicillin 500 mg capsules.
pub(super) fn medicine(maker: &Maker) -> Node {
    let profile = maker.either(
        "CareConnect-MedicationStatement-1",
        "UKCore-MedicationStatement",
    );
    let dosage = Node::new().with("text", "One capsule three times a day for five days");
    let statement = maker
        .resource("MedicationStatement", "medicine", profile)
        .with("status", "active")
        .with(
            "medicationCodeableConcept",
            snomed("27658006", "Amoxicillin"),
        )
        .with("subject", maker.reference("patient"))
        .with_some("taken", maker.is_stu3().then_some("y"))
        .with("dosage", [dosage]);
    maker.entry("medicine", statement)
}

/// An allergy: to penicillin, of little use with that medicine, but nobody is treated here.
pub(super) fn allergy(maker: &Maker) -> Node {
    let profile = maker.either(
        "CareConnect-AllergyIntolerance-1",
        "UKCore-AllergyIntolerance",
    );
    let status: Node = maker.either(
        "active".into(),
        concept(
            "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical",
            "active",
            "Active",
        ),
    );
    let verified: Node = maker.either(
        "confirmed".into(),
        concept(
            "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification",
            "confirmed",
            "Confirmed",
        ),
    );
    let allergy = maker
        .resource("AllergyIntolerance", "allergy", profile)
        .with("clinicalStatus", status)
        .with("verificationStatus", verified)
        .with("code", snomed("716186003", "No known allergy"))
        .with("patient", maker.reference("patient"));
    maker.entry("allergy", allergy)
}

/// A heading of the PRSB's standards, by its SNOMED code.
fn heading(code: &str, title: &str, text: &str, entries: Vec<Node>) -> Node {
    section(concept(SNOMED, code, title), title, text, entries)
}

/// The headings that every discharge has.
pub(super) fn discharge_sections(maker: &Maker) -> Vec<Node> {
    vec![
        heading(
            "886731000000109",
            "Patient demographics",
            "The patient of this document is invented.",
            vec![maker.reference("patient")],
        ),
        heading(
            "886711000000101",
            "GP practice",
            "Example Medical Centre",
            vec![maker.reference("practice")],
        ),
        heading(
            "886811000000106",
            "Discharge details",
            "Discharged to usual place of residence.",
            vec![maker.reference("encounter")],
        ),
        heading(
            "887161000000102",
            "Diagnoses",
            "Pneumonia, left lower lobe.",
            vec![maker.reference("condition")],
        ),
        heading(
            "933361000000108",
            "Medications and medical devices",
            "Amoxicillin for five days.",
            vec![maker.reference("medicine")],
        ),
        heading(
            "886921000000105",
            "Allergies and adverse reactions",
            "No known allergy.",
            vec![maker.reference("allergy")],
        ),
        plan(),
        completing(maker),
    ]
}

/// What the practice is asked to do.
pub(super) fn plan() -> Node {
    heading(
        "887201000000105",
        "Plan and requested actions",
        "Please repeat the chest film in six weeks.",
        Vec::new(),
    )
}

/// Who wrote it.
pub(super) fn completing(maker: &Maker) -> Node {
    heading(
        "887231000000104",
        "Person completing record",
        "Dr Alex Draftsmith, respiratory medicine",
        vec![maker.reference("practitioner")],
    )
}

/// When and how the patient was seen.
pub(super) fn attendance(maker: &Maker) -> Node {
    heading(
        "1077881000000105",
        "Attendance details",
        "Seen on 18 November 2026.",
        vec![maker.reference("encounter")],
    )
}

/// What was found, in short.
pub(super) fn summary(maker: &Maker) -> Node {
    heading(
        "887181000000106",
        "Clinical summary",
        "Productive cough for a week, now better.",
        vec![maker.reference("condition")],
    )
}

/// The problem, the medicine and the allergy.
pub(super) fn findings(maker: &Maker) -> Vec<Node> {
    vec![condition(maker), medicine(maker), allergy(maker)]
}
