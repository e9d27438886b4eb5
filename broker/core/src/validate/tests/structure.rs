//! Each rule of L2, broken by one change to a document that keeps them all, and what only looks like
//! a breach.

use serde_json::{Value, json};

use super::{document, edited, findings, letter};
use crate::validate::Rules;

/// A letter with an attachment.
pub(super) fn with_attachment(content_type: &str, data: &str) -> String {
    edited(
        &document().sized(20_000).outpatient_letter_json(),
        |letter| {
            let binary = letter["entry"].as_array_mut().unwrap().last_mut().unwrap();
            binary["resource"]["contentType"] = json!(content_type);
            binary["resource"]["data"] = json!(data);
        },
    )
}

pub(super) fn push(letter: &mut Value, list: &str, value: Value) {
    letter
        .pointer_mut(list)
        .unwrap()
        .as_array_mut()
        .unwrap()
        .push(value);
}

/// The findings of a letter after a change, each its rule, severity and path.
pub(super) fn changed(change: impl FnOnce(&mut Value)) -> Vec<(String, String, String)> {
    findings(&Rules::default(), &edited(&letter(), change))
}

pub(super) fn told(rule: &str, severity: &str, path: &str) -> (String, String, String) {
    (rule.to_owned(), severity.to_owned(), path.to_owned())
}

const COMPOSITION: &str = "Bundle.entry[0].resource";

#[test]
fn entries_have_addresses_of_their_own() {
    let found = changed(|letter| {
        let address = letter["entry"][4]["fullUrl"].clone();
        letter["entry"][5]["fullUrl"] = address;
    });
    assert_eq!(found[0], told("V-201", "error", "Bundle.entry[5].fullUrl"));
    let versions = changed(|letter| {
        let mut older = letter["entry"][7].clone();
        older["resource"]["meta"]["versionId"] = json!("1");
        letter["entry"][7]["resource"]["meta"]["versionId"] = json!("2");
        push(letter, "/entry", older);
    });
    assert!(
        versions.iter().all(|(rule, ..)| rule != "V-201"),
        "{versions:?}"
    );
}

#[test]
fn addresses_are_absolute_and_name_no_version() {
    for (address, severity) in [
        ("Condition/1", Some("error")),
        ("7b6a1c1e-0000-4000-8000-00000000000a", Some("error")),
        ("urn:uuid:7b6a1c1e", Some("error")),
        (
            "https://example.org/fhir/Condition/1/_history/2",
            Some("error"),
        ),
        ("https://example.org/fhir/Condition/1", Some("warning")),
        (
            "urn:uuid:7B6A1C1E-0000-4000-8000-00000000000A",
            Some("warning"),
        ),
        ("urn:uuid:7b6a1c1e-0000-4000-8000-00000000000a", None),
        ("urn:oid:1.2.3", None),
    ] {
        let found = changed(|letter| letter["entry"][7]["fullUrl"] = json!(address));
        let found: Vec<_> = found.iter().filter(|(rule, ..)| rule == "V-202").collect();
        let expected = severity.map(|one| told("V-202", one, "Bundle.entry[7].fullUrl"));
        assert_eq!(found, expected.iter().collect::<Vec<_>>(), "{address}");
    }
}

#[test]
fn nothing_of_a_search_or_a_transaction_is_carried() {
    for name in ["request", "response", "search"] {
        let found = changed(|letter| letter["entry"][7][name] = json!({"x": 1}));
        let path = format!("Bundle.entry[7].{name}");
        assert_eq!(found, [told("V-203", "error", &path)]);
    }
    let total = changed(|letter| letter["total"] = json!(8));
    assert_eq!(total, [told("V-203", "error", "Bundle.total")]);
    let link = json!([{"relation": "self", "url": "https://a"}, {"relation": "next", "url": "b"}]);
    let linked = changed(|letter| letter["link"] = link.clone());
    assert_eq!(linked, [told("V-203", "warning", "Bundle.link")]);
    let message = edited(&document().discharge_summary_json(), |message| {
        message["link"] = link;
    });
    let found = findings(&Rules::default(), &message);
    assert_eq!(found, [told("V-203", "error", "Bundle.link")]);
}

#[test]
fn what_routing_goes_by_is_in_the_document() {
    let nowhere = json!({"reference": "urn:uuid:7b6a1c1e-0000-4000-8000-00000000000a"});
    for (pointer, path) in [
        ("/entry/0/resource/author/0", "author"),
        ("/entry/0/resource/custodian", "custodian"),
        ("/entry/0/resource/section/5/entry/0", "section[5].entry[0]"),
    ] {
        let found = changed(|letter| *letter.pointer_mut(pointer).unwrap() = nowhere.clone());
        let path = format!("{COMPOSITION}.{path}");
        assert!(found.contains(&told("V-204", "error", &path)), "{found:?}");
    }
    let subject = changed(|letter| letter["entry"][0]["resource"]["subject"] = nowhere.clone());
    let path = format!("{COMPOSITION}.subject");
    assert!(
        subject.contains(&told("V-204", "error", &path)),
        "{subject:?}"
    );
    let relative = changed(|letter| {
        let id = letter["entry"][4]["resource"]["id"].as_str().unwrap();
        letter["entry"][0]["resource"]["custodian"] =
            json!({"reference": format!("Organization/{id}")});
    });
    assert_eq!(relative, []);
}

