//! Bodies: those committed lately from memory, the others by one read, their checksum verified
//! before a byte is served.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use axle_model::id::MessageId;
use bytes::Bytes;
use thiserror::Error;

use super::segment::{self, Locator, Segments};

/// What keeping a body costs besides its bytes.
const ENTRY_BYTES: usize = 128;

/// The bodies committed lately, up to a limit in bytes.
#[derive(Debug)]
pub(super) struct Bodies {
    recent: Mutex<Recent>,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Recent {
    bodies: HashMap<MessageId, Bytes>,
    order: VecDeque<MessageId>,
    bytes: usize,
}

impl Bodies {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            recent: Mutex::default(),
            bytes_max,
        }
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps bodies for those who wait for them; the oldest make room.
    pub(super) fn keep(&self, bodies: impl Iterator<Item = (MessageId, Bytes)>) {
        let mut recent = self.recent();
        for (id, body) in bodies {
            recent.bytes += body.len() + ENTRY_BYTES;
            recent.order.push_back(id);
            recent.bodies.insert(id, body);
        }
        while recent.bytes > self.bytes_max
            && let Some(oldest) = recent.order.pop_front()
        {
            if let Some(body) = recent.bodies.remove(&oldest) {
                recent.bytes -= body.len() + ENTRY_BYTES;
            }
        }
    }

    /// A body that was committed lately.
    pub(super) fn recent_body(&self, id: MessageId) -> Option<Bytes> {
        self.recent().bodies.get(&id).cloned()
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

/// A piece of a body, its checksum verified.
pub(super) fn read(segments: &Segments, at: Locator) -> Result<Bytes, Unread> {
    let damaged = |why: &str| {
        let place = format!("{} at byte {}{why}", segment::name(at.segment), at.offset);
        Unread::Damaged(place)
    };
    let failed = |error: std::io::Error| damaged(&format!(": {error}"));
    let opened = segments.open(at.segment).map_err(failed)?;
    if opened.header.stripped {
        return Err(Unread::Dropped);
    }
    let mut body = vec![0; usize::try_from(at.length).unwrap_or_default()];
    let read = opened.file.read_at(&mut body, at.offset).map_err(failed)?;
    if read as u64 != at.length || crc32c::crc32c(&body) != at.crc {
        return Err(damaged(""));
    }
    Ok(body.into())
}
