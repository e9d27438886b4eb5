//! The command line as scripts meet it: arguments, what is printed, exit codes.
#![allow(
    clippy::unwrap_used,
    reason = "a failure to prepare a test is its failure"
)]

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::Duration,
};

use axle_model::time::Timestamp;
use axle_pki::issue::{Authority, Request};
use clap::Parser as _;
use tempfile::TempDir;

use super::{Arguments, Exit, check::check};
use crate::clock::{Clock as _, SystemClock};

/// 2026-11-22, in the middle of the morning.
const NOW: Timestamp = Timestamp::from_micros(1_795_339_800_000_000);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A folder with all that a broker needs.
fn estate() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::init(&folder.path().join("tls"), "test", NOW).unwrap();
    let server = Request {
        server_names: vec!["localhost".to_owned()],
        days: 90,
        ..Request::default()
    };
    authority.issue("broker", &server, NOW).unwrap();
    let config = "\
[tls]
certificate = \"tls/broker.pem\"
key = \"tls/broker.key\"
client_ca = \"tls/ca.pem\"
crl = [\"tls/crl.pem\"]
[store]
directory = \"data\"
reserve_bytes = 4096
key_file = \"store.key\"
";
    let key = folder.path().join("store.key");
    fs::write(&key, "0123456789abcdef".repeat(4)).unwrap();
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    fs::write(folder.path().join("axle.toml"), config).unwrap();
    fs::write(
        folder.path().join("directory.toml"),
        "[[mailbox]]\norganisation = \"K81003\"\n",
    )
    .unwrap();
    fs::write(folder.path().join("routing.toml"), "version = 3\n").unwrap();
    folder
}

fn checked(folder: &Path, now: Timestamp) -> (Exit, String) {
    let mut printed = Vec::new();
    let exit = check(&folder.join("axle.toml"), now, &mut printed);
    (exit, String::from_utf8(printed).unwrap())
}

#[test]
fn an_estate_in_order_passes_and_is_shown() {
    let folder = estate();
    let (exit, printed) = checked(folder.path(), NOW);
    assert_eq!(exit, Exit::Ok, "{printed}");
    for part in [
        "broker.pem until 2027-02-",
        "directory.toml, 1 mailboxes",
        "routing.toml, version 3",
    ] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    assert!(printed.ends_with("everything is in order\n"), "{printed}");
    assert!(!printed.contains("warning"), "{printed}");
    assert!(
        !folder.path().join("data").exists(),
        "check must change nothing"
    );
}

#[test]
fn each_thing_out_of_order_is_bad_configuration() {
    type Damage = (&'static str, fn(&Path));
    let damage: [Damage; 10] = [
        ("no configuration", |folder| {
            fs::remove_file(folder.join("axle.toml")).unwrap()
        }),
        ("no certificate", |folder| {
            fs::remove_file(folder.join("tls/broker.pem")).unwrap()
        }),
        ("another key", |folder| {
            fs::copy(folder.join("tls/ca.key"), folder.join("tls/broker.key"))
                .map(drop)
                .unwrap();
        }),
        ("open key", |folder| {
            fs::set_permissions(folder.join("tls/broker.key"), Permissions::from_mode(0o644))
                .unwrap();
        }),
        ("no store key", |folder| {
            fs::remove_file(folder.join("store.key")).unwrap()
        }),
        ("short store key", |folder| {
            fs::write(folder.join("store.key"), "0123").unwrap()
        }),
        ("open store key", |folder| {
            fs::set_permissions(folder.join("store.key"), Permissions::from_mode(0o644)).unwrap();
        }),
        ("bad list", |folder| {
            fs::write(folder.join("tls/crl.pem"), "").unwrap()
        }),
        ("bad table", |folder| {
            fs::write(folder.join("routing.toml"), "version = 0x").unwrap()
        }),
        ("full disk", |folder| {
            let text = fs::read_to_string(folder.join("axle.toml")).unwrap();
            let text = text.replace("= 4096", "= 1099511627776");
            fs::write(folder.join("axle.toml"), text).unwrap();
        }),
    ];
    for (name, damage) in damage {
        let folder = estate();
        damage(folder.path());
        let (exit, printed) = checked(folder.path(), NOW);
        assert_eq!(exit, Exit::BadConfiguration, "{name}: {printed}");
        assert!(!printed.contains("in order"), "{name}: {printed}");
    }
}

#[test]
fn a_store_without_a_key_is_pointed_out() {
    let folder = estate();
    let file = folder.path().join("axle.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(file, text.replace("key_file = \"store.key\"\n", "")).unwrap();
    let (exit, printed) = checked(folder.path(), NOW);
    assert_eq!(exit, Exit::Ok, "{printed}");
    assert!(
        printed.contains("warning: store.key_file: names no key"),
        "{printed}"
    );
}

