//! A file system in memory that forgets what was not synced when its power is cut, and fails the
//! n-th operation when told to.
#![allow(clippy::unwrap_used, reason = "for tests")]

use std::{
    collections::BTreeMap,
    io::{self, IoSlice},
    ops::Range,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

use super::{File, Files};

/// Files whose power can be cut.
#[derive(Clone, Debug, Default)]
pub(in crate::embedded) struct Simulated {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    names: BTreeMap<PathBuf, Arc<Mutex<Content>>>,
    durable_names: BTreeMap<PathBuf, Arc<Mutex<Content>>>,
    operations: usize,
    fails_at: Option<usize>,
    failed: Option<&'static str>,
    ignores_sync: bool,
    is_full: bool,
}

#[derive(Clone, Debug, Default)]
struct Content {
    bytes: Vec<u8>,
    end: usize,
    durable: Vec<u8>,
    /// What was written and not synced.
    dirty: Vec<Range<usize>>,
}

#[derive(Debug)]
struct SimulatedFile {
    content: Arc<Mutex<Content>>,
    files: Simulated,
}

impl Simulated {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// Counts an operation, and fails it if it is its turn.
    fn operate(&self, operation: &'static str) -> io::Result<()> {
        let mut inner = self.lock();
        inner.operations += 1;
        if inner.fails_at == Some(inner.operations) {
            inner.failed = Some(operation);
            return Err(io::Error::other("the disk says no"));
        }
        Ok(())
    }

    /// The `nth` operation from now on fails.
    pub(in crate::embedded) fn fail(&self, nth: Option<usize>) {
        let mut inner = self.lock();
        inner.fails_at = nth.map(|nth| inner.operations + nth);
    }

    /// Which operation failed, if its turn came.
    pub(in crate::embedded) fn failed(&self) -> Option<&'static str> {
        self.lock().failed
    }

    /// Whether from now on a sync says that it is done, and does nothing.
    pub(in crate::embedded) fn ignore_sync(&self, ignores: bool) {
        self.lock().ignores_sync = ignores;
    }

    /// Whether from now on it says that no room is left. What is written is written all the same.
    pub(in crate::embedded) fn fill(&self, is_full: bool) {
        self.lock().is_full = is_full;
    }

    /// What is there once the power is back: what was synced, and of the rest those blocks of 512
    /// bytes for which `survives` says so.
    pub(in crate::embedded) fn cut_power(&self, mut survives: impl FnMut() -> bool) -> Self {
        let inner = self.lock();
        let mut names = BTreeMap::new();
        for (path, content) in &inner.durable_names {
            let content = content.lock().unwrap();
            let mut bytes = content.durable.clone();
            for (kept, written) in bytes.chunks_mut(512).zip(content.bytes.chunks(512)) {
                if kept.len() == written.len() && kept != written && survives() {
                    kept.copy_from_slice(written);
                }
            }
            let content = Content {
                end: bytes.len(),
                durable: bytes.clone(),
                bytes,
                dirty: Vec::new(),
            };
            names.insert(path.clone(), Arc::new(Mutex::new(content)));
        }
        let after = Self::default();
        after.lock().names = names.clone();
        after.lock().durable_names = names;
        after
    }

    /// Changes the bytes of a file behind everybody's back.
    pub(in crate::embedded) fn damage(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let inner = self.lock();
        let mut content = inner.names[path].lock().unwrap();
        change(&mut content.bytes);
        content.durable = content.bytes.clone();
        content.dirty.clear();
    }
}

impl Files for Simulated {
    fn create_directory(&self, _: &Path) -> io::Result<()> {
        self.operate("create_directory")
    }

    fn create(&self, path: &Path, length: u64) -> io::Result<Arc<dyn File>> {
        self.operate("create")?;
        let mut inner = self.lock();
        if inner.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let content = Arc::new(Mutex::new(Content {
            bytes: vec![0; usize::try_from(length).unwrap()],
            ..Content::default()
        }));
        inner.names.insert(path.to_path_buf(), content.clone());
        drop(inner);
        Ok(self.file(content))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let content = self.lock().names.get(path).cloned();
        Ok(self.file(content.ok_or(io::ErrorKind::NotFound)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.operate("rename")?;
        let mut inner = self.lock();
        let content = inner.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        inner.names.insert(to.to_path_buf(), content);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.operate("remove")?;
        let removed = self.lock().names.remove(path);
        removed.map(drop).ok_or(io::ErrorKind::NotFound.into())
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.operate("sync_directory")?;
        let mut inner = self.lock();
        let here = |name: &Path| name.parent() == Some(path);
        inner.durable_names.retain(|name, _| !here(name));
        let named: Vec<_> = inner
            .names
            .iter()
            .filter(|(name, _)| here(name))
            .map(|(name, content)| (name.clone(), content.clone()))
            .collect();
        inner.durable_names.extend(named);
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let inner = self.lock();
        let here = inner
            .names
            .keys()
            .filter(|name| name.parent() == Some(path));
        Ok(here
            .map(|name| name.file_name().unwrap().to_str().unwrap().to_owned())
            .collect())
    }

    fn space(&self, _: &Path) -> io::Result<(u64, u64)> {
        let free = if self.lock().is_full { 0 } else { 1 << 40 };
        Ok((free, 1 << 40))
    }
}

impl Simulated {
    fn file(&self, content: Arc<Mutex<Content>>) -> Arc<dyn File> {
        Arc::new(SimulatedFile {
            content,
            files: self.clone(),
        })
    }
}

impl File for SimulatedFile {
    fn append(&self, pieces: &mut [IoSlice<'_>]) -> io::Result<()> {
        let failed = self.files.operate("append");
        let mut written: Vec<u8> = pieces.iter().flat_map(|piece| piece.to_vec()).collect();
        if failed.is_err() {
            written.truncate(written.len() / 2);
        }
        let mut content = self.content.lock().unwrap();
        let end = content.end + written.len();
        if content.bytes.len() < end {
            content.bytes.resize(end, 0);
        }
        let start = content.end;
        content.bytes[start..end].copy_from_slice(&written);
        content.end = end;
        content.dirty.push(start..end);
        failed
    }

    fn sync(&self) -> io::Result<()> {
        let failed = self.files.operate("sync");
        if self.files.lock().ignores_sync {
            return failed;
        }
        let mut content = self.content.lock().unwrap();
        // As by Linux: what a sync has failed to write counts as clean, and the next sync, which
        // succeeds, does not write it either.
        let dirty = std::mem::take(&mut content.dirty);
        failed?;
        let Content { bytes, durable, .. } = &mut *content;
        durable.resize(bytes.len(), 0);
        for range in dirty {
            durable[range.clone()].copy_from_slice(&bytes[range]);
        }
        Ok(())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let content = self.content.lock().unwrap();
        let offset = usize::try_from(offset).unwrap();
        let rest = content.bytes.get(offset..).unwrap_or_default();
        let read = rest.len().min(buffer.len());
        buffer[..read].copy_from_slice(&rest[..read]);
        Ok(read)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.content.lock().unwrap().bytes.len() as u64)
    }
}
