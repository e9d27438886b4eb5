//! Arguments, output and exit codes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking"
)]

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use axle_proto::v1::{Finding, Message, SubmitDocumentResponse, ValidateDocumentResponse};
use clap::{CommandFactory as _, Parser as _};
use tonic::Code;

use super::{
    Arguments, Command,
    print::{Format, Printer},
    report, send,
};
use crate::{
    error::ClientError,
    testing::{Fake, Running, refusal},
};

/// What a command printed.
#[derive(Clone, Default)]
pub(super) struct Written {
    out: Arc<Mutex<Vec<u8>>>,
    err: Arc<Mutex<Vec<u8>>>,
}

struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    pub(super) fn out(&self) -> String {
        String::from_utf8(self.out.lock().unwrap().clone()).unwrap()
    }

    pub(super) fn err(&self) -> String {
        String::from_utf8(self.err.lock().unwrap().clone()).unwrap()
    }
}

pub(super) fn printer(format: Format) -> (Printer, Written) {
    let written = Written::default();
    let (out, err) = (Sink(written.out.clone()), Sink(written.err.clone()));
    (Printer::new(format, Box::new(out), Box::new(err)), written)
}

async fn sent(broker: &Running, format: Format, line: &[&str]) -> (u8, Written) {
    let arguments = Arguments::try_parse_from([&["axle"], line].concat()).unwrap();
    let (mut printer, written) = printer(format);
    let code = match arguments.command {
        Command::Send(arguments) => send::run(&broker.client(), arguments, &mut printer).await,
        Command::Validate(arguments) => {
            super::validate::run(&broker.client(), arguments, &mut printer).await
        }
        other => panic!("{other:?}"),
    };
    (code.unwrap(), written)
}

fn receipt() -> SubmitDocumentResponse {
    SubmitDocumentResponse {
        message: "messages/0197a9b0-7c1e-7000-8000-000000000001".to_owned(),
        workflow: "TOC_FHIR_IP_DISCH".to_owned(),
        ..SubmitDocumentResponse::default()
    }
}

#[test]
fn the_command_line_is_sound() {
    Arguments::command().debug_assert();
}

#[test]
fn mistakes_in_arguments_are_usage_errors() {
    for line in [
        "axle",
        "axle send",
        "axle route explain",
        "axle send --to K81003",
        "axle send letter.xml --to k81003",
        "axle send letter.xml --to K81003 --priority soon",
        "axle collect",
        "axle collect --into in --mailbox K81003",
        "axle collect --into in --follow --wait 3",
        "axle dlq requeue messages/1 --reason r",
        "axle pki issue --dir ca",
        "axle status --output yaml",
    ] {
        let error = Arguments::try_parse_from(line.split(' ')).err();
        assert_eq!(error.map(|error| error.exit_code()), Some(2), "{line}");
    }
}

#[test]
fn global_flags_work_behind_the_command_too() {
    for line in [
        "axle --output json --broker https://b:1 send a b --to K81003,RR8 --workflow W",
        "axle collect --into in --max 3 --metadata --output json --retry-seconds 0",
        "axle pki issue --dir ca --server localhost 127.0.0.1 --broker https://localhost:7443",
        "axle pki issue --dir ca --ods RR8 --operator --days 7",
        "axle mailbox K81003 --profile p.toml",
    ] {
        assert!(Arguments::try_parse_from(line.split(' ')).is_ok(), "{line}");
    }
}

#[test]
fn a_refusal_reads_like_a_compilers_error() {
    let refused = refusal(
        Code::InvalidArgument,
        "DOCUMENT_INVALID",
        "one rule is broken",
        "mend the document",
    );
    let lines = report::lines(&ClientError::from(refused), Some("letter.json"));
    assert_eq!(
        lines,
        [
            "error[DOCUMENT_INVALID]: one rule is broken",
            "  --> letter.json",
            "  about: K81003",
            "  V-105 at Bundle.entry[0]",
            "    no author",
            "    = do: name an author",
            "  = do: mend the document",
        ]
    );
}

#[tokio::test]
async fn a_partial_failure_tells_every_files_outcome_and_fails() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.json"), "{}").unwrap();
    let good = folder.path().join("a.json");
    let fake = Fake::default();
    fake.submits.answer(Ok(receipt()));
    let broker = fake.start().await;
    let line = [
        "send",
        good.to_str().unwrap(),
        "missing.xml",
        "--to",
        "K81003",
    ];
    let (code, written) = sent(&broker, Format::Table, &line).await;
    assert_eq!(code, 65);
    let out = written.out();
    assert!(
        out.contains("messages/0197a9b0-7c1e-7000-8000-000000000001"),
        "{out}"
    );
    assert!(out.contains("FILE_UNREADABLE"), "{out}");
    assert!(
        written.err().contains("  --> missing.xml"),
        "{}",
        written.err()
    );
}

