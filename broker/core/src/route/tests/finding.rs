//! Classes, sources, rules and copies, one by one.

use axle_model::refusal::Severity;

use super::*;
use crate::{
    event::DeadLetterCause,
    validate::{Rules, Setting},
};

const TABLE: &str = r#"
version = 5
[defaults]
workflow = "LETTERS"
DEFAULTS
[[workflow]]
id = "LETTERS"
[[workflow]]
id = "DISCHARGES"
[[class]]
id = "discharge"
workflow = "DISCHARGES"
match = { event = "ITK003D", type = "snomed:373942005" }
route = ["explicit", "registered-practice", "header-receiver"]
honour_copies = true
inf_due = "30m"
max_size = "256KiB"
CLASS
[[allow]]
sender = ["RR8"]
workflow = "*"
recipient = ["K81003", "A83008", "C81000"]
"#;

const MAILBOXES: [&str; 5] = ["K81003", "A83008", "C81000", "X81000", "Y81000"];

/// A table with more in its defaults, more in its class, and more after it.
pub(super) fn snapshot(defaults: &str, class: &str, more: &str) -> Snapshot {
    let text = TABLE.replace("DEFAULTS", defaults).replace("CLASS", class) + more;
    let table = RoutingTable::parse(&text);
    let mailbox = |code| format!("[[mailbox]]\norganisation = \"{code}\"\n");
    Snapshot {
        directory: Directory::parse(&MAILBOXES.map(mailbox).concat()).expect("a directory"),
        table: table.unwrap_or_else(|problems| panic!("{problems:?}")),
        ..Snapshot::default()
    }
}

fn discharge(edit: impl FnOnce(String) -> String) -> Submission {
    let text = Document::new(1, code("RR8"), code("K81003")).discharge_summary_json();
    let body = Bytes::from(edit(text));
    Submission {
        digest: Digest::of(&body),
        body,
        ..submission(&["K81003"])
    }
}

