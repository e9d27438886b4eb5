//! How an embedded store is opened, and what it counts while it is open.

use std::{path::PathBuf, sync::atomic::AtomicU64, time::Duration};

use super::at_rest::MasterKeys;

/// How a store is opened. `Options { directory, ..Options::default() }`.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it is, or is to be.
    pub directory: PathBuf,
    /// What encrypts it; `None` for a store that is not.
    pub master_keys: Option<MasterKeys>,
    /// A segment is not added to once it is this long.
    pub segment_bytes_max: u64,
    /// No more than about this is made durable by one sync.
    pub group_bytes_max: usize,
    /// Bodies of commits under way, in all; more wait their turn.
    pub pending_bytes_max: usize,
    /// Bodies committed lately that are kept in memory.
    pub body_cache_bytes: usize,
    /// What the index may keep in memory.
    pub index_cache_bytes: u64,
    /// The index is brought up to date after this much of journal.
    pub checkpoint_bytes: u64,
    /// And after this time.
    pub checkpoint_interval: Duration,
    /// With fewer bytes free on the disk nothing is accepted, while deliveries go on. A half of it,
    /// up to 32 MiB, is really taken. `None` for 256 MiB, or a twentieth of a small disk.
    pub reserve_bytes: Option<u64>,
    /// The body of a settled message is kept this long.
    pub body_retention: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("data"),
            master_keys: None,
            segment_bytes_max: 64 << 20,
            group_bytes_max: 4 << 20,
            pending_bytes_max: 256 << 20,
            body_cache_bytes: 128 << 20,
            index_cache_bytes: 32 << 20,
            checkpoint_bytes: 64 << 20,
            checkpoint_interval: Duration::from_secs(2),
            reserve_bytes: None,
            body_retention: Duration::from_hours(24),
        }
    }
}

/// What a store has done since it was opened, for metrics.
#[derive(Debug, Default)]
pub struct Counters {
    /// Changes made true, leases aside.
    pub commits: AtomicU64,
    /// Groups of changes appended to the journal.
    pub groups: AtomicU64,
    /// Syncs of the journal.
    pub syncs: AtomicU64,
    /// What those took in all.
    pub sync_nanoseconds: AtomicU64,
    /// Bytes appended to the journal.
    pub bytes_appended: AtomicU64,
    /// Submits answered with an earlier message.
    pub repeats: AtomicU64,
    /// Times the index was brought up to date.
    pub checkpoints: AtomicU64,
    /// Bytes of bodies that were dropped.
    pub bytes_reclaimed: AtomicU64,
}
