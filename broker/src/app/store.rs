//! The store of the broker, as its configuration has it.

use axle_model::time::Timestamp;
use axle_store::embedded::{Embedded, Options};

use super::AppError;
use crate::{config::Config, master_keys};

/// Opens it, or begins one. Blocks while its journal is replayed.
pub(super) fn open(config: &Config) -> Result<Embedded, AppError> {
    let key = config.store.key.as_ref();
    let options = Options {
        directory: config.store.directory.clone(),
        master_keys: key.map(master_keys::read).transpose()?,
        reserve_bytes: config.store.reserve_bytes,
        body_cache_bytes: config.store.body_cache_bytes,
        body_retention: config.store.body_retention,
        segment_bytes_max: config.store.segment_bytes_max,
        ..Options::default()
    };
    // The engine wakes what rests, by a clock that goes on from what the store recorded last.
    Ok(Embedded::open(&options, Timestamp::default())?)
}
