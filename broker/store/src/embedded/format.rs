//! FORMAT and LOCK: which store a directory holds, and that only one process has it open.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{files::Files, files::write_whole, segment::NodeId};

/// The layout of the directory.
const SCHEMA: u32 = 1;

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("{directory} is in use by another process: stop it, or choose another directory")]
    InUse {
        /// Which directory.
        directory: PathBuf,
    },
    /// A file could not be made, read or synced.
    #[error("{what} {path}: {source}")]
    Files {
        /// What was tried.
        what: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The directory does not say that it is a store this build can read.
    #[error("{path}: {what}; nothing was changed")]
    Format {
        /// The file that should say so.
        path: PathBuf,
        /// What is wrong, and what to do.
        what: &'static str,
    },
    /// The store is encrypted, and not by the key that was given; or its own keys are missing.
    #[error("{path}: {what}; nothing was changed")]
    Key {
        /// The file of the store's own keys.
        path: PathBuf,
        /// What is wrong, and what to do.
        what: &'static str,
    },
    /// What was acknowledged is not there, or not as it was written.
    #[error(
        "the journal is damaged at byte {offset} of {path}: {what}. Nothing was changed. \
         `axle-broker verify` lists all damage; then restore the directory from a backup, or ask \
         for help before anything in it is removed"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong.
        what: String,
    },
    /// The disk has no room for what a start writes to the index.
    #[error("{path}: the disk is full: {why}. Nothing is lost: make room, and start again")]
    Full {
        /// The index's directory.
        path: PathBuf,
        /// What failed.
        why: String,
    },
    /// The index could not be made, not even anew.
    #[error("{path}: the index cannot be rebuilt: {why}. Check the disk's space and health")]
    Index {
        /// Its directory.
        path: PathBuf,
        /// What failed.
        why: String,
    },
}

impl OpenError {
    /// An error of the file system, and what was tried.
    pub(super) fn files(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Files { what, path, source }
    }
}

/// Makes the directory, durably, if there is none.
pub(super) fn make(directory: &Path) -> Result<(), OpenError> {
    if directory.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(directory).map_err(OpenError::files("making", directory))?;
    let whole = fs::canonicalize(directory).map_err(OpenError::files("finding", directory))?;
    let parent = whole.parent().unwrap_or(&whole);
    let synced = fs::File::open(parent).and_then(|parent| parent.sync_all());
    synced.map_err(OpenError::files("syncing", parent))
}

/// Locks the directory for this process, until the file is dropped.
pub(super) fn lock(directory: &Path) -> Result<fs::File, OpenError> {
    let path = directory.join("LOCK");
    let mut options = fs::OpenOptions::new();
    let file = options.create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(OpenError::files("opening", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(OpenError::InUse {
            directory: directory.to_path_buf(),
        }),
        Err(fs::TryLockError::Error(error)) => Err(OpenError::files("locking", &path)(error)),
    }
}

/// Which store the directory holds; `None` when it holds none yet.
pub(super) fn read(files: &dyn Files, directory: &Path) -> Result<Option<NodeId>, OpenError> {
    let path = directory.join("FORMAT");
    let file = match files.open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(OpenError::files("opening", &path)(error)),
    };
    let mut bytes = [0; 256];
    let length = file
        .read_at(&mut bytes, 0)
        .map_err(OpenError::files("reading", &path))?;
    let text = bytes
        .get(..length)
        .and_then(|bytes| str::from_utf8(bytes).ok());
    let node = text.and_then(node).ok_or(OpenError::Format {
        path,
        what: "it is damaged, or of another version of Axle: use the version that wrote it, or \
               restore this file from a backup",
    })?;
    Ok(Some(node))
}

fn node(text: &str) -> Option<NodeId> {
    let mut lines = text.lines();
    let id = lines.nth(2)?.strip_prefix("node ")?;
    let node = NodeId(u128::from_str_radix(id, 16).ok()?.to_be_bytes());
    (self::text(node) == text).then_some(node)
}

fn text(node: NodeId) -> String {
    let id = u128::from_be_bytes(node.0);
    let lines = format!("axle store\nschema {SCHEMA}\nnode {id:032x}\n");
    let crc = crc32c::crc32c(lines.as_bytes());
    format!("{lines}crc32c {crc:08x}\n")
}

/// Makes the directory a new store.
pub(super) fn create(files: &dyn Files, directory: &Path) -> Result<NodeId, OpenError> {
    let path = directory.join("FORMAT");
    let node = NodeId(rand::random());
    let written = write_whole(files, &path, text(node).as_bytes());
    written.map_err(OpenError::files("writing", &path))?;
    Ok(node)
}
