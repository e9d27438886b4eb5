//! The good documents: one of each class that the example routing table knows. Each keeps every rule.

mod bars;
mod carried;
mod itk;
mod summary;
mod toc;

use super::{Syntax, draft::Draft};

/// One good document.
pub(super) struct Class {
    /// Its name, and that of its file.
    pub(super) name: &'static str,
    /// Makes it; every id in it follows from the name given.
    pub(super) make: fn(&str) -> Draft,
    /// The syntaxes it is committed in.
    pub(super) syntaxes: &'static [Syntax],
    /// What `axle validate` is told beside the file's name.
    pub(super) arguments: &'static [&'static str],
}

const TO_PRACTICE: &[&str] = &["--to", "K81003"];
/// No class of the example table is for answers: whoever sends one names its workflow.
const ANSWERING: &[&str] = &["--to", "K81003", "--workflow", "TOC_FHIR_IP_DISCH"];
const BOTH: &[Syntax] = &[Syntax::Xml, Syntax::Json];
const XML: &[Syntax] = &[Syntax::Xml];
const JSON: &[Syntax] = &[Syntax::Json];

/// All of them, in the order of the specification.
#[rustfmt::skip]
pub(super) static CLASSES: &[Class] = &[
    Class { name: "discharge-inpatient", make: toc::inpatient, syntaxes: BOTH, arguments: TO_PRACTICE },
    Class { name: "discharge-mental-health", make: toc::mental_health, syntaxes: XML, arguments: TO_PRACTICE },
    Class { name: "discharge-emergency", make: toc::emergency, syntaxes: XML, arguments: TO_PRACTICE },
    Class { name: "discharge-emergency-bare", make: toc::emergency_bare, syntaxes: JSON, arguments: TO_PRACTICE },
    Class { name: "discharge-bare", make: toc::bare, syntaxes: XML, arguments: TO_PRACTICE },
    Class { name: "outpatient-letter", make: toc::outpatient, syntaxes: XML, arguments: TO_PRACTICE },
    Class { name: "outpatient-letter-ukcore", make: toc::outpatient_ukcore, syntaxes: BOTH, arguments: TO_PRACTICE },
    Class { name: "send-document", make: itk::send_document, syntaxes: BOTH, arguments: TO_PRACTICE },
    Class { name: "itk-response", make: itk::response, syntaxes: XML, arguments: ANSWERING },
    Class { name: "digital-medicine-immunisation", make: itk::immunisation, syntaxes: XML, arguments: TO_PRACTICE },
    Class { name: "digital-medicine-emergency-supply", make: itk::emergency_supply, syntaxes: XML, arguments: TO_PRACTICE },
    Class { name: "digital-medicine-minor-illness", make: itk::minor_illness, syntaxes: XML, arguments: TO_PRACTICE },
    Class { name: "events-management", make: itk::events_management, syntaxes: XML, arguments: TO_PRACTICE },
    Class { name: "change-of-gp", make: itk::change_of_gp, syntaxes: XML, arguments: TO_PRACTICE },
    Class { name: "pathology", make: itk::pathology, syntaxes: JSON, arguments: TO_PRACTICE },
    Class { name: "update-record", make: itk::update_record, syntaxes: XML, arguments: TO_PRACTICE },
    Class { name: "bars-referral", make: bars::referral, syntaxes: JSON, arguments: TO_PRACTICE },
    Class { name: "patient-summary", make: summary::ips, syntaxes: BOTH, arguments: TO_PRACTICE },
    Class { name: "hl7v2-document", make: carried::mdm, syntaxes: &[Syntax::Hl7v2], arguments: TO_PRACTICE },
    Class { name: "hl7v2-results", make: carried::oru, syntaxes: &[Syntax::Hl7v2], arguments: TO_PRACTICE },
    Class { name: "cda", make: carried::cda, syntaxes: &[Syntax::Cda], arguments: TO_PRACTICE },
    Class { name: "cda-enveloped", make: carried::cda_enveloped, syntaxes: &[Syntax::Cda], arguments: TO_PRACTICE },
];

/// Good as FHIR goes, but for a service of its own: it is refused.
pub(super) static PRESCRIPTION: Class = Class {
    name: "prescription",
    make: itk::prescription,
    syntaxes: JSON,
    arguments: TO_PRACTICE,
};

/// The class of that name.
pub(super) fn class(name: &str) -> &'static Class {
    let all = CLASSES.iter().chain([&PRESCRIPTION]);
    let mut found = all.filter(|class| class.name == name);
    found.next().expect("a class of that name")
}
