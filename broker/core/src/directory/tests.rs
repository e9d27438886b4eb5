#![allow(clippy::expect_used, reason = "tests fail by panicking")]

use super::*;

const FILE: &str = r#"
[[mailbox]]
organisation = "K81003"
display = "Riverside Surgery"

[[mailbox]]
organisation = "K81003"
workflow = "PATHOLOGY"

[[mailbox]]
organisation = "A83008"
workflows = ["TOC_FHIR_IP_DISCH"]

[[mailbox]]
organisation = "A83627"
status = "closed"
"#;

fn code(text: &str) -> OdsCode {
    OdsCode::parse(text).expect("a code")
}

fn workflow(text: &str) -> WorkflowId {
    WorkflowId::parse(text).expect("a workflow")
}

#[test]
fn a_document_goes_to_the_mailbox_set_apart_for_it_or_to_the_organisations_own() {
    let directory = Directory::parse(FILE).expect("a directory");
    let resolved = |ods, name| {
        directory
            .resolve(code(ods), &workflow(name))
            .map(|mailbox| mailbox.id.to_string())
    };
    assert_eq!(
        resolved("K81003", "PATHOLOGY"),
        Ok("mailboxes/K81003/PATHOLOGY".to_owned())
    );
    assert_eq!(
        resolved("K81003", "LETTERS"),
        Ok("mailboxes/K81003".to_owned())
    );
    assert_eq!(
        resolved("A83008", "TOC_FHIR_IP_DISCH"),
        Ok("mailboxes/A83008".to_owned())
    );
    assert_eq!(
        resolved("A83008", "LETTERS"),
        Err(NoMailbox::WorkflowNotTaken)
    );
    assert_eq!(resolved("A83627", "LETTERS"), Err(NoMailbox::Closed));
    assert_eq!(resolved("K81004", "LETTERS"), Err(NoMailbox::Unknown));
}

#[test]
fn a_mailbox_that_is_closed_or_gone_is_told_from_one_that_documents_may_wait_in() {
    let directory = Directory::parse(FILE).expect("a directory");
    let closed = |name| directory.closed(&MailboxId::parse(name).expect("a name"));
    assert_eq!(closed("mailboxes/K81003/PATHOLOGY"), None);
    assert_eq!(
        closed("mailboxes/A83627"),
        Some(DeadLetterCause::MailboxClosed)
    );
    assert_eq!(
        closed("mailboxes/K81003/LETTERS"),
        Some(DeadLetterCause::MailboxClosed),
        "the organisation has others"
    );
    assert_eq!(
        closed("mailboxes/B82001"),
        Some(DeadLetterCause::OrganisationWithdrawn)
    );
}

#[test]
fn silence_is_watched_where_the_file_says_so_and_nowhere_else() {
    let plain = Directory::parse(FILE).expect("a directory");
    assert_eq!(plain.senders().count(), 0);
    assert!(plain.mailboxes().all(|one| one.silent_after.is_none()));
    assert_eq!(plain.closing().grace, Duration::from_hours(1));
    let watched = r#"
closing = { grace_minutes = 0 }

[[mailbox]]
organisation = "K81003"
silent_after_hours = 24

[[sender]]
organisation = "RR8"
silent_after_hours = 12
"#;
    let directory = Directory::parse(watched).expect("a directory");
    assert_eq!(
        directory.senders().collect::<Vec<_>>(),
        [(code("RR8"), Duration::from_hours(12))]
    );
    let mailbox = directory.mailbox(&MailboxId::of(code("K81003")));
    let after = mailbox.and_then(|mailbox| mailbox.silent_after);
    assert_eq!(after, Some(Duration::from_hours(24)));
    assert_eq!(directory.closing().grace, Duration::ZERO);

    let never = watched.replace("24", "0");
    let twice = format!("{watched}\n[[sender]]\norganisation = \"RR8\"\nsilent_after_hours = 1\n");
    for (text, place, what) in [
        (&never, (4, 1), "silent_after_hours must be at least 1"),
        (&twice, (12, 1), "sender RR8 is listed twice"),
    ] {
        let problems = Directory::parse(text).expect_err(what);
        let told = problems
            .iter()
            .map(|one| (one.position(text), one.to_string()));
        assert_eq!(told.collect::<Vec<_>>(), [(place, what.to_owned())]);
    }
}

#[test]
fn an_organisations_mailboxes_are_its_own_only() {
    let directory = Directory::parse(FILE).expect("a directory");
    assert_eq!(directory.of_organisation(code("K81003")).count(), 2);
    assert_eq!(directory.of_organisation(code("K81")).count(), 0);
}

#[test]
fn every_problem_is_told_with_its_place() {
    let twice = format!("{FILE}\n[[mailbox]]\norganisation = \"K81003\"\n");
    let problems = Directory::parse(&twice).expect_err("a mailbox is listed twice");
    let told: Vec<_> = problems
        .iter()
        .map(|problem| (problem.position(&twice), problem.to_string()))
        .collect();
    assert_eq!(
        told,
        [((18, 1), "mailboxes/K81003 is listed twice".to_owned())]
    );

    let unknown = "[[mailbox]]\norganisation = \"K81003\"\ncolour = \"red\"\n";
    let problems = Directory::parse(unknown).expect_err("a key is unknown");
    assert_eq!(
        problems
            .iter()
            .map(|p| p.position(unknown))
            .collect::<Vec<_>>(),
        [(3, 1)]
    );
}
