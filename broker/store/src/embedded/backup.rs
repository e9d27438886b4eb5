//! Backup: a copy of a store that may be in use, good up to a stated entry of its ledger. The journal
//! is all there is to copy: it is only ever appended to, and every frame has its checksums and its
//! place in the chain, so that a copy of the whole ones is the store as it was at one moment. Whoever
//! writes is not asked, and not held up. The index is rebuilt where the copy is
//! opened. A copy gets its name last, so half of one is never taken for one.

mod copy;
mod manifest;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use axle_model::{digest::Digest, time::Timestamp};

use self::manifest::{Kept, Manifest};
use super::{
    at_rest::{AtRest, KEY_FILES, MasterKeys, Place},
    files::{Disk, Files},
    format::{self, OpenError},
    recover::Paths,
    replay,
    segment::{self, Segments},
    verify::{Report, verify},
};

/// The name of what says what a backup holds.
const MANIFEST: &str = "BACKUP";

/// What a backup holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stated {
    /// Every entry of the ledger up to this one.
    pub entries: u64,
    /// The hash of the chain up to there.
    pub chain: Digest,
    /// When the newest of them happened; the epoch when there is none.
    pub newest: Timestamp,
    /// Files of the journal.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Copies the store in `directory` to `to`, which must not be there yet. An encrypted one is read by its key,
/// and is copied as it is: so is its copy.
pub fn backup(
    directory: &Path,
    to: &Path,
    master: Option<&MasterKeys>,
) -> Result<Stated, OpenError> {
    let files: Arc<dyn Files> = Arc::new(Disk::default());
    let paths = Paths::new(directory);
    let node = format::read(files.as_ref(), directory)?.ok_or_else(|| OpenError::Format {
        path: directory.join("FORMAT"),
        what: "it is missing, so there is no store here",
    })?;
    let mut listed = replay::headers(files.as_ref(), &paths.journal, node)?;
    let at_rest = AtRest::read(&files, Place::of(&paths, node, &listed.0), master)?;
    let segments = Segments::new(files, paths.journal.clone(), at_rest, listed.0.clone());
    let partial = begin(to)?;
    let journal = partial.join("journal");
    make(&journal)?;
    let mut source = copy::Source::new(&segments, replay::start(&listed.0));
    let mut kept = Vec::new();
    let mut number = 0;
    while number < listed.1 {
        number += 1;
        if number == listed.1 {
            // While others were copied they may have lost bodies that entries settled which came
            // after the list was made. Those have to be in the copy as well, so it ends with the
            // segment that is the newest once it is open.
            drop(segments.open(number));
            listed = replay::headers(segments.files(), segments.directory(), node)?;
            segments.know(&listed.0);
        }
        let (headers, name) = (&listed.0, segment::name(number));
        let target = journal.join(&name);
        let at = headers.partition_point(|header| header.number < number);
        let copied = match headers.get(at).filter(|header| header.number == number) {
            Some(header) => source.segment(header, headers.get(at + 1), &target)?,
            // A crash came before it had a header. Nothing is in it, and its number is taken.
            None => copy::blank(&target)?,
        };
        kept.push(Kept { name, ..copied });
    }
    copy_files(directory, &partial)?;
    let manifest = Manifest {
        node,
        entries: source.end().sequence,
        chain: source.end().hash,
        newest: source.newest(),
        segments: kept,
    };
    write(&partial.join(MANIFEST), manifest.text().as_bytes())?;
    finish(&[&journal, &partial], &partial, to)?;
    Ok(manifest.stated())
}

/// Reads a backup whole: every file must be as it was copied, and the store in it sound.
pub fn verify_backup(
    folder: &Path,
    master: Option<&MasterKeys>,
) -> Result<(Stated, Report), OpenError> {
    let manifest = read(folder)?;
    for kept in &manifest.segments {
        kept.check(&folder.join("journal").join(&kept.name))?;
    }
    let report = verify(folder, master)?;
    if report.is_sound() && report.entries != manifest.entries {
        return Err(OpenError::Damaged {
            path: folder.join(MANIFEST),
            offset: 0,
            what: format!(
                "it says {} entries, and the journal has {}",
                manifest.entries, report.entries
            ),
        });
    }
    Ok((manifest.stated(), report))
}

