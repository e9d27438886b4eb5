//! The register of organisations on disk: a file with one record a line, or a folder of such files and
//! of files with one record each, read whole into an edition or refused whole. It keeps nothing, and
//! decides nothing about what the records say.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use axle_core::organisations::{
    draft::{Draft, Faults, Place, RECORD_BYTES_MAX, Unusable},
    register::Register,
};
use axle_model::time::Timestamp;

use crate::config::{ConfigError, Flaw};

/// In a folder, the file that says when all of them were taken.
const MANIFEST: &str = "manifest.json";

/// An edition of the register, and where its records stood.
#[derive(Debug)]
pub struct Edition {
    /// The edition.
    pub register: Register,
    files: Vec<PathBuf>,
}

/// What the files look like from outside. Two looks that are the same mean that nothing was put in
/// their place between them; of a folder, that no file came, went or was renamed, and that the
/// manifest is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look(Vec<Option<Outside>>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Outside {
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

/// Looks at the files from outside.
pub fn look(path: &Path) -> Look {
    let outside = |path: &Path| {
        let metadata = fs::metadata(path).ok()?;
        Some(Outside {
            inode: metadata.ino(),
            bytes: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        })
    };
    Look(vec![outside(path), outside(&path.join(MANIFEST))])
}

/// Reads the edition at `path`. Blocks for a second or two when it is a whole country.
pub fn load(path: &Path, now: Timestamp) -> Result<Edition, ConfigError> {
    let before = look(path);
    let unreadable = |path: &Path, error: &io::Error| {
        ConfigError::file(path, format!("cannot be read: {error}"))
    };
    let files = files(path).map_err(|error| unreadable(path, &error))?;
    let mut draft = Draft::default();
    // The set is as old as its oldest file: one that was fetched today makes the others no younger.
    let mut oldest = now;
    for (number, file) in (0..).zip(&files) {
        let modified = read(file, number, &mut draft);
        oldest = oldest.min(modified.map_err(|error| unreadable(file, &error))?);
    }
    if look(path) != before {
        let what = "was changed while it was read: put a whole new one in its place by renaming it";
        return Err(ConfigError::file(path, what));
    }
    match draft.finish(oldest, now) {
        Ok(register) => Ok(Edition { register, files }),
        Err(Unusable { what, faults }) => {
            let error = ConfigError::file(path, what);
            Err(error.and(ConfigError::from_iter(flaws(&files, &faults))))
        }
    }
}

impl Edition {
    /// The records that were left out, as far as they are told one by one.
    pub fn flaws(&self) -> impl Iterator<Item = Flaw> {
        flaws(&self.files, self.register.faults())
    }
}

fn flaws(files: &[PathBuf], faults: &Faults) -> impl Iterator<Item = Flaw> {
    faults.told().iter().map(|fault| {
        let Place { file, line } = fault.place;
        let file = files.get(file as usize).map(|file| file.display());
        let file = file.map(|file| file.to_string()).unwrap_or_default();
        Flaw::of(format!("{file}:{line}"), fault.what.clone())
    })
}

/// The file itself; of a folder those that hold records, by name. Hidden ones are not yet, or no
/// longer, part of it.
fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        let file = entry.path();
        if !hidden && (is_single(&file) || file.extension().is_some_and(|end| end == "jsonl")) {
            files.push(file);
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// Whether a file holds one record, over as many lines as it likes.
fn is_single(file: &Path) -> bool {
    file.extension().is_some_and(|end| end == "json")
}

/// Adds the records of a file; when it was last written.
fn read(path: &Path, number: u32, draft: &mut Draft) -> io::Result<Timestamp> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is neither a file nor a folder"));
    }
    let mut reader = BufReader::with_capacity(1 << 16, file);
    if is_single(path) {
        read_single(&mut reader, number, draft)?;
    } else {
        read_lines(&mut reader, number, draft)?;
    }
    let seconds = u64::try_from(metadata.mtime()).unwrap_or_default();
    Ok(Timestamp::from_micros(seconds.saturating_mul(1_000_000)))
}

fn read_single(reader: &mut impl BufRead, file: u32, draft: &mut Draft) -> io::Result<()> {
    let mut text = Vec::new();
    reader.take(bytes_max() + 1).read_to_end(&mut text)?;
    draft.add(Place { file, line: 1 }, text.trim_ascii());
    Ok(())
}

fn read_lines(reader: &mut impl BufRead, file: u32, draft: &mut Draft) -> io::Result<()> {
    let mut text = Vec::new();
    let mut place = Place { file, line: 0 };
    loop {
        text.clear();
        // One more than a record may have, and its line's end.
        let mut line = reader.by_ref().take(bytes_max() + 2);
        if line.read_until(b'\n', &mut text)? == 0 {
            return Ok(());
        }
        place.line += 1;
        if text.len() > RECORD_BYTES_MAX + 1 && !text.ends_with(b"\n") {
            draft.add_oversized(place);
            reader.skip_until(b'\n')?;
            continue;
        }
        let record = text.trim_ascii();
        if !record.is_empty() {
            draft.add(place, record);
        }
    }
}

const fn bytes_max() -> u64 {
    RECORD_BYTES_MAX as u64
}

#[cfg(test)]
mod tests;
