#![allow(clippy::expect_used, reason = "tests fail by panicking")]

use axle_model::{
    digest::Digest,
    envelope::{MediaType, Priority, Submission},
    id::SubmissionId,
    identity::Identity,
    refusal::Reason,
    synthetic::Document,
    time::Timestamp,
};
use bytes::Bytes;

mod explaining;
mod finding;
mod flags;
mod resolving;

use super::*;
use crate::{
    authorise::{Authorised, authorise},
    directory::Directory,
    registration::Registration,
    snapshot::Snapshot,
    table::RoutingTable,
    validate::validate,
};

/// 2026-11-23.
const NOW: Timestamp = Timestamp::from_micros(1_795_400_000_000_000);

const TABLE: &str = r#"
version = 3
[defaults]
workflow = "LETTERS"
[[workflow]]
id = "LETTERS"
[[workflow]]
id = "SCANS"
opaque = true
expires_after_hours = 2
[[workflow]]
id = "TOC_FHIR_IP_DISCH"
[[class]]
id = "discharge"
workflow = "TOC_FHIR_IP_DISCH"
match = { event = ["ITK003D"] }
[[allow]]
sender = ["RR8"]
workflow = "*"
recipient = ["K81003", "A83008", "A83627", "Z99999"]
"#;

const DIRECTORY: &str = r#"
[[mailbox]]
organisation = "K81003"
[[mailbox]]
organisation = "A83008"
workflows = ["LETTERS"]
[[mailbox]]
organisation = "A83627"
status = "closed"
[[mailbox]]
organisation = "Y02000"
"#;

fn code(text: &str) -> OdsCode {
    OdsCode::parse(text).expect("a code")
}

fn submission(recipients: &[&str]) -> Submission {
    let letter = Document::new(1, code("RR8"), code("K81003")).outpatient_letter_json();
    let body = Bytes::from(letter);
    Submission {
        id: SubmissionId::parse("one").expect("an id"),
        claimed_sender: None,
        recipients: recipients.iter().map(|text| code(text)).collect(),
        patient: None,
        restricted: false,
        workflow: None,
        media_type: MediaType::FhirJson,
        digest: Digest::of(&body),
        body,
        order_key: None,
        correlation_id: None,
        priority: Priority::Routine,
        time_to_live: None,
        labels: Default::default(),
    }
}

fn table() -> RoutingTable {
    RoutingTable::parse(TABLE).expect("a table")
}

fn authorised(submission: Submission) -> Authorised {
    let caller = Identity {
        organisation: Some(code("RR8")),
        operator: false,
        serial: "1".to_owned(),
        fingerprint: Digest::of(b""),
    };
    authorise(table().policy(), &caller, submission).expect("it is the caller's own")
}

/// Where it goes, and how.
#[derive(Debug, PartialEq)]
struct Way {
    workflow: String,
    mailboxes: Vec<String>,
    lifetime: Duration,
}

/// Where it goes, or the reason why not and the fields that are at fault.
fn routed(submission: Submission) -> Result<Way, (Reason, Vec<String>)> {
    let authorised = authorised(submission);
    let now = NOW;
    let checked = validate(&Snapshot::default(), &authorised, now).expect("it is valid");
    let snapshot = Snapshot {
        directory: Directory::parse(DIRECTORY).expect("a directory"),
        table: table(),
        ..Snapshot::default()
    };
    match route(&snapshot, &checked, Registration::NotAsked, now) {
        Ok(routed) => {
            let mailboxes = routed
                .destinations()
                .iter()
                .map(|to| to.mailbox.to_string());
            Ok(Way {
                workflow: routed.workflow().to_string(),
                mailboxes: mailboxes.collect(),
                lifetime: routed.lifetime(),
            })
        }
        Err(refusal) => {
            let said = refusal.findings.iter().map(|finding| finding.path.clone());
            Err((refusal.reason, said.collect()))
        }
    }
}

#[test]
fn every_recipient_has_its_mailbox_in_the_order_given() {
    let both = ["mailboxes/A83008", "mailboxes/K81003"]
        .map(str::to_owned)
        .to_vec();
    let lifetime = Terms::default().lifetime;
    let way = Way {
        workflow: "LETTERS".to_owned(),
        mailboxes: both,
        lifetime,
    };
    assert_eq!(routed(submission(&["A83008", "K81003"])), Ok(way));
}

#[test]
fn the_workflow_is_the_named_one_then_the_classs_then_the_tables() {
    let workflow = |submission| routed(submission).map(|way| way.workflow);
    let discharge = Document::new(1, code("RR8"), code("K81003")).discharge_summary_xml();
    let body = Bytes::from(discharge);
    let discharge = Submission {
        media_type: MediaType::FhirXml,
        digest: Digest::of(&body),
        body,
        ..submission(&["K81003"])
    };
    assert_eq!(
        workflow(discharge.clone()),
        Ok("TOC_FHIR_IP_DISCH".to_owned())
    );
    let named = WorkflowId::parse("SCANS").ok();
    assert_eq!(
        workflow(Submission {
            workflow: named,
            ..discharge.clone()
        }),
        Ok("SCANS".to_owned())
    );
    let unknown = WorkflowId::parse("FAXES").ok();
    let refused = workflow(Submission {
        workflow: unknown,
        ..discharge
    });
    assert_eq!(refused, Err((Reason::WorkflowUnknown, Vec::new())));
}

#[test]
fn every_recipient_that_cannot_be_reached_is_named() {
    let all = submission(&["K81003", "Z99999", "A83627", "Y02000"]);
    let paths = [1, 2, 3]
        .map(|index| format!("header.recipients[{index}]"))
        .to_vec();
    assert_eq!(routed(all), Err((Reason::RecipientUnknown, paths)));
    let closed = vec!["header.recipients[0]".to_owned()];
    assert_eq!(
        routed(submission(&["A83627"])),
        Err((Reason::MailboxClosed, closed.clone()))
    );
    assert_eq!(
        routed(submission(&["Y02000"])),
        Err((Reason::SenderNotAuthorised, closed))
    );
}

#[test]
fn an_opaque_payload_needs_a_workflow_that_carries_it() {
    let opaque = Submission {
        media_type: MediaType::Opaque("application/pdf".into()),
        ..submission(&["K81003"])
    };
    assert_eq!(
        routed(opaque.clone()),
        Err((Reason::MediaTypeNotAllowed, Vec::new()))
    );
    let scans = Submission {
        workflow: WorkflowId::parse("SCANS").ok(),
        ..opaque
    };
    assert!(routed(scans).is_ok());
}

#[test]
fn a_time_to_live_shortens_the_workflows_limit_and_never_lengthens_it() {
    let lifetime = |seconds| {
        let time_to_live = Some(Duration::from_secs(seconds));
        let workflow = WorkflowId::parse("SCANS").ok();
        let asked = Submission {
            time_to_live,
            workflow,
            ..submission(&["K81003"])
        };
        routed(asked).map(|way| way.lifetime.as_secs())
    };
    assert_eq!(lifetime(60), Ok(60));
    assert_eq!(lifetime(100_000), Ok(7_200));
}
