//! A draft of a register: records are added one by one, as they come from a file, and become a
//! register together or not at all. A record that cannot be read is left out and told, for one
//! undertaker's typing error must not keep a whole country's mergers from being known; but a set in
//! which many cannot be read is something else than it should be, and is refused whole.

use std::{collections::BTreeMap, fmt};

use axle_model::{day::Day, ods::OdsCode, time::Timestamp};
use sha2::{Digest as _, Sha256};

use super::{
    organisation::{Succession, SuccessionKind},
    record,
    register::{Heir, Packed, PackedRelation, PackedRole, Register, key},
};

mod read;

/// The longest record. The longest real ones are a tenth of it.
pub const RECORD_BYTES_MAX: usize = 1 << 20;
/// The most organisations: several times what the service has ever listed.
pub const ORGANISATIONS_MAX: usize = 1_000_000;
/// Of the records that are left out, so many are told one by one.
pub const FAULTS_TOLD_MAX: usize = 100;
/// One record in so many may be left out; with more the whole set is refused.
pub const RECORDS_PER_FAULT_MIN: usize = 100;
/// The most different ids of roles and relationships; the service has a few hundred.
const WORDS_MAX: usize = 10_000;
/// How far a set may be dated ahead of this machine's clock.
const AHEAD_MAX: std::time::Duration = std::time::Duration::from_hours(24);

/// Where a record stands, in terms of whoever reads the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Which file, from 0.
    pub file: u32,
    /// Which line of it, from 1.
    pub line: u32,
}

/// A record that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where it stands.
    pub place: Place,
    /// What is wrong with it.
    pub what: String,
}

/// The records of a set that cannot be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    count: usize,
    told: Vec<Fault>,
}

/// Why a set of records cannot be a register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// What is wrong with it as a whole.
    pub what: String,
    /// The records of it that cannot be read.
    pub faults: Faults,
}

/// A register in the making.
#[derive(Debug, Default)]
pub struct Draft {
    digest: Sha256,
    manifest: Option<Result<Manifest, String>>,
    faults: Faults,
    /// Records of organisations, read or not.
    records: usize,
    found: Vec<Found>,
    names: String,
    words: BTreeMap<Box<str>, u16>,
    roles: Vec<PackedRole>,
    relations: Vec<PackedRelation>,
    successions: Vec<Succession>,
}

/// What a manifest says.
#[derive(Clone, Copy, Debug)]
struct Manifest {
    taken: Timestamp,
    organisations: usize,
}

/// An organisation found, and where.
#[derive(Debug)]
struct Found {
    code: OdsCode,
    place: Place,
    digest: [u8; 32],
    packed: Packed,
}

impl Faults {
    /// How many there are.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// The first of them.
    pub fn told(&self) -> &[Fault] {
        &self.told
    }

