//! Each rule of L3, broken by one change to a document that keeps them all, and what only looks like
//! a breach.

use std::sync::Arc;

use axle_model::{ods::OdsCode, patient::PatientHint};
use serde_json::{Value, json};

use super::{
    code, document, edited, findings, found_in, letter, media_type, of,
    structure::{changed, told},
    submitted,
};
use crate::{
    authorise::Authorised,
    organisations::{
        AGE_MAX, Organisations,
        draft::{Draft, Place},
        overrides::Overrides,
    },
    snapshot::Snapshot,
    table::RoutingTable,
    validate::{Rules, Setting},
};

const COMPOSITION: &str = "Bundle.entry[0].resource";
const PATIENT: &str = "Bundle.entry[1].resource";

fn patient(change: impl FnOnce(&mut Value)) -> Vec<(String, String, String)> {
    changed(|letter| change(&mut letter["entry"][1]["resource"]))
}

/// A submission of this text that names no recipient.
fn by_patient(text: &str) -> Authorised {
    let authorised = submitted("RR8", &[], media_type(text), text.as_bytes());
    authorised.changed(|submission| {
        submission.recipients.clear();
        let number = axle_model::synthetic::nhs_number(1).expose().to_string();
        submission.patient = PatientHint::new(&number, "1961-04-17", "TESTPATIENT").ok();
    })
}

#[test]
fn an_nhs_number_has_ten_digits_that_check_each_other() {
    let path = format!("{PATIENT}.identifier.value");
    for value in ["999 000 0018", "9990000019", "999000001", "NOT KNOWN"] {
        let found = patient(|patient| patient["identifier"][0]["value"] = json!(value));
        assert_eq!(found, [told("V-301", "error", &path)], "{value}");
    }
    let text = edited(&letter(), |letter| {
        letter["entry"][1]["resource"]["identifier"][0]["value"] = json!("9990000019");
    });
    let synthetic = Rules::default().for_synthetic_data();
    assert_eq!(
        findings(&synthetic, &text),
        [told("V-301", "warning", &path)]
    );
    // What is set counts above it.
    let set = Rules::default().with("V-301", Setting::Error).unwrap();
    assert_eq!(
        findings(&set.for_synthetic_data(), &text),
        [told("V-301", "error", &path)]
    );
}

#[test]
fn a_patient_without_a_number_needs_a_named_recipient() {
    let path = format!("{PATIENT}.identifier");
    let local = json!([{"system": "https://rr8.example.nhs.uk/patient", "value": "H100"}]);
    let text = edited(&letter(), |letter| {
        letter["entry"][1]["resource"]["identifier"] = local.clone();
    });
    assert_eq!(
        findings(&Rules::default(), &text),
        [told("V-302", "warning", &path)]
    );
    let unnamed = found_in(&Snapshot::default(), &by_patient(&text));
    assert_eq!(unnamed, [told("V-302", "error", &path)]);
    let nothing = patient(|patient| {
        patient.as_object_mut().unwrap().remove("identifier");
    });
    assert_eq!(nothing, [told("V-302", "warning", &path)]);
    let two = patient(|patient| {
        let number = axle_model::synthetic::nhs_number(2).expose().to_string();
        let other = json!({"system": "https://fhir.nhs.uk/Id/nhs-number", "value": number});
        patient["identifier"].as_array_mut().unwrap().push(other);
    });
    assert_eq!(two, [told("V-302", "error", &path)]);
}

#[test]
fn what_a_look_up_takes_is_warned_of_when_it_is_missing() {
    let verified = |code: &str| {
        json!([{
            "url": "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus",
            "valueCodeableConcept": {"coding": [{"system": "a", "code": code}]},
        }])
    };
    let path = format!("{PATIENT}.identifier");
    for (code, expected) in [
        ("01", vec![]),
        ("02", vec![told("V-303", "warning", &path)]),
    ] {
        let found = patient(|patient| patient["identifier"][0]["extension"] = verified(code));
        assert_eq!(found, expected, "{code}");
    }
    for (name, path) in [
        ("birthDate", "birthDate"),
        ("gender", "gender"),
        ("name", "name"),
    ] {
        let found = patient(|patient| {
            patient.as_object_mut().unwrap().remove(name);
        });
        assert_eq!(
            found,
            [told("V-304", "warning", &format!("{PATIENT}.{path}"))]
        );
    }
}

