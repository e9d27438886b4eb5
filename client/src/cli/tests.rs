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

use axle_proto::v1::{Message, SubmitDocumentResponse, ValidateDocumentResponse};
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
            send::validate(&broker.client(), arguments, &mut printer).await
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

#[tokio::test]
async fn a_document_that_would_be_refused_fails_its_validation() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    std::fs::write(&path, "{}").unwrap();
    let line = ["validate", path.to_str().unwrap(), "--to", "K81003"];
    for (acceptable, expected) in [(true, 0), (false, 65)] {
        let fake = Fake::default();
        fake.validations.answer(Ok(ValidateDocumentResponse {
            acceptable,
            ..ValidateDocumentResponse::default()
        }));
        let broker = fake.start().await;
        assert_eq!(sent(&broker, Format::Table, &line).await.0, expected);
    }
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
