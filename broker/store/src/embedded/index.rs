//! The index: what the journal says, so that a start need not read all of the journal and so that settled
//! history need not be in memory. It can be lost at any time and is rebuilt. Messages and keys are in files
//! of its own; sled has the few entries beside them that change one by one.
//!
//! Every write can be repeated, and `applied` is written after all it covers is on disk: a
//! checkpoint that was cut short is made good by replaying the journal from the `applied` before.
//! sled may answer with an error or a panic; both are [`Unusable`], and neither ends the process.

mod keys;
mod live;
mod restore;
mod sealed;
mod settled;
mod sorted;
mod uploads;

use std::{
    fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
};

use axle_core::{change::Refused, message::Message, totals::Totals};
use axle_model::id::MessageId;

use keys::Key;
use live::Live;
use sealed::Sealed;
use settled::Settled;
use sorted::{Empty, Sorted};

use super::{
    at_rest::{AtRest, Unopened},
    located::Located,
    record::{AppliedRecord, Malformed, RefusedRecord, StoredRecord, decode, encode},
    segment::{Locator, NodeId, Position},
};
use crate::{
    Query, failpoint,
    state::{Changed, Earlier, Entry, Half, MessageKeys, Page, Prior, StoredPiece, wanted},
};

/// The layout of the trees; an index of another one is rebuilt.
const SCHEMA: u8 = 4;
/// Behind the owner's name in an encrypted one.
const SEALED: u8 = 1;
const NODE: &str = "node";
const APPLIED: &str = "applied";
const WRITING: &str = "writing";

/// The index.
#[derive(Debug)]
pub(super) struct Index {
    path: PathBuf,
    db: sled::Db,
    /// Messages that are not over.
    live: Live,
    /// Messages that are.
    settled: Settled,
    keys: Sorted,
    uploads: sled::Tree,
    system: sled::Tree,
}

/// Whose index.
#[derive(Clone, Debug)]
pub(super) struct Whose {
    pub(super) node: NodeId,
    /// What its files are sealed by. What sled has is not: ids and keys, no text of a document or of
    /// its sender.
    pub(super) at_rest: AtRest,
}

/// How far the index has followed the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Applied {
    pub(super) at: Position,
    /// How many messages it held then that were not over.
    pub(super) live: u64,
    /// The totals of the ledger up to there.
    pub(super) totals: Totals,
}

/// A message out of the index.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) message: Arc<Message>,
    pub(super) sequence: u64,
    pub(super) body: Located,
}

impl Stored {
    /// The message of an entry.
    pub(super) fn of(entry: &Entry<Located>) -> Self {
        Self {
            message: entry.message.clone(),
            sequence: entry.sequence,
            body: entry.body.clone(),
        }
    }

    /// Out of its record.
    fn read(record: &[u8]) -> Result<Self, Unusable> {
        let (message, sequence, body) = decode::<StoredRecord>(record)?.read()?;
        let message = Arc::new(message);
        Ok(Self {
            message,
            sequence,
            body,
        })
    }

    /// Whether it is this entry. Where a body was before it was dropped says nothing.
    pub(super) fn is(&self, entry: &Entry<Located>, body_dropped: bool) -> bool {
        self.message == entry.message
            && self.sequence == entry.sequence
            && (body_dropped || self.body == entry.body)
    }
}

