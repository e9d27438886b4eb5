//! From a recipient to a mailbox: branches, successors, fallbacks; and what only a person can tell is
//! parked.

use std::{sync::Arc, time::Duration};

use super::*;
use crate::{
    event::DeadLetterCause,
    organisations::{
        Organisations,
        draft::{Draft, Place},
        overrides::Overrides,
        register::Register,
    },
};

/// An organisation of the register: whether it is open, and who took over from it.
fn record(code: &str, open: bool, successors: &[&str]) -> String {
    let status = if open { "Active" } else { "Inactive" };
    let all: Vec<String> = (successors.iter())
        .map(|to| {
            format!(
                r#"{{"Type": "Successor", "Target": {{"OrgId": {{"extension": "{to}"}}}}, "Date": [{{"Type": "Legal", "Start": "2026-04-01"}}]}}"#
            )
        })
        .collect();
    format!(
        r#"{{"Organisation": {{"Name": "{code}", "OrgId": {{"extension": "{code}"}}, "Status": "{status}", "Succs": {{"Succ": [{}]}}}}}}"#,
        all.join(", ")
    )
}

fn register() -> Register {
    let mut draft = Draft::default();
    for (line, record) in (1..).zip([
        record("RR8", true, &[]),
        record("K81003", true, &[]),
        record("C10001", false, &["K81003"]),
        record("C10002", false, &["C10001"]),
        record("C10004", false, &["C10003"]),
        record("C10003", false, &["C10002"]),
        record("C10005", false, &["C10004"]),
        record("L10001", false, &["L10002"]),
        record("L10002", false, &["L10001"]),
        record("F10001", false, &["K81003", "A83008"]),
        record("A83008", true, &[]),
        record("N10001", true, &[]),
        record("N10002", false, &[]),
        record("B81001", true, &[]),
    ]) {
        draft.add(Place { file: 0, line }, record.as_bytes());
    }
    draft.add(Place { file: 0, line: 99 }, BRANCH.as_bytes());
    draft.finish(NOW, NOW).expect("a register")
}

const BRANCH: &str = r#"{"Organisation": {"Name": "BRANCH", "OrgId": {"extension": "K81003001"}, "Status": "Active",
    "Roles": {"Role": [{"id": "RO96", "primaryRole": true, "Status": "Active"}]},
    "Rels": {"Rel": [{"id": "RE6", "Status": "Active", "Target": {"OrgId": {"extension": "K81003"}}}]}}}"#;

const TABLE: &str = r#"
version = 4
[defaults]
workflow = "LETTERS"
[[workflow]]
id = "LETTERS"
[[class]]
id = "letter"
workflow = "LETTERS"
match = { type = "snomed:823681000000100" }
[[allow]]
sender = "*"
workflow = "*"
recipient = "*"
"#;

const MAILBOXES: &str = "[[mailbox]]\norganisation = \"K81003\"\n[[mailbox]]\norganisation = \"A83008\"\n[[mailbox]]\norganisation = \"B81001\"\n";

fn snapshot(table: &str) -> Snapshot {
    let table = RoutingTable::parse(table).expect("a table");
    let register = Some(Arc::new(register()));
    let age_max = Duration::from_hours(24);
    Snapshot {
        directory: Directory::parse(MAILBOXES).expect("a directory"),
        organisations: Organisations::new(register, age_max, table.successors().clone()),
        table,
        ..Snapshot::default()
    }
}

/// Where a letter goes: each recipient with its mailbox and the organisations on the way.
fn way(snapshot: &Snapshot, recipients: &[&str], now: Timestamp) -> Result<Vec<String>, Reason> {
    let authorised = authorised(submission(recipients));
    let checked = validate(&Snapshot::default(), &authorised, NOW).expect("it is valid");
    let routed = route(snapshot, &checked, Registration::NotAsked, now);
    let routed = routed.map_err(|refusal| refusal.reason)?;
    let ways = routed.destinations().iter().map(|one| {
        let hops = one
            .routing
            .redirects
            .iter()
            .map(|redirect| format!(" > {}", redirect.to));
        format!(
            "{}{} = {}",
            one.recipient,
            hops.collect::<String>(),
            one.mailbox
        )
    });
    Ok(ways.collect())
}

