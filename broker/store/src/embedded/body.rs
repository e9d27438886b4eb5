//! Bodies: those committed lately from memory, the others by one read, their checksum verified
//! before a byte is served.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axle_model::id::MessageId;
use bytes::Bytes;
use thiserror::Error;

use super::{
    at_rest::What,
    segment::{self, Locator, Segments},
};

/// What keeping a body costs besides its bytes.
const ENTRY_BYTES: usize = 128;
/// Who waits keeps its place for so long. What is collected is the oldest: if each new body took the
/// place of an old one, a backlog larger than the room would find none of its bodies here.
const PLACE_KEPT: Duration = Duration::from_secs(5);

/// The bodies committed lately whose documents wait, up to a limit in bytes.
#[derive(Debug)]
pub(super) struct Bodies {
    waiting: Mutex<Waiting>,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    bodies: HashMap<MessageId, Kept>,
    /// The same, in the order in which they came.
    order: BTreeMap<u64, MessageId>,
    came: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    body: Bytes,
    number: u64,
    since: Instant,
}

impl Bodies {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            bytes_max,
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps those of these bodies for which there is room.
    pub(super) fn keep(&self, bodies: impl Iterator<Item = (MessageId, Bytes)>, now: Instant) {
        let mut waiting = self.waiting();
        for (id, body) in bodies {
            let room = self.bytes_max.checked_sub(body.len() + ENTRY_BYTES);
            if room.is_some_and(|room| waiting.shrink(room, now)) {
                waiting.add(id, body, now);
            }
        }
    }

    /// Nobody waits for these any more.
    pub(super) fn forget(&self, ids: &[MessageId]) {
        if ids.is_empty() {
            return;
        }
        let mut waiting = self.waiting();
        for id in ids {
            if let Some(kept) = waiting.bodies.remove(id) {
                waiting.order.remove(&kept.number);
                waiting.bytes -= kept.body.len() + ENTRY_BYTES;
            }
        }
    }

    /// A body that was committed lately.
    pub(super) fn recent_body(&self, id: MessageId) -> Option<Bytes> {
        let waiting = self.waiting();
        waiting.bodies.get(&id).map(|kept| kept.body.clone())
    }
}

impl Waiting {
    fn add(&mut self, id: MessageId, body: Bytes, since: Instant) {
        self.came += 1;
        self.bytes += body.len() + ENTRY_BYTES;
        self.order.insert(self.came, id);
        let number = self.came;
        self.bodies.insert(
            id,
            Kept {
                body,
                number,
                since,
            },
        );
    }

    /// Lets go of what has had its place for long, the oldest first, until at most so many bytes are
    /// left; whether it came to that.
    fn shrink(&mut self, bytes: usize, now: Instant) -> bool {
        while self.bytes > bytes {
            let Some(oldest) = self.order.first_entry() else {
                return false;
            };
            let kept = self.bodies.get(oldest.get());
            if kept.is_some_and(|kept| now.saturating_duration_since(kept.since) < PLACE_KEPT) {
                return false;
            }
            if let Some(kept) = self.bodies.remove(&oldest.remove()) {
                self.bytes -= kept.body.len() + ENTRY_BYTES;
            }
        }
        true
    }
}

/// Why a piece of a body was not read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum Unread {
    /// It is not as it was written.
    #[error("damaged at {0}")]
    Damaged(String),
    /// It was dropped after its time.
    #[error("dropped after its retention")]
    Dropped,
}

/// A body or a piece of one, its checksum and, where there is one, its seal verified.
pub(super) fn read(segments: &Segments, what: What, at: Locator) -> Result<Bytes, Unread> {
    let damaged = |why: &str| {
        let place = format!("{} at byte {}{why}", segment::name(at.segment), at.offset);
        Unread::Damaged(place)
    };
    let failed = |error: std::io::Error| damaged(&format!(": {error}"));
    let opened = segments.open(at.segment).map_err(failed)?;
    if opened.header.stripped {
        return Err(Unread::Dropped);
    }
    let length = usize::try_from(opened.header.written(at.length)).unwrap_or_default();
    let mut body = vec![0; length];
    let read = opened.file.read_at(&mut body, at.offset).map_err(failed)?;
    if read != length || crc32c::crc32c(&body) != at.crc {
        return Err(damaged(""));
    }
    if opened.header.sealed && !body.is_empty() {
        let opened = segments.at_rest().open(what, &mut body);
        opened.map_err(|unopened| damaged(&format!(": {unopened}")))?;
    }
    Ok(body.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: usize = 1_000;

    fn id(number: u8) -> MessageId {
        MessageId::from_bytes([number; 16])
    }

    fn keep(bodies: &Bodies, numbers: impl IntoIterator<Item = u8>, now: Instant) {
        let body = |number| (id(number), Bytes::from(vec![number; BODY]));
        bodies.keep(numbers.into_iter().map(body), now);
    }

    fn kept(bodies: &Bodies) -> Vec<u8> {
        let is_kept = |&number: &u8| {
            let body = bodies.recent_body(id(number));
            body.is_some_and(|body| body == vec![number; BODY])
        };
        (0..=9).filter(is_kept).collect()
    }

    #[test]
    fn who_waits_keeps_its_place_and_gives_it_up_when_it_has_waited_for_long() {
        let bodies = Bodies::new(3 * (BODY + ENTRY_BYTES));
        let begin = Instant::now();
        keep(&bodies, [0, 1], begin);
        keep(&bodies, [2, 3, 4], begin + Duration::from_secs(1));
        assert_eq!(kept(&bodies), [0, 1, 2]);
        keep(&bodies, [5, 6, 7], begin + PLACE_KEPT);
        assert_eq!(kept(&bodies), [2, 5, 6]);
    }

    #[test]
    fn what_is_settled_makes_room_at_once() {
        let bodies = Bodies::new(3 * (BODY + ENTRY_BYTES));
        let now = Instant::now();
        keep(&bodies, [0, 1, 2], now);
        bodies.forget(&[id(1), id(1), id(9)]);
        keep(&bodies, [3, 4], now);
        assert_eq!(kept(&bodies), [0, 2, 3]);
    }

    #[test]
    fn a_body_larger_than_all_the_room_takes_nobodys_place() {
        let bodies = Bodies::new(BODY + ENTRY_BYTES);
        let now = Instant::now();
        keep(&bodies, [0], now);
        let larger = Bytes::from(vec![1; BODY + 1]);
        bodies.keep([(id(1), larger)].into_iter(), now + PLACE_KEPT);
        assert_eq!(kept(&bodies), [0]);
    }
}
