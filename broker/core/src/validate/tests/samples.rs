//! What the rules say of real documents, where a folder of them is at hand: they are no part of this
//! checkout.

use axle_model::{envelope::MediaType, format};

use super::{now, submitted};
use crate::{snapshot::Snapshot, validate::validate};

#[test]
fn every_sample_gives_facts_or_a_refusal_that_names_a_rule() {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/samples");
    let root = std::env::var("AXLE_SAMPLES").unwrap_or_else(|_| beside.to_owned());
    let Ok(manifest) = std::fs::read_to_string(format!("{root}/MANIFEST.tsv")) else {
        println!("SKIPPED: no samples at {root}; set AXLE_SAMPLES to a folder that has them");
        return;
    };
    let snapshot = Snapshot::default();
    for line in manifest.lines().skip(1) {
        let mut fields = line.split('\t');
        let (file, kind) = (fields.next().unwrap(), fields.nth(4).unwrap());
        let media_type = match kind {
            kind if kind.starts_with("fhir-json") => MediaType::FhirJson,
            kind if kind.starts_with("fhir-xml") => MediaType::FhirXml,
            "hl7v2" => MediaType::Hl7v2,
            kind if kind.starts_with("cda-xml") => MediaType::Cda,
            _ => continue,
        };
        let body = std::fs::read(format!("{root}/{file}")).unwrap();
        // As the organisation the sample says it is from, so that more than V-117 is seen.
        let facts = format::read(&media_type, &body, &snapshot.rules.limits).ok();
        let sender = facts
            .as_ref()
            .and_then(|f| f.sender().or_else(|| f.custodian()));
        let custodian = facts.as_ref().and_then(|facts| facts.custodian());
        let sender = sender.map_or("RR8".to_owned(), |code| code.to_string());
        let delegated: Vec<String> = custodian.map(|code| code.to_string()).into_iter().collect();
        let delegated: Vec<&str> = delegated.iter().map(String::as_str).collect();
        let authorised = submitted(&sender, &delegated, media_type, &body);
        let (outcome, findings) = match validate(&snapshot, &authorised, now()) {
            Ok(checked) => ("accepted", checked.warnings().to_vec()),
            Err(refusal) => {
                assert!(refusal.findings[0].rule.is_some(), "{file}");
                ("refused", refusal.findings)
            }
        };
        let told: Vec<_> = findings
            .iter()
            .map(|f| (f.rule.unwrap(), f.path.as_str(), f.what.as_str()))
            .collect();
        println!("{file}\t{outcome}\t{told:?}");
    }
}