/// Whether a folder holds a backup, and not a store.
pub fn is_backup(folder: &Path) -> bool {
    folder.join(MANIFEST).is_file()
}

/// Makes a store in `to`, which must not be there yet, of the backup in `from`. The backup is read
/// whole first; what is damaged is not restored.
pub fn restore(from: &Path, to: &Path, master: Option<&MasterKeys>) -> Result<Stated, OpenError> {
    let (stated, report) = verify_backup(from, master)?;
    if let Some(problem) = report.problems.first() {
        return Err(OpenError::Damaged {
            path: problem.path.clone(),
            offset: problem.offset,
            what: problem.what.clone(),
        });
    }
    let manifest = read(from)?;
    let partial = begin(to)?;
    let journal = partial.join("journal");
    make(&journal)?;
    for kept in &manifest.segments {
        let target = journal.join(&kept.name);
        copy_file(&from.join("journal").join(&kept.name), &target)?;
    }
    copy_files(from, &partial)?;
    finish(&[&journal, &partial], &partial, to)?;
    Ok(stated)
}

fn read(folder: &Path) -> Result<Manifest, OpenError> {
    let path = folder.join(MANIFEST);
    let text = fs::read_to_string(&path).map_err(OpenError::files("reading", &path))?;
    Manifest::parse(&text).ok_or(OpenError::Format {
        path,
        what: "it is damaged, or of another version of Axle: use another backup",
    })
}

/// The folder that becomes `to` once it is whole.
fn begin(to: &Path) -> Result<PathBuf, OpenError> {
    let empty = match fs::read_dir(to) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(OpenError::files("looking into", to)(error)),
    };
    if !empty {
        return Err(OpenError::Format {
            path: to.to_path_buf(),
            what: "it holds something already: name a folder that is empty or not there",
        });
    }
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    let partial = to.with_file_name(name);
    match fs::remove_dir_all(&partial) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(OpenError::files("removing", &partial)(error))
        }
        Ok(()) | Err(_) => make(&partial).map(|()| partial),
    }
}

fn make(folder: &Path) -> Result<(), OpenError> {
    Disk::default()
        .create_directory(folder)
        .map_err(OpenError::files("making", folder))
}

/// Copies what is beside the journal: which store it is and, of an encrypted one, its keys, last: what was
/// copied before is sealed by none that is newer.
fn copy_files(from: &Path, to: &Path) -> Result<(), OpenError> {
    copy_file(&from.join("FORMAT"), &to.join("FORMAT"))?;
    for keys in KEY_FILES {
        if from.join(keys).exists() {
            copy_file(&from.join(keys), &to.join(keys))?;
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> Result<(), OpenError> {
    fs::copy(from, to).map_err(OpenError::files("copying", from))?;
    let synced = fs::File::open(to).and_then(|file| file.sync_all());
    synced.map_err(OpenError::files("syncing", to))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), OpenError> {
    fs::write(path, bytes).map_err(OpenError::files("writing", path))?;
    let synced = fs::File::open(path).and_then(|file| file.sync_all());
    synced.map_err(OpenError::files("syncing", path))
}

/// Makes the names durable, and gives the folder its own.
fn finish(folders: &[&Path], partial: &Path, to: &Path) -> Result<(), OpenError> {
    for folder in folders {
        Disk::default()
            .sync_directory(folder)
            .map_err(OpenError::files("syncing", folder))?;
    }
    Disk::default()
        .rename(partial, to)
        .map_err(OpenError::files("naming", to))?;
    let parent = match to.parent() {
        Some(parent) if parent != Path::new("") => parent,
        Some(_) | None => Path::new("."),
    };
    Disk::default()
        .sync_directory(parent)
        .map_err(OpenError::files("syncing", parent))
}