#[tokio::test]
async fn programs_get_one_json_document_and_errors_as_json_too() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.json", "b.json"] {
        std::fs::write(folder.path().join(name), name).unwrap();
    }
    let fake = Fake::default();
    fake.submits.answer(Ok(receipt()));
    fake.submits.answer(Err(refusal(
        Code::NotFound,
        "RECIPIENT_UNKNOWN",
        "no mailbox",
        "ask",
    )));
    let broker = fake.start().await;
    let line = ["send", folder.path().to_str().unwrap(), "--to", "K81003"];
    let (code, written) = sent(&broker, Format::Json, &line).await;
    assert_eq!(code, 65);
    let out: serde_json::Value = serde_json::from_str(&written.out()).unwrap();
    assert_eq!(out["accepted_count"], 1);
    assert_eq!(out["documents"].as_array().unwrap().len(), 2);
    let error: serde_json::Value = serde_json::from_str(&written.err()).unwrap();
    assert_eq!(error["error"]["reason"], "RECIPIENT_UNKNOWN");
    assert_eq!(error["error"]["exit_code"], 65);
    assert_eq!(error["error"]["findings"][0]["rule"], "V-105");
}

/// What a broker says of a document that breaks one rule.
fn refused_for_status() -> ValidateDocumentResponse {
    let finding = Finding {
        rule: "V-208".to_owned(),
        severity: "error".to_owned(),
        path: "Bundle.entry[0].resource.status".to_owned(),
        description: "only final documents are sent".to_owned(),
        remedy: "send it once it is final".to_owned(),
        itk3_code: 20009,
        issue: "value".to_owned(),
        ..Finding::default()
    };
    ValidateDocumentResponse {
        reason: "DOCUMENT_INVALID".to_owned(),
        findings: vec![finding],
        ..ValidateDocumentResponse::default()
    }
}

/// Two files, of which the second is refused, and what `axle validate` says with these arguments.
async fn validated(format: Format, arguments: &[&str]) -> (u8, String) {
    let folder = tempfile::tempdir().unwrap();
    let names = ["a.json", "b.json"].map(|name| folder.path().join(name));
    names
        .iter()
        .for_each(|path| std::fs::write(path, "{}").unwrap());
    let fake = Fake::default();
    fake.validations.answer(Ok(ValidateDocumentResponse {
        acceptable: true,
        workflow: "LETTERS".to_owned(),
        mailboxes: vec!["mailboxes/K81003".to_owned()],
        ..ValidateDocumentResponse::default()
    }));
    fake.validations.answer(Ok(refused_for_status()));
    let broker = fake.start().await;
    let files = names.each_ref().map(|path| path.to_str().unwrap());
    let line = [&["validate"], &files[..], arguments].concat();
    let (code, written) = sent(&broker, format, &line).await;
    let here = format!("{}/", folder.path().display());
    (code, written.out().replace(&here, ""))
}

#[tokio::test]
async fn validation_tells_what_is_wrong_where_and_what_to_do() {
    let (code, said) = validated(Format::Table, &[]).await;
    let expected = "\
a.json: acceptable: would travel as LETTERS to mailboxes/K81003
error[V-208]: only final documents are sent
  --> b.json: Bundle.entry[0].resource.status
  = do: send it once it is final
  = ITK3: 20009 Payload validation failure
b.json: refused: 1 error
2 documents: 1 acceptable, 1 refused
";
    assert_eq!((code, said.as_str()), (65, expected));
}

#[tokio::test]
async fn validation_tells_programs_everything() {
    let (code, said) = validated(Format::Json, &[]).await;
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &said["acceptable_count"]), (65, &1.into()));
    let refused = &said["documents"][1];
    assert_eq!(refused["file"], "b.json");
    assert_eq!(refused["findings"][0]["itk3_code"], 20009);
    assert_eq!(refused["findings"][0]["issue"], "value");

    let (code, said) = validated(Format::Table, &["--operation-outcome"]).await;
    let outcomes = said.lines().map(serde_json::from_str::<serde_json::Value>);
    let outcomes: Vec<_> = outcomes.map(Result::unwrap).collect();
    assert_eq!((code, outcomes.len()), (65, 2));
    assert_eq!(outcomes[0]["issue"][0]["code"], "informational");
    assert_eq!(outcomes[1]["issue"][0]["code"], "value");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_stops_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    std::fs::write(&path, "{}").unwrap();
    let fake = Fake::default();
    fake.validations.answer(Ok(refused_for_status()));
    let broker = fake.start().await;
    let line = ["validate", "/no/such/file", path.to_str().unwrap()];
    let (code, written) = sent(&broker, Format::Table, &line).await;
    assert_eq!(code, 65);
    assert!(written.err().contains("FILE_UNREADABLE"));
    let last = "2 documents: 0 acceptable, 1 refused, 1 not checked\n";
    assert!(written.out().ends_with(last), "{}", written.out());
}

#[tokio::test]
async fn a_uuid_is_looked_up_as_a_message_and_then_as_a_submission() {
    let fake = Fake::default();
    fake.messages.answer(Err(refusal(
        Code::NotFound,
        "MESSAGE_NOT_FOUND",
        "no such",
        "",
    )));
    fake.messages.answer(Ok(Message::default()));
    let broker = fake.start().await;
    let id = "0197a9b0-7c1e-7000-8000-000000000001";
    super::track::find(&broker.client(), id, true, false)
        .await
        .unwrap();
    let asked = broker.fake.messages.asked();
    use axle_proto::v1::get_message_request::Key;
    assert_eq!(asked[0].key, Some(Key::Name(format!("messages/{id}"))));
    assert_eq!(asked[1].key, Some(Key::SubmissionId(id.to_owned())));
}
