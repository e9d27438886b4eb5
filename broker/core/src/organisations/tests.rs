//! A table of ways from an organisation to whoever stands for it, and what must hold of any register.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use axle_model::{ods::OdsCode, time::Timestamp};
use serde_json::{Value, json};
use toml::de::{DeTable, DeValue};

use super::{
    Age, HopBy, Organisations, Unresolved,
    draft::{Draft, Place},
    overrides::Overrides,
    register::Register,
    trace::{HOPS_MAX, Obstacle},
};

mod reading;
mod ways;

/// Noon of the day it is in these tests.
pub(super) fn now() -> Timestamp {
    Timestamp::parse("2026-11-20T12:00:00Z").unwrap()
}

pub(super) fn code(text: &str) -> OdsCode {
    OdsCode::parse(text).unwrap()
}

/// A record as the service sends it.
pub(super) fn record(code: &str, status: &str, parts: Value) -> Value {
    let mut organisation = json!({
        "Name": format!("PRACTICE {code}"),
        "OrgId": { "extension": code },
        "Status": status,
    });
    let all = organisation.as_object_mut().unwrap();
    all.extend(parts.as_object().unwrap().clone());
    json!({ "Organisation": organisation })
}

/// Whoever took over, each `CODE DAY`; or with a minus before, whom this one took over from.
pub(super) fn successions(all: &[&str]) -> Value {
    let one = |text: &&str| {
        let (kind, text) = match text.strip_prefix('-') {
            Some(text) => ("Predecessor", text),
            None => ("Successor", *text),
        };
        let (code, day) = text.split_once(' ').unwrap();
        json!({
            "Type": kind,
            "Target": { "OrgId": { "extension": code } },
            "Date": [{ "Type": "Legal", "Start": day }],
        })
    };
    let all: Vec<Value> = all.iter().map(one).collect();
    json!({ "Succs": { "Succ": all } })
}

/// A branch's role, and who runs it.
pub(super) fn branch_of(role: &str, practices: &[&str]) -> Value {
    let one = |code: &&str| json!({ "id": "RE6", "Status": "Active", "Target": { "OrgId": { "extension": code } } });
    let all: Vec<Value> = practices.iter().map(one).collect();
    json!({
        "Roles": { "Role": [{ "id": role, "primaryRole": true, "Status": "Active" }] },
        "Rels": { "Rel": all },
    })
}

pub(super) fn register(records: &[Value]) -> Register {
    let mut draft = Draft::default();
    for (line, record) in (1..).zip(records) {
        draft.add(Place { file: 0, line }, record.to_string().as_bytes());
    }
    draft.finish(now(), now()).unwrap()
}

/// `CODE CODE DAY` each.
fn overrides(all: &[&str]) -> Overrides {
    let entry = |text: &&str| {
        let parts: Vec<&str> = text.split(' ').collect();
        format!(
            "[[successor]]\nfrom = \"{}\"\nto = \"{}\"\nfrom_date = {}\nreason = \"told\"\n",
            parts[0], parts[1], parts[2]
        )
    };
    let text: String = all.iter().map(entry).collect();
    let mut table = DeTable::parse(&text).unwrap().into_inner();
    let entries = match table.remove("successor").map(|all| all.into_inner()) {
        Some(DeValue::Array(entries)) => entries,
        Some(_) | None => return Overrides::default(),
    };
    // What is wrong with them is told when a table is read; here they shall do their worst.
    Overrides::read(entries, &mut Vec::new())
}

fn organisations(records: &[Value], local: &[&str]) -> Organisations {
    let week = Duration::from_hours(7 * 24);
    Organisations::new(Some(Arc::new(register(records))), week, overrides(local))
}

/// A chain of closed practices, each taken over by the next, the last one open.
fn chain(hops: usize) -> Vec<Value> {
    let name = |at: usize| format!("A8000{at}");
    let closed = (0..hops).map(|at| {
        let heir = format!("{} 2020-04-01", name(at + 1));
        record(&name(at), "Inactive", successions(&[&heir]))
    });
    closed
        .chain([record(&name(hops), "Active", json!({}))])
        .collect()
}

