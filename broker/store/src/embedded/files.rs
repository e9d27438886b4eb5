//! Files: all that the journal asks of a file system, behind two small traits, so that tests can cut
//! the power or fail the n-th operation. (The index is sled's own and can be lost; it is not here.)

use std::{
    fmt, fs, io,
    io::{IoSlice, Write as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

mod direct;

use super::reserve::Reserve;
use direct::DirectFile;

/// A file system.
pub(super) trait Files: fmt::Debug + Send + Sync + 'static {
    /// Makes a directory and those above it.
    fn create_directory(&self, path: &Path) -> io::Result<()>;
    /// Makes a new file; an error when there is one of that name. With a `length`, it has that many
    /// zeros that take no room yet, and is made for being synced often.
    fn create(&self, path: &Path, length: u64) -> io::Result<Arc<dyn File>>;
    /// Opens a file for reading, and for syncing.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// Gives a file another name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
    /// The names in a directory, in order.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;
    /// Bytes free and bytes in all.
    fn space(&self, path: &Path) -> io::Result<(u64, u64)>;
}

/// A file that is written once, from its beginning on.
pub(super) trait File: fmt::Debug + Send + Sync {
    /// Writes all pieces behind what was written before, one after the other. They need not be in the
    /// file before it is synced.
    fn append(&self, pieces: &mut [IoSlice<'_>]) -> io::Result<()>;
    /// Makes what was written durable (fdatasync).
    fn sync(&self) -> io::Result<()>;
    /// Up to where it has blocks on the disk: there a sync has only what was appended to write.
    fn prepared(&self) -> u64 {
        u64::MAX
    }
    /// Gives it blocks of zeros up to `end`, or to its own end. May take a while, and is no business of
    /// who appends meanwhile.
    fn prepare(&self, _end: u64) -> io::Result<()> {
        Ok(())
    }
    /// Reads up to `buffer` full from `offset`; fewer bytes only at the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Its length in bytes.
    fn length(&self) -> io::Result<u64>;
}

/// The operating system's files. What writes goes on with the reserve when the disk is full.
#[derive(Debug, Default)]
pub(super) struct Disk {
    reserve: Option<Arc<Reserve>>,
}

#[derive(Debug)]
struct DiskFile {
    file: fs::File,
    reserve: Option<Arc<Reserve>>,
}

impl Disk {
    pub(super) const fn new(reserve: Arc<Reserve>) -> Self {
        Self {
            reserve: Some(reserve),
        }
    }
}

/// Whether it may be tried again, for the disk was full and is less so now.
fn has_given(reserve: Option<&Arc<Reserve>>, error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::StorageFull && reserve.is_some_and(|reserve| reserve.give_up())
}

impl Files for Disk {
    fn create_directory(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn create(&self, path: &Path, length: u64) -> io::Result<Arc<dyn File>> {
        let mut options = fs::OpenOptions::new();
        options.read(true).write(true).create_new(true);
        let reserve = self.reserve.clone();
        let file = loop {
            match options.open(path) {
                Err(error) if has_given(reserve.as_ref(), &error) => {}
                opened => break opened?,
            }
        };
        if length == 0 {
            return Ok(Arc::new(DiskFile { file, reserve }));
        }
        file.set_len(length)?;
        Ok(Arc::new(DirectFile::new(file, reserve)))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let file = fs::File::open(path)?;
        let reserve = None;
        Ok(Arc::new(DiskFile { file, reserve }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        fs::File::open(path)?.sync_all()
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let names = fs::read_dir(path)?.map(|entry| Ok(entry?.file_name()));
        let names: io::Result<Vec<_>> = names.collect();
        let mut names: Vec<String> = names?
            .into_iter()
            .filter_map(|name| name.into_string().ok())
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    fn space(&self, path: &Path) -> io::Result<(u64, u64)> {
        let found = rustix::fs::statvfs(path)?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Ok((bytes(found.f_bavail), bytes(found.f_blocks)))
    }
}

impl File for DiskFile {
    fn append(&self, mut pieces: &mut [IoSlice<'_>]) -> io::Result<()> {
        // More slices than the kernel takes in one call make a short write, which is gone on with.
        IoSlice::advance_slices(&mut pieces, 0);
        while !pieces.is_empty() {
            match (&self.file).write_vectored(pieces) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut pieces, written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if has_given(self.reserve.as_ref(), &error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            let Some(rest) = buffer.get_mut(filled..) else {
                break;
            };
            match self.file.read_at(rest, offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }
}

/// Whether a file holds nothing but zeros from `offset` on.
pub(super) fn is_blank(file: &dyn File, mut offset: u64) -> io::Result<bool> {
    const ZEROS: &[u8] = &[0; 64 << 10];
    let mut buffer = ZEROS.to_vec();
    loop {
        let read = file.read_at(&mut buffer, offset)?;
        if read == 0 {
            return Ok(true);
        }
        // As whole slices: byte by byte this takes seconds in a build that is not optimised.
        if buffer.get(..read) != ZEROS.get(..read) {
            return Ok(false);
        }
        offset += read as u64;
    }
}

/// Writes a small file whole, under a temporary name first: it is there and complete, or not there.
pub(super) fn write_whole(files: &dyn Files, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let parent = path.parent().map(Path::to_path_buf).unwrap_or_default();
    let mut suffix = rand::random::<u64>();
    let mut temporary: PathBuf;
    let file = loop {
        temporary = path.with_extension(format!("{suffix:016x}"));
        match files.create(&temporary, 0) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => suffix = rand::random(),
            made => break made?,
        }
    };
    file.append(&mut [IoSlice::new(bytes)])?;
    file.sync()?;
    files.rename(&temporary, path)?;
    files.sync_directory(&parent)
}

#[cfg(test)]
pub(super) mod simulated;