#[test]
fn a_document_follows_its_recipient_as_far_as_that_can_be_told() {
    let snapshot = snapshot(TABLE);
    let parked =
        |code: &str, cause: DeadLetterCause| Ok(vec![format!("{code} = {}", cause.mailbox())]);
    let ambiguous = DeadLetterCause::ParkedSuccessorAmbiguous;
    for (recipient, expected) in [
        ("K81003", Ok(vec!["K81003 = mailboxes/K81003".to_owned()])),
        (
            "K81003001",
            Ok(vec!["K81003001 > K81003 = mailboxes/K81003".to_owned()]),
        ),
        (
            "C10001",
            Ok(vec!["C10001 > K81003 = mailboxes/K81003".to_owned()]),
        ),
        (
            "C10002",
            Ok(vec![
                "C10002 > C10001 > K81003 = mailboxes/K81003".to_owned(),
            ]),
        ),
        (
            "C10004",
            Ok(vec![
                "C10004 > C10003 > C10002 > C10001 > K81003 = mailboxes/K81003".to_owned(),
            ]),
        ),
        ("C10005", parked("C10005", ambiguous)),
        ("L10001", parked("L10001", ambiguous)),
        ("F10001", parked("F10001", ambiguous)),
        ("N10001", Err(Reason::RecipientUnknown)),
        ("N10002", Err(Reason::RecipientUnknown)),
        ("Z99999", Err(Reason::RecipientUnknown)),
    ] {
        assert_eq!(way(&snapshot, &[recipient], NOW), expected, "{recipient}");
    }
}

#[test]
fn a_register_that_is_too_old_is_not_routed_by() {
    let snapshot = snapshot(TABLE);
    let later = NOW.after(Duration::from_hours(25));
    let stale = DeadLetterCause::ParkedRegisterStale.mailbox();
    assert_eq!(
        way(&snapshot, &["K81003"], later),
        Ok(vec![format!("K81003 = {stale}")])
    );
}

#[test]
fn an_operators_own_successor_beats_the_register() {
    let own = "\n[[successor]]\nfrom = \"F10001\"\nto = \"A83008\"\nfrom_date = 2026-04-01\nreason = \"list moved\"";
    let snapshot = snapshot(&format!("{TABLE}{own}"));
    let found = way(&snapshot, &["F10001"], NOW);
    assert_eq!(
        found,
        Ok(vec!["F10001 > A83008 = mailboxes/A83008".to_owned()])
    );
}

#[test]
fn two_names_of_one_practice_are_one_delivery() {
    let snapshot = snapshot(TABLE);
    let found = way(&snapshot, &["C10001", "K81003", "A83008"], NOW);
    let expected = [
        "C10001 > K81003 = mailboxes/K81003",
        "A83008 = mailboxes/A83008",
    ];
    assert_eq!(found, Ok(expected.map(str::to_owned).to_vec()));
}

#[test]
fn what_has_no_mailbox_goes_to_the_fallback_unless_it_is_restricted() {
    let fallback = "workflow = \"LETTERS\"\nfallback = [\"N10002\", \"B81001\"]\nmatch";
    let snapshot = snapshot(&TABLE.replace("workflow = \"LETTERS\"\nmatch", fallback));
    for (recipient, expected) in [
        ("N10001", "N10001 > B81001 = mailboxes/B81001"),
        ("N10002", "N10002 > B81001 = mailboxes/B81001"),
        ("C10001", "C10001 > K81003 = mailboxes/K81003"),
    ] {
        assert_eq!(
            way(&snapshot, &[recipient], NOW),
            Ok(vec![expected.to_owned()]),
            "{recipient}"
        );
    }
    assert_eq!(
        way(&snapshot, &["Z99999"], NOW),
        Err(Reason::RecipientUnknown),
        "mistyped"
    );
    let restricted = authorised(Submission {
        restricted: true,
        ..submission(&["N10001"])
    });
    let checked = validate(&Snapshot::default(), &restricted, NOW).expect("it is valid");
    let refused = route(&snapshot, &checked, Registration::NotAsked, NOW);
    assert_eq!(
        refused.map(|_| ()).map_err(|why| why.reason),
        Err(Reason::RecipientUnknown)
    );
}

#[test]
fn what_is_let_go_is_resolved_again_by_what_holds_then() {
    let before = snapshot(TABLE);
    let authorised = authorised(submission(&["F10001"]));
    let checked = validate(&Snapshot::default(), &authorised, NOW).expect("it is valid");
    let routed = route(&before, &checked, Registration::NotAsked, NOW).expect("it is parked");
    let id = axle_model::id::MessageId::from_bytes([7; 16]);
    let message = crate::change::Acceptance::new(&routed, id, NOW).message;
    let delivery = &message.deliveries[0];
    assert_eq!(
        delivery.parked(),
        Some(DeadLetterCause::ParkedSuccessorAmbiguous)
    );
    assert_eq!(message.routed_by.class.as_deref(), Some("letter"));
    assert_eq!(
        &*message.routed_by.register_version,
        before.organisations.version()
    );
    let still = again(&before, &message, delivery, NOW).expect_err("it is still not known");
    assert_eq!(still.reason, Reason::DeliveryNotInState);
    assert!(still.remedy.contains("[[successor]]"), "{still:?}");
    let own = "\n[[successor]]\nfrom = \"F10001\"\nto = \"A83008\"\nfrom_date = 2026-04-01\nreason = \"list moved\"";
    let after = snapshot(&format!("{TABLE}{own}"));
    let to = again(&after, &message, delivery, NOW).expect("it is known now");
    assert_eq!(to, MailboxId::of(code("A83008")));
    assert!(Overrides::default().iter().next().is_none());
}
