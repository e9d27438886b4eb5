//! What a table matches: every key, alone and together, and that being compiled changes nothing.

use axle_model::{
    envelope::MediaType,
    facts::Facts,
    format::{self, Limits},
    synthetic::Document,
    time::Timestamp,
};
use proptest::prelude::*;

use super::*;
use crate::organisations::Organisations;

/// 2026-11-22.
const NOW: Timestamp = Timestamp::from_micros(1_795_339_800_000_000);

pub(super) fn letter() -> String {
    document().outpatient_letter_json()
}

fn discharge() -> String {
    document().discharge_summary_json()
}

fn document() -> Document {
    Document::new(1, code("RR8"), code("K81003"))
}

fn facts(text: &str) -> Facts<'_> {
    format::read(&MediaType::FhirJson, text.as_bytes(), &Limits::default()).expect("facts")
}

fn with<T>(text: &str, look: impl FnOnce(&Subject<'_>) -> T) -> T {
    let (facts, organisations) = (facts(text), Organisations::default());
    look(&Subject {
        facts: Some(&facts),
        sender: code("RR8"),
        size: text.len() as u64,
        restricted: false,
        deceased: false,
        now: NOW,
        organisations: &organisations,
        class: Some("discharge"),
        recipient: None,
    })
}

pub(super) fn class_of(table: &RoutingTable, text: &str) -> String {
    with(text, |subject| {
        table
            .classify(subject)
            .map_or("-", |class| &class.id)
            .to_owned()
    })
}

/// Whether a rule with this condition holds for a document.
fn holds(when: &str, text: &str) -> bool {
    let table =
        format!("{TABLE}\n[[rule]]\nid = \"one\"\nwhen = {{ {when} }}\nthen = {{ stop = true }}");
    let table =
        RoutingTable::parse(&table).unwrap_or_else(|problems| panic!("{when}: {problems:?}"));
    with(text, |subject| !table.rules_for(subject).is_empty())
}

#[test]
fn a_class_asks_for_its_event_and_its_type() {
    let table = RoutingTable::parse(TABLE).expect("a table");
    assert_eq!(class_of(&table, &discharge()), "discharge");
    assert_eq!(class_of(&table, &letter()), "-");
    let other = discharge().replace("ITK003D", "ITK006D");
    assert_eq!(class_of(&table, &other), "-");
    let other = discharge().replace("373942005", "823681000000100");
    assert_eq!(class_of(&table, &other), "-");
}

#[test]
fn every_key_holds_for_what_it_names_and_for_nothing_else() {
    let (discharge, letter) = (discharge(), letter());
    for (when, of_discharge, of_letter) in [
        ("event = \"ITK003D\"", true, false),
        ("event = [\"ITK006D\", \"ITK003D\"]", true, false),
        ("type = \"snomed:373942005\"", true, false),
        (
            "type = \"http://snomed.info/sct|823681000000100\"",
            false,
            true,
        ),
        ("type = \"loinc:373942005\"", false, false),
        ("section = \"snomed:886731000000109\"", true, false),
        ("sender = [\"RR8\", \"RBA\"]", true, true),
        ("sender = \"ods:RBA\"", false, false),
        ("recipient_type = \"FA\"", true, false),
        ("has_attachment = false", true, true),
        ("fhir = \"stu3\"", true, false),
        ("fhir = \"r4\"", false, true),
        ("header = true", true, false),
        ("header = false", false, true),
        ("restricted = false", true, true),
        ("restricted = true", false, false),
        ("deceased = false", true, true),
        ("deceased = true", false, false),
        ("class = \"dis*\"", true, true),
        ("size_over = \"1KiB\"", true, true),
        ("size_over = \"1MiB\"", false, false),
        (
            "event = \"ITK003D\", type = \"snomed:823681000000100\"",
            false,
            false,
        ),
        (
            "event = \"ITK003D\", header = true, fhir = \"stu3\"",
            true,
            false,
        ),
        (
            "any = [{ event = \"ITK003D\" }, { fhir = \"r4\" }]",
            true,
            true,
        ),
        ("any = [{ event = \"A\" }, { fhir = \"r4\" }]", false, true),
        (
            "all = [{ header = true }, { fhir = \"stu3\" }]",
            true,
            false,
        ),
        ("all = [{ header = true }, { fhir = \"r4\" }]", false, false),
        ("not = { header = true }", false, true),
        ("header = true, not = { event = \"ITK003D\" }", false, false),
    ] {
        assert_eq!(
            holds(when, &discharge),
            of_discharge,
            "{when} of a discharge summary"
        );
        assert_eq!(holds(when, &letter), of_letter, "{when} of a letter");
    }
}

#[test]
fn an_age_is_that_of_the_day() {
    let born = |date: &str| {
        let letter = letter();
        let at = letter.find("\"birthDate\"").expect("a date of birth");
        let value = letter[at..].find(": \"").expect("its value") + at + 3;
        format!("{}{date}{}", &letter[..value], &letter[value + 10..])
    };
    assert!(
        holds("age_under = 18", &born("2008-11-23")),
        "the day before the birthday"
    );
    assert!(
        !holds("age_under = 18", &born("2008-11-22")),
        "the birthday"
    );
    assert!(
        !holds("age_under = 18", &born("2030-01-01")),
        "not born yet"
    );
}

#[test]
fn rules_apply_in_order_until_one_stops() {
    let rule = |id: &str, stop: bool| {
        let rest = format!("then = {{ hold = true, stop = {stop} }}");
        format!("\n[[rule]]\nid = \"{id}\"\nwhen = {{ sender = \"RR8\" }}\n{rest}")
    };
    let rules = [rule("a", false), rule("b", true), rule("c", false)].concat();
    let table = RoutingTable::parse(&format!("{TABLE}{rules}")).expect("a table");
    let found = with(&letter(), |subject| {
        let rules = table.rules_for(subject);
        rules
            .iter()
            .map(|rule| rule.id.to_string())
            .collect::<Vec<_>>()
    });
    assert_eq!(found, ["a", "b"]);
    let line = TABLE.lines().count() + 2;
    assert_eq!(table.rules()[0].line as usize, line);
}

#[test]
fn a_strict_class_is_known_by_its_events() {
    let strict = TABLE.replace("id = \"discharge\"", "id = \"discharge\"\nstrict = true");
    let table = RoutingTable::parse(&strict).expect("a table");
    assert_eq!(
        table.strict("ITK003D").map(|class| &*class.id),
        Some("discharge")
    );
    assert_eq!(table.strict("ITK006D"), None);
}

#[derive(Clone, Debug)]
struct Written {
    keys: Vec<(&'static str, bool)>,
    not: Option<(&'static str, bool)>,
}

/// Keys that hold for the discharge summary or do not.
const KEYS: [(&str, bool); 12] = [
    ("event = \"ITK003D\"", true),
    ("event = \"ITK004D\"", false),
    ("type = \"snomed:373942005\"", true),
    ("type = \"snomed:1\"", false),
    ("sender = \"RR8\"", true),
    ("sender = \"RBA\"", false),
    ("size_over = \"2KiB\"", true),
    ("size_over = \"3MiB\"", false),
    ("header = true", true),
    ("restricted = true", false),
    ("fhir = [\"r4\", \"stu3\"]", true),
    ("fhir = \"r4\"", false),
];

fn written() -> impl Strategy<Value = Written> {
    let key = || prop::sample::select(KEYS.to_vec());
    let keys = prop::collection::vec(key(), 1..4).prop_map(|mut keys| {
        keys.sort_by_key(|(text, _)| text.split(' ').next());
        keys.dedup_by_key(|(text, _)| text.split(' ').next());
        keys
    });
    (keys, prop::option::of(key())).prop_map(|(keys, not)| Written { keys, not })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What the sets say is what going through the rules one by one would say, wherever words of
    /// bits end.
    #[test]
    fn a_compiled_table_matches_what_its_entries_say(
        rules in prop::collection::vec(written(), 1..150),
    ) {
        let mut text = TABLE.to_owned();
        let mut expected = Vec::new();
        for (number, rule) in rules.iter().enumerate() {
            let mut keys: Vec<String> = rule.keys.iter().map(|(key, _)| (*key).to_owned()).collect();
            keys.extend(rule.not.map(|(key, _)| format!("not = {{ {key} }}")));
            let when = keys.join(", ");
            text += &format!("\n[[rule]]\nid = \"{number}\"\nwhen = {{ {when} }}\nthen = {{ hold = true }}");
            let holds = rule.keys.iter().all(|(_, holds)| *holds);
            if holds && rule.not.is_none_or(|(_, holds)| !holds) {
                expected.push(number.to_string());
            }
        }
        let table = RoutingTable::parse(&text).expect("a table");
        let found = with(&discharge(), |subject| {
            let rules = table.rules_for(subject);
            rules.iter().map(|rule| rule.id.to_string()).collect::<Vec<_>>()
        });
        prop_assert_eq!(found, expected);
    }
}
