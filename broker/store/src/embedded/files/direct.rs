//! Direct: the writing end of a segment, past the page cache. A body is copied once, into a buffer
//! that is used again and again, and goes from there to the disk; in the page cache each would take
//! fresh pages of memory, which cost several times what the copy does.
//!
//! The disk takes whole blocks. The last one, half full, is kept and written again with what comes
//! next: the same bytes in the same place.

use std::{
    fs, io,
    io::IoSlice,
    os::unix::fs::FileExt as _,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use super::{DiskFile, File, has_given};
use crate::embedded::reserve::Reserve;

/// No disk of today asks for larger blocks.
const BLOCK: usize = 4 << 10;
/// Zeros written at a time; whoever has to grow the file waits as long.
const ZEROS_BYTES: usize = 256 << 10;
/// What is held back until a sync, at most.
const BUFFER_BYTES: usize = 1 << 20;

/// A file that is appended to.
#[derive(Debug)]
pub(super) struct DirectFile {
    file: DiskFile,
    staged: Mutex<Staged>,
    /// Up to where it has blocks. Only who holds `growing` writes behind that.
    prepared: AtomicU64,
    growing: Mutex<()>,
}

/// What is not on its way to the disk yet.
#[derive(Debug)]
struct Staged {
    buffer: Vec<u8>,
    /// Where in the buffer its first block begins.
    start: usize,
    /// How much of the buffer is in use.
    length: usize,
    /// Where the first block belongs in the file.
    at: u64,
    /// Whether any of it is newer than what the file has.
    fresh: bool,
}

impl DirectFile {
    pub(super) fn new(file: fs::File, reserve: Option<Arc<Reserve>>) -> Self {
        // Where there is no way past the page cache it goes through it.
        drop(set_direct(&file, true));
        let (buffer, start) = blocks(BUFFER_BYTES);
        Self {
            file: DiskFile { file, reserve },
            staged: Mutex::new(Staged {
                buffer,
                start,
                length: 0,
                at: 0,
                fresh: false,
            }),
            prepared: AtomicU64::new(0),
            growing: Mutex::default(),
        }
    }

    fn growing(&self) -> MutexGuard<'_, ()> {
        self.growing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn staged(&self) -> MutexGuard<'_, Staged> {
        self.staged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands what is staged to the disk.
    fn write(&self, staged: &mut Staged) -> io::Result<()> {
        if !staged.fresh {
            return Ok(());
        }
        let whole = staged.length.next_multiple_of(BLOCK);
        let (start, end) = (staged.start, staged.start + staged.length);
        if let Some(rest) = staged.buffer.get_mut(end..start + whole) {
            rest.fill(0);
        }
        let blocks = staged.buffer.get(start..start + whole).unwrap_or_default();
        let behind = staged.at + whole as u64;
        if behind <= self.prepared() {
            self.write_at(blocks, staged.at)?;
        } else {
            let growing = self.growing();
            self.write_at(blocks, staged.at)?;
            self.prepared.fetch_max(behind, Ordering::AcqRel);
            drop(growing);
        }
        let full = staged.length / BLOCK * BLOCK;
        staged.buffer.copy_within(start + full..end, start);
        staged.length -= full;
        staged.at += full as u64;
        staged.fresh = false;
        Ok(())
    }

    fn write_at(&self, blocks: &[u8], at: u64) -> io::Result<()> {
        let DiskFile { file, reserve } = &self.file;
        loop {
            match file.write_all_at(blocks, at) {
                Err(error) if has_given(reserve.as_ref(), &error) => {}
                // Some file systems let it be switched on and then refuse it.
                Err(error)
                    if error.kind() == io::ErrorKind::InvalidInput && set_direct(file, false)? => {}
                written => return written,
            }
        }
    }
}

/// A buffer for so many bytes of whole blocks, and where in it the first block begins.
fn blocks(bytes: usize) -> (Vec<u8>, usize) {
    let buffer = vec![0; bytes + BLOCK];
    let start = buffer.as_ptr().align_offset(BLOCK);
    (buffer, start.min(BLOCK))
}

/// Sets whether a file is written past the page cache; whether that changed anything.
fn set_direct(file: &fs::File, direct: bool) -> io::Result<bool> {
    let before = fcntl_getfl(file)?;
    let mut wanted = before;
    wanted.set(OFlags::DIRECT, direct);
    fcntl_setfl(file, wanted)?;
    Ok(wanted != before)
}

impl Staged {
    /// Copies what fits from the front of `piece`; returns the rest.
    fn take<'p>(&mut self, piece: &'p [u8]) -> &'p [u8] {
        let room = BUFFER_BYTES - self.length;
        let (front, rest) = piece.split_at(piece.len().min(room));
        let from = self.start + self.length;
        if let Some(into) = self.buffer.get_mut(from..from + front.len()) {
            into.copy_from_slice(front);
        }
        self.length += front.len();
        self.fresh |= !front.is_empty();
        rest
    }
}

