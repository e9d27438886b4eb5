//! Mark: a note beside the store of what time it was at which count of the machine's. Written over in
//! place every second, so that it needs no room on a full disk, and not synced: a count means nothing
//! after the power was gone. A damaged note counts as none.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt as _,
    path::Path,
    time::Duration,
};

use axle_model::{digest::Digest, time::Timestamp};

/// The file, open for writing.
#[derive(Debug)]
pub(super) struct Mark(File);

/// What a process noted before it ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) boot: String,
    pub(super) count: Duration,
    pub(super) time: Timestamp,
}

impl Mark {
    /// Opens the file, or begins it; with what was noted there, if that can be read.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Option<Left>)> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(path)?;
        let mut bytes = [0; 256];
        let length = file.read_at(&mut bytes, 0)?;
        let text = bytes
            .get(..length)
            .and_then(|bytes| str::from_utf8(bytes).ok());
        Ok((Self(file), text.and_then(read)))
    }

    /// Notes that at this count of this boot it was this time.
    pub(super) fn write(&self, boot: &str, count: Duration, time: Timestamp) -> io::Result<()> {
        // Of one length, so that nothing of an older note is left behind it.
        let (count, time) = (count.as_micros(), time.as_micros());
        let note = format!("axle-clock-1 {boot:>36} {count:020} {time:020}");
        let digest = Digest::of(note.as_bytes());
        self.0
            .write_all_at(format!("{note} {digest}\n").as_bytes(), 0)
    }
}

fn read(text: &str) -> Option<Left> {
    let (note, digest) = text.lines().next()?.rsplit_once(' ')?;
    if digest != Digest::of(note.as_bytes()).to_string() {
        return None;
    }
    let mut words = note.split_ascii_whitespace().skip(1);
    let boot = words.next()?.to_owned();
    let mut micros = || words.next()?.parse().ok();
    Some(Left {
        boot,
        count: Duration::from_micros(micros()?),
        time: Timestamp::from_micros(micros()?),
    })
}
