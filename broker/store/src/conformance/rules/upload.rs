//! Uploading: a document that arrives in pieces is nobody's to see until it is whole, is taken up
//! again where it was left, and is then a document like any other.

use axle_core::change::{Acceptance, Body, Change};
use bytes::{Bytes, BytesMut};

use crate::{
    Chunk, Committed, Query, Store, StoreError, Upload,
    conformance::{
        Place,
        rules::twice,
        sample::{Draft, PRACTICES, SENDER, acknowledge, at, claim, draft, ods},
    },
};

const PIECE: usize = 600;

fn document(number: u64) -> Draft {
    let body = (0..2_000u32).map(|at| (at % 251) as u8);
    Draft {
        body: body.collect(),
        ..draft(number)
    }
}

fn chunk(of: &Draft, offset: usize) -> Chunk {
    let message = of.message();
    let end = (offset + PIECE).min(of.body.len());
    Chunk {
        sender: message.sender,
        submission: message.submission,
        request: message.request,
        call: 1,
        offset: offset as u64,
        data: Bytes::copy_from_slice(&of.body[offset..end]),
        now: at(offset as u64),
    }
}

fn accept(of: &Draft) -> Change {
    Change::from(Acceptance {
        message: of.message(),
        body: Body::Uploaded(1),
    })
}

fn state(store: &impl Store, of: &Draft) -> Option<Upload> {
    store.upload(ods(SENDER), &of.message().submission)
}

async fn in_pieces(store: &impl Store, of: &Draft) -> Vec<u8> {
    let mut whole = BytesMut::new();
    loop {
        let piece = store.piece(of.id(), whole.len() as u64).await.unwrap();
        if piece.is_empty() {
            return whole.to_vec();
        }
        whole.extend_from_slice(&piece);
    }
}

pub async fn an_upload_goes_on_where_it_was_left(place: &mut impl Place) {
    let new = document(1);
    let mut store = place.open().await;
    for offset in (0..new.body.len()).step_by(PIECE) {
        let refused = store.commit(accept(&new)).await.unwrap_err();
        assert!(matches!(refused, StoreError::UploadUnknown), "{refused}");
        let length = store.append(chunk(&new, offset)).await.unwrap().length;
        store = place.reopen(store).await;
        // Whoever goes on has to say so, after a start as well.
        let (sender, submission) = (ods(SENDER), new.message().submission);
        let taken_up = store.take_up(sender, &submission, 1);
        assert_eq!(taken_up.unwrap().length, length);
        assert_eq!(state(&store, &new).unwrap().length, length);
        let query = Query {
            page_max: 10,
            ..Query::default()
        };
        assert!(store.find(query).await.unwrap().messages.is_empty());
        assert_eq!(store.mailboxes().await.unwrap(), []);
        let (sender, submission) = (ods(SENDER), new.message().submission);
        let back = store.uploaded(sender, &submission, offset as u64).await;
        assert_eq!(back.unwrap(), chunk(&new, offset).data);
    }
    store.commit(accept(&new)).await.unwrap();
    let mut store = twice(place, store, async |store| {
        assert!(state(store, &new).is_none());
        assert_eq!(store.body(new.id()).await.unwrap(), new.body);
        assert_eq!(in_pieces(store, &new).await, new.body);
        let repeat = store.commit(new.accept()).await.unwrap();
        assert!(matches!(repeat, Committed::Repeat(_)), "{repeat:?}");
    })
    .await;
    let claimed = store
        .claim(claim(PRACTICES[0], 1, at(9_000)))
        .await
        .unwrap();
    store
        .commit(acknowledge(&claimed[0], at(9_001)))
        .await
        .unwrap();
    store = place.reopen(store).await;
    assert_eq!(store.totals().ended(), 1);
}

pub async fn a_piece_that_does_not_follow_is_refused(place: &mut impl Place) {
    let new = document(2);
    let store = place.open().await;
    store.append(chunk(&new, 0)).await.unwrap();
    let refused = store.append(chunk(&new, 2 * PIECE)).await.unwrap_err();
    let expected = PIECE as u64;
    assert!(
        matches!(refused, StoreError::ChunkOutOfOrder { expected: at } if at == expected),
        "{refused}"
    );
    let mut other = chunk(&new, PIECE);
    other.request = draft(3).message().request;
    let refused = store.append(other).await.unwrap_err();
    assert!(matches!(refused, StoreError::UploadConflict), "{refused}");
    store.append(chunk(&new, PIECE)).await.unwrap();
    // Nor is one of another call that has not taken it up; and then the first has lost it.
    let other = |offset| Chunk {
        call: 2,
        ..chunk(&new, offset)
    };
    let refused = store.append(other(2 * PIECE)).await.unwrap_err();
    let out_of_order = |refused: &StoreError| matches!(refused, StoreError::ChunkOutOfOrder { .. });
    assert!(out_of_order(&refused), "{refused}");
    store
        .take_up(ods(SENDER), &new.message().submission, 2)
        .unwrap();
    let refused = store.append(chunk(&new, 2 * PIECE)).await.unwrap_err();
    assert!(out_of_order(&refused), "{refused}");
    let store = twice(place, store, async |store| {
        assert_eq!(state(store, &new).unwrap().length, 2 * expected);
    })
    .await;
    // From the beginning again, and then given up.
    store.append(chunk(&new, 0)).await.unwrap();
    assert_eq!(state(&store, &new).unwrap().length, expected);
    assert_eq!(store.abandon(at(0)), 0);
    assert_eq!(store.abandon(at(1)), 1);
    assert!(state(&store, &new).is_none());
}
