//! Sorted: entries in sorted files. Each checkpoint writes its entries as one run, in order and at once, however
//! many there were before; a tree would have to find and rewrite a leaf for nearly each. Eight runs of a
//! level are merged into one of the next, so that there are few to look in, and each entry is written again
//! only as often as there are levels. Of a key in several runs the newest counts.
//!
//! A run's name says which of those that were written it covers (`00000009-00000016.run`). One that is covered
//! by another was merged into it and only not removed yet.

mod filter;
mod layout;
mod merge;
mod run;
mod together;
mod writer;

use std::{
    fs, io,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use self::{filter::Print, merge::Merge, run::Run, together::Together, writer::Writer};
use super::{Unusable, sealed::Sealed};

/// So many runs of a level become one of the next.
const MERGED_AT_ONCE: u32 = 8;
/// So many bytes are merged with each run that is written, however short it is: what a start left
/// undone is done soon where there is little to do.
const MERGED_AT_LEAST: u64 = 1 << 20;

/// What an entry without a value says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Empty {
    /// That there is one of this key.
    Counts,
    /// That there is none any more.
    Removes,
}

/// Entries in order.
#[derive(Debug)]
pub(super) struct Sorted {
    directory: PathBuf,
    empty: Empty,
    sealed: Sealed,
    /// Oldest first.
    runs: RwLock<Arc<Vec<Arc<Run>>>>,
    merges: Mutex<Merges>,
    merged_at_least: u64,
}

/// The merges under way. Those further on are of lower levels, newer and shorter, and are done first.
#[derive(Debug, Default)]
struct Merges {
    under_way: Vec<Merge>,
    /// How many bytes may be merged.
    owed: u64,
}

impl Sorted {
    /// Opens what is there, and clears what was left over.
    pub(super) fn open(directory: &Path, empty: Empty, sealed: Sealed) -> Result<Self, Unusable> {
        fs::create_dir_all(directory)?;
        let mut runs: Vec<Run> = Vec::new();
        for covers in listed(directory)? {
            let path = directory.join(covers.name());
            match runs.last().map_or(0, |before| before.covers.last) {
                covered if covers.last <= covered => fs::remove_file(&path)?,
                covered if covers.first == covered + 1 => {
                    runs.push(Run::open(&path, covers, covers.sealed(&sealed))?);
                }
                covered => {
                    let what = format!("run {} is missing in {}", covered + 1, directory.display());
                    return Err(Unusable::Untrue(what));
                }
            }
        }
        let runs = runs.into_iter().map(Arc::new).collect();
        Ok(Self {
            directory: directory.to_path_buf(),
            empty,
            sealed,
            runs: RwLock::new(Arc::new(runs)),
            merges: Mutex::default(),
            merged_at_least: MERGED_AT_LEAST,
        })
    }

