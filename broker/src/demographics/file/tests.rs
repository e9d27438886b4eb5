#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::type_complexity,
    reason = "tests fail by panicking, and tell what they measured"
)]

mod population;
mod wrong_practice;

use std::{fs, path::Path, time::Duration};

use axle_core::registration::Registration;
use axle_model::{ods::OdsCode, patient::PatientHint, refusal::Reason, time::Timestamp};
use futures::FutureExt as _;
use tempfile::TempDir;

use super::{Demographics, Freshness, Part, PatientFile};
use crate::{
    config::{ConfigError, PatientFileSettings},
    demographics::events::{EventCounts, message},
};

const NUMBER: &str = "9990000018";
const FAMILY: &str = "Testpatient";

fn at(time: &str) -> Timestamp {
    Timestamp::parse(time).unwrap()
}

fn now() -> Timestamp {
    at("2026-10-03T00:00:00Z")
}

fn snapshot(time: &str, practice: &str) -> String {
    format!(
        "{{\"time\":\"{time}\",\"lines\":2}}\n\
         {{\"nhs_number\":\"{NUMBER}\",\"birth_date\":\"1948-02-23\",\"family\":\"{FAMILY}\",\"practice\":\"{practice}\"}}\n\
         {{\"nhs_number\":\"9990000026\",\"replaced_by\":\"{NUMBER}\"}}\n"
    )
}

/// A folder with a snapshot and a folder of events.
struct Files {
    folder: TempDir,
}

impl Files {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("events")).unwrap();
        let files = Self { folder };
        files.write("patients.jsonl", text);
        files
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Puts a file in place as a careful operator does: whole or not at all.
    fn write(&self, name: &str, text: &str) {
        let (unfinished, name) = (self.path().join("x.tmp"), self.path().join(name));
        fs::write(&unfinished, text).unwrap();
        fs::rename(unfinished, name).unwrap();
    }

    fn open(&self) -> Result<PatientFile, ConfigError> {
        let settings = PatientFileSettings {
            path: self.path().join("patients.jsonl"),
            age_max: Duration::from_hours(7 * 24),
        };
        PatientFile::open(&settings, Some(self.path().join("events")), now())
    }
}

fn ask(patients: &PatientFile, number: &str, now: Timestamp) -> Registration {
    let patient = PatientHint::new(number, "1948-02-23", FAMILY).unwrap();
    let answer = patients.look_up(&patient, Freshness::Usual, now);
    answer.now_or_never().unwrap()
}

fn registered(practice: &str) -> Registration {
    Registration::Registered {
        practice: OdsCode::parse(practice).unwrap(),
        deceased: false,
    }
}

#[test]
fn a_snapshot_answers_until_it_is_too_old() {
    let files = Files::new(&snapshot("2026-10-01T00:00:00Z", "K81003"));
    let patients = files.open().unwrap();
    for number in [NUMBER, "9990000026"] {
        assert_eq!(ask(&patients, number, now()), registered("K81003"));
    }
    let last = at("2026-10-08T00:00:00Z");
    assert_eq!(ask(&patients, NUMBER, last), registered("K81003"));
    assert!(patients.standing(last).troubles.is_empty());
    let late = at("2026-10-08T00:00:01Z");
    let stale = Registration::None(Reason::DemographicsUnavailable);
    assert_eq!(ask(&patients, NUMBER, late), stale);
    assert_eq!(patients.standing(late).troubles, [(Part::Snapshot, last)]);
}

#[test]
fn a_new_snapshot_comes_into_force_whole_and_a_bad_one_not_at_all() {
    let files = Files::new(&snapshot("2026-10-01T00:00:00Z", "K81003"));
    let patients = files.open().unwrap();
    let newer = snapshot("2026-10-02T12:00:00Z", "A83008");
    let half = &newer[..newer.len() / 2];
    for bad in [half, "", "{}", &newer.replace("A83008", "a83008")] {
        files.write("patients.jsonl", bad);
        patients.refresh(now());
        assert_eq!(ask(&patients, NUMBER, now()), registered("K81003"));
        assert_eq!(patients.standing(now()).troubles, [(Part::Snapshot, now())]);
    }
    fs::remove_file(files.path().join("patients.jsonl")).unwrap();
    patients.refresh(now());
    assert_eq!(ask(&patients, NUMBER, now()), registered("K81003"));
    files.write("patients.jsonl", &newer);
    patients.refresh(now());
    assert_eq!(ask(&patients, NUMBER, now()), registered("A83008"));
    assert!(patients.standing(now()).troubles.is_empty());
}

#[test]
fn what_is_wrong_with_a_snapshot_is_told_by_its_line_and_without_its_text() {
    let whole = snapshot("2026-10-01T00:00:00Z", "K81003");
    let swap = |from: &str, to: &str| {
        assert!(whole.contains(from), "{from}");
        whole.replacen(from, to, 1)
    };
    let doubled = swap("\"lines\":2", "\"lines\":3") + whole.lines().nth(1).unwrap();
    for (text, what) in [
        (String::new(), "line 0: the file is empty"),
        (
            swap("\"lines\":2", "\"lines\":\"two\""),
            "line 1: it must be {\"time\"",
        ),
        (swap("2026-10-01T00:00:00Z", "yesterday"), "line 1: `time`"),
        (
            swap("\"lines\":2", "\"lines\":3"),
            "line 3: the file ends here",
        ),
        (
            swap("\"lines\":2", "\"lines\":1"),
            "line 3: the file ends here",
        ),
        (
            swap("\"family\":\"Testpatient\"", "\"family\":7"),
            "line 2: it must be an object",
        ),
        (
            swap("\"family\"", "\"surname\""),
            "line 2: it must be an object",
        ),
        (
            swap("\"family\":\"Testpatient\",", ""),
            "line 2: birth_date or family is missing",
        ),
        (
            swap("Testpatient", "--"),
            "line 2: a family name has no letters",
        ),
        (
            swap("1948-02-23", "23021948"),
            "line 2: birth_date must be YYYY-MM-DD",
        ),
        (swap(NUMBER, "9990000019"), "line 2: nhs_number"),
        (
            swap(
                &format!("\"replaced_by\":\"{NUMBER}\""),
                "\"replaced_by\":\"1\"",
            ),
            "line 3: replaced_by",
        ),
        (
            swap("Testpatient", &"x".repeat(5_000)),
            "line 2: it is longer than",
        ),
        (doubled, "line 4: an NHS number is there twice"),
    ] {
        let error = Files::new(&text).open().unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
        for secret in ["999", "Testpatient", "1948", "xxx"] {
            assert!(!error.contains(secret), "{error}");
        }
    }
}

