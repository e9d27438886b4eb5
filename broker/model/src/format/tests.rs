//! What the readers promise: the same facts from either syntax, a rule and a place for what is wrong,
//! and neither panic nor unbounded memory whatever the bytes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use proptest::prelude::*;

use super::{Limits, Malformed, read};
use crate::{
    envelope::MediaType,
    facts::{Facts, Flag, Kind, Release, Signature, Syntax},
    ods::OdsCode,
    synthetic::Document,
};

fn document() -> Document {
    let code = |text| OdsCode::parse(text).unwrap();
    Document::new(7, code("RR8"), code("K81003"))
}

fn json(text: &str) -> Result<Facts<'_>, Malformed> {
    read(&MediaType::FhirJson, text.as_bytes(), &Limits::default())
}

fn xml(text: &str) -> Result<Facts<'_>, Malformed> {
    read(&MediaType::FhirXml, text.as_bytes(), &Limits::default())
}

fn rule(read: Result<Facts<'_>, Malformed>) -> &'static str {
    match read {
        Ok(facts) => facts.flaws.first().map_or("none", |flaw| flaw.rule),
        Err(malformed) => malformed.rule,
    }
}

#[test]
fn the_facts_are_the_same_in_both_syntaxes() {
    for document in [document(), document().sized(100_000)] {
        let pairs = [
            (
                document.discharge_summary_json(),
                document.discharge_summary_xml(),
            ),
            (
                document.outpatient_letter_json(),
                document.outpatient_letter_xml(),
            ),
        ];
        for (in_json, in_xml) in &pairs {
            let from_json = json(in_json).unwrap();
            let mut from_xml = xml(in_xml).unwrap();
            assert_eq!(from_xml.syntax, Syntax::Xml);
            from_xml.syntax = Syntax::Json;
            // The attachment fills what the rest of the document leaves, so only its length may differ.
            let both = [&from_json, &from_xml].map(|facts| {
                facts
                    .attachments()
                    .iter()
                    .map(|a| a.data.map(|data| (data.is_base64, data.signature)))
                    .collect::<Vec<_>>()
            });
            assert_eq!(both[0], both[1]);
            if both[0].is_empty() {
                assert!(from_json == from_xml, "{from_json:#?}\n{from_xml:#?}");
            }
        }
    }
}

#[test]
fn the_facts_of_a_discharge_summary_are_found() {
    let text = document().discharge_summary_xml();
    let facts = xml(&text).unwrap();
    let code = |text| OdsCode::parse(text).unwrap();
    assert_eq!(facts.kind(), Some(Kind::Message));
    assert_eq!(facts.release, Some(Release::Stu3));
    assert_eq!(facts.event().unwrap().code(), Some("ITK003D"));
    assert_eq!(facts.sender(), Some(code("RR8")));
    assert_eq!(facts.custodian(), Some(code("RR8")));
    assert_eq!(facts.authors(), [code("RR8")]);
    assert_eq!(facts.recipients(), [code("K81003")]);
    let header = facts.header().unwrap();
    let handling = header.handling().next().unwrap();
    let flag = handling.named("BusAckRequested").next().unwrap().boolean;
    assert_eq!(flag, Some(Flag::True));
    let composition = facts.composition().unwrap();
    assert!(composition.kind.as_ref().unwrap().has("373942005"));
    assert_eq!(composition.status.as_deref(), Some("final"));
    assert_eq!(composition.sections.len(), 15);
    let patient = facts.patient().unwrap();
    assert_eq!(patient.family(), Some("Testpatient"));
    assert_eq!(patient.birth_date.as_deref(), Some("1961-04-17"));
    assert!(crate::nhs_number::NhsNumber::parse(patient.nhs_number().unwrap()).is_ok());
    assert!(facts.identity().is_some());
    assert_eq!(facts.flaws, []);
    let printed = format!("{facts:?}");
    for secret in [patient.nhs_number().unwrap(), "Testpatient", "1961"] {
        assert!(!printed.contains(secret), "{secret} is printed");
    }
}

#[test]
fn an_attachment_is_measured_and_not_copied() {
    let size = 300_000;
    for text in [
        document().sized(size).discharge_summary_xml(),
        document().sized(size).outpatient_letter_json(),
    ] {
        assert!((size - 4..=size).contains(&text.len()), "{}", text.len());
        let facts = if text.starts_with('{') {
            json(&text)
        } else {
            xml(&text)
        }
        .unwrap();
        let [attachment] = facts.attachments()[..] else {
            panic!("one attachment is expected");
        };
        assert_eq!(attachment.content_type.as_deref(), Some("application/pdf"));
        let data = attachment.data.unwrap();
        assert!(data.is_base64 && data.bytes > 150_000);
        assert_eq!(data.signature, Signature::Pdf);
    }
}

#[test]
fn escapes_and_white_space_give_the_same_text() {
    let in_json = r#"{"id":"a\"\u00e9\n","resourceType":"Bundle","type":"doc\u0075ment"}"#;
    let in_xml = "<Bundle xmlns='http://hl7.org/fhir'>\n <id value='a&quot;&#233;&#10;'/>\
                  <type value='doc&#x75;ment'></type></Bundle>";
    let from_json = json(in_json).unwrap();
    let from_xml = xml(in_xml).unwrap();
    assert_eq!(from_json.kind(), Some(Kind::Document));
    assert_eq!(from_json.root, from_xml.root);
}

#[test]
fn broken_json_names_its_rule() {
    let bundle = |rest: &str| format!(r#"{{"resourceType":"Bundle",{rest}}}"#);
    let deep = |n| format!("{}1{}", "[".repeat(n), "]".repeat(n));
    for (text, expected) in [
        ("<Bundle/>".to_owned(), "V-003"),
        (String::new(), "V-003"),
        ("[]".to_owned(), "V-003"),
        ("\u{feff}\u{feff}{}".to_owned(), "V-002"),
        (r#"{"a":"\u0000"}"#.to_owned(), "V-002"),
        (r#"{"resourceType":"Bundle""#.to_owned(), "V-004"),
        (r#"{"resourceType":"Bundle"} {}"#.to_owned(), "V-004"),
        (bundle(r#""type":document"#), "V-004"),
        (bundle(&format!(r#""x":{}"#, deep(64))), "V-005"),
        (bundle(&format!(r#""x":{}"#, deep(100_000))), "V-005"),
        (format!(r#"{{"x":{}}}"#, deep(100_000)), "V-005"),
        (bundle(r#""type":"document","type":"message""#), "V-007"),
        (bundle(r#""entry":[{"a":1}],"entry":[{"a":1}]"#), "V-007"),
        (bundle(r#""type":["document","message"]"#), "V-007"),
        (
            bundle(r#""type":"document","resourceType":"Patient""#),
            "V-007",
        ),
        (bundle(r#""type":null"#), "V-009"),
        (bundle(r#""type":"""#), "V-009"),
        (bundle(r#""x":[]"#), "V-009"),
        (bundle(r#""x":{"y":{}}"#), "V-009"),
        (bundle(r#""entry":[{"resource":{}}]"#), "V-009"),
        (r#"{"id":"1","resourceType":"Bundle"}"#.to_owned(), "none"),
        (
            r#"{"id":"1","id":"2","resourceType":"Bundle"}"#.to_owned(),
            "V-007",
        ),
        (bundle(r#""x":[null,"a"],"_x":[{"id":"b"},null]"#), "none"),
        (
            bundle(&format!(r#""x":"{}""#, "a".repeat(1024 * 1024 + 1))),
            "V-008",
        ),
        (
            bundle(&format!(
                r#""x":{{"data":"{}"}}"#,
                "a".repeat(1024 * 1024 + 1)
            )),
            "none",
        ),
        (
            bundle(&format!(
                r#""entry":[{}{{"a":1}}]"#,
                r#"{"a":1},"#.repeat(10_000)
            )),
            "V-008",
        ),
        (
            bundle(&format!(
                r#""x":[{}1]"#,
                r#"{"reference":"a"},"#.repeat(100_001)
            )),
            "V-008",
        ),
    ] {
        assert_eq!(rule(json(&text)), expected, "{:.80}", text);
    }
}

#[test]
fn broken_xml_names_its_rule() {
    let bundle = |rest: &str| format!("<Bundle xmlns=\"http://hl7.org/fhir\">{rest}</Bundle>");
    let deep = |n| format!("{}{}", "<x>".repeat(n), "</x>".repeat(n));
    let many = |n, pattern: &str| {
        (0..n)
            .map(|i| pattern.replace('#', &i.to_string()))
            .collect()
    };
    let attributes: String = many(65, " a#='1'");
    let prefixes: String = many(70, " xmlns:a#='b'");
    for (text, expected) in [
        ("{}".to_owned(), "V-003"),
        (
            "<?xml version='1.0' encoding='ISO-8859-1'?><Bundle/>".to_owned(),
            "V-002",
        ),
        (bundle("<id value='\u{0}'/>"), "V-002"),
        (bundle("<id value='&#0;'/>"), "V-004"),
        (
            "<Bundle xmlns='http://hl7.org/fhir'><id value='1'/>".to_owned(),
            "V-004",
        ),
        ("<Bundle xmlns='http://hl7.org/fhir'".to_owned(), "V-004"),
        (bundle("</id>"), "V-004"),
        (bundle("") + "x", "V-004"),
        (bundle("") + "<a/>", "V-004"),
        (bundle("<id value='1' value='2'/>"), "V-004"),
        (bundle("<id value='a<b'/>"), "V-004"),
        (bundle(&deep(64)), "V-005"),
        (bundle(&deep(100_000)), "V-005"),
        (bundle("<id value='1'url='2'/>"), "V-004"),
        (bundle("<id value=1/>"), "V-004"),
        (bundle("<id value/>"), "V-004"),
        (bundle("<id = '1'/>"), "V-004"),
        (
            bundle("<type value='document'/><type value='message'/>"),
            "V-007",
        ),
        (bundle(&"<entry><a/></entry>".repeat(10_001)), "V-008"),
        (bundle(&format!("<x{attributes}/>")), "V-008"),
        (bundle(&format!("<x{prefixes}/>")), "V-008"),
        (
            bundle(&format!("<x value='{}'/>", "a".repeat(1024 * 1024 + 1))),
            "V-008",
        ),
        ("<Bundle/>".to_owned(), "V-010"),
        ("<Bundle xmlns='urn:hl7-org:v3'/>".to_owned(), "V-010"),
        (bundle("<x xmlns='urn:other'/>"), "V-010"),
        (bundle("<a:x/>"), "V-010"),
        (
            "<f:Bundle xmlns:f='http://hl7.org/fhir'><f:id value='1'/></f:Bundle>".to_owned(),
            "none",
        ),
    ] {
        assert_eq!(rule(xml(&text)), expected, "{:.90}", text);
    }
}

#[test]
fn dangerous_xml_is_never_accepted() {
    let bundle = |rest: &str| format!("<Bundle xmlns=\"http://hl7.org/fhir\">{rest}</Bundle>");
    for (text, expected) in [
        ("<!DOCTYPE a>".to_owned() + &bundle(""), "V-006"),
        (
            "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>".to_owned(),
            "V-006",
        ),
        (" <?xml version='1.0'?>".to_owned() + &bundle(""), "V-006"),
        (
            "<?xml version='1.0'?><?xml version='1.0'?>".to_owned() + &bundle(""),
            "V-006",
        ),
        (
            "<?xml version='1.0' encoding='utf-8'?><!-- a -->".to_owned() + &bundle(""),
            "none",
        ),
        (
            "<?xml-stylesheet href='a'?>".to_owned() + &bundle(""),
            "V-006",
        ),
        (bundle("<id value='&b;'/>"), "V-006"),
        (bundle("<x>&b;</x>"), "V-006"),
        (bundle("<x>&amp;&#65;</x>"), "none"),
    ] {
        assert_eq!(rule(xml(&text)), expected, "{text}");
    }
}

#[test]
fn bytes_that_are_no_text_are_placed() {
    let body = b"{\"resourceType\":\n\"\xff\"}";
    let malformed = read(&MediaType::FhirJson, body, &Limits::default()).unwrap_err();
    assert_eq!(malformed.rule, "V-002");
    let position = malformed.position.unwrap();
    assert_eq!((position.line, position.column), (2, 2));
}

#[test]
fn a_flaw_is_told_with_its_path() {
    let text = r#"{"resourceType":"Bundle","entry":[{"fullUrl":"a","resource":
        {"resourceType":"Patient","name":[{"given":[""]}]}}]}"#;
    let facts = json(text).unwrap();
    let paths: Vec<&str> = facts.flaws.iter().map(|flaw| flaw.path.as_str()).collect();
    assert_eq!(paths, ["Bundle.entry[0].resource.name.given"]);
}

#[test]
fn a_third_bundle_within_is_not_read() {
    let within = |inner: &str| {
        format!(r#"{{"resourceType":"Bundle","entry":[{{"fullUrl":"a","resource":{inner}}}]}}"#)
    };
    let text = within(&within(&within(r#"{"resourceType":"Patient","id":"1"}"#)));
    let facts = json(&text).unwrap();
    let second = facts.bundle().unwrap().entries[0]
        .resource
        .bundle()
        .unwrap();
    let third = &second.entries[0].resource;
    assert_eq!(third.kind.as_deref(), Some("Bundle"));
    assert!(third.bundle().is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_bytes_make_a_reader_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        for media_type in [MediaType::FhirJson, MediaType::FhirXml] {
            let _ = read(&media_type, &body, &Limits::default());
        }
    }

    #[test]
    fn no_soup_of_syntax_makes_a_reader_panic(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "{", "}", "[", "]", ",", ":", "\"", "\\", "null", "1e999", "-", "\"entry\"", "\"resource\"",
            "\"resourceType\":\"Bundle\"", "<", ">", "/>", "</", "<Bundle xmlns='http://hl7.org/fhir'>",
            "<entry>", "<resource>", "</resource>", "&", "&#x1;", ";", "'", " value='", "<!--", "-->",
            "<![CDATA[", "]]>", "<?xml ", "?>", "xmlns:a=", "\r\n", "\t", "é", "\u{feff}",
        ]), 0..60),
        json in any::<bool>(),
    ) {
        let text = (if json { "{" } else { "<" }).to_owned() + &pieces.concat();
        let _ = if json { self::json(&text) } else { xml(&text) };
    }

    #[test]
    fn no_damage_to_a_document_makes_a_reader_panic(
        which in 0_usize..4,
        cut in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..5),
    ) {
        let (media_type, text) = &document().all()[which];
        let mut body = text.clone().into_bytes();
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        let _ = read(media_type, &body, &Limits::default());
        body.truncate(cut.index(body.len()));
        prop_assert!(read(media_type, &body, &Limits::default()).is_err());
    }
}