#[test]
fn a_practice_is_followed_to_whoever_stands_for_it() {
    let closed = |code, heirs: &[&str]| record(code, "Inactive", successions(heirs));
    let open = |code| record(code, "Active", json!({}));
    let branch =
        |code, role, practices: &[&str]| record(code, "Active", branch_of(role, practices));
    let records = [
        open("K81003"),
        // Mergers: of two into one, on a day to come, with none, and back and forth.
        closed("A83001", &["K81003 2020-04-01"]),
        closed("A83002", &["A83001 2019-04-01"]),
        closed("A83003", &["K81003 2026-11-20"]),
        closed("A83004", &["K81003 2026-11-21"]),
        closed("A83005", &[]),
        closed("A83006", &["K81003 2020-04-01", "A83009 2020-04-01"]),
        closed("A83007", &["A83008 2020-04-01"]),
        closed("A83008", &["A83007 2020-04-01"]),
        open("A83009"),
        closed("A83010", &["K81003 2020-04-01", "K81003 2021-04-01"]),
        closed("A83011", &["A83005 2020-04-01"]),
        closed("A83012", &["Z99999 2020-04-01"]),
        // One that is divided tomorrow is not yet today.
        closed("A83013", &["K81003 2020-04-01", "A83009 2026-11-21"]),
        // Only the heir says so; and then a second heir, of whom only the other side knows.
        closed("A83014", &[]),
        record("A83015", "Active", successions(&["-A83014 2022-04-01"])),
        closed("A83016", &["K81003 2020-04-01"]),
        record("A83017", "Active", successions(&["-A83016 2020-04-01"])),
        // Active in this edition, but its last day was yesterday, or is today.
        ended("A83018", "2026-11-19"),
        ended("A83019", "2026-11-20"),
        // An active one keeps its documents, whoever took over a part of it.
        record("A83020", "Active", successions(&["K81003 2020-04-01"])),
        // Branches.
        branch("K81003001", "RO96", &["K81003"]),
        branch("K81003002", "RO177", &["K81003"]),
        branch("K81003003", "RO177", &[]),
        branch("K81003004", "RO96", &[]),
        branch("K81003005", "RO96", &["A83009"]),
        branch("K81003006", "RO96", &["A83009", "A83015"]),
        branch("K81003007", "RO96", &["A83009", "K81003"]),
        branch("BRANCH", "RO96", &["K81003"]),
        branch("A83002001", "RO96", &["A83002"]),
        record("K81003008", "Inactive", branch_of("RO96", &["K81003"])),
        // A site of a trust is run by it, and yet receives by itself.
        branch("RH802", "RO198", &["RH8"]),
    ];
    let known = organisations(&records, &[]);
    for (from, expected) in [
        ("K81003", "K81003"),
        ("A83001", "A83001>K81003"),
        ("A83002", "A83002>A83001>K81003"),
        ("A83003", "A83003>K81003"),
        ("A83004", "closed"),
        ("A83005", "closed"),
        ("A83006", "ambiguous"),
        ("A83007", "ambiguous"),
        ("A83010", "A83010>K81003"),
        ("A83011", "closed"),
        ("A83012", "unknown"),
        ("A83013", "A83013>K81003"),
        ("A83014", "A83014>A83015"),
        ("A83016", "ambiguous"),
        ("A83018", "A83018>K81003"),
        ("A83019", "A83019"),
        ("A83020", "A83020"),
        ("Z99999", "unknown"),
        ("K81003001", "K81003001>K81003"),
        ("K81003002", "K81003002>K81003"),
        ("K81003003", "K81003003"),
        ("K81003004", "ambiguous"),
        ("K81003005", "K81003005>A83009"),
        ("K81003006", "ambiguous"),
        ("K81003007", "K81003007>K81003"),
        ("BRANCH", "BRANCH>K81003"),
        ("A83002001", "A83002001>A83002>A83001>K81003"),
        ("K81003008", "closed"),
        ("RH802", "RH802"),
    ] {
        assert_eq!(way(&known, from), expected, "{from}");
    }
}

/// Active, with a successor, and operational until this day.
fn ended(code: &str, end: &str) -> Value {
    let mut parts = successions(&["K81003 2026-11-20"]);
    parts["Date"] = json!([
        { "Type": "Legal", "Start": "1974-04-01" },
        { "Type": "Operational", "Start": "1974-04-01", "End": end },
    ]);
    record(code, "Active", parts)
}

/// The way in words.
fn way(organisations: &Organisations, from: &str) -> String {
    match organisations.resolve(code(from), now()) {
        Ok(resolved) => {
            let mut way = from.to_owned();
            for hop in &resolved.hops {
                way = format!("{way}>{}", hop.to);
            }
            assert!(way.ends_with(resolved.organisation.as_str()), "{way}");
            way
        }
        Err(Unresolved::Unknown) => "unknown".to_owned(),
        Err(Unresolved::Closed) => "closed".to_owned(),
        Err(Unresolved::Ambiguous) => "ambiguous".to_owned(),
        Err(Unresolved::Stale) => "stale".to_owned(),
    }
}

#[test]
fn four_hops_are_followed_and_five_are_not() {
    for (hops, expected) in [
        (0, "A80000"),
        (1, "A80000>A80001"),
        (2, "A80000>A80001>A80002"),
        (4, "A80000>A80001>A80002>A80003>A80004"),
        (5, "ambiguous"),
    ] {
        let known = organisations(&chain(hops), &[]);
        assert_eq!(way(&known, "A80000"), expected);
    }
    let trace = organisations(&chain(5), &[]).trace(code("A80000"), now());
    assert_eq!(trace.obstacle, Some(Obstacle::TooFar));
    assert_eq!(trace.hops.len(), HOPS_MAX);
    assert_eq!(trace.reached, code("A80004"));
}

