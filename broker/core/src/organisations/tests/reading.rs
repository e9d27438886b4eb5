//! What a record may look like, what is wrong with one, and when a whole set is refused.

use axle_model::{day::Day, time::Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{branch_of, code, now, record, register, successions};
use crate::organisations::{
    draft::{Draft, FAULTS_TOLD_MAX, Faults, Place, RECORD_BYTES_MAX, Unusable},
    organisation::{Period, SuccessionKind},
    register::Register,
};

/// A practice with everything the service says of one.
fn practice() -> Value {
    json!({ "Organisation": {
        "Name": "HALLAMSHIRE SURGERY",
        "Date": [
            { "Type": "Legal", "Start": "1974-04-01" },
            { "Type": "Operational", "Start": "1974-04-01", "End": "2030-03-31" },
        ],
        "OrgId": {
            "root": "2.16.840.1.113883.2.1.3.2.4.18.48",
            "assigningAuthorityName": "HSCIC",
            "extension": "K81003",
        },
        "Status": "Active",
        "LastChangeDate": "2026-10-02",
        "orgRecordClass": "RC1",
        "GeoLoc": { "Location": { "PostCode": "S1 1AA" } },
        "Roles": { "Role": [
            { "id": "RO177", "uniqueRoleId": 1, "primaryRole": true, "Status": "Active",
              "Date": [{ "Type": "Operational", "Start": "1974-04-01" }] },
            { "id": "RO9999", "uniqueRoleId": 2, "Status": "Inactive",
              "Date": [{ "Type": "Operational", "Start": "1999-04-01", "End": "2002-03-31" }] },
        ] },
        "Rels": { "Rel": [
            { "id": "RE4", "uniqueRelId": 3, "Status": "Active",
              "Date": [{ "Type": "Operational", "Start": "2022-07-01" }],
              "Target": { "OrgId": { "extension": "36L" }, "PrimaryRoleId": { "id": "RO98" } } },
        ] },
        "Succs": { "Succ": [
            { "uniqueSuccId": 4, "Type": "Predecessor", "Date": [{ "Type": "Legal", "Start": "2005-10-01" }],
              "Target": { "OrgId": { "extension": "K81055" }, "PrimaryRoleId": { "id": "RO177" } } },
        ] },
    } })
}

fn draft(records: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Draft {
    let mut draft = Draft::default();
    for (line, text) in (1..).zip(records) {
        draft.add(Place { file: 0, line }, text.as_ref());
    }
    draft
}

fn finish(draft: Draft) -> Result<Register, Unusable> {
    draft.finish(now(), now())
}

/// What is wrong with one bad record among good ones.
fn fault(bad: &str) -> String {
    let good = (0..200).map(|at| record(&format!("A{at:05}"), "Active", json!({})).to_string());
    let found = finish(draft(good.chain([bad.to_owned()]))).unwrap();
    assert_eq!(found.len(), 200);
    assert_eq!(found.faults().count(), 1, "{bad}");
    let fault = &found.faults().told()[0];
    assert_eq!(fault.place, Place { file: 0, line: 201 });
    fault.what.clone()
}

fn period(start: &str, end: Option<&str>) -> Period {
    let day = |text| Day::parse(text).unwrap();
    let (start, end) = (Some(day(start)), end.map(day));
    Period { start, end }
}

#[test]
fn everything_the_service_says_of_a_practice_is_kept() {
    let known = register(&[practice()]);
    let found = known.get(code("K81003")).unwrap();
    assert_eq!(found.name(), "HALLAMSHIRE SURGERY");
    assert!(found.is_active());
    assert_eq!(found.legal(), period("1974-04-01", None));
    assert_eq!(
        found.operational(),
        period("1974-04-01", Some("2030-03-31"))
    );
    assert_eq!(found.changed().unwrap().to_string(), "2026-10-02");
    let roles: Vec<_> = found.roles().collect();
    assert_eq!(
        (roles[0].id, roles[0].primary, roles[0].active),
        ("RO177", true, true)
    );
    // Nobody knows this one, and it stays as it is.
    assert_eq!(
        (roles[1].id, roles[1].primary, roles[1].active),
        ("RO9999", false, false)
    );
    assert_eq!(roles[1].period, period("1999-04-01", Some("2002-03-31")));
    let relations: Vec<_> = found.relations().collect();
    assert_eq!((relations[0].id, relations[0].target), ("RE4", code("36L")));
    assert_eq!(relations[0].period, period("2022-07-01", None));
    let [came_before] = found.successions() else {
        panic!("{:?}", found.successions())
    };
    assert_eq!(came_before.kind, SuccessionKind::Predecessor);
    assert_eq!(came_before.target, code("K81055"));
    assert_eq!(known.organisations().len(), 1);
    assert!(known.size_bytes() < 1_000);
}

#[test]
fn a_list_of_one_may_stand_without_brackets_and_any_part_may_be_missing() {
    let mut single = practice();
    let organisation = &mut single["Organisation"];
    let date = organisation["Date"][1].take();
    organisation["Date"] = date;
    let role = organisation["Roles"]["Role"][0].take();
    organisation["Roles"]["Role"] = role;
    organisation["Rels"] = Value::Null;
    organisation["Succs"] = json!({ "Succ": null });
    let bare = json!({ "Organisation": { "OrgId": { "extension": "RR8" }, "Status": "Inactive" } });
    let known = register(&[single, bare]);
    let found = known.get(code("K81003")).unwrap();
    assert_eq!(
        found.operational(),
        period("1974-04-01", Some("2030-03-31"))
    );
    assert_eq!(found.roles().len(), 1);
    let bare = known.get(code("RR8")).unwrap();
    assert!(!bare.is_active() && bare.name().is_empty());
}

#[test]
fn a_bad_record_is_left_out_and_told_with_its_place_and_path() {
    let good = practice().to_string();
    let changed = |from: &str, to: &str| {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from}");
        fault(&bad)
    };
    for (from, to, what) in [
        (
            "K81003",
            "k81003",
            "OrgId.extension is not an ODS code of 3 to 9 capital letters and digits",
        ),
        (
            "K81003",
            "AXLE",
            "OrgId.extension is not an ODS code of 3 to 9 capital letters and digits",
        ),
        (
            "\"2026-10-02\"",
            "\"2026-10-32\"",
            "LastChangeDate is not a date such as 2026-04-01",
        ),
        (
            "\"2030-03-31\"",
            "\"soon\"",
            "Date[1].End is not a date such as 2026-04-01",
        ),
        (
            "\"Legal\"",
            "\"Lawful\"",
            "Date[0].Type is neither Legal nor Operational",
        ),
        (
            "\"RO9999\"",
            "\"RO 9\"",
            "Roles.Role[1].id is not an id, for example RO177",
        ),
        (
            "\"1999-04-01\"",
            "\"\"",
            "Roles.Role[1].Date[0].Start is not a date such as 2026-04-01",
        ),
        (
            "\"36L\"",
            "\"\"",
            "Rels.Rel[0].Target.OrgId.extension is not an ODS code of 3 to 9 capital letters and digits",
        ),
        (
            "\"Predecessor\"",
            "\"Heir\"",
            "Succs.Succ[0].Type is neither Successor nor Predecessor",
        ),
        (
            "\"K81055\"",
            "\"K81003\"",
            "Succs.Succ[0] names the organisation itself",
        ),
    ] {
        assert_eq!(changed(from, to), what, "{from}");
    }
    let statuses = good.replace("\"Active\"", "\"active\"");
    assert!(fault(&statuses).ends_with("is neither Active nor Inactive"));
    let undated = record("K81003", "Inactive", successions(&["K81004 2020-01-01"])).to_string();
    let undated = undated.replace("Start", "Begin");
    assert_eq!(fault(&undated), "Succs.Succ[0].Date has no Start");
    assert!(fault("{\"Organisation\":").starts_with("EOF while parsing"));
    assert!(fault("{\"Organisation\":{}}").starts_with("missing field `OrgId`"));
    assert!(fault("{}").starts_with("it must be one {\"Organisation\""));
    assert!(fault("[1]").contains("at column"));
    let long = "x".repeat(RECORD_BYTES_MAX + 1);
    assert_eq!(fault(&long), "it is longer than 1048576 bytes");
}

#[test]
fn a_name_cannot_play_with_a_terminal() {
    let mut named = practice();
    named["Organisation"]["Name"] = json!("A\u{1b}[2J\nB\u{9b}");
    let known = register(&[named]);
    assert_eq!(known.get(code("K81003")).unwrap().name(), "A [2J B ");
}

#[test]
fn what_a_failed_record_brought_does_not_stay() {
    let mut bad = practice();
    bad["Organisation"]["Succs"]["Succ"][0]["Type"] = json!("Heir");
    let good = (0..200).map(|at| record(&format!("A{at:05}"), "Active", branch_of("RO76", &[])));
    let records = [bad]
        .into_iter()
        .chain(good)
        .map(|record| record.to_string());
    let known = finish(draft(records)).unwrap();
    let first = known.get(code("A00000")).unwrap();
    assert_eq!(first.name(), "PRACTICE A00000");
    assert_eq!(
        first.roles().map(|role| role.id).collect::<Vec<_>>(),
        ["RO76"]
    );
    assert_eq!(first.relations().len() + first.successions().len(), 0);
    assert!(known.get(code("K81003")).is_none());
}

#[test]
fn two_records_of_one_organisation_that_differ_are_both_left_out() {
    let good: Vec<Value> = (0..300)
        .map(|at| record(&format!("A{at:05}"), "Active", json!({})))
        .collect();
    let text = |record: &Value| record.to_string();
    let same = good.iter().chain([&good[7]]).map(text);
    assert_eq!(finish(draft(same)).unwrap().len(), 300);
    let other = record("A00007", "Inactive", json!({}));
    let known = finish(draft(good.iter().chain([&other]).map(text))).unwrap();
    assert_eq!(known.len(), 299);
    assert!(known.get(code("A00007")).is_none());
    let told: Vec<(u32, &str)> = faults(known.faults());
    let what = "A00007 is listed twice, and not the same";
    assert_eq!(told, [(8, what), (301, what)]);
}

fn faults(faults: &Faults) -> Vec<(u32, &str)> {
    let told = faults.told().iter();
    told.map(|fault| (fault.place.line, fault.what.as_str()))
        .collect()
}

#[test]
fn a_set_in_which_too_much_is_wrong_is_refused_whole() {
    let good = |count: usize| {
        (0..count).map(|at| record(&format!("A{at:05}"), "Active", json!({})).to_string())
    };
    let bad = |count: usize| std::iter::repeat_n("{}".to_owned(), count);
    assert_eq!(finish(draft(good(198).chain(bad(2)))).unwrap().len(), 198);
    let refused = finish(draft(good(198).chain(bad(3)))).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "3 of its 201 records cannot be read, which is more than one in 100"
    );
    assert_eq!(refused.faults.count(), 3);
    let many = finish(draft(bad(1_000))).unwrap_err();
    assert_eq!(many.what, "it holds no organisation that can be read");
    assert_eq!(
        (many.faults.count(), many.faults.told().len()),
        (1_000, FAULTS_TOLD_MAX)
    );
    assert!(finish(Draft::default()).is_err());
}

