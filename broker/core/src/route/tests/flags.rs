//! Every combination of what may decide over a recipient: named or not, marked as restricted in each
//! way there is, a patient in the header or in the document only, each answer of the register of
//! patients, somebody who has died, a distribution list, and every rule. Whatever they are: whom the
//! sender names always counts, what is restricted never goes by the patient nor by a rule, and nothing
//! is ever guessed from the practice that the document itself names.

use std::collections::BTreeSet;

use axle_model::patient::PatientHint;

use super::*;
use crate::{authorise::Authorised, event::DeadLetterCause};

/// Whom the sender names.
const NAMED: &str = "E81000";
/// Where the patient is registered.
const REGISTERED: &str = "P81000";
/// Whom the document names as the patient's practice. It has a mailbox, and never gets anything.
const STATED: &str = "A81001";
/// Who is on the distribution list, beside the registered practice and the named recipient.
const LISTED: &str = "C81000";
/// Whom a rule copies to.
const COPIED: &str = "X81000";
/// Whom a rule puts in place of the recipient.
const REPLACING: &str = "Y81000";
/// Who gets what has no recipient.
const DEFAULT: &str = "D81000";

/// How a document is marked as restricted.
const MARKS: [&str; 8] = [
    "none",
    "sender",
    "R",
    "V",
    "bundle",
    "patient",
    "patient V",
    "not for the patient",
];

/// What the document is like.
#[derive(Clone, Copy, Debug)]
struct Written {
    mark: &'static str,
    deceased: bool,
    list: bool,
}

/// What the sender says of it.
#[derive(Clone, Copy, Debug)]
struct Said {
    named: bool,
    hint: bool,
    written: Written,
}

/// What the table says.
#[derive(Clone, Copy, Debug)]
struct Table {
    by_patient: bool,
    default: bool,
    /// Copy, replace, none, hold: a bit each.
    rules: u8,
}

