//! What becomes of documents as real systems and national programmes publish them, where a folder of
//! them is at hand: none of them is part of this checkout. For each the outcome is told as a line of
//! the table in tests/README.md: acceptable, or the rule or reason that refuses it.

use std::{collections::BTreeSet, env, fmt::Write as _, fs, path::PathBuf};

use axle_client::v1::{DocumentHeader, ValidateDocumentResponse};
use axle_model::envelope::MediaType;
use axle_tests::{
    broker::TestBroker,
    estate::{Estate, PRACTICE},
    skip, workspace,
};

/// The folder of the documents, each in a folder for its source, with a MANIFEST.tsv.
fn folder() -> PathBuf {
    let beside = workspace::root().join("../shared/samples");
    env::var_os("AXLE_SAMPLES").map_or(beside, PathBuf::from)
}

/// The organisations that a document says it is from: the sender, and those it may speak for.
fn speakers(media_type: &str, body: &[u8]) -> (String, BTreeSet<String>) {
    let media_type = MediaType::parse(media_type).unwrap();
    let limits = axle_model::format::Limits::default();
    let facts = axle_model::format::read(&media_type, body, &limits).ok();
    let named = facts.iter().flat_map(|f| [f.sender(), f.custodian()]);
    let named: Vec<String> = named.flatten().map(|code| code.to_string()).collect();
    let sender = named.first().cloned().unwrap_or_else(|| "RR8".to_owned());
    (sender, named.into_iter().collect())
}

/// What was said of a document, in few words.
fn outcome(said: &ValidateDocumentResponse) -> String {
    let rules = |severities: &[&str]| -> String {
        let found = said.findings.iter();
        let found = found.filter(|found| severities.contains(&found.severity.as_str()));
        let rules: BTreeSet<&str> = found.map(|found| found.rule.as_str()).collect();
        rules.into_iter().collect::<Vec<_>>().join(" ")
    };
    let refused_by = match rules(&["fatal", "error"]) {
        rules if rules.trim().is_empty() => said.reason.clone(),
        rules => rules,
    };
    let warned = match rules(&["warning"]) {
        rules if rules.is_empty() => "–".to_owned(),
        rules => rules,
    };
    match said.acceptable {
        true => format!("acceptable | {} | {warned}", said.workflow),
        false => format!("refused | {refused_by} | {warned}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_published_documents_is_true() {
    const NAME: &str = "the_table_of_published_documents_is_true";
    let folder = folder();
    let Ok(manifest) = fs::read_to_string(folder.join("MANIFEST.tsv")) else {
        skip::loudly(
            NAME,
            "no published documents; set AXLE_SAMPLES to a folder of them",
        );
        return;
    };
    let files: Vec<&str> = (manifest.lines().skip(1))
        .filter_map(|line| line.split('\t').next())
        .collect();
    let mut read = Vec::new();
    let mut delegations = String::new();
    for file in files {
        let body = fs::read(folder.join(file)).unwrap();
        let media_type = axle_client::send::media_type(&body, Some(file.as_ref())).unwrap();
        let (sender, speaks_for) = speakers(media_type, &body);
        for code in speaks_for.iter().filter(|code| **code != sender) {
            let entry = format!("[[delegate]]\nto = \"{sender}\"\norganisations = [\"{code}\"]\n");
            if !delegations.contains(&entry) {
                delegations.push_str(&entry);
            }
        }
        read.push((file, media_type, sender, body));
    }
    // Published documents are old, their NHS numbers and codes made up, and their senders many.
    let estate = Estate::as_shipped();
    let table = fs::read_to_string(estate.path().join("routing.toml")).unwrap();
    let table = table.replace(
        "sender = [\"RR8\"]\nworkflow = \"*\"",
        "sender = \"*\"\nworkflow = \"*\"",
    );
    estate.write("routing.toml", &format!("{table}\n{delegations}"));
    estate.configure("validation", "synthetic_data", true);
    let broker = TestBroker::start_with(estate).await;
    let mut rows = String::new();
    for (file, media_type, sender, body) in read {
        let header = DocumentHeader {
            recipients: vec![PRACTICE.to_owned()],
            media_type: media_type.to_owned(),
            ..DocumentHeader::default()
        };
        let said = broker
            .client(&sender)
            .validate(header, body.into())
            .await
            .unwrap();
        writeln!(rows, "| `{file}` | {} |", outcome(&said)).unwrap();
    }
    let readme = workspace::root().join("tests/README.md");
    let text = fs::read_to_string(&readme).unwrap();
    let (before, rest) = text.split_once("<!-- published -->\n").unwrap();
    let (agreed, after) = rest.split_once("<!-- end -->").unwrap();
    let head = "| document | outcome | workflow, or what refused it | warnings |\n| --- | --- | --- | --- |\n";
    let told = format!("{head}{rows}");
    if env::var_os("AXLE_UPDATE_SNAPSHOTS").is_some() {
        let text = format!("{before}<!-- published -->\n{told}<!-- end -->{after}");
        fs::write(&readme, text).unwrap();
        return;
    }
    let agreed: BTreeSet<&str> = agreed.lines().collect();
    let new: Vec<&str> = told.lines().filter(|row| !agreed.contains(row)).collect();
    assert!(
        new.is_empty(),
        "the table of tests/README.md is not true any more (AXLE_UPDATE_SNAPSHOTS=1): {new:#?}"
    );
}
