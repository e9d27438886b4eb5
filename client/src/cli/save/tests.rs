//! Saving, step by step.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking"
)]

use std::{cell::RefCell, fs, io, os::unix::fs::PermissionsExt as _, path::Path};

use super::{Disk, Folder, RealDisk};
use crate::{collect::Received, testing::delivery};

/// Notes the order of the steps, and takes them.
#[derive(Default)]
struct Watched(RefCell<Vec<String>>);

impl Watched {
    fn note(&self, step: &str, path: &Path) {
        let name = path.file_name().unwrap().to_string_lossy();
        let kind = if name.ends_with(".part") {
            "temporary"
        } else {
            "final"
        };
        self.0.borrow_mut().push(format!("{step} {kind}"));
    }
}

impl Disk for Watched {
    fn write_synced(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        self.note("write and sync", path);
        RealDisk.write_synced(path, content)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.note("rename to", to);
        RealDisk.rename(from, to)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.0.borrow_mut().push("sync folder".to_owned());
        RealDisk.sync_folder(path)
    }
}

fn document(content: &[u8]) -> Received {
    let leased = delivery(1, content, true);
    Received {
        name: leased.name,
        token: leased.lease_token,
        mailbox: leased.mailbox,
        attempt: 1,
        lease_expire_time: None,
        message: leased.message.unwrap(),
        content: leased.content,
    }
}

const NAME: &str = "0197a9b0-7c1e-7000-8000-000000000001.json";

#[test]
fn a_document_is_written_and_synced_then_named_then_its_folder_synced() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(&place.path().join("new")).unwrap();
    let disk = Watched::default();
    let saved = folder.save(&disk, &document(b"{}"), false).unwrap();
    assert_eq!(
        *disk.0.borrow(),
        ["write and sync temporary", "rename to final", "sync folder"]
    );
    assert_eq!(saved.path.file_name().unwrap(), NAME);
    assert_eq!(fs::read(&saved.path).unwrap(), b"{}");
    assert_eq!(
        fs::metadata(&saved.path).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn a_document_that_comes_again_is_not_written_again_but_its_name_is_made_sure_of() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(place.path()).unwrap();
    folder.save(&RealDisk, &document(b"{}"), false).unwrap();
    let disk = Watched::default();
    assert!(folder.save(&disk, &document(b"{}"), false).unwrap().again);
    assert_eq!(*disk.0.borrow(), ["sync folder"]);
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
}

#[test]
fn a_file_with_other_content_is_never_touched() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join(NAME), "mine").unwrap();
    let folder = Folder::open(place.path()).unwrap();
    let error = folder.save(&RealDisk, &document(b"{}"), false).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read(place.path().join(NAME)).unwrap(), b"mine");
}

#[test]
fn nothing_of_the_senders_choosing_gets_into_a_name() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(place.path()).unwrap();
    let mut received = document(b"{}");
    received.message.media_type = "../../etc/passwd".to_owned();
    let saved = folder.save(&RealDisk, &received, true).unwrap();
    assert_eq!(
        saved.path.file_name().unwrap(),
        NAME.replace("json", "bin").as_str()
    );
    received.name = "messages/../deliveries/K81003".to_owned();
    assert!(folder.save(&RealDisk, &received, true).is_err());
    let mut names: Vec<_> = fs::read_dir(place.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            NAME.replace("json", "bin"),
            NAME.replace("json", "meta.json")
        ]
    );
}
