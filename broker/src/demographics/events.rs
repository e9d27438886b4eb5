//! Events in a folder: changes of practice and deaths, a message in a file each, as the client of an
//! event service's mailbox puts them there. The folder is their only home: the broker reads it and
//! never writes to it, so a new start reads what the last one did and goes back on nothing. Files may
//! be taken out once a snapshot is newer than they are.

use std::{
    collections::HashMap,
    ffi::OsString,
    fs::{self, File},
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use axle_core::registration::{Applied, DemographicEvent};
use axle_model::{
    digest::Digest,
    envelope::MediaType,
    format::{self, Limits},
    time::Timestamp,
};

/// The largest message of an event, in bytes; real ones have ten thousand.
const EVENT_BYTES_MAX: u64 = 1024 * 1024;
/// The most files that are kept track of.
const FILES_MAX: usize = 1_000_000;
/// How far ahead of this clock an event may be: one from the future would hide all that come.
const SKEW_MAX: Duration = Duration::from_secs(5 * 60);
/// Endings of files that are still being written.
const UNFINISHED: [&str; 4] = [".tmp", ".part", ".partial", ".new"];

/// A folder of events, and what was read of it.
#[derive(Debug)]
pub(super) struct EventFolder {
    path: PathBuf,
    read: HashMap<OsString, FileRead>,
    /// How often the folder was looked at.
    looks: u64,
    counts: EventCounts,
    /// Since when the folder or a file in it cannot be used.
    trouble: Option<Timestamp>,
}

/// A file that was read.
#[derive(Clone, Copy, Debug)]
struct FileRead {
    stamp: Stamp,
    usable: bool,
    /// The last look that found it there.
    look: u64,
}

/// What tells a file that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    /// When anything of it changed last, in seconds and nanoseconds.
    changed: (i64, i64),
    bytes: u64,
}

/// The events in the folder, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventCounts {
    /// They changed what is known.
    pub changed: u64,
    /// They were known, or something newer was.
    pub known: u64,
    /// They are about somebody who is not in the snapshot.
    pub strangers: u64,
    /// They cannot be believed or read, and are in the folder still: somebody must look.
    pub unusable: u64,
}

impl Stamp {
    pub(super) fn of(metadata: &fs::Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            bytes: metadata.len(),
        }
    }
}

impl EventFolder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            read: HashMap::new(),
            looks: 0,
            counts: EventCounts::default(),
            trouble: None,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) const fn trouble(&self) -> Option<Timestamp> {
        self.trouble
    }

    pub(super) const fn counts(&self) -> EventCounts {
        self.counts
    }

    /// Begins anew, so that every event is read once more.
    pub(super) fn forget(&mut self) {
        self.read.clear();
        self.counts = EventCounts::default();
    }

    /// Reads the files that are new or have changed, and does with each event what `apply` does.
    /// A file that cannot be used is counted and told by its digest, for its name may be a patient's.
    pub(super) fn read(
        &mut self,
        now: Timestamp,
        apply: impl FnMut(&DemographicEvent) -> Applied,
    ) -> io::Result<()> {
        let read = self.read_new(now, apply);
        if read.is_ok() && self.counts.unusable == 0 {
            self.trouble = None;
            return read;
        }
        if let (Err(error), None) = (&read, self.trouble) {
            let folder = self.path.display();
            tracing::error!(%folder, %error, "events of patients cannot be read");
        }
        self.trouble.get_or_insert(now);
        read
    }

    fn read_new(
        &mut self,
        now: Timestamp,
        mut apply: impl FnMut(&DemographicEvent) -> Applied,
    ) -> io::Result<()> {
        self.looks += 1;
        let look = self.looks;
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name();
            // Gone since it was listed: it will be missed below.
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            if !metadata.is_file() || is_unfinished(&name) {
                continue;
            }
            let stamp = Stamp::of(&metadata);
            if let Some(known) = self
                .read
                .get_mut(&name)
                .filter(|known| known.stamp == stamp)
            {
                known.look = look;
                continue;
            }
            if self.read.len() >= FILES_MAX {
                return Err(io::Error::other(format!(
                    "it holds more than {FILES_MAX} files: take out those that are older than the \
                     snapshot"
                )));
            }
            let usable = match read_event(&entry.path(), now) {
                Ok(event) => self.count(apply(&event)),
                Err(why) => {
                    tracing::warn!(%why, "an event of the demographics service cannot be used");
                    false
                }
            };
            let read = FileRead {
                stamp,
                usable,
                look,
            };
            self.read.insert(name, read);
        }
        self.read.retain(|_, file| file.look == look);
        let unusable = self.read.values().filter(|file| !file.usable).count();
        self.counts.unusable = unusable as u64;
        Ok(())
    }

    /// Counts what became of an event; whether it could be used.
    fn count(&mut self, applied: Applied) -> bool {
        let count = match applied {
            Applied::Changed => &mut self.counts.changed,
            Applied::Known => &mut self.counts.known,
            Applied::Stranger => &mut self.counts.strangers,
            Applied::Mismatch => {
                tracing::warn!(
                    "an event of the demographics service is not believed: its NHS number belongs \
                     to somebody with another date of birth or family name"
                );
                return false;
            }
        };
        *count += 1;
        true
    }
}

