//! L0: what is wrong with bytes and syntax (V-001 to V-010).

use super::{
    super::{
        Syntax::{Json, Xml},
        parts::extension,
        tree::Node,
    },
    Broken, broken,
};

const LETTER: &str = "outpatient-letter-ukcore";
const DISCHARGE: &str = "discharge-inpatient";

/// More than the limit of one text.
const LONG_TEXT_BYTES: usize = 1024 * 1024 + 1;
/// More than the limit of levels.
const DEEP_LEVELS: usize = 70;
/// More than the limit of entries.
const MANY_ENTRIES: usize = 10_001;

#[rustfmt::skip]
pub(super) static BROKEN: &[Broken] = &[
    // V-001 has a second sample in the tests of axle-core, which lower the limit: nobody commits 20 MiB.
    broken("V-001", "empty", LETTER, Json, |d| d.bytes(|_| Vec::new())),
    // As an engine writes it that thinks the world is ISO 8859-1.
    broken("V-002", "latin-1", DISCHARGE, Xml, |d| {
        d.set("Patient.name[0].family", "Désirée-Sampleton");
        d.bytes(|text| String::from_utf8(text).expect("a text").chars().map(|c| u8::try_from(c).expect("Latin 1")).collect());
    }),
    broken("V-002", "declared-utf-16", DISCHARGE, Xml, |d| d.text("encoding=\"UTF-8\"", "encoding=\"UTF-16\"")),
    broken("V-002", "two-byte-order-marks", LETTER, Json, |d| d.rewrite(|text| format!("\u{feff}\u{feff}{text}"))),
    broken("V-002", "control-character", LETTER, Json, |d| d.text("Sampleton", "Sample\\u0000ton")),
    broken("V-003", "declared-json", DISCHARGE, Xml, |_| {}).told(&["--to", "K81003", "--media-type", "application/fhir+json"]),
    broken("V-003", "declared-xml", LETTER, Json, |_| {}).told(&["--to", "K81003", "--media-type", "application/fhir+xml"]),
    broken("V-004", "cut-short", DISCHARGE, Xml, |d| d.bytes(|text| text[..text.len() / 2].to_vec())),
    broken("V-004", "cut-short", LETTER, Json, |d| d.bytes(|text| text[..text.len() / 2].to_vec())),
    broken("V-004", "text-after-the-end", LETTER, Json, |d| d.rewrite(|text| text + "{}")),
    broken("V-005", "deep", LETTER, Json, |d| d.set("Patient.extension", nested(DEEP_LEVELS / 2))),
    broken("V-005", "deep", DISCHARGE, Xml, |d| d.set("Patient.extension", nested(DEEP_LEVELS))),
    broken("V-006", "doctype", DISCHARGE, Xml, |d| d.text("<Bundle", "<!DOCTYPE Bundle SYSTEM \"bundle.dtd\">\n<Bundle")),
    broken("V-006", "entity", DISCHARGE, Xml, |d| d.text("Sampleton", "&surname;")),
    broken("V-006", "processing-instruction", DISCHARGE, Xml, |d| d.text("<Bundle", "<?xml-stylesheet href=\"letter.xsl\"?>\n<Bundle")),
    broken("V-007", "status-twice", LETTER, Json, |d| d.repeat("Composition.status")),
    broken("V-007", "status-twice", DISCHARGE, Xml, |d| d.repeat("Composition.status")),
    broken("V-008", "long-text", LETTER, Json, |d| d.set("Patient.address[0].city", "E".repeat(LONG_TEXT_BYTES))).too_large_to_commit(),
    broken("V-008", "long-text", DISCHARGE, Xml, |d| d.set("Patient.address[0].city", "E".repeat(LONG_TEXT_BYTES))).too_large_to_commit(),
    broken("V-008", "many-entries", LETTER, Json, |d| {
        let patient = Node::new().with("reference", d.at("Bundle.entry[1].fullUrl").clone());
        for number in 0..MANY_ENTRIES {
            let note = Node::new().with("resourceType", "Basic").with("subject", patient.clone());
            let address = format!("urn:uuid:00000000-0000-4000-8000-{number:012}");
            d.add("Bundle.entry", Node::new().with("fullUrl", address).with("resource", note));
        }
    }).too_large_to_commit(),
    broken("V-009", "empty-text", LETTER, Json, |d| d.set("Patient.name[0].prefix", [Node::from("")])),
    broken("V-009", "null", LETTER, Json, |d| d.set("Patient.address[0].city", Node::Literal("null".to_owned()))),
    broken("V-009", "empty-list", LETTER, Json, |d| d.set("Patient.telecom", Vec::<Node>::new())),
    broken("V-009", "empty-value", DISCHARGE, Xml, |d| d.set("Patient.name[0].prefix", [Node::from("")])),
    broken("V-010", "other-namespace", DISCHARGE, Xml, |d| d.text("http://hl7.org/fhir", "http://example.org/fhir")),
];

/// Extensions within extensions.
fn nested(levels: usize) -> Node {
    let inmost = extension("https://exampleton.nhs.uk/level", "valueBoolean", true);
    let outer = |inner: Node, _| {
        Node::new()
            .with("url", "https://exampleton.nhs.uk/level")
            .with("extension", [inner])
    };
    [(0..levels).fold(inmost, outer)].into()
}
