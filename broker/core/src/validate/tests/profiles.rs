//! Each rule of L4, broken by one change to a document that keeps them all.

use axle_model::patient::PatientHint;
use serde_json::{Value, json};

use super::{document, edited, findings, found_in, letter, media_type, submitted};
use crate::{snapshot::Snapshot, validate::Rules};

const COMPOSITION: &str = "Bundle.entry[2].resource.entry[0].resource";
const HEADER: &str = "Bundle.entry[0].resource";

fn told(rule: &str, severity: &str, path: &str) -> (String, String, String) {
    (rule.to_owned(), severity.to_owned(), path.to_owned())
}

fn summary() -> String {
    document().discharge_summary_json()
}

/// The findings of a message after a change.
fn changed(change: impl FnOnce(&mut Value)) -> Vec<(String, String, String)> {
    findings(&Rules::default(), &edited(&summary(), change))
}

fn composition(message: &mut Value) -> &mut Value {
    message
        .pointer_mut("/entry/2/resource/entry/0/resource")
        .unwrap()
}

/// Takes the section with that code out.
fn drop_section(composition: &mut Value, code: &str) {
    let sections = composition["section"].as_array_mut().unwrap();
    let before = sections.len();
    sections.retain(|section| section["code"]["coding"][0]["code"] != json!(code));
    assert_eq!(sections.len() + 1, before, "{code}");
}

fn event(message: &mut Value, code: &str) {
    message["entry"][0]["resource"]["event"]["code"] = json!(code);
}

#[test]
fn a_discharge_summary_has_its_sections() {
    let path = format!("{COMPOSITION}.section");
    for code in [
        "886731000000109",
        "886711000000101",
        "887231000000104",
        "886811000000106",
        "887201000000105",
    ] {
        let found = changed(|message| drop_section(composition(message), code));
        assert_eq!(found, [told("V-401", "warning", &path)], "{code}");
    }
}

#[test]
fn an_emergency_care_summary_has_attendance_and_setting() {
    let found = changed(|message| event(message, "ITK005D"));
    let section = told("V-402", "warning", &format!("{COMPOSITION}.section"));
    let setting = told("V-402", "warning", &format!("{COMPOSITION}.extension"));
    assert_eq!(found, [section, setting]);
    let right = changed(|message| {
        event(message, "ITK005D");
        let composition = composition(message);
        let section = json!({
            "title": "Attendance details", "text": {"status": "generated", "div": "<div>x</div>"},
            "code": {"coding": [{"system": "http://snomed.info/sct", "code": "1077881000000105"}]},
        });
        composition["section"].as_array_mut().unwrap().push(section);
        composition["extension"] = json!([{
            "url": "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-ITK-CareSettingType-1",
            "valueCodeableConcept": {
                "coding": [{"system": "http://snomed.info/sct", "code": "394576009"}],
            },
        }]);
    });
    assert_eq!(right, []);
}

#[test]
fn an_outpatient_letter_has_its_sections() {
    for code in ["1077881000000105", "887181000000106"] {
        let text = edited(&letter(), |letter| {
            drop_section(&mut letter["entry"][0]["resource"], code);
        });
        let path = "Bundle.entry[0].resource.section";
        assert_eq!(
            findings(&Rules::default(), &text),
            [told("V-403", "warning", path)]
        );
    }
}

/// A consultation report with its letter attached.
fn report() -> String {
    edited(
        &document().sized(60_000).discharge_summary_json(),
        |message| {
            event(message, "ITK007C");
        },
    )
}

#[test]
fn a_sent_document_has_its_letter_attached() {
    assert_eq!(findings(&Rules::default(), &report()), []);
    let bare = changed(|message| event(message, "ITK007C"));
    assert_eq!(
        bare,
        [told("V-404", "error", &format!("{COMPOSITION}.section"))]
    );
}