    fn add(&mut self, place: Place, what: impl Into<String>) {
        self.count += 1;
        if self.told.len() < FAULTS_TOLD_MAX {
            let what = what.into();
            self.told.push(Fault { place, what });
        }
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl Draft {
    /// Adds a record: the JSON of an organisation, or the manifest.
    pub fn add(&mut self, place: Place, text: &[u8]) {
        if text.len() > RECORD_BYTES_MAX {
            self.add_oversized(place);
            return;
        }
        let digest = Sha256::digest(text);
        self.digest.update(digest);
        match serde_json::from_slice(text) {
            Ok(record::Line {
                organisation: Some(organisation),
                manifest: None,
            }) => {
                self.records += 1;
                let whole = self.lengths();
                if let Err(what) = self.read(place, digest.into(), &organisation) {
                    self.cut(whole);
                    self.faults.add(place, what);
                }
            }
            Ok(record::Line {
                organisation: None,
                manifest: Some(manifest),
            }) => self.read_manifest(manifest.get()),
            Ok(record::Line { .. }) => {
                self.records += 1;
                let what = "it must be one {\"Organisation\": …} or one {\"Manifest\": …}";
                self.faults.add(place, what);
            }
            Err(error) => {
                self.records += 1;
                self.faults.add(place, read::worded(&error));
            }
        }
    }

    /// Counts a record that is too long, without its text.
    pub fn add_oversized(&mut self, place: Place) {
        self.records += 1;
        let what = format!("it is longer than {RECORD_BYTES_MAX} bytes");
        self.faults.add(place, what);
    }

    /// The register that the records come to, if they do. `modified` is when the files were last
    /// written, by which the set is dated unless a manifest dates it.
    pub fn finish(mut self, modified: Timestamp, now: Timestamp) -> Result<Register, Unusable> {
        self.leave_out_doubles();
        if let Err(what) = self.judge(modified, now) {
            let faults = self.faults;
            return Err(Unusable { what, faults });
        }
        let taken = self.taken(modified).min(now);
        let digest = self.digest.finalize();
        let beginning: String = digest.iter().take(4).map(|b| format!("{b:02x}")).collect();
        let mut heirs = heirs(&self.found, &self.successions);
        heirs.sort_unstable();
        heirs.dedup();
        // By their number, which is the order in which they were found.
        let mut words: Vec<(u16, Box<str>)> = self
            .words
            .into_iter()
            .map(|(id, word)| (word, id))
            .collect();
        words.sort_unstable();
        let (codes, entries): (Vec<OdsCode>, Vec<_>) = self
            .found
            .into_iter()
            .map(|one| (one.code, one.packed))
            .unzip();
        Ok(Register {
            version: format!("{}-{beginning}", Day::in_uk(taken)).into(),
            taken,
            has_manifest: self.manifest.is_some(),
            faults: self.faults,
            keys: codes.iter().copied().map(key).collect(),
            codes: codes.into(),
            entries: entries.into(),
            names: self.names.into(),
            words: words.into_iter().map(|(_, id)| id).collect(),
            roles: self.roles.into(),
            relations: self.relations.into(),
            successions: self.successions.into(),
            heirs: heirs.into(),
        })
    }

    /// Sorts what was found. Two records of one organisation that differ contradict each other:
    /// neither is taken.
    fn leave_out_doubles(&mut self) {
        self.found.sort_by_key(|one| (one.code, one.place));
        let faults = &mut self.faults;
        let mut kept = Vec::with_capacity(self.found.len());
        let mut all = std::mem::take(&mut self.found).into_iter().peekable();
        while let Some(first) = all.next() {
            let (mut last, mut differ) = (first.place, false);
            while let Some(next) = all.next_if(|next| next.code == first.code) {
                differ |= next.digest != first.digest;
                last = next.place;
            }
            if differ {
                let what = format!("{} is listed twice, and not the same", first.code);
                faults.add(first.place, what.clone());
                faults.add(last, what);
            } else {
                kept.push(first);
            }
        }
        self.found = kept;
    }

    /// Whether the set as a whole can be what it should be.
    fn judge(&self, modified: Timestamp, now: Timestamp) -> Result<(), String> {
        if self.found.is_empty() {
            return Err("it holds no organisation that can be read".to_owned());
        }
        if self.records > ORGANISATIONS_MAX {
            return Err(format!(
                "it holds more than {ORGANISATIONS_MAX} organisations"
            ));
        }
        let faults = self.faults.count;
        if faults > self.records / RECORDS_PER_FAULT_MIN {
            return Err(format!(
                "{faults} of its {} records cannot be read, which is more than one in \
                 {RECORDS_PER_FAULT_MIN}",
                self.records
            ));
        }
        match &self.manifest {
            Some(Err(what)) => return Err(what.clone()),
            Some(Ok(Manifest { organisations, .. })) if *organisations != self.records => {
                return Err(format!(
                    "its manifest promises {organisations} organisations, and there are {}: it was \
                     cut, or is still being written",
                    self.records
                ));
            }
            Some(Ok(_)) | None => {}
        }
        let taken = self.taken(modified);
        if taken > now.after(AHEAD_MAX) {
            return Err(format!("it is dated {taken}, which is yet to come"));
        }
        Ok(())
    }

    fn taken(&self, modified: Timestamp) -> Timestamp {
        match &self.manifest {
            Some(Ok(manifest)) => manifest.taken,
            Some(Err(_)) | None => modified,
        }
    }
}

/// Who took over from whom, as either of the two says.
fn heirs(found: &[Found], successions: &[Succession]) -> Vec<Heir> {
    let said = found.iter().flat_map(|one| {
        let range = one.packed.successions.start as usize..one.packed.successions.end as usize;
        let own = successions.get(range).unwrap_or_default();
        own.iter().map(move |succession| {
            let (of, heir) = match succession.kind {
                SuccessionKind::Successor => (one.code, succession.target),
                SuccessionKind::Predecessor => (succession.target, one.code),
            };
            let start = succession.start;
            Heir { of, heir, start }
        })
    });
    said.collect()
}