impl Written {
    fn letter(self) -> String {
        let security = |code: &str| {
            let system = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
            format!("],\n\"security\": [{{\"system\": \"{system}\", \"code\": \"{code}\"}}]")
        };
        let mut letter = Document::new(1, code("RR8"), code(STATED)).outpatient_letter_json();
        let mut edit = |from: &str, to: String| {
            assert!(letter.contains(from), "the letter has no {from}");
            letter = letter.replacen(from, &to, 1);
        };
        let patient = "UKCore-Patient\"\n          ]";
        let marked = |code: &str| format!("UKCore-Patient\"\n          {}", security(code));
        match self.mark {
            "R" | "V" => edit(
                "\"confidentiality\": \"N\"",
                format!("\"confidentiality\": \"{}\"", self.mark),
            ),
            "bundle" => edit(
                "UKCore-Bundle\"\n    ]",
                format!("UKCore-Bundle\"\n    {}", security("R")),
            ),
            "patient" => edit(patient, marked("R")),
            "patient V" => edit(patient, marked("V")),
            "not for the patient" => edit(patient, marked("NOPAT")),
            _ => {}
        }
        if self.deceased {
            edit(
                "\"active\": true",
                "\"active\": true, \"deceasedBoolean\": true".to_owned(),
            );
        }
        if self.list {
            let of = |code: &str| {
                format!(
                    r#"{{"url": "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-ITK-InformationRecipient-1",
                    "valueReference": {{"identifier": {{"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "{code}"}}}}}}"#
                )
            };
            let all = [LISTED, REGISTERED, NAMED].map(of).join(", ");
            edit(
                "\"status\": \"final\"",
                format!("\"extension\": [{all}], \"status\": \"final\""),
            );
        }
        letter
    }
}

impl Said {
    fn is_restricted(self) -> bool {
        self.written.mark != "none"
    }

    fn authorised(self, letter: &str) -> Authorised {
        let named: &[&str] = if self.named { &[NAMED] } else { &[] };
        let body = Bytes::from(letter.to_owned());
        let number = axle_model::synthetic::nhs_number(1).expose();
        let hint = PatientHint::new(&format!("{number:010}"), "1961-04-17", "Testpatient");
        super::authorised(Submission {
            restricted: self.written.mark == "sender",
            patient: self.hint.then(|| hint.expect("a patient")),
            digest: Digest::of(&body),
            body,
            ..submission(named)
        })
    }
}

impl Table {
    fn has(self, rule: u8) -> bool {
        self.rules & rule != 0
    }

    fn snapshot(self) -> Snapshot {
        let route = match self.by_patient {
            true => "[\"explicit\", \"registered-practice\"]",
            false => "[\"explicit\"]",
        };
        let default = match self.default {
            true => format!("default_to = \"{DEFAULT}\""),
            false => String::new(),
        };
        let mut text = format!(
            "version = 1\n[[workflow]]\nid = \"LETTERS\"\n[[class]]\nid = \"letter\"\n\
             workflow = \"LETTERS\"\nmatch = {{ type = \"snomed:823681000000100\" }}\n\
             route = {route}\nhonour_copies = true\nfallback = [\"{DEFAULT}\"]\n{default}\n\
             [[allow]]\nsender = [\"RR8\"]\nworkflow = \"*\"\n\
             recipient = [\"{NAMED}\", \"{REGISTERED}\", \"{LISTED}\"]\n"
        );
        for (bit, then) in [
            (1, format!("copy_to = [\"{COPIED}\", \"{REGISTERED}\"]")),
            (2, format!("replace_primary = \"{REPLACING}\"")),
            (4, "copies = \"none\"".to_owned()),
            (8, "hold = true".to_owned()),
        ] {
            if self.has(bit) {
                let when = "when = { class = \"*\" }";
                text += &format!("[[rule]]\nid = \"r{bit}\"\n{when}\nthen = {{ {then} }}\n");
            }
        }
        let mailboxes = [
            NAMED, REGISTERED, STATED, LISTED, COPIED, REPLACING, DEFAULT,
        ]
        .map(|code| format!("[[mailbox]]\norganisation = \"{code}\"\n"));
        Snapshot {
            directory: Directory::parse(&mailboxes.concat()).expect("a directory"),
            table: RoutingTable::parse(&text).expect("a table"),
            ..Snapshot::default()
        }
    }
}

/// The recipients as they should be, told from the flags alone: the one it is for, and the copies.
fn expected(
    said: Said,
    table: Table,
    registration: Registration,
) -> Result<(&'static str, BTreeSet<&'static str>), Reason> {
    let default = |reason| {
        if table.default {
            Ok(DEFAULT)
        } else {
            Err(reason)
        }
    };
    let mut primary = match (said.named, said.is_restricted(), table.by_patient) {
        (true, ..) => NAMED,
        (false, true, _) => return Err(Reason::RestrictedNeedsRecipient),
        (false, false, false) => default(Reason::RecipientRequired)?,
        (false, false, true) => match registration {
            Registration::Registered { .. } => REGISTERED,
            Registration::None(reason @ Reason::PatientNotRegistered) => default(reason)?,
            Registration::None(reason) => return Err(reason),
            Registration::NotAsked => default(Reason::RecipientRequired)?,
        },
    };
    if table.has(2) && !said.named {
        primary = REPLACING;
    }
    let by_register = primary_is_registered(said, table, registration);
    let died = matches!(
        registration,
        Registration::Registered { deceased: true, .. }
    );
    let deceased = said.written.deceased || by_register && died;
    let mut copies = BTreeSet::new();
    if !said.is_restricted() && !deceased && !table.has(4) {
        if said.written.list {
            copies.extend([LISTED, REGISTERED, NAMED]);
        }
        if table.has(1) {
            copies.extend([COPIED, REGISTERED]);
        }
        copies.remove(primary);
    }
    Ok((primary, copies))
}

fn primary_is_registered(said: Said, table: Table, registration: Registration) -> bool {
    let by_patient = !said.named && !said.is_restricted() && table.by_patient;
    by_patient && matches!(registration, Registration::Registered { .. })
}

fn registrations() -> Vec<Registration> {
    let registered = |deceased| Registration::Registered {
        practice: code(REGISTERED),
        deceased,
    };
    let mut all = vec![Registration::NotAsked, registered(false), registered(true)];
    all.extend(
        [
            Reason::PatientNotFound,
            Reason::PatientMismatch,
            Reason::PatientNotRegistered,
            Reason::RestrictedNeedsRecipient,
            Reason::DemographicsUnavailable,
        ]
        .map(Registration::None),
    );
    all
}

fn tables() -> Vec<(Table, Snapshot)> {
    let mut all = Vec::new();
    for rules in 0..16 {
        for (by_patient, default) in [(false, false), (false, true), (true, false), (true, true)] {
            let table = Table {
                by_patient,
                default,
                rules,
            };
            all.push((table, table.snapshot()));
        }
    }
    all
}

/// What must hold whatever the flags are; it shares no thought with [`expected`].
fn assert_safe(said: Said, destinations: &[Destination], what: &str) {
    let mut seen = BTreeSet::new();
    for one in destinations {
        assert_ne!(
            one.recipient.as_str(),
            STATED,
            "guessed from the document: {what}"
        );
        assert_ne!(one.mailbox.organisation.as_str(), STATED, "guessed: {what}");
        assert!(seen.insert(one.recipient), "one gets it twice: {what}");
        if said.is_restricted() {
            assert_eq!(
                one.recipient.as_str(),
                NAMED,
                "restricted, and not named: {what}"
            );
        }
    }
    if said.named {
        assert_eq!(
            destinations[0].recipient.as_str(),
            NAMED,
            "not the named one: {what}"
        );
        assert_eq!(
            destinations[0].routing.basis,
            crate::delivery::Basis::Named,
            "{what}"
        );
    }
    for copy in destinations.iter().skip(1) {
        assert_eq!(copy.recipient_type, RecipientType::ForInformation, "{what}");
        assert!(copy.routing.basis.is_copy(), "{what}");
    }
}

fn assert_one(said: Said, checked: &Checked<'_>, table: Table, snapshot: &Snapshot) {
    let looked_up = patient_to_look_up(snapshot, checked, NOW).is_some();
    let may_look = !said.named && !said.is_restricted() && table.by_patient;
    assert_eq!(looked_up, may_look, "{said:?} {table:?}");
    for registration in registrations() {
        let what = format!("{said:?} {table:?} {registration:?}");
        let routed = route(snapshot, checked, registration, NOW);
        let explained = explain(snapshot, checked, registration, NOW);
        assert!(!explained.steps.is_empty(), "{what}");
        let expected = expected(said, table, registration);
        match routed {
            Ok(routed) => {
                let destinations = routed.destinations();
                assert_safe(said, destinations, &what);
                assert_eq!(
                    explained.outcome.as_deref().ok(),
                    Some(destinations),
                    "{what}"
                );
                let (primary, copies) = expected.unwrap_or_else(|why| panic!("{why:?}: {what}"));
                assert_eq!(destinations[0].recipient.as_str(), primary, "{what}");
                let found = destinations
                    .iter()
                    .skip(1)
                    .map(|one| one.recipient.as_str());
                assert_eq!(found.collect::<BTreeSet<_>>(), copies, "{what}");
                let held = table.has(8).then_some(DeadLetterCause::ParkedHeld);
                for one in destinations {
                    assert_eq!(one.parked, held, "{what}");
                    assert_eq!(DeadLetterCause::of_parked(&one.mailbox), held, "{what}");
                }
            }
            Err(refusal) => {
                assert_eq!(Err(refusal.reason), expected.map(drop), "{what}");
                assert_eq!(explained.outcome.err(), Some(refusal), "{what}");
            }
        }
    }
}

#[test]
fn named_beats_registered_restricted_never_goes_by_patient_and_nothing_is_guessed() {
    let tables = tables();
    for mark in MARKS {
        for bits in 0..4_u8 {
            let written = Written {
                mark,
                deceased: bits & 1 != 0,
                list: bits & 2 != 0,
            };
            let letter = written.letter();
            for (named, hint) in [(true, false), (true, true), (false, false), (false, true)] {
                let said = Said {
                    named,
                    hint,
                    written,
                };
                let authorised = said.authorised(&letter);
                let checked = validate(&Snapshot::default(), &authorised, NOW);
                let checked = checked.unwrap_or_else(|refusal| panic!("{said:?}: {refusal:?}"));
                for (table, snapshot) in &tables {
                    assert_one(said, &checked, *table, snapshot);
                }
            }
        }
    }
}