#[test]
fn a_code_of_snomed_is_the_id_of_a_concept() {
    let condition = "/entry/7/resource/code/coding/0/code";
    let heading = "/entry/0/resource/section/1/code/coding/0/code";
    let (of_condition, of_heading) = (
        "Bundle.entry[7].resource.code.coding[0]".to_owned(),
        format!("{COMPOSITION}.section[1].code.coding[0]"),
    );
    for (pointer, value, rule, severity, path) in [
        (condition, "73211008", "V-305", "warning", &of_condition),
        (condition, "diabetes", "V-305", "warning", &of_condition),
        (condition, "100014", "V-306", "warning", &of_condition),
        (heading, "887161000000103", "V-305", "error", &of_heading),
        (heading, "100022", "V-306", "error", &of_heading),
    ] {
        let found = changed(|letter| *letter.pointer_mut(pointer).unwrap() = json!(value));
        assert!(
            found.contains(&told(rule, severity, path)),
            "{value}: {found:?}"
        );
    }
    let path = format!("{COMPOSITION}.type.coding[0]");
    let type_of = changed(|letter| {
        letter["entry"][0]["resource"]["type"]["coding"][0]["code"] = json!("823681000000101");
    });
    assert!(
        type_of.contains(&told("V-305", "error", &path)),
        "{type_of:?}"
    );
}

#[test]
fn a_type_is_coded_and_listed() {
    let path = format!("{COMPOSITION}.type");
    let local = changed(|letter| {
        letter["entry"][0]["resource"]["type"]["coding"][0]["system"] = json!("urn:local");
    });
    assert!(local.contains(&told("V-307", "error", &path)), "{local:?}");
    let table = |rest: &str| {
        let text = format!(
            "version = 1\n{rest}\n[[workflow]]\nid = \"LETTERS\"\n[[class]]\nid = \"letters\"\n\
             workflow = \"LETTERS\"\nmatch = {{ type = [\"snomed:373942005\"] }}\n"
        );
        Snapshot {
            table: RoutingTable::parse(&text).unwrap(),
            ..Snapshot::default()
        }
    };
    let text = letter();
    let authorised = submitted("RR8", &[], media_type(&text), text.as_bytes());
    assert_eq!(
        found_in(&table(""), &authorised),
        [told("V-307", "error", &path)]
    );
    for kept in [
        "workflow = \"LETTERS\"",
        "workflow = \"LETTERS\"\non_unknown_type = \"park\"",
    ] {
        let found = found_in(&table(&format!("[defaults]\n{kept}")), &authorised);
        assert_eq!(found, [], "{kept}");
    }
}

#[test]
fn a_section_has_a_heading_of_its_kind() {
    let found = changed(|letter| {
        letter["entry"][0]["resource"]["section"][1]["code"]["coding"][0]["code"] =
            json!("73211009");
    });
    assert_eq!(
        found,
        [told(
            "V-308",
            "warning",
            &format!("{COMPOSITION}.section[1].code")
        )]
    );
    let other = changed(|letter| {
        letter["entry"][0]["resource"]["section"][1]["code"]["coding"][0]["system"] =
            json!("urn:local");
    });
    assert_eq!(other, []);
}

#[test]
fn an_ods_code_is_shaped_like_one() {
    let path = "Bundle.entry[5].resource.identifier.value";
    for value in ["a81001", "A(*)", "X", "K81003-001"] {
        let found = changed(|letter| {
            letter["entry"][5]["resource"]["identifier"][0]["value"] = json!(value);
        });
        assert_eq!(found, [told("V-309", "error", path)], "{value}");
    }
    let other = changed(|letter| {
        letter["entry"][5]["resource"]["identifier"][0] =
            json!({"system": "urn:local", "value": "a"});
    });
    assert_eq!(other, []);
    let known: OdsCode = code("K81003");
    let rules = Rules {
        assume_known: [known].into(),
        ..Rules::default()
    };
    assert_eq!(findings(&rules, &letter()), []);
}

/// A register that knows these organisations.
fn known(codes: &[&str]) -> Organisations {
    let mut draft = Draft::default();
    for (line, code) in (1..).zip(codes) {
        let organisation = json!({
            "Name": code, "OrgId": {"extension": code}, "Status": "Active",
        });
        let record = json!({ "Organisation": organisation }).to_string();
        draft.add(Place { file: 0, line }, record.as_bytes());
    }
    let register = draft.finish(super::now(), super::now()).unwrap();
    Organisations::new(Some(Arc::new(register)), AGE_MAX, Overrides::default())
}

#[test]
fn an_organisation_that_counts_is_known_to_the_register() {
    let text = letter();
    let authorised = submitted("RR8", &[], media_type(&text), text.as_bytes());
    let found = |codes: &[&str], assumed: &[&str]| {
        let rules = Rules {
            assume_known: assumed.iter().map(|text| code(text)).collect(),
            ..Rules::default()
        };
        let snapshot = Snapshot {
            organisations: known(codes),
            ..of(&rules)
        };
        found_in(&snapshot, &authorised)
    };
    let (trust, practice) = (
        "Bundle.entry[4].resource.identifier.value",
        "Bundle.entry[5].resource.identifier.value",
    );
    assert_eq!(found(&["RR8", "K81003"], &[]), []);
    assert_eq!(found(&["K81003"], &[]), [told("V-309", "error", trust)]);
    assert_eq!(found(&["RR8"], &[]), [told("V-309", "warning", practice)]);
    assert_eq!(found(&["A81001"], &["RR8", "K81003"]), []);
}

