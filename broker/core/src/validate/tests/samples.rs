//! What the rules say of real documents, where a folder of them is at hand: they are no part of this
//! checkout. Each is also written in the other syntax, which must change neither facts nor findings.

use axle_model::{
    envelope::MediaType,
    facts::{Facts, Syntax},
    format::{self, Limits},
};

use super::{
    document, found_in, now, submitted,
    transcode::{to_json, to_xml},
};
use crate::{
    snapshot::Snapshot,
    table::RoutingTable,
    validate::{Rules, validate},
};

/// The FHIR documents that are at hand, each with its name; none where there is no folder of them.
fn samples() -> Vec<(String, MediaType, String)> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/samples");
    let root = std::env::var("AXLE_SAMPLES").unwrap_or_else(|_| beside.to_owned());
    let Ok(manifest) = std::fs::read_to_string(format!("{root}/MANIFEST.tsv")) else {
        println!("SKIPPED: no samples at {root}; set AXLE_SAMPLES to a folder that has them");
        return Vec::new();
    };
    let mut samples = Vec::new();
    for line in manifest.lines().skip(1) {
        let mut fields = line.split('\t');
        let (file, kind) = (fields.next().unwrap(), fields.nth(4).unwrap());
        let media_type = match kind {
            kind if kind.starts_with("fhir-json") => MediaType::FhirJson,
            kind if kind.starts_with("fhir-xml") => MediaType::FhirXml,
            _ => continue,
        };
        let text = std::fs::read_to_string(format!("{root}/{file}")).unwrap();
        samples.push((file.to_owned(), media_type, text));
    }
    samples
}

/// The broker of the example files, with the rules for documents about nobody.
fn snapshot() -> Snapshot {
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/routing.toml");
    let table = std::fs::read_to_string(table).unwrap();
    Snapshot {
        table: RoutingTable::parse(&table).unwrap(),
        rules: Rules::default().for_synthetic_data(),
        ..Snapshot::default()
    }
}

/// The findings, as the organisation the document says it is from, so that more than V-117 is seen.
fn judged(
    snapshot: &Snapshot,
    media_type: &MediaType,
    text: &str,
) -> Vec<(String, String, String)> {
    let facts = format::read(media_type, text.as_bytes(), &Limits::default()).ok();
    let stated = |facts: &Facts<'_>| facts.sender().or_else(|| facts.custodian());
    let sender = facts.as_ref().and_then(stated);
    let custodian = facts.as_ref().and_then(Facts::custodian);
    let sender = sender.map_or("RR8".to_owned(), |code| code.to_string());
    let delegated: Vec<String> = custodian.map(|code| code.to_string()).into_iter().collect();
    let delegated: Vec<&str> = delegated.iter().map(String::as_str).collect();
    let authorised = submitted(&sender, &delegated, media_type.clone(), text.as_bytes());
    if let Err(refusal) = validate(snapshot, &authorised, now()) {
        assert!(refusal.findings[0].rule.is_some());
    }
    found_in(snapshot, &authorised)
}

#[test]
fn every_sample_gives_facts_or_a_refusal_that_names_a_rule() {
    let snapshot = snapshot();
    for (file, media_type, text) in samples() {
        let findings = judged(&snapshot, &media_type, &text);
        let refused = findings
            .iter()
            .any(|(_, severity, _)| severity != "warning");
        let outcome = if refused { "refused" } else { "accepted" };
        let facts = format::read(&media_type, text.as_bytes(), &Limits::default()).unwrap();
        let authorised = submitted("RR8", &[], media_type, text.as_bytes());
        let subject = crate::table::Subject::new(&snapshot, &authorised, Some(&facts), now());
        let class = snapshot
            .table
            .classify(&subject)
            .map_or("-", |class| &*class.id);
        println!("{file}\t{outcome}\t{class}");
        for (rule, severity, path) in findings {
            println!("\t{rule} {severity} {path}");
        }
    }
}

/// The same content in the other syntax.
fn other(media_type: &MediaType, text: &str) -> (MediaType, String) {
    match media_type {
        MediaType::FhirJson => (MediaType::FhirXml, to_xml(text)),
        _ => (MediaType::FhirJson, to_json(text)),
    }
}

/// Checks that neither facts nor findings depend on the syntax.
fn alike(name: &str, media_type: &MediaType, text: &str) {
    let (other_type, other_text) = other(media_type, text);
    let read = |media_type: &MediaType, text| {
        let facts = format::read(media_type, text, &Limits::default());
        facts.map(|facts| Facts {
            syntax: Syntax::Json,
            ..facts
        })
    };
    let first = read(media_type, text.as_bytes()).unwrap();
    let second = read(&other_type, other_text.as_bytes())
        .unwrap_or_else(|malformed| panic!("{name}: {malformed:?}"));
    assert_eq!(first.flaws, second.flaws, "{name}");
    assert_eq!(first.swept.codes, second.swept.codes, "{name}");
    assert_eq!(first.swept.narratives, second.swept.narratives, "{name}");
    assert_eq!(first.swept.links, second.swept.links, "{name}");
    assert!(
        first.root == second.root,
        "{name}: {:#?} {:#?}",
        first.root,
        second.root
    );
    assert!(first == second, "{name}: {first:?} {second:?}");
    let snapshot = snapshot();
    assert_eq!(
        judged(&snapshot, media_type, text),
        judged(&snapshot, &other_type, &other_text),
        "{name}"
    );
}

#[test]
fn neither_facts_nor_findings_depend_on_the_syntax() {
    for document in [document(), document().sized(60_000)] {
        for (media_type, text) in document.all() {
            alike("a synthetic document", &media_type, &text);
        }
    }
    let mut compared = 0;
    for (name, media_type, text) in samples() {
        alike(&name, &media_type, &text);
        compared += 1;
    }
    println!("{compared} samples are the same in both syntaxes");
}
