//! What is read of CDA, and what is refused.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::{
    envelope::MediaType,
    facts::{Facts, Kind, Syntax},
    format::{Limits, Malformed, read},
    nhs_number::NhsNumber,
    ods::OdsCode,
    synthetic::Document,
};

fn code(text: &str) -> OdsCode {
    OdsCode::parse(text).unwrap()
}

fn document() -> Document {
    Document::new(7, code("RR8"), code("K81003"))
}

fn facts(text: &str) -> Result<Facts<'_>, Malformed> {
    read(&MediaType::Cda, text.as_bytes(), &Limits::default())
}

/// The facts of a document with these elements.
fn of<T>(elements: &str, found: impl FnOnce(&Facts<'_>) -> T) -> T {
    let text = format!("<ClinicalDocument xmlns='urn:hl7-org:v3'>{elements}</ClinicalDocument>");
    found(&facts(&text).unwrap())
}

fn rule(text: &str) -> &'static str {
    match facts(text) {
        Ok(facts) => facts.flaws.first().map_or("none", |flaw| flaw.rule),
        Err(malformed) => malformed.rule,
    }
}

#[test]
fn the_facts_of_a_letter_are_found() {
    let text = document().clinic_letter_cda();
    let facts = facts(&text).unwrap();
    assert_eq!((facts.syntax, facts.release), (Syntax::Cda, None));
    assert_eq!(facts.kind(), Some(Kind::Document));
    assert_eq!(facts.flaws, []);
    assert!(facts.header().is_none() && facts.identity().is_some());
    same_letter(&facts);
}

