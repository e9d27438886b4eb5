//! Streams: how many long-lived calls each organisation has open, and no more than its share.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use axle_model::refusal::{Reason, Refusal};

/// The open streams of every caller.
#[derive(Clone, Debug, Default)]
pub struct Streams {
    open: Arc<Mutex<BTreeMap<String, usize>>>,
}

/// One open stream; closing is dropping it.
#[derive(Debug)]
pub(super) struct Open {
    streams: Streams,
    caller: String,
}

impl Streams {
    /// Whether no stream is open.
    pub fn is_idle(&self) -> bool {
        self.open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty()
    }

    /// Opens a stream for `caller`, unless it has `streams_max` open.
    pub(super) fn open(&self, caller: String, streams_max: usize) -> Result<Open, Refusal> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(caller.clone()).or_default();
        if *count >= streams_max {
            return Err(Refusal::new(
                Reason::TooManyStreams,
                format!("{count} streams are open with certificates of this organisation"),
                "close some; one stream can collect from many mailboxes",
            ));
        }
        *count += 1;
        Ok(Open {
            streams: self.clone(),
            caller,
        })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut open = self
            .streams
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.caller) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.caller);
            }
        }
    }
}
