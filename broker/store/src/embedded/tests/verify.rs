//! What a verification finds.

use std::{fs, path::PathBuf, time::Duration};

use crate::{
    Store,
    conformance::sample::{at, draft},
    embedded::{Embedded, OpenError, Options, tests::block_on, verify},
};

#[test]
fn all_damage_is_listed_by_file_and_offset_and_the_rest_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options {
        directory: directory.path().to_path_buf(),
        checkpoint_interval: Duration::from_hours(1),
        ..Options::default()
    };
    assert!(matches!(
        verify(directory.path(), None),
        Err(OpenError::Format { .. })
    ));
    let store = Embedded::open(&options, at(0)).unwrap();
    block_on(async {
        for number in 1..=10 {
            store.commit(draft(number).accept()).await.unwrap();
        }
        assert!(matches!(
            verify(directory.path(), None),
            Err(OpenError::InUse { .. })
        ));
        store.close().await.unwrap();
    });
    drop(store);
    let report = verify(directory.path(), None).unwrap();
    assert!(report.is_sound(), "{report}");
    assert_eq!(
        (report.entries, report.messages, report.index_entries),
        (10, 10, Some(10))
    );

    let path: PathBuf = directory.path().join("journal/0000000001.log");
    let mut bytes = fs::read(&path).unwrap();
    let body_at = |number: u64| {
        let body = draft(number).body;
        bytes
            .windows(body.len())
            .position(|window| window == body)
            .unwrap()
    };
    let (damaged_body, damaged_record) = (body_at(3), body_at(7) - 1);
    bytes[damaged_body] ^= 1;
    bytes[damaged_record] ^= 1;
    fs::write(&path, bytes).unwrap();
    let report = verify(directory.path(), None).unwrap();
    assert_eq!(report.entries, 9);
    let [body, record, ..] = report.problems.as_slice() else {
        panic!("{report}");
    };
    assert_eq!((&body.path, body.offset), (&path, damaged_body as u64));
    assert_eq!(record.path, path);
    assert!((record.offset as usize) < damaged_record, "{record}");
}
