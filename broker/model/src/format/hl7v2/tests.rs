//! What is read of HL7 v2, and what is refused.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::{
    envelope::MediaType,
    facts::{Facts, Kind, Syntax},
    format::{Limits, Malformed, read},
    nhs_number::NhsNumber,
    ods::OdsCode,
    synthetic::Document,
};

const MSH: &str = "MSH|^~\\&|EPR|RR8|GP|K81003|20261122093000||MDM^T02|1|P|2.4";

fn code(text: &str) -> OdsCode {
    OdsCode::parse(text).unwrap()
}

fn document() -> Document {
    Document::new(7, code("RR8"), code("K81003"))
}

fn facts(text: &str) -> Result<Facts<'_>, Malformed> {
    read(&MediaType::Hl7v2, text.as_bytes(), &Limits::default())
}

/// The facts of a message with these segments after its header.
fn of<T>(segments: &str, found: impl FnOnce(&Facts<'_>) -> T) -> T {
    found(&facts(&format!("{MSH}\r{segments}\r")).unwrap())
}

fn rule(text: &str) -> &'static str {
    match facts(text) {
        Ok(facts) => facts.flaws.first().map_or("none", |flaw| flaw.rule),
        Err(malformed) => malformed.rule,
    }
}

#[test]
fn the_facts_of_a_letter_are_found() {
    let text = document().discharge_letter_hl7v2();
    let facts = facts(&text).unwrap();
    assert_eq!((facts.syntax, facts.release), (Syntax::Hl7v2, None));
    assert_eq!(facts.kind(), Some(Kind::Message));
    assert_eq!(facts.event_code(), Some("MDM^T02"));
    assert_eq!(facts.sender(), Some(code("RR8")));
    assert_eq!(facts.receivers(), [code("K81003")]);
    assert_eq!(facts.copies(), []);
    assert_eq!(facts.stated_practices(), [code("K81003")]);
    let table = "http://terminology.hl7.org/CodeSystem/v2-0270";
    assert!(facts.types().eq([(table, "DS")]));
    let composition = facts.composition().unwrap();
    assert_eq!(composition.status.as_deref(), Some("final"));
    assert_eq!(
        composition.date.as_deref(),
        Some("2026-11-22T09:30:00+00:00")
    );
    assert!(!facts.is_restricted() && !facts.is_deceased());
    let patient = facts.patient().unwrap();
    assert!(NhsNumber::parse(patient.nhs_number().unwrap()).is_ok());
    assert_eq!(patient.identifiers.len(), 2);
    assert_eq!(patient.family(), Some("Testpatient"));
    assert_eq!(patient.birth_date.as_deref(), Some("1961-04-17"));
    assert_eq!(facts.nhs_number_status(), Some("01"));
    let [attachment] = facts.attachments()[..] else {
        unreachable!("one attachment is expected");
    };
    assert_eq!(attachment.content_type.as_deref(), Some("application/pdf"));
    assert!(
        attachment
            .data
            .is_some_and(|data| data.is_base64 && data.bytes > 9)
    );
    let header = facts.header().unwrap();
    let asked = ["accept", "application", "other"].map(|name| header.acknowledgement(name));
    assert_eq!(asked, [Some("AL"), Some("NE"), None]);
    assert!(facts.identity().is_some());
    assert_eq!((facts.names().len(), facts.replaces().len()), (1, 0));
    assert_eq!(facts.flaws, []);
    let printed = format!("{facts:?}");
    for secret in [patient.nhs_number().unwrap(), "Testpatient", "1961"] {
        assert!(!printed.contains(secret), "{secret} is printed");
    }
}

#[test]
fn the_facts_of_a_result_are_found() {
    let text = document().laboratory_result_hl7v2();
    let facts = facts(&text).unwrap();
    assert_eq!(facts.event_code(), Some("ORU^R01"));
    assert!(facts.types().eq([("urn:id:L", "UE")]));
    assert_eq!(
        facts.section_codes(),
        [("urn:id:L", "UE"), ("urn:id:L", "FBC")]
    );
    assert_eq!(facts.attachments().len(), 0);
    assert_eq!(facts.flaws, []);
}

#[test]
fn lines_end_in_any_way_and_the_frame_is_set_aside() {
    let text = document().discharge_letter_hl7v2();
    let first = facts(&text).unwrap();
    for other in [
        text.replace('\r', "\n"),
        text.replace('\r', "\r\n"),
        format!("\u{b}{text}\u{1c}\r"),
        format!("\u{feff}{text}"),
        text.trim_end().to_owned(),
        format!("{text}\u{1c}\r"),
    ] {
        assert!(facts(&other).unwrap() == first, "{other:?}");
    }
}

#[test]
fn other_delimiters_give_the_same_facts() {
    let text = document().discharge_letter_hl7v2();
    let first = facts(&text).unwrap();
    let swapped = text
        .replace('^', "\u{1}")
        .replace('|', "*")
        .replace('\u{1}', "!");
    assert!(facts(&swapped).unwrap().root == first.root);
}

