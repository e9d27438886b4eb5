//! A wall clock for one process, that a test can set while the process runs: libfaketime.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{estate::Estate, process::broker_binary};

const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

pub(super) struct FakeTime {
    library: PathBuf,
    file: PathBuf,
    processes: Vec<u32>,
}

impl FakeTime {
    /// A clock that is right so far; `None` where the library is not installed.
    pub(super) fn new(estate: &Estate) -> Option<Self> {
        let folders = fs::read_dir("/usr/lib").ok()?.flatten();
        let mut folders = folders.map(|folder| folder.path());
        let library = folders.find_map(|folder| found(&folder.join(LIBRARY)));
        let fake = Self {
            library: library.or_else(|| found(&Path::new("/usr/lib").join(LIBRARY)))?,
            file: estate.path().join("faketime"),
            processes: Vec::new(),
        };
        fake.set(0);
        Some(fake)
    }

    /// Makes the clock wrong by so many seconds.
    pub(super) fn set(&self, seconds: i64) {
        // Never half written: it is read at any moment.
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{seconds:+}\n")).expect("a file that can be written");
        fs::rename(new, &self.file).expect("a file that can be renamed");
    }

    /// The broker, under this clock. The machine's count of seconds stays as it is, and so do files.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(broker_binary());
        command
            .env("LD_PRELOAD", &self.library)
            .env("FAKETIME_TIMESTAMP_FILE", &self.file)
            .env("FAKETIME_CACHE_DURATION", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("NO_FAKE_STAT", "1");
        command
    }

    /// That a process is under this clock, which leaves something behind for each.
    pub(super) fn tells(&mut self, process: u32) {
        self.processes.push(process);
    }
}

impl Drop for FakeTime {
    fn drop(&mut self) {
        for process in &self.processes {
            for kind in ["faketime_shm", "sem.faketime_sem"] {
                // It is gone when the process ended in good order.
                let _ = fs::remove_file(format!("/dev/shm/{kind}_{process}"));
            }
        }
    }
}

fn found(path: &Path) -> Option<PathBuf> {
    path.exists().then(|| path.to_owned())
}