#[test]
fn the_manifest_dates_a_set_and_shows_when_a_part_is_missing() {
    let manifest = |taken: &str, count: usize| {
        json!({ "Manifest": { "Taken": taken, "Organisations": count } }).to_string()
    };
    let one = practice().to_string();
    let with = |manifest: String| finish(draft([one.clone(), manifest]));
    let known = with(manifest("2026-11-18T03:00:00Z", 1)).unwrap();
    assert_eq!(known.taken().to_string(), "2026-11-18T03:00:00.000Z");
    assert!(
        known.version().starts_with("2026-11-18-"),
        "{}",
        known.version()
    );
    assert_eq!(known.version().len(), 19);
    for (manifest, what) in [
        (
            manifest("2026-11-18T03:00:00Z", 2),
            "its manifest promises 2 organisations, and there are 1",
        ),
        (
            manifest("2026-11-21T13:00:00Z", 1),
            "it is dated 2026-11-21T13:00:00.000Z, which is yet to come",
        ),
        (manifest("today", 1), "its manifest: Taken is not a time"),
        (
            "{\"Manifest\":{\"Taken\":1}}".to_owned(),
            "its manifest: invalid type",
        ),
        (
            "{\"Manifest\":{\"Taken\":\"2026-11-18T03:00:00Z\"}}".to_owned(),
            "its manifest: missing field",
        ),
    ] {
        let refused = with(manifest).unwrap_err();
        assert!(refused.what.starts_with(what), "{refused}");
    }
    let twice = [
        &one,
        &manifest("2026-11-18T03:00:00Z", 1),
        &manifest("2026-11-19T03:00:00Z", 1),
    ];
    assert_eq!(
        finish(draft(twice)).unwrap_err().what,
        "it has two manifests"
    );
    // A machine whose clock is a little behind the service's.
    let ahead = with(manifest("2026-11-20T13:00:00Z", 1)).unwrap();
    assert_eq!(ahead.taken(), now());
}

