//! Verify: reads the whole journal of a stopped store, every checksum, every document's digest and
//! the chain, and holds the index against it. Changes nothing in the journal, and lists every
//! problem it finds rather than stop at the first.

mod walk;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use axle_core::totals::Totals;

use super::{
    at_rest::{AtRest, MasterKeys, Place},
    files::{Disk, Files},
    find,
    format::{self, OpenError},
    index::{Unusable, Whose},
    recover::Paths,
    replay,
    segment::{self, Segments},
};

/// No more problems than this are listed one by one.
const PROBLEMS_MAX: usize = 1_000;
const CACHE_BYTES: u64 = 64 << 20;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Files of the journal.
    pub segments: u64,
    /// Entries of the ledger that could be read.
    pub entries: u64,
    /// Messages accepted.
    pub messages: u64,
    /// Of those, not settled.
    pub messages_live: u64,
    /// How many deliveries there were, and how they ended.
    pub totals: Totals,
    /// Bytes of documents, those that were dropped since included.
    pub body_bytes: u64,
    /// Bodies that were dropped after their retention.
    pub bodies_dropped: u64,
    /// Frames left behind by crashes: nobody was promised what they hold.
    pub torn: u64,
    /// Up to which entry the index was compared; `None` when it was not.
    pub index_entries: Option<u64>,
    /// What is wrong, in the order of the journal; the first thousand.
    pub problems: Vec<Problem>,
    /// How many problems there are in all.
    pub problems_total: u64,
}

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub path: PathBuf,
    /// Where in it, in bytes.
    pub offset: u64,
    /// What is wrong.
    pub what: String,
}

impl Report {
    /// Whether everything is as it was written.
    pub const fn is_sound(&self) -> bool {
        self.problems_total == 0
    }

    fn add(&mut self, path: &Path, offset: u64, what: impl Into<String>) {
        self.problems_total += 1;
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(Problem {
                path: path.to_path_buf(),
                offset,
                what: what.into(),
            });
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} at byte {}: {}",
            self.path.display(),
            self.offset,
            self.what
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "{problem}")?;
        }
        writeln!(
            f,
            "{} segments, {} entries, {} messages ({} not settled), {} bytes of documents",
            self.segments, self.entries, self.messages, self.messages_live, self.body_bytes
        )?;
        let totals = &self.totals;
        writeln!(
            f,
            "ledger: accepted={} acknowledged={} rejected={} expired={} withdrawn={} pending={}",
            totals.accepted,
            totals.acknowledged,
            totals.rejected,
            totals.expired,
            totals.withdrawn,
            totals.pending()
        )?;
        if self.bodies_dropped > 0 {
            writeln!(
                f,
                "{} bodies of settled messages were dropped after their retention",
                self.bodies_dropped
            )?;
        }
        if self.torn > 0 {
            writeln!(
                f,
                "{} frames were left behind by a crash; they were never promised",
                self.torn
            )?;
        }
        match self.index_entries {
            Some(entries) => writeln!(f, "the index was compared up to entry {entries}")?,
            None => writeln!(
                f,
                "the index was not compared: it is empty, or was being written when the store ended"
            )?,
        }
        match self.problems_total {
            0 => write!(f, "no problems"),
            count => write!(f, "{count} problems"),
        }
    }
}

/// Verifies the store in a directory, which no process may have open. An encrypted one is read by its key.
pub fn verify(directory: &Path, master: Option<&MasterKeys>) -> Result<Report, OpenError> {
    let paths = Paths::new(directory);
    let format_path = directory.join("FORMAT");
    let missing = || OpenError::Format {
        path: format_path,
        what: "it is missing, so there is no store here",
    };
    let files: Arc<dyn Files> = Arc::new(Disk::default());
    let node = format::read(files.as_ref(), directory)?.ok_or_else(missing)?;
    let _lock = format::lock(directory)?;
    let mut report = Report::default();
    let mut headers = Vec::new();
    let mut before = 0;
    for number in replay::numbers(files.as_ref(), &paths.journal)? {
        report.segments += 1;
        let path = paths.journal.join(segment::name(number));
        if number != before + 1 {
            report.add(
                &path,
                0,
                format!("segment {} is missing before it", before + 1),
            );
        }
        before = number;
        match replay::header(files.as_ref(), &path, number, node) {
            Ok(header) => headers.extend(header),
            Err(OpenError::Damaged { path, offset, what }) => report.add(&path, offset, what),
            Err(other) => return Err(other),
        }
    }
    let at_rest = AtRest::read(&files, Place::of(&paths, node, &headers), master)?;
    let whose = Whose {
        node,
        at_rest: at_rest.clone(),
    };
    let index = match paths.index.is_dir() {
        true => find::find(&paths, whose, CACHE_BYTES, crate::state::State::default()).map(Some),
        false => Ok(None),
    };
    let index = index.unwrap_or_else(|unusable: Unusable| {
        let what = format!("{unusable}; no document is lost by this, the next start rebuilds it");
        report.add(&paths.index, 0, what);
        None
    });
    let segments = Segments::new(files, paths.journal.clone(), at_rest, headers);
    walk::Walk::new(&segments, &paths, index, report).run()
}