fn is_unfinished(name: &OsString) -> bool {
    let name = name.to_string_lossy();
    name.starts_with('.') || UNFINISHED.iter().any(|ending| name.ends_with(ending))
}

/// The event in a file, or why there is none; that holds nothing of the file but its digest.
fn read_event(path: &Path, now: Timestamp) -> Result<DemographicEvent, String> {
    let mut body = Vec::new();
    let opened =
        File::open(path).and_then(|file| file.take(EVENT_BYTES_MAX + 1).read_to_end(&mut body));
    opened.map_err(|error| format!("a file cannot be read: {}", error.kind()))?;
    let digest = Digest::of(&body);
    let unusable = |why: &dyn std::fmt::Display| {
        let beginning = digest.as_bytes().iter().take(8);
        let beginning: String = beginning.map(|byte| format!("{byte:02x}")).collect();
        format!("the file whose SHA-256 begins with {beginning}: {why}")
    };
    if body.len() as u64 > EVENT_BYTES_MAX {
        return Err(unusable(&format!(
            "it has more than {EVENT_BYTES_MAX} bytes"
        )));
    }
    let media_type = match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => MediaType::FhirJson,
        Some(_) | None => MediaType::FhirXml,
    };
    let facts = format::read(&media_type, &body, &Limits::default())
        .map_err(|malformed| unusable(&format!("it is not FHIR, at {}", malformed.path)))?;
    let event = DemographicEvent::of(&facts).map_err(|why| unusable(&why))?;
    if event.time > now.after(SKEW_MAX) {
        return Err(unusable(&"its time is in the future"));
    }
    Ok(event)
}

/// A change of practice as the event service writes it, told on 2 October 2026.
#[cfg(test)]
pub(super) fn message(number: &str, birth_date: &str, family: &str, practice: &str) -> String {
    format!(
        r#"<Bundle xmlns="http://hl7.org/fhir"><type value="message"/>
<entry><fullUrl value="urn:uuid:1f4d9c52-0000-4000-8000-000000000001"/><resource><MessageHeader>
<event><system value="https://fhir.nhs.uk/STU3/CodeSystem/EventType-1"/><code value="pds-change-of-gp-1"/></event>
<timestamp value="2026-10-02T09:00:00+00:00"/></MessageHeader></resource></entry>
<entry><fullUrl value="urn:uuid:1f4d9c52-0000-4000-8000-000000000002"/><resource><Patient>
<identifier><system value="https://fhir.nhs.uk/Id/nhs-number"/><value value="{number}"/></identifier>
<name><use value="official"/><family value="{family}"/></name><birthDate value="{birth_date}"/>
<generalPractitioner><reference value="urn:uuid:1f4d9c52-0000-4000-8000-000000000003"/></generalPractitioner></Patient></resource></entry>
<entry><fullUrl value="urn:uuid:1f4d9c52-0000-4000-8000-000000000003"/><resource><Organization>
<identifier><system value="https://fhir.nhs.uk/Id/ods-organization-code"/><value value="{practice}"/></identifier></Organization></resource></entry>
</Bundle>"#
    )
}