    fn runs(&self) -> Arc<Vec<Arc<Run>>> {
        let runs = self.runs.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&runs)
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Arc<Run>>)) {
        let mut runs = self.runs.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut runs));
    }

    fn merges(&self) -> MutexGuard<'_, Merges> {
        self.merges.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the newest run.
    pub(super) fn last(&self) -> u32 {
        self.runs().last().map_or(0, |run| run.covers.last)
    }

    /// Every entry whose key begins so; those of newer runs first.
    pub(super) fn each(
        &self,
        beginning: &[u8],
        mut take: impl FnMut(&[u8], &[u8]) -> Result<(), Unusable>,
    ) -> Result<(), Unusable> {
        self.search(beginning, |key, value| {
            take(key, value).map(ControlFlow::Continue)
        })
    }

    /// The newest entry whose key begins so, also when it says that there is none.
    pub(super) fn newest(&self, beginning: &[u8]) -> Result<Option<Vec<u8>>, Unusable> {
        let mut newest = None;
        self.search(beginning, |_, value| {
            newest = Some(value.to_vec());
            Ok(ControlFlow::Break(()))
        })?;
        Ok(newest)
    }

    fn search(
        &self,
        beginning: &[u8],
        mut take: impl FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, Unusable>,
    ) -> Result<(), Unusable> {
        let print = Print::of(beginning);
        let runs = self.runs();
        for run in runs.iter().rev() {
            if run.find(beginning, print, &mut take)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Every entry, in order, of those with one key the newest; without those that say that there is none.
    pub(super) fn all(
        &self,
        mut take: impl FnMut(&[u8], &[u8]) -> Result<(), Unusable>,
    ) -> Result<(), Unusable> {
        let mut together = Together::of(&self.runs())?;
        while let Some((key, value)) = together.next()? {
            if self.empty == Empty::Counts || !value.is_empty() {
                take(key, value)?;
            }
        }
        Ok(())
    }

    /// Has so many entries written, in order and each key once, and makes them durable.
    pub(super) fn add(
        &self,
        count: usize,
        write: impl FnOnce(&mut Writer) -> io::Result<()>,
    ) -> io::Result<()> {
        if count == 0 {
            return Ok(());
        }
        let covers = Covers::one(self.last() + 1);
        let count = count as u64;
        let mut writer = self.writer(covers, count)?;
        if let Err(error) = write(&mut writer) {
            writer.give_up();
            return Err(error);
        }
        let run = Arc::new(writer.finish()?);
        let bytes = run.bytes;
        self.change(|runs| runs.push(run));
        let mut merges = self.merges();
        merges.owed = (merges.owed + bytes * self.levels()).max(self.merged_at_least);
        Ok(())
    }

    /// Begins a run for so many entries.
    fn writer(&self, covers: Covers, entries: u64) -> io::Result<Writer> {
        let sealed = covers.sealed(&self.sealed);
        Writer::create(&self.directory, covers, entries, sealed)
    }

    /// How often an entry is merged until it is of the level after those there are. So many times
    /// the bytes of each new run keep up, and take no more of the processors than that.
    fn levels(&self) -> u64 {
        let levels = self.runs().iter().map(|run| run.covers.level()).max();
        u64::from(levels.unwrap_or(0)) + 1
    }

    /// Merges a part of what is to be merged: as much as keeps up with what is added. `has_room` tells
    /// whether the disk has room for so many bytes; where it is full all the same, another time will do.
    pub(super) fn tidy(&self, has_room: impl Fn(u64) -> bool) -> Result<(), Unusable> {
        let mut merges = self.merges();
        let merged = self.merge(&mut merges, has_room);
        match merged {
            Err(unusable) if unusable.is_full() => {
                merges.under_way.drain(..).for_each(Merge::give_up);
                Ok(())
            }
            merged => merged,
        }
    }

    fn merge(&self, merges: &mut Merges, has_room: impl Fn(u64) -> bool) -> Result<(), Unusable> {
        while merges.owed > 0 {
            self.begin_merges(&mut merges.under_way, &has_room)?;
            let Some(mut merge) = merges.under_way.pop() else {
                merges.owed = 0;
                break;
            };
            let through = merge.go_on(&mut merges.owed);
            if !matches!(through, Ok(true)) {
                merges.under_way.push(merge);
                return through.map(drop);
            }
            self.put_in_place(merge)?;
        }
        Ok(())
    }

    /// Begins what can begin, the lowest level last.
    fn begin_merges(
        &self,
        under_way: &mut Vec<Merge>,
        has_room: impl Fn(u64) -> bool,
    ) -> Result<(), Unusable> {
        let runs = self.runs();
        let behind = under_way.last().and_then(|merge| merge.of.last());
        let behind = behind.map_or(0, |run| run.covers.last);
        let free = runs.iter().filter(|run| run.covers.first > behind);
        let free: Vec<_> = free.cloned().collect();
        for level in free.chunk_by(|one, other| one.covers.level() == other.covers.level()) {
            let Some(of @ [first, ..]) = level.get(..MERGED_AT_ONCE as usize) else {
                continue;
            };
            if has_room(of.iter().map(|run| run.bytes).sum()) {
                let older = runs.iter();
                let older = older.take_while(|run| run.covers.first < first.covers.first);
                let older = match self.empty {
                    Empty::Counts => None,
                    Empty::Removes => Some(older.cloned().collect()),
                };
                let begin = |covers, entries| self.writer(covers, entries);
                under_way.push(Merge::begin(begin, of.to_vec(), older)?);
            }
        }
        Ok(())
    }

    fn put_in_place(&self, merge: Merge) -> Result<(), Unusable> {
        let (run, merged) = merge.finish()?;
        let run = Arc::new(run);
        self.change(|runs| {
            let at = runs.partition_point(|one| one.covers.first < run.covers.first);
            runs.splice(at..at + merged.len(), [run]);
        });
        for run in merged {
            fs::remove_file(self.directory.join(run.covers.name()))?;
        }
        Ok(())
    }
}

/// Which of the runs that were written a run covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Covers {
    first: u32,
    last: u32,
}

impl Covers {
    const fn one(number: u32) -> Self {
        Self {
            first: number,
            last: number,
        }
    }

    /// Of several that follow each other.
    fn all(of: impl Iterator<Item = Self>) -> Self {
        of.reduce(|all, next| Self {
            first: all.first,
            last: next.last,
        })
        .unwrap_or(Self::one(0))
    }

    const fn level(self) -> u32 {
        (self.last - self.first + 1).ilog(MERGED_AT_ONCE)
    }

    /// What seals that run.
    fn sealed(self, sealed: &Sealed) -> Sealed {
        sealed.numbered(self.first, self.last)
    }

    fn name(self) -> String {
        format!("{:08}-{:08}.run", self.first, self.last)
    }

    fn of(name: &str) -> Option<Self> {
        let (first, last) = name.strip_suffix(".run")?.split_once('-')?;
        let covers = Self {
            first: first.parse().ok()?,
            last: last.parse().ok()?,
        };
        (covers.first <= covers.last).then_some(covers)
    }
}

/// The runs of a directory in order: of those that begin together the longest first. What was being
/// written when a process ended is removed.
fn listed(directory: &Path) -> io::Result<Vec<Covers>> {
    let mut listed = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|kind| kind == "new") {
            fs::remove_file(entry.path())?;
        }
        listed.extend(entry.file_name().to_str().and_then(Covers::of));
    }
    listed.sort_unstable_by_key(|covers| (covers.first, u32::MAX - covers.last));
    Ok(listed)
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]
mod tests;