#[test]
fn what_is_no_single_message_is_refused() {
    let long = "a".repeat(1024 * 1024 + 1);
    for (text, expected) in [
        (String::new(), "V-003"),
        ("<a/>".to_owned(), "V-003"),
        ("BHS|^~\\&|\rMSH|^~\\&|".to_owned(), "V-003"),
        ("MSH".to_owned(), "V-004"),
        ("MSHES ARE LOW".to_owned(), "V-004"),
        ("MSH|^^~\\&|".to_owned(), "V-004"),
        (format!("\u{b}{MSH}\r"), "V-004"),
        (format!("{MSH}\r{MSH}\r"), "V-004"),
        (format!("\u{b}{MSH}\r\u{1c}\r\u{b}{MSH}\r\u{1c}\r"), "V-004"),
        (format!("{MSH}\rBTS|1\r"), "none"),
        (format!("{MSH}\rnot a segment\r"), "V-004"),
        (
            format!("{MSH}\rOBX|1|ED|||^^PDF^Base64^JVBE\r\nRi0x\r"),
            "V-004",
        ),
        (format!("{MSH}\rDSC|1|F\r"), "V-004"),
        (format!("{MSH}\rDSC||F\r"), "none"),
        (format!("{MSH}||1\r"), "V-004"),
        (format!("{MSH}|||||8859/1\r"), "none"),
        (format!("{MSH}||||||8859/1\r"), "none"),
        (format!("{MSH}||||||8859/1\rPID|1||||Désirée\r"), "V-002"),
        (format!("{MSH}||||||ASCII~8859/15\r"), "none"),
        (format!("{MSH}||||||ISO IR87\r"), "V-002"),
        (format!("{MSH}||||||UNICODE UTF-8\r"), "none"),
        (format!("{MSH}\rPID|1\u{0}\r"), "V-002"),
        (format!("{MSH}\rPID|1\u{7}\r"), "V-002"),
        (format!("{MSH}\rPID|1\rPID|2\r"), "V-007"),
        (format!("{MSH}\rTXA|1\rTXA|2\r"), "V-007"),
        (format!("{MSH}\rNTE|1||{long}\r"), "V-008"),
        (format!("{MSH}\rOBX|1|ED|||{long}\r"), "none"),
        (format!("{MSH}\rOBX|1|TX|||{long}\r"), "V-008"),
        (
            format!("{MSH}\r{}", "OBX||ED|||a\r".repeat(10_001)),
            "V-008",
        ),
        (
            format!("{MSH}\rOBX||ED|||{}\r", "a~".repeat(10_001)),
            "V-008",
        ),
    ] {
        assert_eq!(rule(&text), expected, "{text:.80}");
    }
}

#[test]
fn a_place_in_a_message_is_told_by_its_lines() {
    let malformed = facts(&format!("{MSH}\rPID|1\rnot a segment\r")).unwrap_err();
    assert_eq!(malformed.position.unwrap().to_string(), "line 3, column 1");
    assert!(!malformed.to_string().contains("not a segment\r"));
    let malformed = facts(&format!("{MSH}\r\nPID|1\u{1}")).unwrap_err();
    assert_eq!(malformed.position.unwrap().to_string(), "line 2, column 6");
}

#[test]
fn an_nhs_number_is_known_by_its_type_or_its_authority() {
    for (identifiers, expected) in [
        ("9990000018^^^NHS^NH", Some("9990000018")),
        ("1^^^MRN^PI~9990000018^^^NHSNBR^NHSNMBR", Some("9990000018")),
        (
            "9990000018^^^&2.16.840.1.113883.2.1.4.1&ISO",
            Some("9990000018"),
        ),
        ("9990000018^^^NHS", Some("9990000018")),
        ("999 000 0018^^^NHS^NH", Some("999 000 0018")),
        ("9990000018^^^NHS^PI", None),
        ("9990000018^^^RR8^MR", None),
        ("9990000018", None),
        ("\"\"^^^NHS^NH", None),
        ("", None),
    ] {
        let found = of(&format!("PID|1||{identifiers}"), |facts| {
            facts.patient().unwrap().nhs_number().map(str::to_owned)
        });
        assert_eq!(found.as_deref(), expected, "{identifiers}");
    }
}

#[test]
fn the_legal_name_is_the_patient_s() {
    for (names, expected) in [
        ("Smith^A^^^^^L", Some("Smith")),
        ("Alias^A^^^^^A~Smith^A^^^^^L", Some("Smith")),
        ("Alias^A^^^^^A", Some("Alias")),
        ("van den Berg&van den&Berg^A", Some("van den Berg")),
        ("O\\X27\\Brien^A", Some("O'Brien")),
        ("^A", None),
    ] {
        let found = of(&format!("PID|1||||{names}"), |facts| {
            facts.patient().unwrap().family().map(str::to_owned)
        });
        assert_eq!(found.as_deref(), expected, "{names}");
    }
}