#[test]
fn other_references_may_lead_out_but_not_nowhere() {
    for (reference, severity) in [
        (
            "urn:uuid:7b6a1c1e-0000-4000-8000-00000000000a",
            Some("warning"),
        ),
        ("Encounter/1", Some("warning")),
        ("#one", Some("warning")),
        ("https://example.org/fhir/Encounter/1", None),
    ] {
        let found = changed(|letter| {
            letter["entry"][7]["resource"]["encounter"]["reference"] = json!(reference);
        });
        let expected = severity.map(|one| told("V-205", one, "Bundle.entry[7].resource.encounter"));
        assert_eq!(
            found,
            expected.into_iter().collect::<Vec<_>>(),
            "{reference}"
        );
    }
    let identified = changed(|letter| {
        letter["entry"][7]["resource"]["encounter"] = json!({"display": "a visit"});
    });
    assert_eq!(identified, []);
}

#[test]
fn every_entry_is_used() {
    let found = changed(|letter| {
        let location = json!({"resourceType": "Location", "id": "a", "name": "Ward"});
        let address = "urn:uuid:7b6a1c1e-0000-4000-8000-00000000000a";
        push(
            letter,
            "/entry",
            json!({"fullUrl": address, "resource": location}),
        );
    });
    assert_eq!(found, [told("V-206", "warning", "Bundle.entry[8]")]);
}

#[test]
fn a_document_is_about_one_patient() {
    let path = format!("{COMPOSITION}.subject");
    let nobody = changed(|letter| {
        letter["entry"][0]["resource"]
            .as_object_mut()
            .unwrap()
            .remove("subject");
    });
    assert_eq!(nobody, [told("V-207", "error", &path)]);
    let trust = changed(|letter| {
        let trust = letter["entry"][4]["fullUrl"].clone();
        letter["entry"][0]["resource"]["subject"]["reference"] = trust;
    });
    assert_eq!(trust, [told("V-207", "error", &path)]);
    let another = |letter: &mut Value| {
        let mut patient = letter["entry"][1].clone();
        patient["fullUrl"] = json!("urn:uuid:7b6a1c1e-0000-4000-8000-00000000000a");
        patient["resource"]["id"] = json!("mother");
        push(letter, "/entry", patient);
    };
    let two = changed(another);
    assert!(
        two.contains(&told("V-207", "error", "Bundle.entry[8].resource")),
        "{two:?}"
    );
    let mother = changed(|letter| {
        another(letter);
        let relative = json!({
            "resourceType": "RelatedPerson", "id": "b",
            "patient": {"reference": "urn:uuid:7b6a1c1e-0000-4000-8000-00000000000a"},
        });
        let address = "urn:uuid:7b6a1c1e-0000-4000-8000-00000000000b";
        push(
            letter,
            "/entry",
            json!({"fullUrl": address, "resource": relative}),
        );
    });
    assert!(
        mother.iter().all(|(rule, ..)| rule != "V-207"),
        "{mother:?}"
    );
}

#[test]
fn only_final_and_complete_documents_are_sent() {
    let path = format!("{COMPOSITION}.status");
    for (status, relates, right) in [
        (json!("final"), false, true),
        (json!("preliminary"), false, false),
        (json!("amended"), false, false),
        (json!("amended"), true, true),
        (json!("entered-in-error"), true, true),
        (json!("done"), false, false),
        (Value::Null, false, false),
    ] {
        let found = changed(|letter| {
            let composition = letter["entry"][0]["resource"].as_object_mut().unwrap();
            if status.is_null() {
                composition.remove("status");
            } else {
                composition.insert("status".to_owned(), status.clone());
            }
            if relates {
                let relation = json!([{"code": "replaces", "targetIdentifier": {"value": "1"}}]);
                composition.insert("relatesTo".to_owned(), relation);
            }
        });
        let expected = (!right).then(|| told("V-208", "error", &path));
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{status}");
    }
    for name in ["type", "date", "author", "title"] {
        let found = changed(|letter| {
            letter["entry"][0]["resource"]
                .as_object_mut()
                .unwrap()
                .remove(name);
        });
        let path = format!("{COMPOSITION}.{name}");
        assert!(found.contains(&told("V-209", "error", &path)), "{found:?}");
    }
}

#[test]
fn what_a_document_relates_to_is_named() {
    let target = json!({"system": "https://tools.ietf.org/html/rfc4122", "value": "1"});
    for (relation, path, severity) in [
        (json!({"code": "replaces"}), "relatesTo", "error"),
        (
            json!({"code": "hides", "targetIdentifier": target}),
            "relatesTo.code",
            "error",
        ),
        (
            json!({"code": "transforms", "targetIdentifier": target}),
            "relatesTo.code",
            "warning",
        ),
    ] {
        let found =
            changed(|letter| letter["entry"][0]["resource"]["relatesTo"] = json!([relation]));
        assert_eq!(
            found,
            [told("V-210", severity, &format!("{COMPOSITION}.{path}"))]
        );
    }
    let right = json!([
        {"code": "appends", "targetIdentifier": target},
        {"code": "replaces", "targetReference": {"identifier": target}},
    ]);
    let found = changed(|letter| letter["entry"][0]["resource"]["relatesTo"] = right);
    assert_eq!(found, []);
}