#[test]
fn the_facts_of_a_letter_are_the_same_in_an_envelope() {
    let text = document().clinic_letter_cda_in_envelope();
    let facts = facts(&text).unwrap();
    assert_eq!(facts.kind(), Some(Kind::Message));
    assert_eq!(facts.sender(), Some(code("RR8")));
    assert_eq!(facts.receivers(), [code("K81003")]);
    let interaction = "urn:nhs-itk:interaction:primaryRecipientNonCodedCDADocument-v2-0";
    assert_eq!(facts.event_code(), Some(interaction));
    assert_eq!(facts.flaws, []);
    same_letter(&facts);
    let bare = document().clinic_letter_cda();
    let bare = read(&MediaType::Cda, bare.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(facts.names(), bare.names());
    assert_eq!(facts.composition(), bare.composition());
    assert!(facts.patient() == bare.patient());
}

fn same_letter(facts: &Facts<'_>) {
    assert!(
        facts
            .types()
            .eq([("http://snomed.info/sct", "823681000000100")])
    );
    assert_eq!(facts.custodian(), Some(code("RR8")));
    assert_eq!(facts.authors(), [code("RR8")]);
    assert_eq!(facts.copies(), [code("K81003")]);
    assert_eq!(facts.stated_practices(), [code("K81003")]);
    let sections: Vec<_> = facts
        .section_codes()
        .iter()
        .map(|(_, code)| *code)
        .collect();
    assert_eq!(sections, ["1077881000000105", "887181000000106"]);
    let patient = facts.patient().unwrap();
    assert!(NhsNumber::parse(patient.nhs_number().unwrap()).is_ok());
    assert_eq!(patient.family(), Some("Testpatient"));
    assert_eq!(patient.birth_date.as_deref(), Some("1961-04-17"));
    let composition = facts.composition().unwrap();
    assert_eq!(
        composition.date.as_deref(),
        Some("2026-11-22T09:30:00+00:00")
    );
    let [attachment] = facts.attachments()[..] else {
        unreachable!("one attachment is expected");
    };
    assert_eq!(attachment.content_type.as_deref(), Some("application/pdf"));
    assert!(
        attachment
            .data
            .is_some_and(|data| data.is_base64 && data.bytes > 9)
    );
    // Its own id and that of the set it belongs to.
    assert_eq!((facts.names().len(), facts.replaces().len()), (2, 0));
    assert!(!facts.is_restricted());
    let printed = format!("{facts:?}");
    for secret in [patient.nhs_number().unwrap(), "Testpatient", "1961"] {
        assert!(!printed.contains(secret), "{secret} is printed");
    }
}

#[test]
fn what_is_no_clinical_document_is_refused() {
    let cda =
        |rest: &str| format!("<ClinicalDocument xmlns='urn:hl7-org:v3'>{rest}</ClinicalDocument>");
    let deep = |n| format!("{}{}", "<a>".repeat(n), "</a>".repeat(n));
    let long = "a".repeat(1024 * 1024 + 1);
    for (text, expected) in [
        ("MSH|^~\\&|".to_owned(), "V-003"),
        ("<ClinicalDocument/>".to_owned(), "V-010"),
        ("<Bundle xmlns='http://hl7.org/fhir'/>".to_owned(), "V-010"),
        (
            "<DistributionEnvelope xmlns='urn:nhs-itk:ns:201005'/>".to_owned(),
            "V-010",
        ),
        (
            "<Envelope xmlns='urn:a'><Body/></Envelope>".to_owned(),
            "V-010",
        ),
        (format!("<a>{}</a>", cda("")), "V-010"),
        (cda(""), "none"),
        (cda("") + "<a/>", "V-004"),
        (cda("").replace("</ClinicalDocument>", ""), "V-004"),
        (format!("<!DOCTYPE a>{}", cda("")), "V-006"),
        (cda("<?php echo 1?>"), "V-006"),
        (cda("<title>&b;</title>"), "V-006"),
        (cda("<title a='&b;'/>"), "V-006"),
        (cda("<title a='1' a='2'/>"), "V-004"),
        (cda("\u{1}"), "V-002"),
        (cda("<title a='&#0;'/>"), "V-004"),
        (cda(&deep(62)), "none"),
        (cda(&deep(64)), "V-005"),
        (cda(&deep(100_000)), "V-005"),
        (cda("<recordTarget/><recordTarget/>"), "V-007"),
        (cda("<id root='1'/><id root='2'/>"), "V-007"),
        (cda(&format!("<title>{long}</title>")), "V-008"),
        (
            cda(&format!(
                "<component><nonXMLBody><text representation='B64'>{long}</text></nonXMLBody>\
                 </component>"
            )),
            "none",
        ),
        (
            cda(&format!(
                "<component><nonXMLBody><text>{long}</text></nonXMLBody></component>"
            )),
            "V-008",
        ),
    ] {
        assert_eq!(rule(&text), expected, "{text:.80}");
    }
}

#[test]
fn a_family_name_is_read_as_xml_means_it() {
    let family = |text: &str| {
        let elements = format!(
            "<recordTarget><patientRole><patient><name>{text}</name></patient></patientRole>\
             </recordTarget>"
        );
        of(&elements, |facts| {
            facts.patient().unwrap().family().map(str::to_owned)
        })
    };
    for (text, expected) in [
        ("<family>Smith</family>", Some("Smith")),
        ("<family>\n  Smith\n</family>", Some("Smith")),
        ("<family>O&apos;Brien</family>", Some("O'Brien")),
        ("<family>Le&#233; Brun</family>", Some("Leé Brun")),
        ("<family><![CDATA[A & B]]></family>", Some("A & B")),
        (
            "<family qualifier='BR'>First</family><family>Second</family>",
            Some("First"),
        ),
        ("<family/>", None),
        ("<family><a>Smith</a></family>", None),
        ("<family xmlns='urn:other'>Smith</family>", None),
    ] {
        assert_eq!(family(text).as_deref(), expected, "{text}");
    }
}

#[test]
fn an_nhs_number_that_nobody_looked_up_is_told_from_one_that_was() {
    let status = |root: &str| {
        let elements = format!(
            "<recordTarget><patientRole><id root='{root}' extension='9990000018'/></patientRole>\
             </recordTarget>"
        );
        of(&elements, |facts| {
            let number = facts.patient().unwrap().nhs_number().map(str::to_owned);
            (number, facts.nhs_number_status().map(str::to_owned))
        })
    };
    let number = Some("9990000018".to_owned());
    assert_eq!(status("2.16.840.1.113883.2.1.4.1"), (number.clone(), None));
    let unverified = "2.16.840.1.113883.2.1.3.2.4.18.23";
    assert_eq!(status(unverified), (number, Some("02".to_owned())));
    assert_eq!(status("2.16.840.1.113883.2.1.3.2.4.18.24"), (None, None));
}

#[test]
fn a_document_replaces_what_it_says_it_does() {
    let id = |n: u8| format!("0197a000-0000-7000-8000-00000000000{n}");
    let earlier = of(&format!("<id root='{}'/>", id(1)), |facts| facts.names());
    for (kind, is_replaced) in [("RPLC", true), ("APND", false), ("XFRM", false)] {
        let elements = format!(
            "<id root='{}'/><relatedDocument typeCode='{kind}'><parentDocument><id root='{}'/>\
             <setId root='{}'/></parentDocument></relatedDocument>",
            id(2),
            id(1).to_uppercase(),
            id(3),
        );
        let replaced = of(&elements, |facts| facts.replaces());
        assert_eq!(replaced == earlier, is_replaced, "{kind}");
    }
}

#[test]
fn a_restricted_document_is_one() {
    for (mark, expected) in [("N", false), ("R", true), ("V", true)] {
        let elements = format!("<confidentialityCode code='{mark}'/>");
        assert_eq!(
            of(&elements, |facts| facts.is_restricted()),
            expected,
            "{mark}"
        );
    }
}

#[test]
fn documents_about_two_patients_do_not_go_in_one_envelope() {
    let one = document().clinic_letter_cda();
    let again = Document::new(8, code("RR8"), code("K81003"));
    let again = again
        .about(crate::synthetic::nhs_number(7))
        .clinic_letter_cda();
    let other = Document::new(9, code("RR8"), code("K81003")).clinic_letter_cda();
    let both = |other: &str| {
        let envelope = document().clinic_letter_cda_in_envelope();
        let payload =
            format!("</itk:payload><itk:payload id=\"2\">{other}</itk:payload></itk:payloads>");
        envelope.replace("</itk:payload>\n</itk:payloads>", &payload)
    };
    assert!(both(&one).matches("<ClinicalDocument").count() == 2);
    assert_eq!(rule(&both(&again)), "none");
    assert_eq!(rule(&both(&other)), "V-007");
    let text = both(&again);
    let facts = facts(&text).unwrap();
    assert_eq!(facts.attachments().len(), 2);
    let document = facts.document().unwrap().bundle;
    let first = document
        .identifier
        .as_ref()
        .unwrap()
        .value()
        .unwrap()
        .to_owned();
    assert!(one.contains(&first), "the first is the document");
}

#[test]
fn what_is_in_another_namespace_is_not_read() {
    let elements = "<x:confidentialityCode xmlns:x='urn:x' code='V'/>\
                    <x:recordTarget xmlns:x='urn:nhs-itk:ns:201005'/>";
    of(elements, |facts| {
        assert!(!facts.is_restricted());
        assert!(facts.patient().is_none());
    });
}
