//! Keys: by what the index finds a message or a refusal again.

use std::{io, ops::Deref};

use axle_core::change::Refused;
use axle_model::id::MessageId;

use super::sorted::Sorted;
use crate::{
    embedded::{
        located::Located,
        record::{Malformed, RefusedRecord, encode},
    },
    state::{Changed, Earlier, Half, MessageKeys, refusal_keys},
};

const KEY_BYTES_MAX: usize = 1 + 2 * 16;
const EARLIER_BYTES: usize = 3 * 16;

/// A key: its kind, half of a SHA-256, and for some kinds what tells those of one beginning apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    // Before the length: shorter ones are filled with zeros, so this is the order of the bytes.
    bytes: [u8; KEY_BYTES_MAX],
    length: usize,
}

impl Key {
    fn new(kind: u8, half: &Half, behind: &[u8]) -> Self {
        let mut bytes = [0; KEY_BYTES_MAX];
        let mut length = 0;
        let parts = [kind].into_iter().chain(*half.as_bytes());
        for (place, byte) in bytes.iter_mut().zip(parts.chain(behind.iter().copied())) {
            *place = byte;
            length += 1;
        }
        Self { bytes, length }
    }

    /// Of a sender's submission.
    pub(super) fn submission(key: &Half) -> Self {
        Self::new(b's', key, &[])
    }

    /// Of a refused submission or body.
    pub(super) fn refusal(key: &Half) -> Self {
        Self::new(b'r', key, &[])
    }

    /// With which the keys of what leads on from a name begin.
    pub(super) fn leading(name: &Half) -> Self {
        Self::new(b'n', name, &[])
    }

    /// Of a document in a request.
    pub(super) fn document_in(document: &Half, request: &Half) -> Self {
        Self::new(b'd', document, request.as_bytes())
    }

    /// With which the keys of a document's messages begin.
    pub(super) fn document(key: &Half) -> Self {
        Self::new(b'd', key, &[])
    }
}

impl Deref for Key {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// Writes the keys of what changed, each with what it leads to.
pub(super) fn put(to: &Sorted, changed: &Changed<Located>) -> io::Result<()> {
    let entries = entries(changed);
    to.add(entries.len(), |run| {
        // Of two that are the same the newer comes last, and counts.
        let same = entries.chunk_by(|(one, _), (other, _)| one == other);
        same.filter_map(<[_]>::last)
            .try_for_each(|(key, value)| run.add(key, value))
    })
}

fn entries(changed: &Changed<Located>) -> Vec<(Key, Vec<u8>)> {
    let of_messages = changed.keys.iter().flat_map(of_message);
    let of_refusals = changed.refusals.iter().flat_map(|one| of_refusal(one));
    let mut entries: Vec<_> = of_messages.chain(of_refusals).collect();
    entries.sort_by_key(|&(key, _)| key);
    entries
}

fn of_message((keys, earlier): &(MessageKeys, Earlier)) -> impl Iterator<Item = (Key, Vec<u8>)> {
    let value = written(earlier);
    let document = keys
        .document
        .map(|(document, request)| (Key::document_in(&document, &request), value.clone()));
    let id = *earlier.message.as_bytes();
    let leading = keys.leading();
    let leading = leading.map(move |name| (Key::new(b'n', name, &id), Vec::new()));
    let submission = (Key::submission(&keys.submission), value);
    document.into_iter().chain(leading).chain([submission])
}

fn of_refusal(refused: &Refused) -> impl Iterator<Item = (Key, Vec<u8>)> {
    let value = encode(&RefusedRecord::from(refused));
    refusal_keys(refused).map(move |key| (Key::refusal(&key), value.clone()))
}

fn written(earlier: &Earlier) -> Vec<u8> {
    let Earlier {
        message,
        request,
        body,
    } = earlier;
    let parts = [*message.as_bytes(), *request.as_bytes(), *body.as_bytes()];
    parts.as_flattened().to_vec()
}

/// The earlier message that a key leads to.
pub(super) fn earlier(value: &[u8]) -> Result<Earlier, Malformed> {
    let value: &[u8; EARLIER_BYTES] = value.try_into().map_err(|_| Malformed("a key's value"))?;
    let (parts, _) = value.as_chunks::<16>();
    match parts {
        [message, request, body] => Ok(Earlier {
            message: MessageId::from_bytes(*message),
            request: Half::from_bytes(*request),
            body: Half::from_bytes(*body),
        }),
        _ => Err(Malformed("a key's value")),
    }
}

/// The message that a name leads on to, out of the key.
pub(super) fn led_to(key: &[u8]) -> Result<MessageId, Malformed> {
    let id = key.last_chunk().filter(|_| key.len() == KEY_BYTES_MAX);
    id.map(|id| MessageId::from_bytes(*id))
        .ok_or(Malformed("the key of a name"))
}