#[test]
fn an_organisation_is_one_by_its_ods_code_only() {
    let sender = |facility: &str| {
        let text = format!("MSH|^~\\&|EPR|{facility}|GP|K81003|20261122||ORU^R01|1|P|2.4\r");
        facts(&text).unwrap().sender()
    };
    assert_eq!(sender("RR8"), Some(code("RR8")));
    let ods = "RR8^2.16.840.1.113883.2.1.3.2.4.18.48^ISO";
    assert_eq!(sender(ods), Some(code("RR8")));
    for other in ["", "St Elsewhere", "rr8", "RR8^2.16.840.1.122848.1.30^ISO"] {
        assert_eq!(sender(other), None, "{other}");
    }
}

#[test]
fn marks_of_restriction_are_found_wherever_they_are() {
    let patient = "PID|1||9990000018^^^NHS^NH";
    for (segments, expected) in [
        ("TXA|1|DS||||||||||||||||U", false),
        ("TXA|1|DS||||||||||||||||R", true),
        ("TXA|1|DS||||||||||||||||V", true),
        ("PD1||||||||||||Y", true),
        ("PD1||||||||||||N", false),
        ("ARV|1|A|DEM", true),
        ("ARV|1|D|DEM", false),
    ] {
        let found = of(&format!("{patient}\r{segments}"), |facts| {
            facts.is_restricted()
        });
        assert_eq!(found, expected, "{segments}");
    }
}

#[test]
fn a_death_is_told() {
    let pid = |number: usize, value: &str| format!("PID|1{}{value}", "|".repeat(number - 1));
    for (segment, expected) in [
        (pid(29, "20261101"), true),
        (pid(29, "20261101|Y"), true),
        (pid(30, "Y"), true),
        (pid(30, "N"), false),
        (pid(30, "\"\""), false),
    ] {
        let found = of(&segment, |facts| facts.is_deceased());
        assert_eq!(found, expected, "{segment}");
    }
}

#[test]
fn only_a_notice_of_replacement_replaces() {
    let names = |event: &str, document: &str| {
        let text = MSH.replace("MDM^T02", event);
        let text = format!("{text}\rTXA|1|DS||||||||||{document}\r");
        let facts = facts(&text).unwrap();
        (facts.names(), facts.replaces())
    };
    let (earlier, _) = names("MDM^T02", "100");
    assert_eq!(names("MDM^T10", "200|100").1, earlier);
    assert_eq!(names("MDM^T02", "200|100").1, []);
    assert_eq!(names("MDM^T06", "200|100").1, []);
    assert_eq!(
        names("MDM^T10", "100|100").1,
        [],
        "it cannot replace itself"
    );
    assert_ne!(names("MDM^T10", "200|100^OTHER").1, earlier);
}

#[test]
fn copies_are_for_those_who_are_named_for_one() {
    let doctor = |facility: &str| format!("G1^Partner^R^^^^^^GMC^^^^^{facility}");
    let (first, second) = (doctor("K81003"), doctor("K82001"));
    let text = format!(
        "PV1|1|I|||||{first}|{first}|{first}\r\
         OBR|1|||A^B^L||||||||||||||||||||||||{second}\r\
         PRT|1|AD||RCT||||Practice^^^^^^^^^B81001\r\
         PRT|2|AD||AT||||Practice^^^^^^^^^B81002"
    );
    let copies = of(&text, |facts| facts.copies());
    assert_eq!(copies, [code("K82001"), code("B81001")]);
}

#[test]
fn attachments_are_what_they_say() {
    for (value, kind, length) in [
        (
            "^application^pdf^Base64^JVBE",
            Some("application/pdf"),
            Some(3),
        ),
        ("^AP^PDF^base64^JVBE", Some("application/pdf"), Some(3)),
        ("PDF^^PDF^Base64^JVBE", Some("application/pdf"), Some(3)),
        ("^TEXT^RTF^Base64^e1xy", Some("application/rtf"), Some(3)),
        ("^image/tiff^^Base64^SUkq", Some("image/tiff"), Some(3)),
        (
            "^Application^x-Own^Base64^AAAA",
            Some("application/x-own"),
            Some(3),
        ),
        ("^TEXT^PLAIN^A^Dear colleague", Some("text/plain"), None),
        ("^application^pdf^Base64^", Some("application/pdf"), None),
        ("^^^Base64^AAAA", None, Some(3)),
    ] {
        of(&format!("OBX|1|ED|A||{value}"), |facts| {
            let found = facts.attachments();
            assert_eq!(found[0].content_type.as_deref(), kind, "{value}");
            assert_eq!(found[0].data.map(|data| data.bytes), length, "{value}");
        });
    }
}

#[test]
fn a_message_sent_again_is_the_same_and_a_counter_may_begin_anew() {
    let identity = |text: &str| facts(text).unwrap().identity();
    let text = document().discharge_letter_hl7v2();
    assert_eq!(identity(&text), identity(&format!("{text}NTE|1\r")));
    assert_eq!(identity(MSH), identity(MSH));
    let next_year = MSH.replace("20261122", "20271122");
    assert_ne!(identity(MSH), identity(&next_year));
    assert_ne!(identity(MSH), identity(&MSH.replace("EPR", "LIMS")));
    assert_eq!(identity(&MSH.replace("|1|P", "||P")), None);
}
