//! Recovery: from a directory to a state that can be served. The index gives what it has, the
//! journal the rest; an index that cannot be used is made anew from the whole journal.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use axle_model::time::Timestamp;

use super::{
    Options,
    at_rest::{AtRest, Place},
    files::Files,
    find::{Found, find},
    format::{self, OpenError},
    frame::Frame,
    index::{Applied, Index, Unusable, Whose, gone},
    located::Located,
    reclaim, replay,
    reserve::has_room_for_index,
    segment::{self, Header, Locator, NodeId, Position, Segments},
    written::{Unreadable, Written},
};
use crate::state::{Misfit, State};

/// While entries are replayed, the index follows this many at a time.
const REPLAYED_AT_A_TIME: u64 = 50_000;

/// A store brought back.
#[derive(Debug)]
pub(super) struct Recovered {
    pub(super) node: NodeId,
    pub(super) state: State<Located>,
    pub(super) index: Index,
    pub(super) segments: Arc<Segments>,
    /// Behind the last entry; all before it is durable.
    pub(super) end: Position,
    /// The segment up to which the index has followed; 0 for none.
    pub(super) followed: u32,
}

/// The names in a store's directory.
#[derive(Clone, Debug)]
pub(super) struct Paths {
    pub(super) directory: PathBuf,
    pub(super) journal: PathBuf,
    pub(super) index: PathBuf,
    /// Says why the index is to be rebuilt.
    pub(super) rebuild: PathBuf,
}

impl Paths {
    pub(super) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_path_buf(),
            journal: directory.join("journal"),
            index: directory.join("index"),
            rebuild: directory.join("REBUILD-INDEX"),
        }
    }
}

/// What stands in the way of a replay.
#[derive(Debug)]
enum Obstacle {
    Journal(OpenError),
    Index(Unusable),
}

impl From<OpenError> for Obstacle {
    fn from(error: OpenError) -> Self {
        Self::Journal(error)
    }
}

impl From<Unusable> for Obstacle {
    fn from(unusable: Unusable) -> Self {
        Self::Index(unusable)
    }
}

/// Brings the store in `paths` back, or begins one. The directory must be locked.
pub(super) fn recover(
    files: Arc<dyn Files>,
    paths: &Paths,
    options: &Options,
    now: Timestamp,
) -> Result<Recovered, OpenError> {
    let made = files.create_directory(&paths.journal);
    made.map_err(OpenError::files("making", &paths.journal))?;
    let synced = files.sync_directory(&paths.directory);
    synced.map_err(OpenError::files("syncing", &paths.directory))?;
    let node = identify(files.as_ref(), paths)?;
    let (headers, highest) = replay::headers(files.as_ref(), &paths.journal, node)?;
    let place = Place::of(paths, node, &headers);
    let at_rest = AtRest::begin(&files, place, options.master_keys.as_ref(), now)?;
    reclaim::clear(files.as_ref(), &paths.journal)
        .map_err(OpenError::files("clearing", &paths.journal))?;
    let first = replay::start(&headers);
    let journal = paths.journal.clone();
    let segments = Arc::new(Segments::new(files, journal, at_rest, headers.clone()));
    let recovery = Recovery {
        node,
        first,
        segments: &segments,
        paths,
        cache_bytes: options.index_cache_bytes,
    };
    let (state, index, tail) = recovery.run()?;
    if tail.torn > 0 {
        tracing::warn!(
            frames = tail.torn,
            after = tail.end.sequence,
            segment = %segment::name(tail.end.segment),
            offset = tail.end.offset,
            "left a torn tail behind"
        );
    }
    if let Some(last) = headers.last() {
        // What was read may still be in the system's memory only; the next segment says it is not.
        sync(&segments, last)?;
    }
    // Nobody replays yet, so this is the place from which the next start would.
    let followed = index.applied().ok().flatten();
    let end = Position {
        segment: highest,
        ..tail.end
    };
    Ok(Recovered {
        node,
        state,
        index,
        segments,
        end,
        followed: followed.map_or(0, |applied| applied.at.segment),
    })
}

fn sync(segments: &Segments, header: &Header) -> Result<(), OpenError> {
    let path = segments.path(header.number);
    let synced = segments
        .open(header.number)
        .and_then(|opened| opened.file.sync());
    synced.map_err(OpenError::files("syncing", &path))
}

fn identify(files: &dyn Files, paths: &Paths) -> Result<NodeId, OpenError> {
    if let Some(node) = format::read(files, &paths.directory)? {
        return Ok(node);
    }
    let listed = files.list(&paths.journal);
    if !listed
        .map_err(OpenError::files("listing", &paths.journal))?
        .is_empty()
    {
        return Err(OpenError::Format {
            path: paths.directory.join("FORMAT"),
            what: "it is missing beside a journal: restore it from a backup",
        });
    }
    format::create(files, &paths.directory)
}

/// What a recovery works with.
struct Recovery<'r> {
    node: NodeId,
    first: Position,
    segments: &'r Segments,
    paths: &'r Paths,
    cache_bytes: u64,
}

