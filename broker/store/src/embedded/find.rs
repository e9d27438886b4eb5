//! Find: opens the index and reads what is not settled. A start that gives the index up costs a reading of
//! the whole journal, so it does that for a reason of the index's own, never because it was slow: what
//! is counted is how long nothing moved while this process ran.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    time::Duration,
};

use super::{
    index::{Applied, Index, Unusable, Whose},
    located::Located,
    recover::Paths,
};
use crate::state::State;

/// An index that nothing was read of for this long, and a second more for every 16 MiB, is damaged in a way
/// that keeps sled busy for ever.
const PATIENCE_SECONDS: u64 = 30;
/// One look at whether something moved. A process that was halted for longer than this has lost one.
const LOOK: Duration = Duration::from_millis(100);
/// How often sled's file is tried again while it is locked, and how far apart.
const LOCK_TRIES: u32 = 6_000;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// The index as it was found.
pub(super) struct Found {
    pub(super) index: Index,
    /// What is not settled, as the index has it.
    pub(super) state: State<Located>,
    pub(super) applied: Option<Applied>,
}

/// Opens the index and reads what is not settled into a state that is `empty`.
pub(super) fn find(
    paths: &Paths,
    whose: Whose,
    cache_bytes: u64,
    empty: State<Located>,
) -> Result<Found, Unusable> {
    if let Ok(why) = fs::read_to_string(&paths.rebuild) {
        return Err(Unusable::Untrue(why));
    }
    let path = paths.index.clone();
    let looks = patience(&path);
    let moved = Arc::new(AtomicU64::new(0));
    let (done, opened) = mpsc::channel();
    // A damaged file can keep sled busy for ever, so it is given its own thread, and a time.
    let opener = std::thread::Builder::new().name("axle-index-open".to_owned());
    let moves = moved.clone();
    opener.spawn(move || drop(done.send(open(&path, &whose, cache_bytes, empty, &moves))))?;
    wait(&opened, looks, &moved)
}

/// Waits for what is opened, until nothing has moved for so many looks.
fn wait<T>(
    opened: &Receiver<Result<T, Unusable>>,
    looks: u64,
    moved: &AtomicU64,
) -> Result<T, Unusable> {
    let (mut still, mut last) = (0, 0);
    loop {
        match opened.recv_timeout(LOOK) {
            Ok(opened) => return opened,
            Err(RecvTimeoutError::Disconnected) => {
                let what = "the thread that opened it has ended".to_owned();
                return Err(Unusable::Untrue(what));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        let now = moved.load(Ordering::Relaxed);
        still = if now == last { still + 1 } else { 0 };
        last = now;
        if still >= looks {
            let seconds = LOOK.as_secs_f64() * looks as f64;
            let what = format!("nothing of it could be read for {seconds:.0} s");
            return Err(Unusable::Untrue(what));
        }
    }
}

/// For how many looks nothing may move.
fn patience(index: &Path) -> u64 {
    let bytes = fs::metadata(index.join("db")).map_or(0, |db| db.len());
    let seconds = PATIENCE_SECONDS + (bytes >> 24);
    seconds * 1_000 / LOOK.as_millis().max(1) as u64
}

fn open(
    path: &Path,
    whose: &Whose,
    cache_bytes: u64,
    mut state: State<Located>,
    moved: &AtomicU64,
) -> Result<Found, Unusable> {
    let mut opened = Index::open(path, whose, cache_bytes);
    // sled's threads let go of its file a while after it was closed: what they still write comes first.
    // LOCK says nobody else has it.
    for _ in 0..LOCK_TRIES {
        if !opened.as_ref().is_err_and(Unusable::is_in_use) {
            break;
        }
        moved.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(LOCK_PAUSE);
        opened = Index::open(path, whose, cache_bytes);
    }
    let index = opened?;
    moved.fetch_add(1, Ordering::Relaxed);
    let applied = index.applied()?;
    index.restore(&mut state, moved)?;
    index.each_upload(|piece| state.take_piece(piece))?;
    state.settle_in();
    // Nobody waits yet.
    drop(state.take_arrived());
    state.resume(applied.map(|applied| applied.totals).unwrap_or_default());
    // A checkpoint that was cut short leaves the trees ahead; the replay sets that right.
    let expected = applied.map_or(0, |applied| applied.live);
    if state.live() != expected && !index.was_writing()? {
        let what = format!("it holds {} unsettled messages of {expected}", state.live());
        return Err(Unusable::Untrue(what));
    }
    Ok(Found {
        index,
        state,
        applied,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn what_moves_is_waited_for_and_what_does_not_is_given_up() {
        let (done, opened) = mpsc::channel();
        let moved = Arc::new(AtomicU64::new(0));
        let moves = moved.clone();
        std::thread::spawn(move || {
            for _ in 0..6 {
                std::thread::sleep(LOOK);
                moves.fetch_add(1, Ordering::Relaxed);
            }
            done.send(Ok(())).unwrap();
            // Not ended, only still.
            std::thread::sleep(LOOK * 20);
            drop(done);
        });
        wait(&opened, 4, &moved).unwrap();
        let given_up = wait(&opened, 4, &moved).unwrap_err();
        assert!(given_up.to_string().contains("nothing"), "{given_up}");
    }
}