/// The index cannot be used. It is rebuilt at the next start.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error("sled: {0}")]
    Sled(#[from] sled::Error),
    #[error("sled panicked: {0}")]
    Panicked(String),
    #[error("{0}")]
    Malformed(#[from] Malformed),
    #[error("{0}")]
    Files(#[from] io::Error),
    #[error("{0}")]
    Unopened(#[from] Unopened),
    #[error("{0}")]
    Untrue(String),
}

impl Unusable {
    /// Whether it is only that the disk was full just then.
    pub(super) fn is_full(&self) -> bool {
        matches!(self, Self::Files(error) | Self::Sled(sled::Error::Io(error))
            if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }

    /// Whether sled found its file locked.
    pub(super) fn is_in_use(&self) -> bool {
        // sled 0.34 has no other way to tell.
        matches!(self, Self::Sled(sled::Error::Io(error))
            if error.to_string().contains("could not acquire lock"))
    }
}

/// Runs something of sled's; its panics become errors.
fn guarded<T>(work: impl FnOnce() -> Result<T, Unusable>) -> Result<T, Unusable> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(Unusable::Panicked(
            text.unwrap_or("no reason given").to_owned(),
        ))
    })
}

impl Index {
    /// Opens the index of a store, or makes an empty one.
    pub(super) fn open(path: &Path, whose: &Whose, cache_bytes: u64) -> Result<Self, Unusable> {
        guarded(|| {
            let blobs = path.join("blobs");
            if blobs.is_dir() && fs::read_dir(&blobs)?.next().is_some() {
                let what = format!("{} holds files, which are never synced", blobs.display());
                return Err(Unusable::Untrue(what));
            }
            let config = sled::Config::new()
                .path(path)
                .cache_capacity(cache_bytes)
                .mode(sled::Mode::HighThroughput);
            let db = config.open()?;
            let system = db.open_tree("system")?;
            let [live, keys, settled] = ["live", "keys", "settled"].map(|name| path.join(name));
            if !system.contains_key(NODE)? {
                // What is there is of an index whose other half is gone.
                gone(fs::remove_dir_all(&live))?;
                gone(fs::remove_dir_all(&keys))?;
                gone(fs::remove_file(&settled))?;
            }
            let sealed = |part| Sealed::new(&whose.at_rest, part);
            let index = Self {
                path: path.to_path_buf(),
                live: Live::open(&live, sealed(b"live"))?,
                settled: Settled::open(db.open_tree("settled")?, &settled, sealed(b"over"))?,
                keys: Sorted::open(&keys, Empty::Counts, sealed(b"keys"))?,
                uploads: db.open_tree("upload")?,
                system,
                db,
            };
            index.belongs_to(whose)?;
            index.has_its_files()?;
            Ok(index)
        })
    }

    fn belongs_to(&self, whose: &Whose) -> Result<(), Unusable> {
        let mut owner = vec![SCHEMA];
        owner.extend_from_slice(&whose.node.0);
        owner.extend(whose.at_rest.is_on().then_some(SEALED));
        match self.system.get(NODE)? {
            Some(found) if *found == *owner => Ok(()),
            Some(_) => {
                let what = "it belongs to another journal, has another schema version, or was not \
                            encrypted before";
                Err(Unusable::Untrue(what.to_owned()))
            }
            None => {
                self.system.insert(NODE, owner)?;
                self.db.flush()?;
                sync_all(&self.path)
            }
        }
    }

    /// The files beside sled's may be ahead of it, never behind.
    fn has_its_files(&self) -> Result<(), Unusable> {
        let Some(bytes) = self.system.get(APPLIED)? else {
            return Ok(());
        };
        let applied: AppliedRecord = decode(&bytes)?;
        let [live, keys] = [self.live.last(), self.keys.last()];
        let settled = self.settled.end();
        if live >= applied.live_runs && keys >= applied.keys && settled >= applied.settled {
            return Ok(());
        }
        Err(Unusable::Untrue(format!(
            "it has {live} runs of {} of messages, {keys} of {} of keys, and {settled} bytes of {} of \
             what is settled",
            applied.live_runs, applied.keys, applied.settled
        )))
    }

    /// Its directory.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// How far it has followed the journal; `None` when it is empty.
    pub(super) fn applied(&self) -> Result<Option<Applied>, Unusable> {
        guarded(|| {
            let Some(bytes) = self.system.get(APPLIED)? else {
                return Ok(None);
            };
            Ok(Some(Applied::try_from(decode::<AppliedRecord>(&bytes)?)?))
        })
    }

    /// Whether a checkpoint was cut short: then the trees may be ahead of `applied`.
    pub(super) fn was_writing(&self) -> Result<bool, Unusable> {
        guarded(|| Ok(self.system.contains_key(WRITING)?))
    }

    /// Every piece of the documents under way, in order.
    pub(super) fn each_upload(
        &self,
        mut take: impl FnMut(StoredPiece<Locator>),
    ) -> Result<(), Unusable> {
        guarded(|| uploads::each(&self.uploads, &mut take))
    }

    /// A message that is not over.
    pub(super) fn live(&self, id: MessageId) -> Result<Option<Stored>, Unusable> {
        self.live.get(id)
    }

    /// A message that is over.
    pub(super) fn settled(&self, id: MessageId) -> Result<Option<Stored>, Unusable> {
        guarded(|| self.settled.get(id))
    }

    /// The message that used this submission key.
    pub(super) fn submission(&self, key: &Half) -> Result<Option<Earlier>, Unusable> {
        let found = self.keys.newest(&Key::submission(key))?;
        Ok(found.map(|value| keys::earlier(&value)).transpose()?)
    }

    /// The messages that replace the documents of this name, and those that go by it and asked for an
    /// answer.
    pub(super) fn led_to(&self, name: &Half) -> Result<Vec<MessageId>, Unusable> {
        let mut found = Vec::new();
        self.keys.each(&Key::leading(name), |key, _| {
            found.push(keys::led_to(key)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// The newest refusal with this key.
    pub(super) fn refusal(&self, key: &Half) -> Result<Option<Refused>, Unusable> {
        let found = self.keys.newest(&Key::refusal(key))?;
        let read = |value: Vec<u8>| Ok(Refused::try_from(decode::<RefusedRecord>(&value)?)?);
        found.map(read).transpose()
    }

    /// What it knows of a message's keys.
    pub(super) fn prior(&self, keys: &MessageKeys) -> Result<Prior, Unusable> {
        let mut documents = Vec::new();
        if let Some((document, _)) = &keys.document {
            self.keys.each(&Key::document(document), |_, value| {
                documents.push(keys::earlier(value)?);
                Ok(())
            })?;
        }
        Ok(Prior {
            submission: self.submission(&keys.submission)?,
            documents,
        })
    }

    /// The messages a query asks for that are over.
    pub(super) fn find(&self, query: &Query) -> Result<Page, Unusable> {
        guarded(|| {
            let mut failed = None;
            let newest_first = self.settled.newest_first(query.before);
            let messages =
                newest_first.map_while(|read| read.map_err(|error| failed = Some(error)).ok());
            let looked_at = messages.map(|message| (message.id, wanted(query, &message), message));
            let page = Page::fill(query.page_max, looked_at);
            failed.map_or(Ok(page), Err)
        })
    }

    /// Writes what changed up to `applied`.
    pub(super) fn write(
        &self,
        changed: &Changed<Located>,
        applied: &Applied,
    ) -> Result<(), Unusable> {
        guarded(|| {
            self.system.insert(WRITING, &[])?;
            let over = changed.entries.iter();
            self.settled
                .put(over.filter(|entry| entry.message.is_over()))?;
            // What is over is among the settled by now: whenever this is cut short, it is in one of the two.
            self.live.put(&changed.entries)?;
            keys::put(&self.keys, changed)?;
            uploads::put(&self.uploads, &changed.uploads)?;
            self.sync()?;
            failpoint::hit("before-applied")?;
            self.system.insert(
                APPLIED,
                encode(&AppliedRecord {
                    live_runs: self.live.last(),
                    keys: self.keys.last(),
                    settled: self.settled.end(),
                    ..AppliedRecord::from(applied)
                }),
            )?;
            self.system.remove(WRITING)?;
            Ok(())
        })
    }

    /// Keeps messages and keys in few files. `has_room` tells whether the disk has room for so many bytes.
    pub(super) fn tidy(&self, has_room: impl Fn(u64) -> bool) -> Result<(), Unusable> {
        self.live.tidy(&has_room)?;
        self.keys.tidy(&has_room)
    }

    /// Makes durable what was written. sled's own flush stops short of the disk.
    pub(super) fn sync(&self) -> Result<(), Unusable> {
        guarded(|| {
            self.db.flush()?;
            fs::File::open(self.path.join("db"))?.sync_data()?;
            Ok(())
        })
    }
}

/// What was removed, or was not there.
pub(super) fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Makes durable every file and directory of the index, and its name.
fn sync_all(path: &Path) -> Result<(), Unusable> {
    for entry in fs::read_dir(path)? {
        fs::File::open(entry?.path())?.sync_all()?;
    }
    fs::File::open(path)?.sync_all()?;
    if let Some(parent) = path.parent() {
        fs::File::open(parent)?.sync_all()?;
    }
    Ok(())
}
