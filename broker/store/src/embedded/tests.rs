//! What the embedded store survives, and what it refuses to start on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "these are tests: a broken promise ends them"
)]

mod at_rest;
mod backup;
mod damage;
mod faults;
mod ledger;
mod reclaim;
mod rest;
mod upload;
mod verify;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axle_model::id::MessageId;
use bytes::Bytes;
use tempfile::TempDir;

use super::{
    Embedded, MasterKeys, OpenError, Options, files::simulated::Simulated, reserve::Reserve,
};
use crate::{
    Chunk, Store,
    conformance::sample::{Draft, at, draft},
};

/// A directory whose journal is on simulated files. The index is on real ones.
struct Bench {
    files: Simulated,
    directory: TempDir,
    segment_bytes_max: u64,
    body_retention: Duration,
    reserve_bytes: u64,
    master_keys: Option<MasterKeys>,
}

impl Bench {
    fn new() -> Self {
        Self {
            files: Simulated::default(),
            directory: tempfile::tempdir().unwrap(),
            segment_bytes_max: 4_000,
            body_retention: Duration::ZERO,
            reserve_bytes: 0,
            master_keys: None,
        }
    }

    fn encrypted() -> Self {
        Self {
            master_keys: Some(keys()),
            ..Self::new()
        }
    }

    fn open(&self) -> Result<Embedded, OpenError> {
        self.open_at(0)
    }

    fn open_at(&self, seconds: u64) -> Result<Embedded, OpenError> {
        let options = self.options(self.directory.path());
        let reserve = Arc::new(Reserve::new(self.directory.path()));
        let store = Embedded::open_with(Arc::new(self.files.clone()), reserve, &options, at(0))?;
        store.shared.tell(at(seconds));
        Ok(store)
    }

    fn options(&self, directory: &Path) -> Options {
        Options {
            directory: directory.to_path_buf(),
            segment_bytes_max: self.segment_bytes_max,
            checkpoint_interval: Duration::from_hours(1),
            body_cache_bytes: 0,
            reserve_bytes: Some(self.reserve_bytes),
            body_retention: self.body_retention,
            master_keys: self.master_keys.clone(),
            ..Options::default()
        }
    }

    fn segment(&self, number: u32) -> PathBuf {
        self.directory
            .path()
            .join("journal")
            .join(super::segment::name(number))
    }

    fn remove_index(&self) {
        // It may not have come to be made.
        drop(std::fs::remove_dir_all(self.directory.path().join("index")));
    }
}

/// What encrypts a store.
fn keys() -> MasterKeys {
    MasterKeys::parse(&"0123456789abcdef".repeat(4)).unwrap()
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap().block_on(work)
}

/// Commits messages one after the other; the ids of those acknowledged.
async fn commit(store: &Embedded, numbers: impl IntoIterator<Item = u64>) -> Vec<MessageId> {
    let mut acknowledged = Vec::new();
    for number in numbers {
        if store.commit(draft(number).accept()).await.is_ok() {
            acknowledged.push(draft(number).id());
        }
    }
    acknowledged
}

/// All of a document, as its only piece.
fn only_piece(draft: &Draft) -> Chunk {
    let message = draft.message();
    Chunk {
        sender: message.sender,
        submission: message.submission,
        request: message.request,
        call: 1,
        offset: 0,
        data: Bytes::from(draft.body.clone()),
        now: at(draft.number),
    }
}

/// Which of these messages are missing, or have another body.
async fn missing(store: &Embedded, ids: &[MessageId]) -> Vec<MessageId> {
    let mut missing = Vec::new();
    for &id in ids {
        let number = u64::from_be_bytes(*id.as_bytes().first_chunk().unwrap());
        if store.body(id).await.ok().as_deref() != Some(&*draft(number).body) {
            missing.push(id);
        }
    }
    missing
}
