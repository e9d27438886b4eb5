//! Files and folders, whole and torn.
#![allow(
    clippy::unwrap_used,
    reason = "a failure to prepare a test is its failure"
)]

use std::{
    fs::{self, FileTimes},
    time::{Duration, SystemTime},
};

use axle_model::ods::OdsCode;
use tempfile::TempDir;

use super::*;
use crate::clock::{Clock as _, SystemClock};

fn record(code: &str) -> String {
    format!("{{\"Organisation\":{{\"OrgId\":{{\"extension\":\"{code}\"}},\"Status\":\"Active\"}}}}")
}

fn manifest(taken: &str, count: usize) -> String {
    format!("{{\"Manifest\":{{\"Taken\":\"{taken}\",\"Organisations\":{count}}}}}")
}

fn folder(files: &[(&str, String)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn read(path: &Path) -> Result<Edition, ConfigError> {
    load(path, SystemClock.now())
}

fn codes(edition: &Edition) -> Vec<String> {
    let all = edition.register.organisations();
    all.map(|one| one.code().to_string()).collect()
}

#[test]
fn lines_are_read_whatever_ends_them_and_blank_ones_are_no_records() {
    let lines = format!(
        "{}\r\n\n  {}  \n\n{}",
        record("RR8"),
        record("RBA"),
        record("K81003")
    );
    let folder = folder(&[("ods.jsonl", lines)]);
    let edition = read(&folder.path().join("ods.jsonl")).unwrap();
    assert_eq!(codes(&edition), ["RBA", "RR8", "K81003"]);
    assert_eq!(edition.flaws().count(), 0);
}

#[test]
fn a_folder_is_read_by_name_and_without_what_is_hidden_or_something_else() {
    let pretty = record("RR8").replace(',', ",\n  ");
    let folder = folder(&[
        ("RR8.json", pretty),
        (
            "practices.jsonl",
            format!("{}\n{}\n", record("K81003"), record("A83008")),
        ),
        (".K81004.json.part", "{".to_owned()),
        (".A83009.json", "{".to_owned()),
        ("README", "not a record".to_owned()),
        (MANIFEST, manifest("2026-01-02T03:04:05Z", 3)),
    ]);
    fs::create_dir(folder.path().join("older")).unwrap();
    let edition = read(folder.path()).unwrap();
    assert_eq!(codes(&edition), ["RR8", "A83008", "K81003"]);
    assert_eq!(
        edition.register.taken().to_string(),
        "2026-01-02T03:04:05.000Z"
    );
}

#[test]
fn a_bad_record_is_told_with_its_file_and_line() {
    let good: Vec<String> = (0..150).map(|at| record(&format!("A{at:05}"))).collect();
    let folder = folder(&[
        ("a.jsonl", good.join("\n")),
        ("b.json", "{\n\"Organisation\": nothing\n}".to_owned()),
    ]);
    let edition = read(folder.path()).unwrap();
    let told: Vec<String> = edition.flaws().map(|flaw| flaw.to_string()).collect();
    let [told] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert!(
        told.contains("b.json:1: expected ident, at line 2, column 18"),
        "{told}"
    );
    fs::write(
        folder.path().join("c.jsonl"),
        format!("\n{}\n", record("rr8")),
    )
    .unwrap();
    let error = read(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("2 of its 152 records cannot be read"),
        "{error}"
    );
    assert!(
        error.contains("c.jsonl:2: OrgId.extension is not an ODS code"),
        "{error}"
    );
}

#[test]
fn a_line_without_end_is_passed_over_and_takes_no_memory() {
    let endless = " ".repeat(3 * RECORD_BYTES_MAX);
    let good: Vec<String> = (0..150).map(|at| record(&format!("A{at:05}"))).collect();
    let exact = record("RR8") + &" ".repeat(RECORD_BYTES_MAX - record("RR8").len());
    let lines = format!("{endless}\n{}\n{exact}\n{}", good.join("\n"), record("RBA"));
    let folder = folder(&[("ods.jsonl", lines)]);
    let edition = read(&folder.path().join("ods.jsonl")).unwrap();
    assert_eq!(edition.register.len(), 152);
    let told: Vec<String> = edition.flaws().map(|flaw| flaw.to_string()).collect();
    assert!(
        told[0].ends_with("ods.jsonl:1: it is longer than 1048576 bytes"),
        "{told:?}"
    );
    assert_eq!(told.len(), 1);
}

#[test]
fn without_a_manifest_a_set_is_as_old_as_its_oldest_file() {
    let folder = folder(&[("a.json", record("RR8")), ("b.json", record("RBA"))]);
    let day = Duration::from_hours(24);
    let times = FileTimes::new().set_modified(SystemTime::now() - 3 * day);
    let file = fs::File::options()
        .write(true)
        .open(folder.path().join("a.json"));
    file.unwrap().set_times(times).unwrap();
    let now = SystemClock.now();
    let age = now.since(load(folder.path(), now).unwrap().register.taken());
    assert!(
        age >= 3 * day && age < 3 * day + Duration::from_mins(5),
        "{age:?}"
    );
}

#[test]
fn what_is_not_there_or_no_file_is_told() {
    let folder = folder(&[]);
    for (path, what) in [
        (folder.path().join("ods.jsonl"), "cannot be read"),
        (folder.path().to_owned(), "holds no organisation"),
        ("/dev/null".into(), "neither a file nor a folder"),
    ] {
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    }
}

#[test]
fn a_look_from_outside_sees_a_file_replaced_and_a_folder_added_to() {
    let folder = folder(&[("ods.jsonl", record("RR8"))]);
    let file = folder.path().join("ods.jsonl");
    let (before, whole) = (look(&file), look(folder.path()));
    assert_eq!(look(&file), before);
    fs::write(folder.path().join("new"), record("RBA")).unwrap();
    fs::rename(folder.path().join("new"), &file).unwrap();
    assert_ne!(look(&file), before);
    assert_ne!(look(folder.path()), whole);
    fs::remove_file(&file).unwrap();
    assert_eq!(look(&file), look(&folder.path().join("never")));
}

#[test]
fn an_edition_knows_what_it_was_made_of() {
    let folder = folder(&[("ods.jsonl", record("K81003"))]);
    let register = read(&folder.path().join("ods.jsonl")).unwrap().register;
    let code = OdsCode::parse("K81003").unwrap();
    assert!(register.get(code).is_some_and(|one| one.is_active()));
    assert!(!register.has_manifest());
}