impl Recovery<'_> {
    fn run(&self) -> Result<(State<Located>, Index, replay::Tail), OpenError> {
        let mut claimed = 0;
        let why = match self.find() {
            Ok(found) => {
                claimed = found.applied.map_or(0, |applied| applied.at.sequence);
                match self.replay(found, claimed) {
                    Ok(recovered) => return Ok(recovered),
                    Err(Obstacle::Journal(error)) => return Err(error),
                    Err(Obstacle::Index(unusable)) => unusable,
                }
            }
            // Locked it is not damaged: whoever has it will be gone.
            Err(unusable) if unusable.is_in_use() => {
                let directory = self.paths.index.clone();
                return Err(OpenError::InUse { directory });
            }
            Err(unusable) => unusable,
        };
        if why.is_full() {
            // A rebuild would need yet more room.
            return Err(OpenError::Full {
                path: self.paths.index.clone(),
                why: why.to_string(),
            });
        }
        tracing::warn!(reason = %why, "the index cannot be used and is rebuilt from the journal");
        let failed = |why: String| OpenError::Index {
            path: self.paths.index.clone(),
            why,
        };
        self.discard().map_err(|error| failed(error.to_string()))?;
        let anew = self.find();
        let anew = anew.map_err(|unusable| failed(unusable.to_string()))?;
        let recovered = self
            .replay(anew, claimed)
            .map_err(|obstacle| match obstacle {
                Obstacle::Journal(error) => error,
                Obstacle::Index(unusable) => failed(unusable.to_string()),
            })?;
        Ok(recovered)
    }

    fn find(&self) -> Result<Found, Unusable> {
        let whose = Whose {
            node: self.node,
            at_rest: self.segments.at_rest().clone(),
        };
        find(self.paths, whose, self.cache_bytes, State::beside_index())
    }

    /// Removes the index; the mark that asked for it goes last.
    fn discard(&self) -> std::io::Result<()> {
        gone(fs::remove_dir_all(&self.paths.index))?;
        gone(fs::remove_file(&self.paths.rebuild))
    }

    fn replay(
        &self,
        found: Found,
        claimed: u64,
    ) -> Result<(State<Located>, Index, replay::Tail), Obstacle> {
        let Found {
            index,
            mut state,
            applied,
        } = found;
        let from = applied.map_or(self.first, |applied| applied.at);
        let mut followed = from.sequence;
        let tail = replay::walk(self.segments, from, claimed, |frame, body, at| {
            let written = self.read(&frame, body)?;
            take(&mut state, &index, frame.sequence, written)?;
            if at.sequence - followed >= REPLAYED_AT_A_TIME {
                followed = at.sequence;
                // On a full disk the index waits.
                let free = self.segments.free_space();
                if has_room_for_index(index.path(), state.changes(), free) {
                    checkpoint(&mut state, &index, at)?;
                    // What replays much would come to be in many files.
                    index.tidy(|bytes| bytes < free / 2)?;
                }
                tracing::info!(entries = at.sequence, "reading the journal");
            }
            Ok::<(), Obstacle>(())
        })?;
        Ok((state, index, tail))
    }

    fn read(&self, frame: &Frame, body: Locator) -> Result<Written, Obstacle> {
        let read = Written::read(frame, body, self.segments.at_rest());
        read.map_err(|unreadable| match unreadable {
            Unreadable::Malformed(malformed) => Obstacle::Index(malformed.into()),
            // Its checksums hold, so somebody has put it there.
            Unreadable::Unopened(unopened) => Obstacle::Journal(OpenError::Damaged {
                path: self.segments.path(body.segment),
                offset: frame.offset,
                what: format!("entry {}: {unopened}", frame.sequence),
            }),
        })
    }
}

/// Makes one entry true again. What the index has already is passed over.
fn take(
    state: &mut State<Located>,
    index: &Index,
    sequence: u64,
    written: Written,
) -> Result<(), Unusable> {
    state.count(&written.entry(sequence));
    if let Some(piece) = written.piece {
        state.take_piece(piece);
    }
    if let Some((message, body)) = written.accept {
        state.accept(Arc::new(message), sequence, body);
    }
    if let Some(refused) = written.refused {
        state.refusals().insert(refused);
    }
    for advance in written.advances {
        let mut taken = state.advance(&advance);
        if taken == Err(Misfit::Asleep)
            && let Some(stored) = index.live(advance.delivery.message)?
        {
            state.rouse(stored.message, stored.sequence, stored.body);
            taken = state.advance(&advance);
        }
        match taken {
            Ok(()) | Err(Misfit::Past) => {}
            Err(Misfit::Absent) if index.settled(advance.delivery.message)?.is_some() => {}
            Err(Misfit::Absent | Misfit::Ahead | Misfit::Asleep) => {
                let what = format!("{} is behind the journal", advance.delivery);
                return Err(Unusable::Untrue(what));
            }
        }
    }
    Ok(())
}

/// Lets the index follow, so that a long journal needs little memory.
fn checkpoint(state: &mut State<Located>, index: &Index, at: Position) -> Result<(), Unusable> {
    let changed = state.take_changed();
    let applied = Applied {
        at,
        live: changed.live,
        totals: changed.totals,
    };
    index.write(&changed, &applied)?;
    state.forget(&changed);
    // Nobody waits yet.
    drop(state.take_arrived());
    Ok(())
}