#[test]
fn without_a_manifest_the_files_date_the_set() {
    let modified = Timestamp::parse("2026-11-15T00:30:00Z").unwrap();
    let known = draft([practice().to_string()])
        .finish(modified, now())
        .unwrap();
    assert_eq!(known.taken(), modified);
    let later = draft([practice().to_string()]).finish(now(), modified);
    assert!(later.unwrap_err().what.contains("yet to come"));
}

#[test]
fn an_edition_is_named_by_all_of_its_content() {
    let version = |records: &[Value]| register(records).version().to_owned();
    let mut other = practice();
    other["Organisation"]["GeoLoc"]["Location"]["PostCode"] = json!("S1 1AB");
    assert_eq!(version(&[practice()]), version(&[practice()]));
    assert_ne!(version(&[practice()]), version(&[other]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Any bytes of a good record changed, cut out or repeated: it is read or told, never a panic,
    /// and the records around it are as they were.
    #[test]
    fn a_mutated_record_is_read_or_told(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..3), 1..6),
    ) {
        let mut text = practice().to_string().into_bytes();
        for (at, byte, how) in changes {
            let at = at.index(text.len());
            match how {
                0 => text[at] = byte,
                1 => drop(text.drain(at..(at + usize::from(byte)).min(text.len() - 1).max(at))),
                _ => text.insert(at, byte),
            }
        }
        let good = (0..100).map(|at| record(&format!("A{at:05}"), "Active", json!({})).to_string());
        let mut draft = draft(good);
        draft.add(Place { file: 1, line: 7 }, &text);
        let known = finish(draft).unwrap();
        prop_assert_eq!(known.len() + known.faults().count(), 101);
        prop_assert_eq!(known.get(code("A00099")).unwrap().name(), "PRACTICE A00099");
        for organisation in known.organisations() {
            prop_assert!(organisation.roles().all(|role| !role.id.is_empty()));
        }
    }

    #[test]
    fn any_bytes_are_read_or_told(text in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(finish(draft([text])).is_err());
    }
}
