//! The history of a run, one JSON line for each thing a client did or was told: appended before a
//! request is sent and after its answer came, so that what was under way when something died is
//! known to have been under way. Ids and digests only, no document.

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::Path,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use serde::{Deserialize, Serialize};

use crate::documents::now;

/// A submission, as its sender names it: the sender's ODS code and the submission id.
pub type Key = (String, String);

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Microseconds since 1970, by this machine's clock.
    pub wall_micros: u64,
    /// Microseconds since the history began, by a clock that only goes forward.
    pub elapsed_micros: u64,
    /// What was done or told.
    #[serde(flatten)]
    pub what: What,
}

/// What a client did or was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum What {
    /// A submit is about to be sent.
    Invoke {
        /// Which submission.
        key: Key,
        /// To whom, by ODS code.
        recipients: Vec<String>,
        /// What, by its SHA-256 in hexadecimal.
        sha256: String,
    },
    /// The sender has a receipt.
    Ok {
        /// Which submission.
        key: Key,
        /// messages/UUID.
        message: String,
    },
    /// The submit was refused.
    Fail {
        /// Which submission.
        key: Key,
        /// The reason on the wire.
        reason: String,
    },
    /// No answer came: the document may be stored, or not.
    Unknown {
        /// Which submission.
        key: Key,
    },
    /// A collector was given a document.
    Delivered {
        /// Which submission, as the delivery says.
        key: Key,
        /// messages/UUID/deliveries/ODS.
        delivery: String,
        /// The organisation of the collector's certificate.
        by: String,
        /// When its lease was given, in microseconds since 1970 by the broker's clock: this machine's.
        leased_micros: u64,
        /// What, by the SHA-256 of the bytes that arrived.
        sha256: String,
    },
    /// A collector's acknowledgement was confirmed.
    Acknowledged {
        /// Which submission.
        key: Key,
        /// messages/UUID/deliveries/ODS.
        delivery: String,
    },
    /// A collector's acknowledgement was confirmed though, before it was sent, another lease of the
    /// delivery had been given out.
    AcknowledgedLate {
        /// Which submission.
        key: Key,
        /// messages/UUID/deliveries/ODS.
        delivery: String,
    },
    /// A collector's acknowledgement was not confirmed: it may count, or not.
    AcknowledgeUnknown {
        /// Which submission.
        key: Key,
        /// messages/UUID/deliveries/ODS.
        delivery: String,
    },
    /// What the sender was told of a delivery at the end.
    State {
        /// Which submission.
        key: Key,
        /// messages/UUID/deliveries/ODS.
        delivery: String,
        /// The state in a word, for example `acknowledged`.
        state: String,
    },
}

/// A history that is being written.
pub struct History {
    file: Mutex<BufWriter<File>>,
    begun: Instant,
}

impl History {
    /// Begins a history in a new file.
    pub fn create(path: &Path) -> Self {
        Self {
            file: Mutex::new(BufWriter::new(File::create(path).expect("a history file"))),
            begun: Instant::now(),
        }
    }

    /// Appends a line.
    pub fn record(&self, what: What) {
        let elapsed = self.begun.elapsed().as_micros();
        let entry = Entry {
            wall_micros: now().as_micros(),
            elapsed_micros: u64::try_from(elapsed).unwrap_or(u64::MAX),
            what,
        };
        let mut line = serde_json::to_vec(&entry).expect("an entry is JSON");
        line.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&line).expect("room for the history");
    }

    /// Reads back what there is of it.
    pub fn so_far(&self, path: &Path) -> Vec<Entry> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.flush().expect("room for the history");
        read(path)
    }

    /// Ends it and reads it back.
    pub fn finish(self, path: &Path) -> Vec<Entry> {
        let mut file = self
            .file
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        file.flush().expect("room for the history");
        read(path)
    }
}

/// Reads a history.
pub fn read(path: &Path) -> Vec<Entry> {
    let text = fs::read_to_string(path).expect("a history file");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a line of a history"))
        .collect()
}