#[test]
fn dates_are_told_before_they_pass() {
    let folder = estate();
    let (exit, printed) = checked(folder.path(), NOW.after(70 * DAY));
    assert_eq!(exit, Exit::Ok);
    assert!(
        printed.contains("the certificate is to be replaced within 20 days"),
        "{printed}"
    );
    let (exit, _) = checked(folder.path(), NOW.after(91 * DAY));
    assert_eq!(exit, Exit::BadConfiguration, "an expired certificate");
    let (exit, _) = checked(folder.path(), Timestamp::default());
    assert_eq!(exit, Exit::BadConfiguration, "a clock in 1970");
}

#[test]
fn the_arguments_are_those_of_the_manual() {
    for (line, fits) in [
        ("serve --config axle.toml", true),
        ("check --config axle.toml", true),
        ("verify --config axle.toml", true),
        ("verify --store data", true),
        ("verify --store data --config axle.toml", false),
        ("verify --store data --key-file key", true),
        ("verify --config axle.toml --key-file key", true),
        ("verify --key-file key", false),
        ("backup --store data --to copy --key-file key", true),
        ("restore --from copy --to data --key-file key", true),
        ("verify", false),
        ("demo", true),
        ("demo --keep", true),
        ("serve axle.toml", false),
        ("", false),
    ] {
        let words = std::iter::once("axle-broker").chain(line.split_whitespace());
        let parsed = Arguments::try_parse_from(words);
        assert_eq!(parsed.is_ok(), fits, "{line}");
        if let Err(error) = parsed {
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }
}

/// An estate with a register that was taken so long ago.
fn with_register(age: Duration, more: &str) -> TempDir {
    let folder = estate();
    let config = fs::read_to_string(folder.path().join("axle.toml")).unwrap();
    let routing = "[routing]\norganisations = \"ods.jsonl\"\norganisations_max_age_days = 8\n";
    fs::write(folder.path().join("axle.toml"), config + routing).unwrap();
    let record = |at| {
        format!(
            "{{\"Organisation\":{{\"OrgId\":{{\"extension\":\"A{at:05}\"}},\"Status\":\"Active\"}}}}\n"
        )
    };
    let records: String = (0..120).map(record).collect();
    let manifest = format!(
        "{{\"Manifest\":{{\"Taken\":\"{}\",\"Organisations\":",
        NOW.before(age)
    );
    let count = 120 + more.lines().count();
    let text = format!("{records}{more}{manifest}{count}}}}}\n");
    fs::write(folder.path().join("ods.jsonl"), text).unwrap();
    folder
}

#[test]
fn the_register_is_counted_and_what_is_left_out_of_it_is_told() {
    let folder = with_register(DAY, "");
    let (exit, printed) = checked(folder.path(), NOW);
    assert_eq!(exit, Exit::Ok, "{printed}");
    let counted = "ods.jsonl, 120 in 2026-11-21-";
    assert!(printed.contains(counted), "{printed}");
    assert!(
        printed.contains(", 0 left out, taken 2026-11-21T"),
        "{printed}"
    );
    assert!(!printed.contains("warning"), "{printed}");
    let folder = with_register(DAY, "{}\n");
    let (exit, printed) = checked(folder.path(), NOW);
    assert_eq!(exit, Exit::Ok, "{printed}");
    assert!(printed.contains(", 1 left out"), "{printed}");
    let told = "ods.jsonl:121: it must be one {\"Organisation\"";
    assert!(
        printed.contains("warning: ") && printed.contains(told),
        "{printed}"
    );
}

#[test]
fn a_register_that_is_nearly_or_really_too_old_is_told() {
    for (days, exit, told) in [
        (5, Exit::Ok, "everything is in order"),
        (7, Exit::Ok, "warning: "),
        (9, Exit::BadConfiguration, "ods.jsonl, 120 in"),
    ] {
        let folder = with_register(DAY * days, "");
        let (found, printed) = checked(folder.path(), NOW);
        assert_eq!(found, exit, "{days}: {printed}");
        assert!(printed.contains(told), "{days}: {printed}");
        let warned = printed.contains("is too old to route by from 2026-11-23T");
        assert_eq!(warned, days == 7, "{days}: {printed}");
    }
}

#[test]
fn a_register_that_cannot_be_used_or_has_no_manifest_is_told() {
    let folder = with_register(DAY, "");
    let file = folder.path().join("ods.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    let (records, _) = text.split_once("{\"Manifest\"").unwrap();
    fs::write(&file, records).unwrap();
    // The file is of today, and these tests are set before it.
    let (exit, printed) = checked(folder.path(), SystemClock.now());
    assert_eq!(exit, Exit::Ok, "{printed}");
    assert!(printed.contains("has no manifest"), "{printed}");
    fs::remove_file(&file).unwrap();
    assert_eq!(checked(folder.path(), NOW).0, Exit::BadConfiguration);
}