/// A submission that goes by its patient.
fn by_patient(text: &str, number: u64, born: &str, family: &str) -> Vec<(String, String, String)> {
    let authorised = submitted("RR8", &[], media_type(text), text.as_bytes());
    let number = axle_model::synthetic::nhs_number(number)
        .expose()
        .to_string();
    let patient = PatientHint::new(&number, born, family).unwrap();
    let authorised = authorised.changed(|submission| {
        submission.recipients.clear();
        submission.patient = Some(patient);
    });
    found_in(&Snapshot::default(), &authorised)
}

#[test]
fn what_goes_by_its_patient_names_no_receiver() {
    let text = edited(&report(), |message| {
        let sender = message["entry"][0]["resource"]["sender"].clone();
        message["entry"][0]["resource"]["receiver"] = sender;
    });
    let found = by_patient(&text, 1, "1961-04-17", "Testpatient");
    assert_eq!(
        found,
        [told("V-404", "error", &format!("{HEADER}.destination"))]
    );
}

#[test]
fn what_goes_by_its_patient_is_about_that_patient() {
    const PATIENT: &str = "Bundle.entry[2].resource.entry[1].resource";
    let text = summary();
    assert_eq!(by_patient(&text, 1, "19610417", "test-PATIENT"), []);
    for (number, born, family, name) in [
        (2, "1961-04-17", "Testpatient", "identifier"),
        (1, "1961-04-18", "Testpatient", "birthDate"),
        (1, "1961-04-17", "Otherpatient", "name"),
    ] {
        let found = by_patient(&text, number, born, family);
        assert_eq!(
            found,
            [told("V-405", "error", &format!("{PATIENT}.{name}"))]
        );
    }
}

#[test]
fn the_event_and_the_type_are_of_one_kind() {
    let found = changed(|message| {
        composition(message)["type"]["coding"][0]["code"] = json!("823681000000100");
    });
    assert_eq!(
        found,
        [told("V-406", "warning", &format!("{COMPOSITION}.type"))]
    );
}

/// A patient summary with these sections.
fn patient_summary(sections: Value) -> Vec<(String, String, String)> {
    let text = edited(&letter(), |letter| {
        let composition = &mut letter["entry"][0]["resource"];
        composition["type"]["coding"][0] = json!({"system": "http://loinc.org", "code": "60591-5"});
        composition["section"] = sections;
        // What the letter's sections referred to is referred to by this.
        let practice = letter["entry"][5]["fullUrl"].clone();
        letter["entry"][1]["resource"]["managingOrganization"] = json!({"reference": practice});
    });
    findings(&Rules::default(), &text)
}

