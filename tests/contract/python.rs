//! A client in another language: Python code generated from the .proto files alone does the whole
//! job with a client certificate. `tests/run` prepares the environment under `target/python`.

use std::{
    path::Path,
    process::{Command, Output},
};

use axle_tests::{
    documents::document,
    estate::{Estate, OPERATOR, PRACTICE, TRUST},
    process::BrokerProcess,
    skip,
    workspace::root,
};
use serde_json::{Value, json};

const FILES: [&str; 4] = [
    "axle/v1/types.proto",
    "axle/v1/submission.proto",
    "axle/v1/collection.proto",
    "axle/v1/admin.proto",
];

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    output
}

/// The client's code, generated into `folder` from nothing but the .proto files.
fn generate(python: &Path, folder: &Path) {
    let proto = root().join("proto");
    run(Command::new(python)
        .args(["-m", "grpc_tools.protoc"])
        .arg(format!("--proto_path={}", proto.display()))
        .arg(format!("--python_out={}", folder.display()))
        .arg(format!("--grpc_python_out={}", folder.display()))
        .args(FILES));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_made_from_the_proto_files_alone_does_the_whole_job() {
    let python = root().join("target/python/bin/python");
    if !python.exists() {
        let test = "a_client_made_from_the_proto_files_alone_does_the_whole_job";
        return skip::loudly(test, "target/python is not there; ./tests/run installs it");
    }
    let estate = Estate::new();
    for who in [TRUST, PRACTICE, OPERATOR] {
        estate.profile(who);
    }
    let letter = estate.path().join("summary.xml");
    std::fs::write(
        &letter,
        document(1, TRUST, PRACTICE).discharge_summary_xml(),
    )
    .unwrap();
    let generated = estate.path().join("generated");
    std::fs::create_dir(&generated).unwrap();
    generate(&python, &generated);
    let broker = BrokerProcess::start(&estate).await;
    let output = run(Command::new(&python)
        .arg(root().join("tests/python/journey.py"))
        .arg(format!("127.0.0.1:{}", estate.grpc_port()))
        .arg(estate.path().join("pki"))
        .arg(&letter)
        .env("PYTHONPATH", &generated)
        .env("PYTHONDONTWRITEBYTECODE", "1"));
    assert!(broker.stop().await.success());
    judge(&String::from_utf8(output.stdout).unwrap());
}

fn judge(told: &str) {
    let steps: Vec<Value> = told
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let named = |step: &str| {
        steps
            .iter()
            .filter(|told| told["step"] == step)
            .collect::<Vec<_>>()
    };
    let one = |step: &str| match named(step)[..] {
        [only] => only.clone(),
        _ => panic!("{step}: not once in {told}"),
    };
    assert_eq!(one("watching")["first"], "heartbeat");
    let submitted = one("submit");
    assert_eq!(submitted["workflow"], "TOC_FHIR_IP_DISCH");
    assert_eq!(submitted["duplicate"], false);
    assert_eq!(
        one("repeat"),
        json!({"step": "repeat", "message": submitted["message"], "duplicate": true})
    );
    let refused = one("refused");
    assert_eq!(refused["code"], "NOT_FOUND");
    assert_eq!(
        (&refused["reason"], &refused["domain"]),
        (&json!("RECIPIENT_UNKNOWN"), &json!("axle"))
    );
    assert_eq!(refused["fields"], json!(["header.recipients[0]"]));
    assert!(
        refused["message"].as_str().unwrap().contains("Z99999"),
        "{refused}"
    );
    assert_ne!(refused["remedy"], "");
    assert_eq!(one("mailbox")["queued"], 1);
    let delivery = one("delivery");
    assert_eq!(
        (&delivery["same"], &delivery["attempt"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(
        one("result"),
        json!({"step": "result", "command_id": 7, "code": 0})
    );
    let kinds: Vec<&str> = named("watch")
        .iter()
        .map(|told| told["kind"].as_str().unwrap())
        .collect();
    let kind = |word: &str| format!("DELIVERY_EVENT_KIND_{word}");
    assert_eq!(kinds, ["ACCEPTED", "LEASED", "ACKNOWLEDGED"].map(kind));
    assert_eq!(one("message")["state"], "DELIVERY_STATE_ACKNOWLEDGED");
    assert_eq!(one("list")["submissions"], json!(["python/1"]));
    let late = one("withdraw");
    assert_eq!(late["code"], "FAILED_PRECONDITION");
    assert_eq!(late["reason"], "ALREADY_COLLECTED");
    assert_eq!(late["fields"], json!(["deliveries[K81003]"]));
    assert_eq!(one("status")["ready"], true);
    assert_eq!(one("not yours")["reason"], "MAILBOX_NOT_YOURS");
}
