#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use axle_model::digest::Digest;
use axle_proto::v1::{
    DeliveryState, OpenDelivery, ReconcileSubmissionsResponse, ReconciliationFinding,
    ReconciliationOutcome, ReconciliationSummary,
};

use super::*;
use crate::{
    cli::{
        print::Format,
        tests::{Written, printer},
    },
    testing::Fake,
};

const MESSAGE: &str = "messages/0197a9b0-7c1e-7000-8000-000000000001";

fn finding(outcome: ReconciliationOutcome, id: &str) -> ReconciliationFinding {
    ReconciliationFinding {
        outcome: outcome.into(),
        submission_id: id.to_owned(),
        ..ReconciliationFinding::default()
    }
}

/// Reconciles a list against a broker that answers so.
async fn reconciled(
    format: Format,
    list: &str,
    findings: Vec<ReconciliationFinding>,
    summary: ReconciliationSummary,
) -> (u8, Written) {
    let broker = Fake::default().start().await;
    let response = ReconcileSubmissionsResponse {
        findings,
        summary: Some(summary),
    };
    broker.fake.reconciliations.answer(Ok(vec![Ok(response)]));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("list.txt");
    std::fs::write(&file, list).unwrap();
    let arguments = Arguments {
        file,
        since: None,
        until: None,
    };
    let (mut printer, written) = printer(format);
    let code = run(&broker.client(), arguments, &mut printer).await;
    (code.unwrap(), written)
}

#[tokio::test]
async fn people_read_counts_first_and_then_each_problem_with_what_to_do() {
    let pending = ReconciliationFinding {
        message: MESSAGE.to_owned(),
        deliveries: vec![OpenDelivery {
            recipient: "K81003".to_owned(),
            state: DeliveryState::Queued.into(),
            ..OpenDelivery::default()
        }],
        ..finding(ReconciliationOutcome::Pending, "b")
    };
    let lost = finding(ReconciliationOutcome::NeverSubmitted, "a");
    let summary = ReconciliationSummary {
        entry_count: 3,
        delivered_count: 1,
        never_submitted_count: 1,
        pending_count: 1,
        ..ReconciliationSummary::default()
    };
    let (code, written) =
        reconciled(Format::Table, "a\nb\nc\n", vec![pending, lost], summary).await;
    assert_eq!(code, 65);
    let out = written.out();
    let places: Vec<usize> = [
        "3 entries",
        "1 never submitted",
        "NEVER SUBMITTED: ",
        "PENDING: ",
    ]
    .iter()
    .map(|text| out.find(text).unwrap_or(usize::MAX))
    .collect();
    assert!(
        places.is_sorted() && places.last() != Some(&usize::MAX),
        "{out}"
    );
    let row = out.lines().find(|line| line.contains(MESSAGE)).unwrap();
    assert!(row.contains("K81003") && row.contains("queued"), "{row}");
}

#[tokio::test]
async fn the_exit_code_says_whether_there_is_something_to_do_or_only_to_wait_for() {
    for (delivered, pending, unknown, expected) in
        [(2, 0, 0, 0), (1, 1, 0, 75), (2, 0, 1, 65), (1, 0, 0, 65)]
    {
        let summary = ReconciliationSummary {
            entry_count: 2,
            delivered_count: delivered,
            pending_count: pending,
            unknown_to_manifest_count: unknown,
            ..ReconciliationSummary::default()
        };
        let (code, written) = reconciled(Format::Json, "a\nb\n", Vec::new(), summary).await;
        assert_eq!(code, expected, "{summary:?}");
        let view: serde_json::Value = serde_json::from_str(&written.out()).unwrap();
        assert_eq!(view["summary"]["delivered_count"], delivered);
    }
}

#[test]
fn a_list_holds_ids_and_digests_and_says_which_line_is_neither() {
    let digest = Digest::of(b"a document");
    let text =
        format!("\u{feff}# the letters of Sunday\nletter,1\r\n\n  {digest}  \nRR8:2026/11/22#1\n");
    let list = manifest::manifest_of(&text, false).unwrap();
    assert_eq!(list.submission_ids, ["letter,1", "RR8:2026/11/22#1"]);
    assert_eq!(list.sha256s, [digest]);
    let table = format!("\"Reference\";Practice\n\"letter-1\";K81003\n{digest},K81003\n");
    let list = manifest::manifest_of(&table, true).unwrap();
    assert_eq!(
        (list.submission_ids, list.sha256s),
        (vec!["letter-1".to_owned()], vec![digest])
    );
    let error = manifest::manifest_of("letter-1\nletter 2\n", false).unwrap_err();
    assert!(error.what().starts_with("line 2 "), "{error}");
}

#[test]
fn a_day_is_all_of_it() {
    let first = manifest::first_moment("2026-11-22").unwrap();
    let last = manifest::last_moment("2026-11-22").unwrap();
    assert_eq!(first.to_string(), "2026-11-22T00:00:00.000Z");
    assert_eq!(last.to_string(), "2026-11-22T23:59:59.999Z");
    let time = manifest::last_moment("2026-11-22T18:00:00+01:00").unwrap();
    assert_eq!(time.to_string(), "2026-11-22T17:00:00.000Z");
    assert!(manifest::first_moment("yesterday").is_err());
}
