//! The rules of what is carried in HL7 v2 and CDA, each with what keeps it and what breaks it.

use super::*;

/// What is warned of in a document from RR8: each rule and its path.
fn warned(media_type: MediaType, text: &str) -> Vec<(&'static str, String)> {
    let authorised = submitted("RR8", &[], media_type, text.as_bytes());
    let checked = validate(&Snapshot::default(), &authorised, now()).unwrap();
    let warnings = checked.warnings().iter();
    warnings
        .map(|warning| (warning.rule.unwrap(), warning.path.clone()))
        .collect()
}

fn refused(sender: &str, media_type: MediaType, text: &str) -> Vec<(&'static str, String)> {
    let authorised = submitted(sender, &[], media_type, text.as_bytes());
    let refusal = validate(&Snapshot::default(), &authorised, now()).unwrap_err();
    let findings = refusal.findings.iter();
    findings
        .map(|finding| (finding.rule.unwrap(), finding.path.clone()))
        .collect()
}

#[test]
fn every_synthetic_document_that_is_not_fhir_keeps_every_rule() {
    for document in [document(), document().sized(200_000)] {
        for (media_type, text) in document.carried() {
            let authorised = submitted("RR8", &[], media_type, text.as_bytes());
            let checked = validate(&Snapshot::default(), &authorised, now()).unwrap();
            assert_eq!(checked.warnings(), [], "{text:.200}");
            assert!(checked.document_identity().is_some());
        }
    }
}

#[test]
fn a_letter_in_hl7_v2_lacks_nothing_that_it_needs() {
    let letter = document().discharge_letter_hl7v2();
    let id = letter.split('|').nth(9).unwrap();
    let number = letter
        .split('|')
        .find(|field| field.contains("^^^NHS^NH"))
        .unwrap();
    let txa = letter
        .split('\r')
        .find(|segment| segment.starts_with("TXA"))
        .unwrap();
    let document_number = txa.split('|').nth(12).unwrap();
    for (from, to, path) in [
        ("|MDM^T02^MDM_T02|", "|MDM^T06|", "MSH-9"),
        ("|MDM^T02^MDM_T02|", "|^|", "MSH-9"),
        (&format!("|{id}|P|"), "||P|", "MSH-10"),
        (number, "L0000001^^^RR8^PI", "PID-3"),
        ("TXA|1|DS|", "TXA|1||", "TXA-2"),
        (&format!("|{document_number}|||||AU"), "||||||AU", "TXA-12"),
        ("|||||AU|", "|||||DI|", "TXA-17"),
        ("|||||AU|", "||||||", "TXA-17"),
        ("^Base64^", "^A^", "OBX-5"),
    ] {
        let text = with(&letter, from, to);
        let found = warned(MediaType::Hl7v2, &text);
        let expected = ("V-411", path.to_owned());
        assert_eq!(found, [expected], "{from} {to}");
        let strict = Rules::default().with("V-411", Setting::Error).unwrap();
        let authorised = submitted("RR8", &[], MediaType::Hl7v2, text.as_bytes());
        let refusal = validate(&of(&strict), &authorised, now()).unwrap_err();
        assert_eq!(refusal.findings[0].rule, Some("V-411"));
        assert!(
            !format!("{refusal:?}").contains(number),
            "a patient is named"
        );
    }
}

#[test]
fn a_letter_in_cda_lacks_nothing_that_it_needs() {
    let letter = document().clinic_letter_cda();
    for (from, to, element) in [
        ("POCD_HD000040", "POCD_HD000041", "typeId"),
        ("<id root", "<other root", "id"),
        (
            "<code code=\"823681000000100\"",
            "<other code=\"1\"",
            "code",
        ),
        (
            "2.16.840.1.113883.2.1.4.1",
            "2.16.840.1.113883.2.1.4.2",
            "recordTarget.patientRole.id",
        ),
    ] {
        let expected = ("V-412", format!("ClinicalDocument.{element}"));
        assert_eq!(warned(MediaType::Cda, &with(&letter, from, to)), [expected]);
    }
}

#[test]
fn another_organisation_s_document_is_refused_in_every_format() {
    for (media_type, text) in document().carried() {
        let found = refused("RBA", media_type, &text);
        assert!(found.iter().all(|(rule, _)| *rule == "V-117"), "{found:?}");
        assert!(!found.is_empty());
    }
    let found = refused(
        "RBA",
        MediaType::Hl7v2,
        &document().laboratory_result_hl7v2(),
    );
    assert_eq!(found, [("V-117", "MSH-4".to_owned())]);
}

#[test]
fn messages_of_other_kinds_are_taken_with_a_warning() {
    let letter = document().discharge_letter_hl7v2();
    for kind in ["ADT^A01^ADT_A01", "OML^O21^OML_O21"] {
        let text = with(&letter, "MDM^T02^MDM_T02", kind);
        assert_eq!(
            warned(MediaType::Hl7v2, &text),
            [("V-411", "MSH-9".to_owned())]
        );
    }
    let referral = with(&letter, "MDM^T02^MDM_T02", "REF^I12^REF_I12");
    assert_eq!(warned(MediaType::Hl7v2, &referral), []);
}

#[test]
fn a_message_for_two_patients_is_refused() {
    let result = document().laboratory_result_hl7v2();
    let text = format!("{result}PID|2||9990000018^^^NHS^NH\r");
    assert_eq!(
        refused("RR8", MediaType::Hl7v2, &text),
        [("V-007", "PID".to_owned())]
    );
}

#[test]
fn attachments_are_what_they_say_in_every_format() {
    let letter = document().discharge_letter_hl7v2();
    let clinic = document().clinic_letter_cda();
    for (from, to, rule) in [
        ("JVBERi0x", "!!!!!!!!", "V-211"),
        ("JVBERi0x", "UEsDBAAA", "V-213"),
        ("JVBERi0x", "TVqQAAMA", "V-213"),
    ] {
        let found = refused("RR8", MediaType::Hl7v2, &with(&letter, from, to));
        assert_eq!(found, [(rule, "OBX-5".to_owned())], "{to}");
        let found = refused("RR8", MediaType::Cda, &with(&clinic, from, to));
        assert_eq!(
            found,
            [(rule, "ClinicalDocument.component".to_owned())],
            "{to}"
        );
    }
    let text = with(&letter, "^application^pdf^", "^application^x-own^");
    let found = refused("RR8", MediaType::Hl7v2, &text);
    assert_eq!(found, [("V-212", "OBX-5.contentType".to_owned())]);
}

#[test]
fn an_nhs_number_is_checked_in_every_format() {
    for (media_type, text) in document().carried() {
        let number = format!("{:010}", axle_model::synthetic::nhs_number(1).expose());
        let broken = text.replace(&number, "9990000010");
        let found = refused("RR8", media_type, &broken);
        assert!(found.iter().all(|(rule, _)| *rule == "V-301"), "{found:?}");
        assert_eq!(found.len(), 1);
    }
}