#[test]
fn the_custodian_is_the_sender() {
    let path = format!("{COMPOSITION}.custodian");
    let none = changed(|letter| {
        letter["entry"][0]["resource"]
            .as_object_mut()
            .unwrap()
            .remove("custodian");
    });
    assert_eq!(none, [told("V-310", "warning", &path)]);
    let unnamed = changed(|letter| {
        letter["entry"][4]["resource"]
            .as_object_mut()
            .unwrap()
            .remove("identifier");
    });
    assert_eq!(unnamed, [told("V-310", "warning", &path)]);
}

#[test]
fn a_professional_number_is_shaped_like_one_of_its_register() {
    let path = "Bundle.entry[2].resource.identifier.value";
    for (system, value, right) in [
        ("https://fhir.nhs.uk/Id/sds-user-id", "12345", false),
        ("https://fhir.hl7.org.uk/Id/gmc-number", "C1234567", true),
        ("https://fhir.hl7.org.uk/Id/gmc-number", "G1234567", false),
        ("urn:local", "anything", true),
    ] {
        let found = changed(|letter| {
            letter["entry"][2]["resource"]["identifier"][0] =
                json!({"system": system, "value": value});
        });
        let expected = (!right).then(|| told("V-311", "warning", path));
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{value}");
    }
}

#[test]
fn medicines_and_allergies_are_coded() {
    let dmd =
        json!({"coding": [{"system": "http://snomed.info/sct", "code": "999000011000001104"}]});
    let words = json!({"text": "the small white ones"});
    let other = json!({"coding": [{"system": "urn:local", "code": "1"}]});
    for (kind, name, value, rule) in [
        (
            "MedicationStatement",
            "medicationCodeableConcept",
            &dmd,
            None,
        ),
        (
            "MedicationRequest",
            "medicationCodeableConcept",
            &words,
            Some("V-312"),
        ),
        ("Medication", "code", &other, Some("V-312")),
        ("AllergyIntolerance", "code", &other, None),
        ("AllergyIntolerance", "code", &words, Some("V-313")),
    ] {
        let found = changed(|letter| {
            let resource = letter["entry"][7]["resource"].as_object_mut().unwrap();
            resource.remove("code");
            resource.insert("resourceType".to_owned(), json!(kind));
            resource.insert(name.to_owned(), value.clone());
        });
        let expected = rule.map(|rule| told(rule, "warning", "Bundle.entry[7].resource"));
        assert_eq!(
            found,
            expected.into_iter().collect::<Vec<_>>(),
            "{kind} {value}"
        );
    }
}

#[test]
fn a_restricted_document_is_told_of() {
    let path = format!("{COMPOSITION}.confidentiality");
    let unknown = changed(|letter| letter["entry"][0]["resource"]["confidentiality"] = json!("X"));
    assert_eq!(unknown, [told("V-314", "warning", &path)]);
    let restricted =
        changed(|letter| letter["entry"][0]["resource"]["confidentiality"] = json!("R"));
    assert_eq!(restricted, [told("V-314", "warning", "Bundle")]);
    let marked = changed(|letter| {
        let mark = json!({
            "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "Q",
        });
        letter["entry"][1]["resource"]["meta"]["security"] = json!([mark]);
    });
    assert_eq!(
        marked,
        [told(
            "V-314",
            "warning",
            &format!("{PATIENT}.meta.security")
        )]
    );
}

#[test]
fn a_class_may_require_what_is_only_warned_of() {
    let table = r#"
version = 1
[[workflow]]
id = "LETTERS"
[[class]]
id = "letters"
workflow = "LETTERS"
match = { type = ["snomed:823681000000100"] }
required_rules = ["V-304"]
[[severity]]
workflow = ["LETTERS"]
rules = { "V-304" = "off", "V-310" = "error" }
"#;
    let snapshot = Snapshot {
        table: RoutingTable::parse(table).unwrap(),
        ..of(&Rules::default())
    };
    let text = edited(&document().outpatient_letter_json(), |letter| {
        letter["entry"][1]["resource"]
            .as_object_mut()
            .unwrap()
            .remove("gender");
        letter["entry"][0]["resource"]
            .as_object_mut()
            .unwrap()
            .remove("custodian");
    });
    let authorised = submitted("RR8", &[], media_type(&text), text.as_bytes());
    let gender = told("V-304", "error", &format!("{PATIENT}.gender"));
    let custodian = told("V-310", "error", &format!("{COMPOSITION}.custodian"));
    assert_eq!(found_in(&snapshot, &authorised), [gender, custodian]);
}