impl File for DirectFile {
    fn append(&self, pieces: &mut [IoSlice<'_>]) -> io::Result<()> {
        let mut staged = self.staged();
        for piece in pieces {
            let mut rest: &[u8] = piece;
            while !rest.is_empty() {
                rest = staged.take(rest);
                if staged.length == BUFFER_BYTES {
                    self.write(&mut staged)?;
                }
            }
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut staged = self.staged();
        self.write(&mut staged)?;
        drop(staged);
        self.file.sync()
    }

    fn prepared(&self) -> u64 {
        self.prepared.load(Ordering::Acquire)
    }

    fn prepare(&self, end: u64) -> io::Result<()> {
        let (zeros, start) = blocks(ZEROS_BYTES);
        let zeros = zeros.get(start..start + ZEROS_BYTES).unwrap_or_default();
        let end = end.min(self.length()?);
        while self.prepared() + zeros.len() as u64 <= end {
            let growing = self.growing();
            let from = self.prepared();
            self.file.file.write_all_at(zeros, from)?;
            self.prepared
                .store(from + zeros.len() as u64, Ordering::Release);
            drop(growing);
        }
        // Where the blocks are is durable before anybody waits for what will be in them.
        self.file.sync()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn made(path: &std::path::Path) -> DirectFile {
        let mut options = fs::OpenOptions::new();
        options.read(true).write(true).create_new(true);
        DirectFile::new(options.open(path).unwrap(), None)
    }

    #[test]
    fn what_was_appended_in_any_pieces_is_in_the_file_once_it_is_synced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("segment");
        let file = made(&path);
        let all: Vec<u8> = (0..3 * BUFFER_BYTES + 77)
            .map(|at| (at % 251) as u8)
            .collect();
        let (mut done, mut rest) = (0, all.as_slice());
        for length in [
            1,
            80,
            BLOCK - 81,
            BLOCK,
            5,
            BUFFER_BYTES,
            16_384,
            usize::MAX,
        ] {
            let (piece, behind) = rest.split_at(length.min(rest.len()));
            let (one, two) = piece.split_at(piece.len() / 3);
            file.append(&mut [IoSlice::new(one), IoSlice::new(two)])
                .unwrap();
            file.sync().unwrap();
            (done, rest) = (done + piece.len(), behind);
            assert_eq!(&fs::read(&path).unwrap()[..done], &all[..done]);
        }
        assert_eq!(done, all.len());
        let behind = fs::read(&path).unwrap().split_off(done);
        assert!(behind.len() < BLOCK && behind.iter().all(|&byte| byte == 0));
    }

    #[test]
    fn zeros_ahead_are_never_written_over_what_was_appended() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("segment");
        let file = made(&path);
        let length = 8 * ZEROS_BYTES;
        file.file.file.set_len(length as u64).unwrap();
        let written = std::thread::scope(|scope| {
            let ahead = scope.spawn(|| {
                (1..=8).for_each(|end| file.prepare((end * ZEROS_BYTES) as u64).unwrap());
            });
            let mut written = 0;
            while !ahead.is_finished() && written + BLOCK < length {
                file.append(&mut [IoSlice::new(&[7; 3000])]).unwrap();
                file.sync().unwrap();
                written += 3000;
            }
            written
        });
        let found = fs::read(&path).unwrap();
        assert!(found[..written].iter().all(|&byte| byte == 7));
        assert!(found[written..].iter().all(|&byte| byte == 0));
        assert!(file.prepared() >= (length - ZEROS_BYTES) as u64);
    }
}
