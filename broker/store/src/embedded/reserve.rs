//! The reserve: room that is kept on the disk. The most of it is only watched: with less free
//! nothing is accepted. The rest is the file `RESERVE`, whose blocks are really taken, so that no
//! other program can have them: it is given up step by step when the disk is full, and what
//! delivers, settles or starts goes on with it. It is taken back when there is room again; until it
//! is whole nothing is accepted. It holds nothing and must never be needed to read anything.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use rustix::{
    fs::{FallocateFlags, fallocate},
    io::Errno,
};

/// No more than this is really taken: room for some fifty thousand settlements.
const FILE_BYTES_MAX: u64 = 32 << 20;
/// In so many steps it is given up: whoever fills the disk may take what is given up as well.
const STEPS: u64 = 16;
/// A step is no shorter.
const STEP_BYTES_MIN: u64 = 64 << 10;
/// What sled may write for a message.
const INDEX_MESSAGE_BYTES: u64 = 4 << 10;
/// And what may be written for it to the files beside sled's.
const FILES_MESSAGE_BYTES: u64 = 2 << 10;
/// And what it is given for all that it writes at once: no less than this, and no more.
const INDEX_BYTES: (u64, u64) = (1 << 20, 32 << 20);

/// The reserve of a store.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    taken: Mutex<Taken>,
    whole: AtomicBool,
    /// With fewer bytes free nothing is accepted.
    watched_bytes: AtomicU64,
}

/// The file.
#[derive(Debug, Default)]
struct Taken {
    bytes: u64,
    wanted: u64,
}

impl Reserve {
    /// The reserve in a directory: nothing until it is begun.
    pub(super) fn new(directory: &Path) -> Self {
        Self {
            path: directory.join("RESERVE"),
            taken: Mutex::default(),
            whole: AtomicBool::new(true),
            watched_bytes: AtomicU64::new(0),
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Only watches, and takes nothing.
    pub(super) fn watch(&self, reserve_bytes: u64) {
        self.watched_bytes.store(reserve_bytes, Ordering::Relaxed);
    }

    /// Keeps so much in all. On a full disk it gives up a half of the file, for a start writes too:
    /// the head of a segment, and what the index writes when it opens.
    pub(super) fn begin(&self, reserve_bytes: u64, free: impl Fn() -> u64) {
        let wanted = (reserve_bytes / 2).min(FILE_BYTES_MAX);
        let found = fs::metadata(&self.path);
        let bytes = found.map_or(0, |found| found.len().min(found.blocks() << 9));
        if bytes > wanted
            && let Err(error) = self.shrink(wanted)
        {
            tracing::warn!(%error, path = %self.path.display(), "giving up reserve");
        }
        *self.taken() = Taken { bytes, wanted };
        self.whole.store(bytes >= wanted, Ordering::Relaxed);
        self.watch(reserve_bytes - wanted);
        for _ in 0..STEPS / 2 {
            if free() >= wanted / 2 || !self.give_up() {
                break;
            }
        }
        self.restore(free());
    }

    /// Whether nothing may be accepted while so much is free.
    pub(super) fn forbids(&self, free_bytes: u64) -> bool {
        let watched = self.watched_bytes.load(Ordering::Relaxed);
        free_bytes < watched || !self.whole.load(Ordering::Relaxed)
    }

    /// Gives up a step of the file; whether there was any left.
    pub(super) fn give_up(&self) -> bool {
        let mut taken = self.taken();
        if taken.bytes == 0 {
            return false;
        }
        let step = (taken.wanted / STEPS).max(STEP_BYTES_MIN);
        let left = taken.bytes.saturating_sub(step);
        self.whole.store(false, Ordering::Relaxed);
        // Whatever comes of it: what cannot be shrunk is no help, and is not tried for ever.
        taken.bytes = left;
        match self.shrink(left) {
            Ok(()) => tracing::warn!(left_bytes = left, "the disk is full; gave up some reserve"),
            Err(error) => tracing::error!(%error, path = %self.path.display(), "giving up reserve"),
        }
        true
    }

    fn shrink(&self, length: u64) -> io::Result<()> {
        let file = fs::OpenOptions::new().write(true).open(&self.path)?;
        file.set_len(length)?;
        // The file system gives freed blocks out again once it is durable that they are free.
        file.sync_all()
    }

    /// Makes the file whole when so much is free that it may be.
    pub(super) fn restore(&self, free_bytes: u64) {
        let mut taken = self.taken();
        let missing = taken.wanted.saturating_sub(taken.bytes);
        let watched = self.watched_bytes.load(Ordering::Relaxed);
        if missing == 0 || free_bytes < watched + missing {
            return;
        }
        match take(&self.path, taken.wanted) {
            Ok(()) => {
                taken.bytes = taken.wanted;
                self.whole.store(true, Ordering::Relaxed);
            }
            // Then it is watched, like the rest.
            Err(error) if is_unsupported(&error) => {
                self.watch(watched + taken.wanted);
                taken.wanted = 0;
                self.whole.store(true, Ordering::Relaxed);
            }
            Err(error) => tracing::warn!(%error, path = %self.path.display(), "taking reserve"),
        }
    }
}

/// Takes the blocks of a file of this length.
fn take(path: &Path, length: u64) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    let file = options
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)?;
    Ok(fallocate(&file, FallocateFlags::empty(), 0, length)?)
}

