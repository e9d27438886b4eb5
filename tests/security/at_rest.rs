//! The thief of a disk, or of a backup: an encrypted store tells them nothing of a patient, and starts by
//! its own key alone.

use std::{fs, path::Path, process::Command};

use axle_tests::{
    estate::{Estate, STORE_KEY},
    process::{BrokerProcess, binary, read_log},
    wait,
};

use super::canary::{FAMILY, GIVEN, NUMBER, POSTCODE, day};

const OTHER: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f91\n";
/// The daemon's exit code for a configuration that cannot be used.
const BAD_CONFIGURATION: i32 = 78;

/// The first file of a folder that names the patient.
fn told_by(folder: &Path) -> Option<String> {
    let mut entries = fs::read_dir(folder).unwrap();
    entries.find_map(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return told_by(&path);
        }
        let bytes = fs::read(&path).unwrap();
        let canaries = [FAMILY, GIVEN, NUMBER, POSTCODE];
        let names = |canary: &&str| memchr::memmem::find(&bytes, canary.as_bytes()).is_some();
        let found = canaries.iter().find(|canary| names(canary))?;
        Some(format!("{found} in {}", path.display()))
    })
}

/// Runs `axle-broker` in the estate's folder: its exit code, and what it says.
fn run(estate: &Estate, line: &str) -> (Option<i32>, String) {
    let mut broker = Command::new(binary("axle-broker"));
    broker.args(line.split_whitespace());
    let output = broker.current_dir(estate.path()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planted_patient_is_in_no_byte_of_an_encrypted_store_or_of_its_backup() {
    for encrypted in [false, true] {
        let estate = Estate::new();
        if encrypted {
            estate.encrypt();
        }
        let broker = BrokerProcess::start(&estate).await;
        day(&estate).await;
        // As a thief finds a store in use, and one that was closed.
        broker.kill();
        let killed = told_by(&estate.data());
        BrokerProcess::start(&estate).await.stop().await;
        let closed = told_by(&estate.data());
        let (code, said) = run(&estate, "backup --config broker.toml --to copy");
        assert_eq!(code, Some(0), "{said}");
        let copied = told_by(&estate.path().join("copy"));
        if encrypted {
            assert_eq!([killed, closed, copied], [None, None, None]);
        } else {
            let found = [killed, closed, copied];
            assert!(found.iter().all(Option::is_some), "{found:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_or_none_starts_reads_and_restores_nothing() {
    let estate = Estate::new();
    let plain = estate.configuration();
    estate.write("other.key", OTHER);
    estate.encrypt();
    let broker = BrokerProcess::start(&estate).await;
    day(&estate).await;
    broker.stop().await;
    let (code, said) = run(
        &estate,
        "backup --store data --to copy --key-file store.key",
    );
    assert_eq!(code, Some(0), "{said}");

    for key in [None, Some("other.key")] {
        estate.write("broker.toml", &plain);
        if let Some(key) = key {
            estate.configure("store", "key_file", key);
        }
        let mut broker = BrokerProcess::spawn(&estate);
        let ended = wait::until("the broker to end", async || broker.ended()).await;
        assert_eq!(ended.code(), Some(BAD_CONFIGURATION));
        let log = read_log(&estate);
        let last = log.lines().last().unwrap();
        assert!(
            last.contains("KEYS") && last.contains("name the file"),
            "{last}"
        );
        let named = key.map_or_else(String::new, |key| format!(" --key-file {key}"));
        for command in [
            "verify --store data",
            "verify --store copy",
            "backup --store data --to new",
            "restore --from copy --to new",
        ] {
            let (code, said) = run(&estate, &format!("{command}{named}"));
            assert_eq!(code, Some(BAD_CONFIGURATION), "{command}: {said}");
            for left in ["new", "new.partial"] {
                assert!(!estate.path().join(left).exists(), "{command}: {left}");
            }
        }
    }

    let (code, said) = run(&estate, "restore --from copy --to new --key-file store.key");
    assert_eq!(code, Some(0), "{said}");
    for folder in ["data", "copy", "new"] {
        let (code, said) = run(
            &estate,
            &format!("verify --store {folder} --key-file store.key"),
        );
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("no problems"), "{said}");
    }
    // A new key before the old one; then the new one alone.
    estate.write("both.key", &format!("{OTHER}{STORE_KEY}"));
    for key in ["both.key", "other.key"] {
        estate.write("broker.toml", &plain);
        estate.configure("store", "key_file", key);
        BrokerProcess::start(&estate).await.stop().await;
    }
    let (code, _) = run(&estate, "verify --store data --key-file store.key");
    assert_eq!(code, Some(BAD_CONFIGURATION));
}