#[test]
fn an_operators_entry_beats_the_register_from_its_day_on() {
    let records = [
        record("A83001", "Inactive", successions(&["A83002 2020-04-01"])),
        record("A83002", "Active", json!({})),
        record("A83003", "Active", json!({})),
        record("A83004", "Inactive", successions(&["A83003 2020-04-01"])),
        record("A83001001", "Active", branch_of("RO96", &["A83001"])),
    ];
    for (local, from, expected) in [
        (&["A83001 A83003 2026-11-20"][..], "A83001", "A83001>A83003"),
        (&["A83001 A83003 2026-11-21"], "A83001", "A83001>A83002"),
        // What it leads to may be closed itself, and followed further.
        (
            &["A83002 A83004 2026-04-01"],
            "A83001",
            "A83001>A83002>A83004>A83003",
        ),
        // It beats what is open, and a branch's practice.
        (&["A83003 A83002 2026-04-01"], "A83003", "A83003>A83002"),
        (
            &["A83001001 A83003 2026-04-01"],
            "A83001001",
            "A83001001>A83003",
        ),
        (
            &["A83002 A83003 2026-04-01", "A83003 A83002 2026-04-01"],
            "A83001",
            "ambiguous",
        ),
        (&["A83002 A83001 2026-04-01"], "A83001", "ambiguous"),
        (&["A83002 Z99999 2026-04-01"], "A83001", "unknown"),
        (&["Z99999 A83002 2026-04-01"], "Z99999", "Z99999>A83002"),
    ] {
        let known = organisations(&records, local);
        assert_eq!(way(&known, from), expected, "{from} {local:?}");
    }
    let known = organisations(&records, &["A83001 A83003 2026-11-20"]);
    let resolved = known.resolve(code("A83001"), now()).unwrap();
    assert_eq!(resolved.hops[0].by, HopBy::Override("told".into()));
}

#[test]
fn without_a_register_every_code_is_itself_and_entries_still_count() {
    let known = Organisations::new(
        None,
        Duration::ZERO,
        overrides(&["A83001 A83002 2026-01-01"]),
    );
    assert_eq!(way(&known, "K81003001"), "K81003001");
    assert_eq!(way(&known, "A83001"), "A83001>A83002");
    assert!(known.knows(code("Z99999")));
    assert_eq!((known.version(), known.age(now())), ("", Age::Fresh));
}

#[test]
fn a_register_ages_and_then_resolves_nobody() {
    let known = organisations(&chain(1), &["A80000 A80001 2020-01-01"]);
    let at = |hours| now().after(Duration::from_hours(hours));
    for (hours, age) in [
        (0, Age::Fresh),
        (126, Age::Fresh),
        (127, Age::Ageing),
        (168, Age::Ageing),
        (169, Age::Stale),
    ] {
        assert_eq!(known.age(at(hours)), age, "{hours}");
        let resolved = known.resolve(code("A80000"), at(hours)).is_ok();
        assert_eq!(resolved, age != Age::Stale, "{hours}");
    }
    assert_eq!(
        known.resolve(code("A80001"), at(169)),
        Err(Unresolved::Stale)
    );
    assert!(known.knows(code("A80001")) && !known.knows(code("A80009")));
    let fresh = known.with_register(Arc::new(register(&chain(2))));
    assert_eq!(way(&fresh, "A80000"), "A80000>A80001>A80002");
}

#[test]
fn an_obstacle_says_what_a_person_must_look_at() {
    let records = [
        record(
            "A83001",
            "Inactive",
            successions(&["A83002 2020-04-01", "A83003 2020-04-01"]),
        ),
        record("A83002", "Active", branch_of("RO96", &[])),
        record("A83003", "Active", branch_of("RO96", &["A83002", "A83001"])),
    ];
    let known = organisations(&records, &[]);
    for (from, told) in [
        ("A83001", "is closed, and A83002 and A83003 took over"),
        (
            "A83002",
            "is a branch, and the register names no practice that runs it today",
        ),
        ("A83003", "is a branch, and A83001 and A83002 run it"),
    ] {
        let obstacle = known.trace(code(from), now()).obstacle.unwrap();
        assert_eq!(obstacle.to_string(), told);
    }
}

#[test]
fn a_gp_practice_is_told_by_both_of_its_roles() {
    let roles = |all: Value| json!({ "Roles": { "Role": all } });
    let centre = json!({ "id": "RO177", "primaryRole": true, "Status": "Active" });
    let practice = json!({ "id": "RO76", "Status": "Active" });
    let past = json!({
        "id": "RO76", "Status": "Active",
        "Date": { "Type": "Operational", "Start": "2001-01-01", "End": "2020-01-01" },
    });
    let inactive = json!({ "id": "RO76", "Status": "Inactive" });
    let today = axle_model::day::Day::in_uk(now());
    for (all, expected) in [
        (json!([centre, practice]), true),
        (json!([practice, centre]), true),
        (json!([centre]), false),
        (json!([practice]), false),
        (json!([centre, past]), false),
        (json!([centre, inactive]), false),
        (
            json!([centre, { "id": "RO76", "primaryRole": true, "Status": "Active" }]),
            false,
        ),
    ] {
        let known = register(&[record("K81003", "Active", roles(all.clone()))]);
        let organisation = known.get(code("K81003")).unwrap();
        assert_eq!(organisation.is_practice(today), expected, "{all}");
    }
}