/// Whether so many messages can be written to the index. The room for sled is taken first, behind the end
/// of its file: it does not survive a disk that is full while it writes. The reserve is not for the index:
/// whoever fills the disk takes what is given up, and a start needs what is left.
pub(super) fn has_room_for_index(index: &Path, messages: usize, free_bytes: u64) -> bool {
    let messages = messages as u64;
    let (least, most) = INDEX_BYTES;
    let room = messages
        .saturating_mul(INDEX_MESSAGE_BYTES)
        .clamp(least, most);
    let Some(free) = free_bytes.checked_sub(messages.saturating_mul(FILES_MESSAGE_BYTES)) else {
        return false;
    };
    let taken = || {
        let file = fs::OpenOptions::new().write(true).open(index.join("db"))?;
        let found = file.metadata()?;
        // What was taken before and not used is there still.
        let ahead = (found.blocks() << 9).saturating_sub(found.len());
        if ahead < room {
            if free < room - ahead {
                return Ok(false);
            }
            fallocate(&file, FallocateFlags::KEEP_SIZE, found.len(), room)?;
        }
        Ok(true)
    };
    // A file system that cannot take room ahead leaves it to what is free.
    let taken: io::Result<bool> = taken();
    taken.unwrap_or_else(|error| is_unsupported(&error) && free >= room)
}

fn is_unsupported(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::OPNOTSUPP.raw_os_error())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "these are tests")]
mod tests {
    use std::{fs, os::unix::fs::MetadataExt as _};

    use super::Reserve;

    const PLENTY: u64 = u64::MAX;

    #[test]
    fn the_reserve_is_really_taken_given_up_in_steps_and_taken_back_when_there_is_room() {
        let directory = tempfile::tempdir().unwrap();
        let taken = || {
            let found = fs::metadata(directory.path().join("RESERVE")).unwrap();
            found.blocks() << 9
        };
        let reserve = Reserve::new(directory.path());
        assert!(!reserve.forbids(0) && !reserve.give_up());
        reserve.begin(4 << 20, || PLENTY);
        assert_eq!(taken(), 2 << 20);
        assert!(!reserve.forbids(2 << 20));
        assert!(reserve.forbids((2 << 20) - 1), "the rest is watched");

        assert!(reserve.give_up());
        assert_eq!(taken(), (2 << 20) - (128 << 10));
        assert!(reserve.forbids(PLENTY), "it is not whole");
        reserve.restore((2 << 20) + (128 << 10) - 1);
        assert!(reserve.forbids(PLENTY), "there is no room for all of it");
        reserve.restore((2 << 20) + (128 << 10));
        assert!(!reserve.forbids(PLENTY));
        assert_eq!(taken(), 2 << 20);

        while reserve.give_up() {}
        assert_eq!(taken(), 0);
    }

    #[test]
    fn a_start_on_a_full_disk_is_given_a_half_of_it() {
        let directory = tempfile::tempdir().unwrap();
        let taken = || {
            let found = fs::metadata(directory.path().join("RESERVE")).unwrap();
            found.blocks() << 9
        };
        Reserve::new(directory.path()).begin(4 << 20, || PLENTY);
        let reserve = Reserve::new(directory.path());
        reserve.begin(4 << 20, || (2 << 20) - taken());
        assert_eq!(taken(), 1 << 20);
        assert!(reserve.forbids(PLENTY));
    }
}
