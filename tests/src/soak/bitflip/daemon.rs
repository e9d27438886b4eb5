//! The daemon on a damaged store: it serves in time, or ends with the exit code of damaged data and
//! the name of the file.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{START_MAX, copy_folder, damage::Damage};
use crate::{
    broker::answer,
    estate::Estate,
    process::{BrokerProcess, read_log},
};

/// The daemon's exit code for damaged data.
const BAD_DATA: i32 = 65;
/// Held while a process is started.
static STARTING: Mutex<()> = Mutex::new(());

/// Waits until no process is being started. Between fork and exec it holds whatever this one had open, so
/// a store that was just let go is still locked by it.
pub(super) fn wait_for_starts() {
    drop(STARTING.lock().unwrap_or_else(PoisonError::into_inner));
}

/// Starts the daemon on a copy of a damaged store; what is wrong with how it behaves.
pub(super) async fn start(damaged: &Path, encrypted: bool, damage: &Damage) -> Option<String> {
    let estate = Estate::new();
    if encrypted {
        estate.encrypt();
    }
    copy_folder(damaged, &estate.data());
    let mut broker = {
        let _starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        BrokerProcess::spawn(&estate)
    };
    let begun = Instant::now();
    loop {
        if let Some(status) = broker.ended() {
            let log = read_log(&estate);
            let named = log.contains(damage.file_name()) && !damage.is_in_index();
            let as_promised = status.code() == Some(BAD_DATA) && named;
            return (!as_promised).then(|| format!("the daemon ended with {status}: {log}"));
        }
        if let Some((200, _)) = answer(estate.http_port(), "/readyz").await {
            broker.kill();
            return None;
        }
        if begun.elapsed() > START_MAX {
            return Some("the daemon is not ready in time".to_owned());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
