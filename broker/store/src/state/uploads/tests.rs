#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;

use super::*;
use crate::conformance::sample::{SENDER, at, ods};

fn chunk(submission: &str, offset: u64) -> Chunk {
    Chunk {
        sender: ods(SENDER),
        submission: SubmissionId::parse(submission).unwrap(),
        request: Digest::of(submission.as_bytes()),
        call: 1,
        offset,
        data: Bytes::from_static(b"0123456789"),
        now: at(offset),
    }
}

impl Piece for u32 {
    fn segment(&self) -> Option<u32> {
        Some(*self)
    }
}

fn take(uploads: &mut Uploads<u32>, chunk: &Chunk, piece: u32) {
    let key = uploads.reserve(chunk, 2).unwrap();
    let new = StoredPiece {
        key,
        sender: chunk.sender,
        request: chunk.request,
        start: chunk.offset,
        end: chunk.offset + 10,
        piece,
        time: chunk.now,
        call: Some(chunk.call),
    };
    uploads.take(new, &mut Holdings::default());
    uploads.release_all();
}

#[test]
fn pieces_come_in_order_and_the_next_one_waits_for_the_one_on_its_way() {
    let mut uploads = Uploads::default();
    take(&mut uploads, &chunk("a", 0), 1);
    let expected = |result: Result<Half, StoreError>| match result {
        Err(StoreError::ChunkOutOfOrder { expected }) => expected,
        other => panic!("{other:?}"),
    };
    assert_eq!(expected(uploads.reserve(&chunk("a", 20), 2)), 10);
    uploads.reserve(&chunk("a", 10), 2).unwrap();
    assert_eq!(expected(uploads.reserve(&chunk("a", 10), 2)), 10);
    uploads.release_all();
    let mut other = chunk("a", 10);
    other.request = Digest::of(b"another document");
    let refused = uploads.reserve(&other, 2);
    assert!(
        matches!(refused, Err(StoreError::UploadConflict)),
        "{refused:?}"
    );
    take(&mut uploads, &chunk("a", 10), 2);
    let upload = uploads.get(&Uploads::<u32>::key(ods(SENDER), &chunk("a", 0).submission));
    assert_eq!(upload.unwrap().pieces, [(10, 1), (20, 2)]);
}

#[test]
fn a_sender_has_so_many_under_way_and_no_more() {
    let mut uploads = Uploads::default();
    take(&mut uploads, &chunk("a", 0), 1);
    take(&mut uploads, &chunk("b", 0), 2);
    let third = uploads.reserve(&chunk("c", 0), 2);
    assert!(
        matches!(third, Err(StoreError::UploadsFull { most: 2 })),
        "{third:?}"
    );
    // Beginning anew is not one more.
    take(&mut uploads, &chunk("b", 0), 3);
    assert_eq!(uploads.abandon(at(1), &mut Holdings::default()), 2);
    take(&mut uploads, &chunk("c", 0), 4);
}

#[test]
fn the_index_hears_what_ended_and_what_came_and_nothing_twice() {
    let mut uploads = Uploads::default();
    take(&mut uploads, &chunk("a", 0), 1);
    take(&mut uploads, &chunk("a", 10), 2);
    let changed = uploads.take_changed();
    assert_eq!(
        changed
            .pieces
            .iter()
            .map(|one| one.piece)
            .collect::<Vec<_>>(),
        [1, 2]
    );
    assert!(changed.ended.is_empty());
    assert!(uploads.take_changed().is_empty());
    take(&mut uploads, &chunk("a", 0), 3);
    let anew = uploads.take_changed();
    assert_eq!(anew.ended.len(), 1);
    assert_eq!(
        anew.pieces.iter().map(|one| one.piece).collect::<Vec<_>>(),
        [3]
    );
    uploads.end(&anew.ended[0], &mut Holdings::default());
    assert_eq!(uploads.take_changed().ended, anew.ended);
}
