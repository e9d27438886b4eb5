//! Keys: by what the index finds a message or a refusal again.

use crate::{
    embedded::record::{KeyRecord, encode},
    state::{Earlier, Half, MessageKeys},
};

/// The keys a message is found by, with what they lead to.
pub(super) fn records(
    (keys, earlier): &(MessageKeys, Earlier),
) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    let record = encode(&KeyRecord::from(earlier));
    let document = keys.document.map(|(document, request)| {
        let key = [document_key(&document).as_slice(), request.as_bytes()].concat();
        (key, record.clone())
    });
    let leading = keys.leading().map({
        let record = record.clone();
        move |name| {
            let key = [&leading_key(name)[..], earlier.message.as_bytes()].concat();
            (key, record.clone())
        }
    });
    let submission = (submission_key(&keys.submission), record);
    document.into_iter().chain(leading).chain([submission])
}

pub(super) fn submission_key(key: &Half) -> Vec<u8> {
    [b"s".as_slice(), key.as_bytes()].concat()
}

pub(super) fn refusal_key(key: &Half) -> Vec<u8> {
    [b"r".as_slice(), key.as_bytes()].concat()
}

pub(super) fn leading_key(name: &Half) -> Vec<u8> {
    [b"n".as_slice(), name.as_bytes()].concat()
}

pub(super) fn document_key(key: &Half) -> Vec<u8> {
    [b"d".as_slice(), key.as_bytes()].concat()
}