/// The same with organisations on its distribution list.
pub(super) fn listing(codes: &[&str]) -> Submission {
    let of = |code: &&str| {
        format!(
            r#"{{"url": "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-ITK-InformationRecipient-1",
            "valueReference": {{"identifier": {{"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "{code}"}}}}}}"#
        )
    };
    let all: Vec<String> = codes.iter().map(of).collect();
    let extension = format!("\"extension\": [{}], \"status\": \"final\"", all.join(", "));
    discharge(|text| {
        assert!(text.contains("\"status\": \"final\""));
        text.replacen("\"status\": \"final\"", &extension, 1)
    })
}

struct Came {
    to: Vec<String>,
    warnings: Vec<String>,
    priority: Priority,
    parked: Vec<Option<DeadLetterCause>>,
    terms: Terms,
}

fn came(
    snapshot: &Snapshot,
    submission: Submission,
    registration: Registration,
) -> Result<Came, Refusal> {
    let authorised = authorised(submission);
    let checked = validate(&Snapshot::default(), &authorised, NOW).expect("it is valid");
    let routed = route(snapshot, &checked, registration, NOW)?;
    let to = routed.destinations().iter().map(|one| {
        let (basis, for_what) = (one.routing.basis.as_str(), one.recipient_type.as_str());
        format!("{} {for_what} {basis}", one.recipient)
    });
    for warning in routed.warnings() {
        assert_eq!(warning.severity, Severity::Warning);
    }
    Ok(Came {
        to: to.collect(),
        warnings: routed
            .warnings()
            .iter()
            .map(|one| one.what.clone())
            .collect(),
        priority: routed.priority(),
        parked: routed.destinations().iter().map(|one| one.parked).collect(),
        terms: *routed.terms(),
    })
}

fn to(snapshot: &Snapshot, submission: Submission) -> Vec<String> {
    let came = came(snapshot, submission, Registration::NotAsked);
    came.unwrap_or_else(|why| panic!("{why:?}")).to
}

#[test]
fn copies_go_to_those_listed_once_each_and_never_to_the_recipient() {
    let snapshot_ = snapshot("", "", "");
    let submission = || listing(&["K81003", "A83008", "C81000", "A83008"]);
    let expected = [
        "K81003 FA named",
        "A83008 FI distribution-list",
        "C81000 FI distribution-list",
    ];
    assert_eq!(to(&snapshot_, submission()), expected);
    let off = RoutingTable::parse(
        &TABLE
            .replace("DEFAULTS", "")
            .replace("CLASS", "")
            .replace("honour_copies = true", "honour_copies = false"),
    );
    let off = Snapshot {
        table: off.expect("a table"),
        ..snapshot("", "", "")
    };
    assert_eq!(to(&off, submission()), ["K81003 FA named"]);
    let for_action = snapshot("copy_recipient_type = \"FA\"", "", "");
    let found = to(&for_action, listing(&["A83008"]));
    assert_eq!(found[1], "A83008 FA distribution-list");
}

#[test]
fn a_message_that_is_itself_a_copy_is_not_copied_again() {
    let mut copy = listing(&["A83008"]);
    let text = String::from_utf8(copy.body.to_vec()).expect("text");
    let at = text
        .find("ITK-RecipientType-1")
        .expect("its recipient type");
    let (before, after) = text.split_at(at);
    let body = Bytes::from(before.to_owned() + &after.replacen("\"FA\"", "\"FI\"", 1));
    (copy.digest, copy.body) = (Digest::of(&body), body);
    assert_eq!(to(&snapshot("", "", ""), copy), ["K81003 FI named"]);
}

#[test]
fn a_copy_that_cannot_be_made_is_told_and_holds_up_nobody() {
    // X81000 has a mailbox and may not be sent to; C99999 has none.
    let more =
        "\n[[rule]]\nid = \"gone\"\nwhen = { class = \"*\" }\nthen = { copy_to = \"C99999\" }";
    let came = came(
        &snapshot("", "", more),
        listing(&["X81000"]),
        Registration::NotAsked,
    );
    let came = came.expect("it goes to its recipient");
    assert_eq!(came.to, ["K81003 FA named"]);
    assert_eq!(came.warnings.len(), 2, "{:?}", came.warnings);
    assert!(came.warnings[0].contains("RR8 may not send DISCHARGES to X81000"));
    assert!(came.warnings[1].contains("no mailbox is known for C99999"));
}

#[test]
fn an_operators_rule_needs_no_permission_of_the_sender() {
    let more = "\n[[rule]]\nid = \"safeguarding\"\nwhen = { class = \"*\" }\nthen = { copy_to = \"X81000\" }";
    let found = to(&snapshot("", "", more), discharge(|text| text));
    assert_eq!(found, ["K81003 FA named", "X81000 FI copy-rule"]);
}

#[test]
fn rules_raise_the_priority_and_hold_what_they_are_told_to() {
    let rule = |then: &str| {
        format!("\n[[rule]]\nid = \"one\"\nwhen = {{ event = \"ITK003D\" }}\nthen = {{ {then} }}")
    };
    let came = |then: &str| {
        let snapshot = snapshot("", "", &rule(then));
        came(&snapshot, discharge(|text| text), Registration::NotAsked).expect("it is routed")
    };
    assert_eq!(came("priority = \"high\"").priority, Priority::Urgent);
    assert_eq!(came("stop = true").priority, Priority::Routine);
    assert_eq!(
        came("hold = true").parked,
        [Some(DeadLetterCause::ParkedHeld)]
    );
    assert_eq!(
        came("stop = true").terms.inf_due,
        Duration::from_secs(30 * 60)
    );
}

#[test]
fn a_document_that_fits_no_class_is_delivered_parked_or_refused_as_the_table_says() {
    let letter = || submission(&["K81003"]);
    let with = |defaults: &str| {
        came(
            &snapshot(defaults, "", ""),
            letter(),
            Registration::NotAsked,
        )
    };
    assert_eq!(with("").expect("delivered").parked, [None]);
    let parked = with("on_unknown_type = \"park\"").expect("parked");
    assert_eq!(parked.parked, [Some(DeadLetterCause::ParkedUnknownType)]);
    let refused = with("on_unknown_type = \"reject\"").err().expect("refused");
    let finding = &refused.findings[0];
    assert_eq!(
        (refused.reason, finding.rule),
        (Reason::DocumentInvalid, Some("V-307"))
    );
    assert_eq!(finding.itk3_code, Some(10004));
    let strict = snapshot("on_unknown_type = \"park\"", "strict = true", "");
    let other_type = discharge(|text| text.replace("373942005", "823681000000100"));
    assert!(came(&strict, other_type, Registration::NotAsked).is_err());
    // Nobody to park it for: its sender is told at once.
    let parking = snapshot("on_unknown_type = \"park\"", "", "");
    let nobody = came(&parking, submission(&[]), Registration::NotAsked);
    assert_eq!(
        nobody.err().map(|why| why.reason),
        Some(Reason::RecipientRequired)
    );
}

#[test]
fn a_document_that_its_class_finds_too_large_is_refused() {
    let large = snapshot("", "", "").table;
    let small = TABLE
        .replace("DEFAULTS", "")
        .replace("CLASS", "")
        .replace("256KiB", "1KiB");
    let small = Snapshot {
        table: RoutingTable::parse(&small).expect("a table"),
        ..snapshot("", "", "")
    };
    assert!(
        large
            .class("discharge")
            .is_some_and(|class| class.bytes_max == Some(256 << 10))
    );
    let refused = came(&small, discharge(|text| text), Registration::NotAsked);
    assert_eq!(
        refused.err().map(|why| why.reason),
        Some(Reason::DocumentTooLarge)
    );
}

#[test]
fn the_messages_header_names_the_recipient_where_the_class_says_so() {
    let named = |text: String| {
        let receiver = r#""receiver": {"identifier": {"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "A83008"}}, "focus""#;
        assert!(text.contains("\"focus\""));
        text.replacen("\"focus\"", receiver, 1)
    };
    let nobody = || Submission {
        recipients: Vec::new(),
        ..discharge(named)
    };
    let first = TABLE.replace("DEFAULTS", "").replace("CLASS", "").replace(
        "\"registered-practice\", \"header-receiver\"",
        "\"header-receiver\"",
    );
    let first = Snapshot {
        table: RoutingTable::parse(&first).expect("a table"),
        ..snapshot("", "", "")
    };
    let expected = ["A83008 FA header-receiver", "K81003 FI distribution-list"];
    assert_eq!(to(&first, nobody()), expected);
    let authorised = authorised(nobody());
    let checked = validate(&Snapshot::default(), &authorised, NOW).expect("it is valid");
    assert!(patient_to_look_up(&first, &checked, NOW).is_none());
    assert!(patient_to_look_up(&snapshot("", "", ""), &checked, NOW).is_some());
    let restricted = Submission {
        restricted: true,
        ..nobody()
    };
    let refused = came(&first, restricted, Registration::NotAsked);
    assert_eq!(
        refused.err().map(|why| why.reason),
        Some(Reason::RestrictedNeedsRecipient)
    );
}

#[test]
fn a_practice_that_the_document_names_is_only_compared() {
    let registered = |practice| Registration::Registered {
        practice: code(practice),
        deceased: false,
    };
    let nobody = || Submission {
        recipients: Vec::new(),
        ..discharge(|text| text)
    };
    let agreed = came(&snapshot("", "", ""), nobody(), registered("K81003")).expect("routed");
    assert_eq!(
        (agreed.to.as_slice(), agreed.warnings.len()),
        (&["K81003 FA registered-practice".to_owned()][..], 0)
    );
    let other = came(&snapshot("", "", ""), nobody(), registered("A83008")).expect("routed");
    // It is on the distribution list as well, for the same mistake.
    assert_eq!(other.to, ["A83008 FA registered-practice"]);
    assert!(other.warnings[0].contains("not the one the patient is registered with"));
    let refused = came(&snapshot("", "", ""), nobody(), registered("Y81000"));
    assert_eq!(
        refused.err().map(|why| why.reason),
        Some(Reason::SenderNotAuthorised)
    );
}

#[test]
fn a_patient_in_the_header_who_is_not_the_documents_is_refused() {
    let number = axle_model::synthetic::nhs_number(2).expose();
    let other = PatientHint::new(&format!("{number:010}"), "1961-04-17", "Testpatient");
    let submission = Submission {
        recipients: Vec::new(),
        patient: other.ok(),
        ..discharge(|text| text)
    };
    let registered = Registration::Registered {
        practice: code("K81003"),
        deceased: false,
    };
    // Rule V-405 says so too, where it is on.
    let rules = Rules::default().with("V-405", Setting::Off);
    let lenient = Snapshot {
        rules: rules.expect("a rule"),
        ..Snapshot::default()
    };
    let authorised = authorised(submission);
    let checked = validate(&lenient, &authorised, NOW).expect("it is valid");
    let refused = route(&snapshot("", "", ""), &checked, registered, NOW).map(|_| ());
    let refused = refused.map_err(|why| why.reason);
    assert_eq!(refused, Err(Reason::PatientMismatch));
}
