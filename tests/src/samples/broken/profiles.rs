//! L4: what is wrong for a class of documents (V-401 to V-412).

use super::{
    super::Syntax::{Cda, Hl7v2, Json, Xml},
    Broken, broken,
};

#[rustfmt::skip]
pub(super) static BROKEN: &[Broken] = &[
    broken("V-401", "no-plan", "discharge-inpatient", Xml, |d| d.remove("Composition.section[6]")),
    broken("V-401", "no-person-completing", "discharge-mental-health", Xml, |d| d.remove("Composition.section[7]")),
    broken("V-402", "no-attendance", "discharge-emergency", Xml, |d| d.remove("Composition.section[8]")),
    broken("V-402", "no-care-setting", "discharge-emergency", Xml, |d| d.remove("Composition.extension")),
    broken("V-403", "no-clinical-summary", "outpatient-letter", Xml, |d| d.remove("Composition.section[1]")),
    broken("V-404", "no-attachment", "send-document", Xml, |d| {
        d.remove("Composition.section[0].entry[0]");
        d.remove("Bundle[1].entry[7]");
    }),
    // The patient that the submission names is another.
    broken("V-405", "other-patient", "send-document", Xml, |_| {}).told(&["--patient", "9990000018_19480223_Other"]),
    // It has the sections of both, so that only its type is in doubt.
    broken("V-406", "discharge-as-letter", "discharge-emergency", Xml, |d| {
        d.set("MessageHeader.event.code", "ITK006D");
        d.set("Composition.section[3].code.coding[0].code", "887181000000106");
    }),
    broken("V-407", "no-medication", "patient-summary", Json, |d| {
        d.remove("Composition.section[2]");
    }),
    broken("V-408", "no-receiver", "bars-referral", Json, |d| d.remove("MessageHeader.destination[0].receiver")),
    broken("V-408", "no-endpoint", "bars-referral", Json, |d| d.remove("MessageHeader.destination[0].endpoint")),
    broken("V-409", "prescription", "prescription", Json, |_| {}),
    broken("V-410", "answers-nothing", "itk-response", Xml, |d| d.remove("MessageHeader.response.identifier")),
    broken("V-410", "asks-for-an-answer", "itk-response", Xml, |d| d.set("MessageHeader.extension[0].extension[1].valueBoolean", true)),
    broken("V-410", "two-codes", "itk-response", Xml, |d| {
        let again = d.at("OperationOutcome.issue[0].details.coding[0]").clone();
        d.add("OperationOutcome.issue[0].details.coding", again);
    }),
    broken("V-411", "no-document-number", "hl7v2-document", Hl7v2, |d| d.rewrite(|text| {
        let mut fields: Vec<&str> = text.split('|').collect();
        let start = fields.iter().position(|field| field.ends_with("TXA")).expect("a TXA segment");
        fields[start + 12] = "";
        fields.join("|")
    })),
    broken("V-411", "patient-of-no-authority", "hl7v2-results", Hl7v2, |d| d.text("^^^NHS^NH", "")),
    broken("V-412", "other-type", "cda", Cda, |d| d.text("POCD_HD000040", "POCD_HD000041")),
    broken("V-412", "no-nhs-number", "cda", Cda, |d| d.text("2.16.840.1.113883.2.1.4.1", "2.16.840.1.113883.2.1.3.2.4.18.24")),
    broken("V-412", "enveloped-without-code", "cda-enveloped", Cda, |d| d.rewrite(|text| {
        let lines = text.lines().filter(|line| !line.contains("<code code=\"373942005\""));
        lines.fold(String::new(), |text, line| text + line + "\n")
    })).told(&["--to", "K81003", "--workflow", "TOC_FHIR_IP_DISCH"]),
];