#[test]
fn a_patient_summary_has_its_sections_with_something_in_each() {
    let section = |code: &str| {
        json!({
            "title": "a", "emptyReason": {"text": "none known"},
            "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        })
    };
    let all = ["11450-4", "48765-2", "10160-0"].map(section);
    assert_eq!(patient_summary(json!(all)), []);
    let path = "Bundle.entry[0].resource.section";
    assert_eq!(
        patient_summary(json!(all[1..])),
        [told("V-407", "warning", path)]
    );
    let mut silent = all;
    silent[1].as_object_mut().unwrap().remove("emptyReason");
    silent[1]["text"] = json!({"status": "generated", "div": "<div>None</div>"});
    assert_eq!(
        patient_summary(json!(silent)),
        [told("V-407", "warning", path)]
    );
}

/// A referral that goes to this destination.
fn referral(event: &str, destination: Value) -> Vec<(String, String, String)> {
    changed(|message| {
        let header = message["entry"][0]["resource"].as_object_mut().unwrap();
        header.remove("event");
        header.remove("extension");
        let system = "https://fhir.nhs.uk/CodeSystem/message-events-bars";
        header.insert(
            "eventCoding".to_owned(),
            json!({"system": system, "code": event}),
        );
        header.insert("destination".to_owned(), destination);
    })
}

#[test]
fn a_referral_says_where_it_goes() {
    let path = format!("{HEADER}.destination");
    let sender = edited_sender();
    let right =
        json!([{"endpoint": "https://fhir.nhs.uk/Id/dos-service-id|1", "receiver": sender}]);
    let found = |event, destination| {
        let found = referral(event, destination);
        found
            .into_iter()
            .filter(|(rule, ..)| rule == "V-408")
            .collect::<Vec<_>>()
    };
    assert_eq!(found("servicerequest-request", right.clone()), []);
    for (destination, name) in [
        (json!([{"receiver": sender}]), ".endpoint"),
        (
            json!([{"endpoint": "https://fhir.nhs.uk/Id/dos-service-id|1"}]),
            ".receiver",
        ),
    ] {
        let expected = told("V-408", "error", &format!("{path}{name}"));
        assert_eq!(found("booking-request", destination), [expected]);
    }
    let expected = told("V-408", "error", &format!("{HEADER}.event"));
    assert_eq!(found("servicerequest-wish", right), [expected]);
}

/// The reference to the sender in a message.
fn edited_sender() -> Value {
    let message: Value = serde_json::from_str(&summary()).unwrap();
    message["entry"][0]["resource"]["sender"].clone()
}

#[test]
fn a_prescription_is_not_for_a_practice() {
    let found = changed(|message| {
        let header = message["entry"][0]["resource"].as_object_mut().unwrap();
        header.remove("event");
        header.remove("extension");
        let system = "https://fhir.nhs.uk/CodeSystem/message-event";
        let coding = json!({"system": system, "code": "prescription-order"});
        header.insert("eventCoding".to_owned(), coding);
    });
    let expected = told("V-409", "error", &format!("{HEADER}.event"));
    assert!(found.contains(&expected), "{found:?}");
}

/// An ITK3 response after a change to it.
fn response(change: impl FnOnce(&mut Value)) -> Vec<(String, String, String)> {
    changed(|message| {
        let outcome = json!({
            "resourceType": "OperationOutcome",
            "issue": [{"severity": "information", "code": "informational", "details": {"coding": [{
                "system": "https://fhir.nhs.uk/STU3/CodeSystem/ITK-ResponseCodes-1", "code": "20013",
            }]}}],
        });
        let address = message["entry"][2]["fullUrl"].clone();
        message["entry"][2] = json!({"fullUrl": address, "resource": outcome});
        let header = &mut message["entry"][0]["resource"];
        header["event"]["code"] = json!("ITK008M");
        header["response"] =
            json!({"identifier": "1", "code": "ok", "details": {"reference": address}});
        for flag in [0, 1] {
            header["extension"][0]["extension"][flag]["valueBoolean"] = json!(false);
        }
        change(message);
    })
}

#[test]
fn a_response_names_what_it_answers_and_says_one_thing() {
    assert_eq!(response(|_| {}), []);
    for name in ["identifier", "code"] {
        let found = response(|message| {
            let response = message["entry"][0]["resource"]["response"]
                .as_object_mut()
                .unwrap();
            response.remove(name);
        });
        let path = format!("{HEADER}.response.{name}");
        assert_eq!(found, [told("V-410", "error", &path)]);
    }
    let details = told("V-410", "error", &format!("{HEADER}.response.details"));
    let two = response(|message| {
        let codings = &mut message["entry"][2]["resource"]["issue"][0]["details"]["coding"];
        let first = codings[0].clone();
        codings.as_array_mut().unwrap().push(first);
    });
    assert_eq!(two, std::slice::from_ref(&details));
    let none = response(|message| {
        message["entry"][2]["resource"]
            .as_object_mut()
            .unwrap()
            .remove("issue");
    });
    assert_eq!(none, [details]);
    let asking = response(|message| {
        let handling = &mut message["entry"][0]["resource"]["extension"][0]["extension"];
        handling[0]["valueBoolean"] = json!(true);
    });
    let path = format!("{HEADER}.extension(ITK-MessageHandling-2)");
    assert_eq!(asking, [told("V-410", "error", &path)]);
}
