//! The development authority, through its files alone.
#![allow(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::{fs, os::unix::fs::PermissionsExt};

use axle_model::{ods::OdsCode, time::Timestamp};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, pem::PemObject};

use super::{Authority, IssueError, Request};
use crate::identity::{identify, parse};

/// 2026-11-22, in the middle of the morning.
const NOW: Timestamp = Timestamp::from_micros(1_795_339_800_000_000);

fn practice() -> Request {
    Request {
        organisation: Some(OdsCode::parse("K81003").unwrap()),
        days: 30,
        ..Request::default()
    }
}

#[test]
fn a_client_certificate_says_who_its_holder_is_and_its_key_is_private() {
    let folder = tempfile::tempdir().unwrap();
    Authority::init(folder.path(), "test", NOW).unwrap();
    let authority = Authority::open(folder.path()).unwrap();
    let issued = authority.issue("practice", &practice(), NOW).unwrap();
    let certificate = CertificateDer::from_pem_file(&issued.certificate).unwrap();
    let identity = identify(&certificate).unwrap();
    assert_eq!(identity.organisation, practice().organisation);
    assert!(!identity.operator);
    assert_eq!(identity.serial, issued.serial);
    let parsed = parse(&certificate).unwrap();
    let usage = parsed.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.client_auth && !usage.server_auth);
    let begins = parsed.validity().not_before.timestamp();
    assert_eq!(
        begins,
        i64::try_from(NOW.as_millis() / 1_000).unwrap() - 300
    );
    for key in [issued.key, folder.path().join("ca.key")] {
        let mode = fs::metadata(key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::init(folder.path(), "test", NOW).unwrap();
    let again = Authority::init(folder.path(), "test", NOW);
    assert!(matches!(again, Err(IssueError::Exists(path)) if path.ends_with("ca.pem")));
    let issued = authority.issue("practice", &practice(), NOW).unwrap();
    let before = fs::read(&issued.key).unwrap();
    let again = authority.issue("practice", &practice(), NOW);
    assert!(matches!(again, Err(IssueError::Exists(_))));
    assert_eq!(fs::read(&issued.key).unwrap(), before);
}

#[test]
fn bad_names_are_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::init(folder.path(), "test", NOW).unwrap();
    let files = || fs::read_dir(folder.path()).unwrap().count();
    let before = files();
    for name in [
        "",
        "../x",
        "a/b",
        ".hidden",
        "ca",
        "crl",
        "a b",
        &"n".repeat(65),
    ] {
        let refused = authority.issue(name, &practice(), NOW);
        assert!(matches!(refused, Err(IssueError::Name)), "{name:?}");
    }
    for server in ["", "a b", "host:443", "h\u{f6}st", "host\n"] {
        let request = Request {
            server_names: vec![server.to_owned()],
            days: 1,
            ..Request::default()
        };
        let refused = authority.issue("broker", &request, NOW);
        assert!(
            matches!(refused, Err(IssueError::ServerName(_))),
            "{server:?}"
        );
    }
    assert_eq!(files(), before);
}

#[test]
fn revocations_add_up_and_are_named_by_serial_or_file() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::init(folder.path(), "test", NOW).unwrap();
    let one = authority.issue("one", &practice(), NOW).unwrap();
    let two = authority.issue("two", &practice(), NOW).unwrap();
    authority.issue("three", &practice(), NOW).unwrap();
    let listed = || {
        let der = CertificateRevocationListDer::from_pem_file(authority.revocations_path());
        let der = der.unwrap();
        let (_, list) = x509_parser::parse_x509_crl(&der).unwrap();
        let number: u64 = list.crl_number().unwrap().try_into().unwrap();
        let serials: Vec<String> = list
            .iter_revoked_certificates()
            .map(|entry| crate::identity::serial_hex(entry.raw_serial()))
            .collect();
        (number, serials)
    };
    assert_eq!(listed(), (1, vec![]));
    let path = one.certificate.to_str().unwrap();
    assert_eq!(authority.revoke(path, NOW).unwrap(), one.serial);
    let spelled = format!("00:{}", two.serial.to_uppercase());
    assert_eq!(authority.revoke(&spelled, NOW).unwrap(), two.serial);
    assert_eq!(authority.revoke(&one.serial, NOW).unwrap(), one.serial);
    assert_eq!(listed(), (3, vec![one.serial, two.serial]));
    for unknown in [
        "",
        "abc",
        "no-such.pem",
        folder.path().join("ca.pem").to_str().unwrap(),
    ] {
        let refused = authority.revoke(unknown, NOW);
        assert!(
            matches!(refused, Err(IssueError::UnknownCertificate(_))),
            "{unknown:?}"
        );
    }
}

#[test]
fn a_folder_with_another_authoritys_key_is_not_opened() {
    let (mine, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    Authority::init(mine.path(), "mine", NOW).unwrap();
    Authority::init(other.path(), "other", NOW).unwrap();
    fs::copy(other.path().join("ca.key"), mine.path().join("ca.key")).unwrap();
    let opened = Authority::open(mine.path());
    assert!(matches!(opened, Err(IssueError::Unusable { path, .. }) if path.ends_with("ca.key")));
}
