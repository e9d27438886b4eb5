#![allow(clippy::expect_used, reason = "tests fail by panicking")]

use super::*;
use crate::{
    envelope::MediaType,
    format::{Limits, read},
    ods::OdsCode,
    synthetic::Document,
};

/// The names of a document, and those it replaces.
fn names(media_type: &MediaType, text: &str) -> (Vec<Digest>, Vec<Digest>) {
    let facts = read(media_type, text.as_bytes(), &Limits::default()).expect("a document");
    (facts.names(), facts.replaces())
}

fn document(number: u64) -> Document {
    let code = |text| OdsCode::parse(text).expect("a code");
    Document::new(number, code("RR8"), code("K81003"))
}

const UUID: &str = "6f1d6f5c-2f58-4d3e-9f0c-0d8a5f3f7a01";

/// Each document in each syntax, with this said in its Composition.
fn saying(json: &str, xml: &str) -> Vec<(MediaType, String)> {
    let insert = |(media_type, text): (MediaType, String)| {
        let (after, said) = match media_type {
            MediaType::FhirXml => ("<Composition>", xml),
            MediaType::FhirJson | MediaType::Hl7v2 | MediaType::Cda | MediaType::Opaque(_) => {
                ("\"resourceType\": \"Composition\",", json)
            }
        };
        assert!(text.contains(after), "{after}");
        (
            media_type,
            text.replacen(after, &format!("{after}{said}"), 1),
        )
    };
    document(1).all().into_iter().map(insert).collect()
}

#[test]
fn a_document_goes_by_its_bundles_identifier_and_its_compositions() {
    for (media_type, text) in document(1).all() {
        let (own, replaced) = names(&media_type, &text);
        assert_eq!((own.len(), replaced.len()), (2, 0));
        let other = document(2).all();
        let (_, other) = other
            .iter()
            .find(|(other, _)| *other == media_type)
            .expect("one");
        assert!(
            names(&media_type, other)
                .0
                .iter()
                .all(|name| !own.contains(name))
        );
    }
}

#[test]
fn a_uuid_is_replaced_by_whatever_way_it_is_written() {
    let upper = UUID.to_uppercase();
    let ways = [
        (
            format!(
                r#""targetIdentifier":{{"system":"urn:ietf:rfc:3986","value":"urn:uuid:{UUID}"}}"#
            ),
            format!(
                r#"<targetIdentifier><system value="urn:ietf:rfc:3986"/><value value="urn:uuid:{UUID}"/></targetIdentifier>"#
            ),
        ),
        (
            format!(r#""targetIdentifier":{{"value":"{upper}"}}"#),
            format!(r#"<targetIdentifier><value value="{upper}"/></targetIdentifier>"#),
        ),
        (
            format!(r#""targetReference":{{"reference":"urn:uuid:{UUID}"}}"#),
            format!(r#"<targetReference><reference value="urn:uuid:{UUID}"/></targetReference>"#),
        ),
        (
            format!(r#""targetReference":{{"identifier":{{"value":"{UUID}"}}}}"#),
            format!(
                r#"<targetReference><identifier><value value="{UUID}"/></identifier></targetReference>"#
            ),
        ),
    ];
    for (json, xml) in ways {
        let json = format!(r#""relatesTo":[{{"code":"replaces",{json}}}],"#);
        let xml = format!(r#"<relatesTo><code value="replaces"/>{xml}</relatesTo>"#);
        for (media_type, text) in saying(&json, &xml) {
            assert_eq!(
                names(&media_type, &text).1,
                [by_uuid(UUID).expect("a UUID")]
            );
        }
    }
}

#[test]
fn what_is_not_replaced_or_not_identified_is_left_alone() {
    let target = |code: &str, identifier: &str, elements: &str| {
        let json =
            format!(r#""relatesTo":[{{"code":"{code}","targetIdentifier":{{{identifier}}}}}],"#);
        let xml = format!(
            r#"<relatesTo><code value="{code}"/><targetIdentifier>{elements}</targetIdentifier></relatesTo>"#
        );
        let (media_type, text) = saying(&json, &xml).swap_remove(0);
        let of_json = saying(&json, &xml).swap_remove(1).1;
        let found = names(&media_type, &text).1;
        assert_eq!(found, names(&MediaType::FhirJson, &of_json).1);
        found.len()
    };
    let appended = (
        format!(r#""value":"{UUID}""#),
        format!(r#"<value value="{UUID}"/>"#),
    );
    assert_eq!(target("appends", &appended.0, &appended.1), 0);
    // A number means nothing without its system.
    assert_eq!(
        target("replaces", r#""value":"1""#, r#"<value value="1"/>"#),
        0
    );
    let numbered = r#""system":"urn:letters","value":"1""#;
    let elements = r#"<system value="urn:letters"/><value value="1"/>"#;
    assert_eq!(target("replaces", numbered, elements), 1);
}
