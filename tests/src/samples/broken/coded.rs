//! L3: what is wrong with identifiers and codes (V-301 to V-314). V-315 has none: nothing is ever
//! checked by it.

use super::{
    super::{
        Syntax::{Json, Xml},
        parts::{SNOMED, coding, identifier},
        tree::Node,
    },
    Broken, broken,
};

const LETTER: &str = "outpatient-letter-ukcore";
const DISCHARGE: &str = "discharge-inpatient";
const SUMMARY: &str = "patient-summary";

#[rustfmt::skip]
pub(super) static BROKEN: &[Broken] = &[
    broken("V-301", "check-digit", DISCHARGE, Xml, |d| d.set("Patient.identifier[0].value", "9990000011")),
    broken("V-301", "with-spaces", LETTER, Json, |d| d.set("Patient.identifier[0].value", "999 000 0018")),
    broken("V-302", "no-nhs-number", DISCHARGE, Xml, |d| d.remove("Patient.identifier[0]")),
    broken("V-302", "two-nhs-numbers", LETTER, Json, |d| d.add("Patient.identifier", identifier("https://fhir.nhs.uk/Id/nhs-number", "9990000018"))),
    broken("V-303", "not-verified", DISCHARGE, Xml, |d| d.set("Patient.identifier[0].extension[0].valueCodeableConcept.coding[0].code", "02")),
    broken("V-304", "no-birth-date", DISCHARGE, Xml, |d| d.remove("Patient.birthDate")),
    broken("V-304", "no-surname", LETTER, Json, |d| d.remove("Patient.name[0].family")),
    // Beside the right code, so that the type of the document is known.
    broken("V-305", "composition-type", DISCHARGE, Xml, |d| d.add("Composition.type.coding", coding(SNOMED, "373942006", "Discharge summary"))),
    broken("V-305", "problem", LETTER, Json, |d| d.set("Condition.code.coding[0].code", "233604008")),
    broken("V-306", "description-id", DISCHARGE, Xml, |d| d.add("Composition.type.coding", coding(SNOMED, "2000000010", "Discharge summary"))),
    broken("V-307", "local-type-only", LETTER, Json, |d| d.set("Composition.type.coding", [coding("https://exampleton.nhs.uk/letters", "OPL", "Outpatient letter")])),
    broken("V-307", "unknown-type", LETTER, Json, |d| d.set("Composition.type.coding[0].code", "73211009")),
    broken("V-308", "not-a-heading", DISCHARGE, Xml, |d| d.set("Composition.section[3].code.coding[0].code", "73211009")),
    broken("V-309", "no-ods-code", LETTER, Json, |d| d.set("Organization[1].identifier[0].value", "A(*)")),
    broken("V-310", "no-custodian", LETTER, Json, |d| d.remove("Composition.custodian")),
    broken("V-311", "gmc-number", DISCHARGE, Xml, |d| d.set("Practitioner.identifier[1].value", "99999")),
    broken("V-311", "sds-user-id", LETTER, Json, |d| d.set("Practitioner.identifier[0].value", "1000")),
    broken("V-312", "text-only", DISCHARGE, Xml, |d| d.set("MedicationStatement.medicationCodeableConcept", Node::new().with("text", "Amoxicillin 500 mg capsules"))),
    broken("V-313", "text-only", SUMMARY, Json, |d| d.set("AllergyIntolerance.code", Node::new().with("text", "Allergic to plasters"))),
    broken("V-314", "restricted", DISCHARGE, Xml, |d| d.set("Composition.confidentiality", "R")),
    broken("V-314", "not-for-the-patient", LETTER, Json, |d| d.set("Patient.meta.security", [coding("http://terminology.hl7.org/CodeSystem/v3-ActCode", "NOPAT", "no disclosure to patient")])),
];
