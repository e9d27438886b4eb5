//! Known: the words of FHIR that a finding may repeat. What is written where a type should be may be
//! anything, a patient's name included, so nothing else is repeated.

use axle_model::facts::Text;

/// The resource types of STU3 and R4, in the order of the alphabet.
#[rustfmt::skip]
static RESOURCE_TYPES: &[&str] = &[
    "Account", "ActivityDefinition", "AdverseEvent", "AllergyIntolerance", "Appointment",
    "AppointmentResponse", "AuditEvent", "Basic", "Binary", "BiologicallyDerivedProduct",
    "BodySite", "BodyStructure", "Bundle", "CapabilityStatement", "CarePlan", "CareTeam",
    "CatalogEntry", "ChargeItem", "ChargeItemDefinition", "Claim", "ClaimResponse",
    "ClinicalImpression", "CodeSystem", "Communication", "CommunicationRequest",
    "CompartmentDefinition", "Composition", "ConceptMap", "Condition", "Consent", "Contract",
    "Coverage", "CoverageEligibilityRequest", "CoverageEligibilityResponse", "DataElement",
    "DetectedIssue", "Device", "DeviceComponent", "DeviceDefinition", "DeviceMetric",
    "DeviceRequest", "DeviceUseStatement", "DiagnosticReport", "DocumentManifest",
    "DocumentReference", "EffectEvidenceSynthesis", "EligibilityRequest", "EligibilityResponse",
    "Encounter", "Endpoint", "EnrollmentRequest", "EnrollmentResponse", "EpisodeOfCare",
    "EventDefinition", "Evidence", "EvidenceVariable", "ExampleScenario", "ExpansionProfile",
    "ExplanationOfBenefit", "FamilyMemberHistory", "Flag", "Goal", "GraphDefinition", "Group",
    "GuidanceResponse", "HealthcareService", "ImagingManifest", "ImagingStudy", "Immunization",
    "ImmunizationEvaluation", "ImmunizationRecommendation", "ImplementationGuide", "InsurancePlan",
    "Invoice", "Library", "Linkage", "List", "Location", "Measure", "MeasureReport", "Media",
    "Medication", "MedicationAdministration", "MedicationDispense", "MedicationKnowledge",
    "MedicationRequest", "MedicationStatement", "MedicinalProduct", "MedicinalProductAuthorization",
    "MedicinalProductContraindication", "MedicinalProductIndication", "MedicinalProductIngredient",
    "MedicinalProductInteraction", "MedicinalProductManufactured", "MedicinalProductPackaged",
    "MedicinalProductPharmaceutical", "MedicinalProductUndesirableEffect", "MessageDefinition",
    "MessageHeader", "MolecularSequence", "NamingSystem", "NutritionOrder", "Observation",
    "ObservationDefinition", "OperationDefinition", "OperationOutcome", "Organization",
    "OrganizationAffiliation", "Parameters", "Patient", "PaymentNotice", "PaymentReconciliation",
    "Person", "PlanDefinition", "Practitioner", "PractitionerRole", "Procedure", "ProcedureRequest",
    "ProcessRequest", "ProcessResponse", "Provenance", "Questionnaire", "QuestionnaireResponse",
    "ReferralRequest", "RelatedPerson", "RequestGroup", "ResearchDefinition",
    "ResearchElementDefinition", "ResearchStudy", "ResearchSubject", "RiskAssessment",
    "RiskEvidenceSynthesis", "Schedule", "SearchParameter", "Sequence", "ServiceDefinition",
    "ServiceRequest", "Slot", "Specimen", "SpecimenDefinition", "StructureDefinition",
    "StructureMap", "Subscription", "Substance", "SubstanceNucleicAcid", "SubstancePolymer",
    "SubstanceProtein", "SubstanceReferenceInformation", "SubstanceSourceMaterial",
    "SubstanceSpecification", "SupplyDelivery", "SupplyRequest", "Task", "TerminologyCapabilities",
    "TestReport", "TestScript", "ValueSet", "VerificationResult", "VisionPrescription",
];

/// The types of a Bundle in STU3 and R4.
#[rustfmt::skip]
static BUNDLE_TYPES: &[&str] = &[
    "batch", "batch-response", "collection", "document", "history", "message", "searchset",
    "transaction", "transaction-response",
];

/// A resource's type, for a finding.
pub(super) fn resource_type(found: Option<&Text<'_>>) -> &'static str {
    found.map_or("nothing", |found| one_of(RESOURCE_TYPES, found))
}

/// A Bundle's type, for a finding.
pub(super) fn bundle_type(found: &str) -> &'static str {
    one_of(BUNDLE_TYPES, found)
}

fn one_of(known: &[&'static str], found: &str) -> &'static str {
    let place = known.binary_search(&found).ok();
    let word = place.and_then(|place| known.get(place));
    word.copied().unwrap_or("something else")
}

#[cfg(test)]
mod tests {
    use super::{BUNDLE_TYPES, RESOURCE_TYPES, Text, bundle_type, resource_type};

    #[test]
    fn every_known_word_is_repeated_and_no_other() {
        for known in RESOURCE_TYPES {
            assert_eq!(resource_type(Some(&Text::from(*known))), *known);
        }
        for known in BUNDLE_TYPES {
            assert_eq!(bundle_type(known), *known);
        }
        assert_eq!(resource_type(None), "nothing");
        for other in ["Quackenbush", "patient", ""] {
            assert_eq!(resource_type(Some(&Text::from(other))), "something else");
            assert_eq!(bundle_type(other), "something else");
        }
    }
}
