//! L2: what is wrong with entries, references and attachments (V-201 to V-216).

use super::{
    super::{
        Syntax::{Json, Xml},
        parts::{narrative, snomed},
        tree::Node,
    },
    Broken, broken,
};

const LETTER: &str = "outpatient-letter-ukcore";
const DISCHARGE: &str = "discharge-inpatient";
const SENT: &str = "send-document";

/// Of nothing in any document.
const NOWHERE: &str = "urn:uuid:00000000-0000-4000-8000-000000000000";

#[rustfmt::skip]
pub(super) static BROKEN: &[Broken] = &[
    broken("V-201", "entry-twice", LETTER, Json, |d| {
        let again = d.at("Bundle.entry[6]").clone();
        d.add("Bundle.entry", again);
    }),
    broken("V-202", "relative-address", LETTER, Json, |d| renamed(d, "Practitioner/draftsmith")),
    broken("V-202", "address-of-a-version", DISCHARGE, Xml, |d| renamed(d, "https://exampleton.nhs.uk/fhir/Practitioner/draftsmith/_history/2")),
    broken("V-203", "request-in-an-entry", LETTER, Json, |d| {
        let request = Node::new().with("method", "POST").with("url", "Composition");
        d.set("Bundle.entry[0].request", request);
    }),
    broken("V-203", "total", DISCHARGE, Xml, |d| d.set("Bundle.total", 1)),
    broken("V-204", "author-not-in-it", DISCHARGE, Xml, |d| d.add("Composition.author", Node::new().with("reference", NOWHERE))),
    broken("V-204", "section-entry-not-in-it", LETTER, Json, |d| d.add("Composition.section[0].entry", Node::new().with("reference", NOWHERE))),
    broken("V-205", "asserter-not-in-it", DISCHARGE, Xml, |d| d.set("Condition.asserter", Node::new().with("reference", NOWHERE))),
    broken("V-206", "unused-entry", LETTER, Json, |d| {
        let ward = Node::new().with("resourceType", "Location").with("name", "Ward 4");
        d.add("Bundle.entry", Node::new().with("fullUrl", NOWHERE).with("resource", ward));
    }),
    broken("V-207", "two-patients", LETTER, Json, |d| {
        let mut other = d.at("Patient").clone();
        other.set("id", "00000000-0000-4000-8000-000000000000");
        d.add("Bundle.entry", Node::new().with("fullUrl", NOWHERE).with("resource", other));
        d.set("Condition.subject.reference", NOWHERE);
    }),
    broken("V-207", "about-nobody", DISCHARGE, Xml, |d| d.remove("Composition.subject")),
    broken("V-208", "preliminary", DISCHARGE, Xml, |d| d.set("Composition.status", "preliminary")),
    broken("V-208", "no-status", LETTER, Json, |d| d.remove("Composition.status")),
    broken("V-209", "no-title", DISCHARGE, Xml, |d| d.remove("Composition.title")),
    broken("V-209", "no-author", LETTER, Json, |d| {
        // The author is still used, so that nothing else is wrong.
        let author = d.at("Composition.author[0]").clone();
        d.remove("Composition.author");
        d.set("Condition.asserter", author);
    }),
    broken("V-210", "replaces-nothing", DISCHARGE, Xml, |d| d.set("Composition.relatesTo", [Node::new().with("code", "replaces")])),
    broken("V-211", "not-base64", SENT, Xml, |d| d.set("Binary.content", "JVBERi0xLjQK*ThisIsNoBase64*")),
    broken("V-212", "a-program", SENT, Xml, |d| d.set("Binary.contentType", "application/x-sh")),
    broken("V-213", "declared-pdf-but-png", SENT, Xml, |d| d.set("Binary.content", PNG)),
    broken("V-213", "windows-program", SENT, Json, |d| d.set("Binary.content", PROGRAM)),
    broken("V-214", "script", LETTER, Json, |d| d.set("Composition.section[0].text", narrative("<script>alert(1)</script>Seen in clinic"))),
    broken("V-214", "event-handler", DISCHARGE, Xml, |d| d.set("Composition.section[0].text", narrative("<span onclick=\"alert(1)\">Well</span>"))),
    broken("V-215", "empty-section", LETTER, Json, |d| d.remove("Composition.section[2].text")),
    broken("V-216", "contained-but-unused", LETTER, Json, |d| {
        let drug = Node::new().with("resourceType", "Medication").with("id", "m1").with("code", snomed("27658006", "Amoxicillin"));
        d.set("Condition.contained", [drug]);
    }),
];

/// Gives the practitioner another address, and what points there too.
fn renamed(draft: &mut super::Draft, address: &'static str) {
    let Node::Text(old) = draft.at("PractitionerRole.practitioner.reference").clone() else {
        panic!("a reference is a text")
    };
    draft.set("Practitioner.id", "draftsmith");
    draft.rewrite(move |text| text.replace(&old, address));
}

/// The first bytes of a picture.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
/// The first bytes of a program for Windows.
const PROGRAM: &str = "TVqQAAMAAAAEAAAA//8AALgAAAAAAAAAQAAAAAAAAAA=";