#[test]
fn events_hold_over_a_restart_and_over_an_older_snapshot() {
    let files = Files::new(&snapshot("2026-10-01T00:00:00Z", "K81003"));
    let patients = files.open().unwrap();
    files.write(
        "events/1.xml",
        &message(NUMBER, "1948-02-23", FAMILY, "A83008"),
    );
    files.write("events/half.xml.tmp", "<Bundle");
    patients.refresh(now());
    assert_eq!(ask(&patients, NUMBER, now()), registered("A83008"));
    let again = files.open().unwrap();
    assert_eq!(ask(&again, NUMBER, now()), registered("A83008"));
    // The same event once more, and a snapshot from before it.
    files.write(
        "events/2.xml",
        &message(NUMBER, "1948-02-23", FAMILY, "A83008"),
    );
    files.write(
        "patients.jsonl",
        &snapshot("2026-10-01T12:00:00Z", "K81003"),
    );
    again.refresh(now());
    assert_eq!(ask(&again, NUMBER, now()), registered("A83008"));
    let counts = again.standing(now()).events;
    assert_eq!((counts.changed, counts.known), (1, 1));
    // One from after it knows better.
    files.write(
        "patients.jsonl",
        &snapshot("2026-10-02T12:00:00Z", "A83627"),
    );
    again.refresh(now());
    assert_eq!(ask(&again, NUMBER, now()), registered("A83627"));
}

#[test]
fn an_event_that_cannot_be_believed_changes_nothing_and_is_an_alarm() {
    let files = Files::new(&snapshot("2026-10-01T00:00:00Z", "K81003"));
    let patients = files.open().unwrap();
    let good = message(NUMBER, "1948-02-23", FAMILY, "A83008");
    for (name, text) in [
        ("other.xml", message(NUMBER, "1950-01-01", FAMILY, "A83008")),
        ("future.xml", good.replace("2026-10-02T", "2026-10-04T")),
        (
            "record.xml",
            good.replace("pds-change-of-gp-1", "pds-record-change-1"),
        ),
        ("broken.xml", good[..good.len() / 2].to_owned()),
        ("empty.xml", String::new()),
        ("large.xml", "x".repeat(2 * 1024 * 1024)),
        ("notes.txt", "to do".to_owned()),
    ] {
        files.write(&format!("events/{name}"), &text);
    }
    let stranger = message("9990000034", "1948-02-23", FAMILY, "A83008");
    files.write("events/stranger.xml", &stranger);
    for _ in 0..2 {
        patients.refresh(now());
        assert_eq!(ask(&patients, NUMBER, now()), registered("K81003"));
        let standing = patients.standing(now());
        let expected = EventCounts {
            strangers: 1,
            unusable: 7,
            ..EventCounts::default()
        };
        assert_eq!(standing.events, expected);
        assert_eq!(standing.troubles, [(Part::Events, now())]);
    }
    fs::remove_dir_all(files.path().join("events")).unwrap();
    patients.refresh(now());
    assert_eq!(patients.standing(now()).troubles, [(Part::Events, now())]);
    fs::create_dir(files.path().join("events")).unwrap();
    patients.refresh(now());
    assert!(patients.standing(now()).troubles.is_empty());
}

/// What 800,000 patients cost, nearly all that the numbers set aside for tests allow; run with `--ignored --nocapture` in a release build.
#[test]
#[ignore = "a measure, not a proof"]
fn eight_hundred_thousand_patients() {
    use std::{fmt::Write as _, time::Instant};
    let mut text = String::from("{\"time\":\"2026-10-01T00:00:00Z\",\"lines\":800000}\n");
    for index in 0..800_000_u64 {
        let number = axle_model::synthetic::nhs_number(index).expose();
        let (family, practice) = (index % 70_000, index % 7_000);
        let day = 1 + index % 28;
        writeln!(text, "{{\"nhs_number\":\"{number:010}\",\"birth_date\":\"1948-02-{day:02}\",\"family\":\"Name{}\",\"practice\":\"K{practice:05}\"}}",
            family.to_string().bytes().map(|digit| char::from(b'a' + digit - b'0')).collect::<String>()).unwrap();
    }
    let files = Files::new(&text);
    let resident = || {
        let status = fs::read_to_string("/proc/self/statm").unwrap();
        status.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4_096
    };
    drop(text);
    let (before, began) = (resident(), Instant::now());
    let patients = files.open().unwrap();
    let (took, after) = (began.elapsed(), resident());
    let began = Instant::now();
    for index in 0..800_000_u64 {
        let number = axle_model::synthetic::nhs_number(index * 7_919 % 800_000).expose();
        std::hint::black_box(ask(&patients, &format!("{number:010}"), now()));
    }
    let each = began.elapsed() / 800_000;
    println!(
        "load {took:?}, {} bytes resident each, look-up {each:?}",
        (after - before) / 800_000
    );
}
