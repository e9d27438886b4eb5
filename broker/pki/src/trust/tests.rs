//! Loading, refusing and reloading sets of files.
#![allow(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use axle_model::time::Timestamp;

use super::{ClientFiles, ClientTrust, Expiring, ServerFiles, ServerTrust};
use crate::issue::{Authority, Request};

const NOW: Timestamp = Timestamp::from_micros(1_795_339_800_000_000);
const DAY: u64 = 24 * 60 * 60 * 1_000_000;

fn days_ago(days: u64) -> Timestamp {
    Timestamp::from_micros(NOW.as_micros() - days * DAY)
}

fn server_request() -> Request {
    Request {
        server_names: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
        days: 30,
        ..Request::default()
    }
}

struct Folder {
    /// The files live as long as this does.
    folder: tempfile::TempDir,
    authority: Authority,
    files: ServerFiles,
}

fn folder() -> Folder {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::init(folder.path(), "test", days_ago(100)).unwrap();
    let issued = authority.issue("broker", &server_request(), NOW).unwrap();
    let files = ServerFiles {
        authorities: authority.certificate_path(),
        certificate: issued.certificate,
        key: issued.key,
        revocations: vec![authority.revocations_path()],
    };
    Folder {
        folder,
        authority,
        files,
    }
}

/// The names of the files complained about, and the complaints.
fn problems(files: &ServerFiles) -> Vec<(String, String)> {
    let Err(unusable) = ServerTrust::load(files.clone(), NOW) else {
        return Vec::new();
    };
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    unusable
        .problems()
        .iter()
        .map(|problem| (name(&problem.file), problem.what.clone()))
        .collect()
}

#[test]
fn a_good_set_shows_what_expires_and_who_is_revoked() {
    let Folder {
        folder: _kept,
        authority,
        files,
    } = folder();
    let trust = ServerTrust::load(files.clone(), NOW).unwrap();
    assert!(trust.revoked().is_empty());
    let expiries = trust.expiries();
    let kinds: Vec<Expiring> = expiries.iter().map(|expiry| expiry.kind).collect();
    assert_eq!(
        kinds,
        [
            Expiring::Authority,
            Expiring::Certificate,
            Expiring::RevocationList
        ]
    );
    assert_eq!(
        expiries[1].time,
        Timestamp::from_micros(NOW.as_micros() + 30 * DAY)
    );
    let client = authority.issue("client", &Request::default(), NOW).unwrap();
    authority.revoke(&client.serial, NOW).unwrap();
    trust.reload(NOW).unwrap();
    assert!(trust.revoked().contains(&client.serial));
}

#[test]
fn each_unusable_file_is_named_with_what_is_wrong() {
    let Folder {
        folder,
        authority,
        files,
    } = folder();
    let other = self::folder();
    let expired = authority
        .issue("expired", &server_request(), days_ago(40))
        .unwrap();
    let client = Request {
        operator: true,
        days: 30,
        ..Request::default()
    };
    let client = authority.issue("client", &client, NOW).unwrap();
    let text = folder.path().join("text.pem");
    fs::write(&text, "not PEM at all").unwrap();
    let with = |change: &dyn Fn(&mut ServerFiles)| {
        let mut files = files.clone();
        change(&mut files);
        problems(&files)
    };
    let table = [
        (
            "text.pem",
            "holds no certificate",
            with(&|f| f.authorities = text.clone()),
        ),
        (
            "absent",
            "cannot be read",
            with(&|f| f.key = PathBuf::from("/absent")),
        ),
        (
            "text.pem",
            "holds no private key",
            with(&|f| f.key = text.clone()),
        ),
        (
            "broker.key",
            "is not the key",
            with(&|f| f.key = other.files.key.clone()),
        ),
        (
            "text.pem",
            "holds no revocation",
            with(&|f| f.revocations = vec![text.clone()]),
        ),
        (
            "crl.pem",
            "no configured authority signed",
            with(&|f| f.revocations = other.files.revocations.clone()),
        ),
        (
            "expired.pem",
            "expired on 2026-11-12",
            with(&|f| (f.certificate, f.key) = (expired.certificate.clone(), expired.key.clone())),
        ),
        (
            "client.pem",
            "is not a server's certificate",
            with(&|f| (f.certificate, f.key) = (client.certificate.clone(), client.key.clone())),
        ),
    ];
    for (file, what, found) in table {
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, file);
        assert!(found[0].1.contains(what), "{found:?} lacks {what:?}");
    }
}

#[test]
fn everything_wrong_is_told_at_once_and_a_bad_reload_changes_nothing() {
    let Folder {
        folder: _kept,
        authority,
        files,
    } = folder();
    let trust = ServerTrust::load(files.clone(), NOW).unwrap();
    let before = trust.expiries();
    let client = authority.issue("client", &Request::default(), NOW).unwrap();
    authority.revoke(&client.serial, NOW).unwrap();
    fs::write(&files.key, "").unwrap();
    fs::remove_file(&files.authorities).unwrap();
    let unusable = trust.reload(NOW).unwrap_err();
    let said = unusable.to_string();
    assert!(
        said.contains("broker.key") && said.contains("ca.pem"),
        "{said}"
    );
    assert_eq!(trust.expiries(), before);
    assert!(trust.revoked().is_empty());
}

#[test]
fn a_client_may_hold_an_expired_certificate_but_not_anothers_key() {
    let Folder {
        folder: _kept,
        authority,
        files,
    } = folder();
    let request = Request {
        operator: true,
        days: 1,
        ..Request::default()
    };
    let issued = authority.issue("client", &request, days_ago(40)).unwrap();
    let mut client = ClientFiles {
        authorities: files.authorities,
        certificate: issued.certificate,
        key: issued.key,
    };
    let trust = ClientTrust::load(&client).unwrap();
    assert!(trust.expiries().iter().any(|expiry| expiry.time < NOW));
    client.key = files.key;
    assert!(ClientTrust::load(&client).is_err());
}
