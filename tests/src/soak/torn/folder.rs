//! A store's folder as bytes in memory, at one moment, and mixtures of two moments.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use rand::{Rng as _, rngs::StdRng, seq::IteratorRandom as _};

/// What a disk writes at once.
const BLOCK: usize = 4 << 10;
/// As many blocks of a sealed file are lost at most.
const LOST_MAX: usize = 8;

/// Every file, by its path in the folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Folder(BTreeMap<PathBuf, Vec<u8>>);

/// Two folders in one.
#[derive(Debug, Default)]
pub(super) struct Mixture {
    pub(super) folder: Folder,
    /// The files with blocks that are not from the first one.
    pub(super) touched: Vec<PathBuf>,
    pub(super) blocks: usize,
}

impl Folder {
    /// Reads the folder at this path.
    pub(super) fn read(path: &Path) -> Self {
        let mut folder = Self::default();
        folder.add(path, Path::new(""));
        folder
    }

    fn add(&mut self, top: &Path, below: &Path) {
        for entry in fs::read_dir(top.join(below)).expect("a folder") {
            let entry = entry.expect("an entry");
            let below = below.join(entry.file_name());
            if entry.path().is_dir() {
                self.add(top, &below);
            } else {
                let bytes = fs::read(entry.path()).expect("a file");
                self.0.insert(below, bytes);
            }
        }
    }

    /// Writes it to this path, which does not exist.
    pub(super) fn write(&self, path: &Path) {
        for (below, bytes) in &self.0 {
            let path = path.join(below);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, bytes).expect("room for a folder");
        }
    }

    /// This folder, which is what was synced, with some of what was `written` and not synced: any
    /// of it can have reached the disk when the power fails.
    pub(super) fn torn(&self, written: &Self, random: &mut StdRng) -> Mixture {
        let differing = written.0.iter().flat_map(|(path, bytes)| {
            let blocks = self.differing(path, bytes);
            blocks.into_iter().map(move |block| (path, bytes, block))
        });
        let differing: Vec<_> = differing.collect();
        let mut mixture = self.clone().into_mixture();
        let count = random.random_range(0..=differing.len());
        for (path, bytes, block) in differing.into_iter().choose_multiple(random, count.max(1)) {
            mixture.take(path, bytes, &[block]);
        }
        mixture
    }

    /// This folder with some blocks as they were at an `earlier` moment, of the index, or of
    /// segments that a later one declares durable.
    pub(super) fn stale(&self, earlier: &Self, random: &mut StdRng) -> Mixture {
        let newest = self.0.keys().rfind(|path| path.starts_with("journal"));
        let sealed = |path: &PathBuf| path.starts_with("journal") && Some(path) != newest;
        // Before there is a sealed segment, only the index is eligible.
        let index = random.random_bool(0.3) || !self.0.keys().any(sealed);
        let eligible = self.0.keys().filter(|path| match index {
            true => path.starts_with("index"),
            false => sealed(path),
        });
        let mut blocks = Vec::new();
        for path in eligible {
            let mut before = earlier.0.get(path).cloned().unwrap_or_default();
            before.resize(self.0[path].len(), 0);
            let differing = self.differing(path, &before);
            let before = std::rc::Rc::new(before);
            blocks.extend(
                differing
                    .into_iter()
                    .map(|block| (path, before.clone(), block)),
            );
        }
        let count = random.random_range(1..=LOST_MAX);
        let mut mixture = self.clone().into_mixture();
        for (path, before, block) in blocks.into_iter().choose_multiple(random, count) {
            mixture.take(path, &before, &[block]);
        }
        if !index && random.random_bool(0.5) {
            // Without the index the whole journal is read.
            let files = &mut mixture.folder.0;
            files.retain(|path, _| !path.starts_with("index"));
        }
        mixture
    }

    /// The blocks of a file in which `other` differs.
    fn differing(&self, path: &Path, other: &[u8]) -> Vec<usize> {
        let own = self.0.get(path).map_or(&[][..], Vec::as_slice);
        let block = |bytes: &[u8], at: usize| {
            let start = (at * BLOCK).min(bytes.len());
            bytes[start..(start + BLOCK).min(bytes.len())].to_vec()
        };
        let blocks = own.len().max(other.len()).div_ceil(BLOCK);
        (0..blocks)
            .filter(|&at| block(own, at) != block(other, at))
            .collect()
    }

    fn into_mixture(self) -> Mixture {
        Mixture {
            folder: self,
            ..Mixture::default()
        }
    }
}

impl Mixture {
    /// Takes these blocks of a file from `other`. A file that thereby grows has zeros in between.
    fn take(&mut self, path: &Path, other: &[u8], blocks: &[usize]) {
        let own = self.folder.0.entry(path.to_path_buf()).or_default();
        for block in blocks {
            let start = block * BLOCK;
            let end = (start + BLOCK).min(other.len());
            if own.len() < end {
                own.resize(end, 0);
            }
            own[start..end].copy_from_slice(&other[start..end]);
        }
        self.blocks += blocks.len();
        if !blocks.is_empty() && !self.touched.iter().any(|touched| touched == path) {
            self.touched.push(path.to_path_buf());
        }
    }
}
