//! The ledger proves itself: whatever byte of it is changed, whatever entry is taken out or put in
//! another place, a verification says so.

use std::{fs, ops::Range, path::PathBuf, time::Duration};

use tempfile::TempDir;

use crate::{
    Store,
    conformance::sample::{PRACTICES, acknowledge, at, claim, draft},
    embedded::{
        Embedded, Options, frame,
        segment::{self, HEADER},
        tests::block_on,
        verify,
        verify::Report,
    },
};

/// A store of a few entries of every kind, closed; and its only segment.
struct Closed {
    directory: TempDir,
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Closed {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = Options {
            directory: directory.path().to_path_buf(),
            // As short as can be: each of its bytes is tried.
            segment_bytes_max: 4_096,
            checkpoint_interval: Duration::from_hours(1),
            ..Options::default()
        };
        let store = Embedded::open(&options, at(0)).unwrap();
        block_on(async {
            for number in 1..=3 {
                store.commit(draft(number).accept()).await.unwrap();
            }
            let leased = store.claim(claim(PRACTICES[0], 2, at(20))).await.unwrap();
            let acknowledged = acknowledge(&leased[0], at(21));
            store.commit(acknowledged).await.unwrap();
            store.close().await.unwrap();
        });
        drop(store);
        let path = directory.path().join("journal").join(segment::name(1));
        let bytes = fs::read(&path).unwrap();
        Self {
            directory,
            path,
            bytes,
        }
    }

    /// What is found when these are the segment's bytes.
    fn verify(&self, bytes: &[u8]) -> Report {
        fs::write(&self.path, bytes).unwrap();
        verify(self.directory.path(), None).unwrap()
    }

    /// Where the frames are, without the zeros behind each; the mark of the close is the last.
    fn frames(&self) -> Vec<Range<usize>> {
        let length = |at: usize, size: usize| {
            let bytes = self.bytes[at..at + size].iter().rev();
            bytes.fold(0, |sum, &byte| sum << 8 | usize::from(byte))
        };
        let (mut frames, mut at) = (Vec::new(), HEADER);
        let mark = &self.bytes[HEADER..HEADER + 8];
        while self.bytes.get(at..at + 8) == Some(mark) {
            let end = at + frame::HEADER + length(at + 20, 4) + length(at + 24, 8);
            frames.push(at..end);
            at = end.next_multiple_of(8);
        }
        frames
    }
}

#[test]
fn no_byte_of_the_ledger_can_be_changed_unseen() {
    let closed = Closed::new();
    let frames = closed.frames();
    let (close, entries) = frames.split_last().unwrap();
    assert_eq!(closed.verify(&closed.bytes).entries, entries.len() as u64);
    // What is durable must be told from the journal alone.
    fs::remove_dir_all(closed.directory.path().join("index")).unwrap();
    for at in 0..close.start {
        let mut bytes = closed.bytes.clone();
        // Another bit, and another number of bits, from byte to byte.
        bytes[at] ^= (at.wrapping_mul(37) % 255 + 1) as u8;
        let report = closed.verify(&bytes);
        let padding = at >= HEADER && !entries.iter().any(|entry| entry.contains(&at));
        assert_eq!(report.is_sound(), padding, "byte {at}: {report}");
    }
}

#[test]
fn no_entry_of_the_ledger_can_be_taken_out_unseen() {
    let closed = Closed::new();
    let frames = closed.frames();
    let (_, entries) = frames.split_last().unwrap();
    for (number, entry) in entries.iter().enumerate() {
        let next = frames[number + 1].start;
        let mut bytes = closed.bytes.clone();
        bytes.drain(entry.start..next);
        bytes.resize(closed.bytes.len(), 0);
        let report = closed.verify(&bytes);
        assert!(!report.is_sound(), "entry {}: {report}", number + 1);
        // And all that follows it.
        let mut bytes = closed.bytes.clone();
        bytes[entry.start..].fill(0);
        let report = closed.verify(&bytes);
        assert!(!report.is_sound(), "from entry {}: {report}", number + 1);
    }
}

#[test]
fn no_two_entries_of_the_ledger_can_change_places_unseen() {
    let closed = Closed::new();
    let frames = closed.frames();
    let (_, entries) = frames.split_last().unwrap();
    for later in 1..entries.len() {
        for earlier in 0..later {
            let piece =
                |number: usize| &closed.bytes[frames[number].start..frames[number + 1].start];
            let mut order: Vec<usize> = (0..entries.len()).collect();
            order.swap(earlier, later);
            let mut bytes = closed.bytes[..HEADER].to_vec();
            bytes.extend(order.into_iter().flat_map(piece));
            bytes.extend(&closed.bytes[bytes.len()..]);
            let report = closed.verify(&bytes);
            assert!(!report.is_sound(), "{earlier} and {later}: {report}");
        }
    }
}
