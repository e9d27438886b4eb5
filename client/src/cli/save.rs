//! Putting a collected document on disk so that it may be acknowledged: under a temporary name,
//! synced, renamed, the folder synced. Names are made of the message's UUID and the media type only,
//! never of a text the sender chose.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use axle_model::{id::DeliveryId, mailbox::REPORT_WORKFLOW};
use axle_proto::v1::Message;
use serde::Serialize;

use super::view::MessageView;
use crate::collect::Received;

/// The folder documents are collected into.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

/// Where a document is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Saved {
    /// Its file.
    pub(super) path: PathBuf,
    /// Whether it was there already, byte for byte, from an earlier lease.
    pub(super) again: bool,
}

/// The steps that must happen in order; a trait so that a test can watch the order.
pub(super) trait Disk {
    /// Writes a new file, over an abandoned one, and waits until it is on disk.
    fn write_synced(&self, path: &Path, content: &[u8]) -> io::Result<()>;
    /// Gives the file its name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Waits until the names in the folder are on disk.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
}

/// The real one.
pub(super) struct RealDisk;

impl Disk for RealDisk {
    fn write_synced(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        // Documents are for their collector's eyes only.
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(content)?;
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}

impl Folder {
    /// The folder at `path`, created (mode 0700) if missing.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// Saves a document, and a `.meta.json` with what is known of it when `metadata`. When this
    /// returns it is on disk. A file of that name with other content is never touched.
    pub(super) fn save(
        &self,
        disk: &impl Disk,
        received: &Received,
        metadata: bool,
    ) -> io::Result<Saved> {
        let uuid = uuid_of(&received.name)?;
        let file = format!("{uuid}.{}", extension(&received.message));
        let path = self.path.join(&file);
        let again = holds(&path, &received.content)?;
        if metadata {
            let described = self.path.join(format!("{uuid}.meta.json"));
            self.place(disk, &described, &describe(received, &file)?)?;
        }
        if !again {
            self.place(disk, &path, &received.content)?;
        }
        // Also for a file that was there: its collector may have died before this step.
        disk.sync_folder(&self.path)?;
        Ok(Saved { path, again })
    }

    fn place(&self, disk: &impl Disk, path: &Path, content: &[u8]) -> io::Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // With the process id: two collectors of one folder must not write the same file.
        let temporary = self
            .path
            .join(format!(".{name}.{}.part", std::process::id()));
        disk.write_synced(&temporary, content)?;
        disk.rename(&temporary, path)
    }
}

/// The UUID of the message that a delivery is of.
pub(super) fn uuid_of(delivery: &str) -> io::Result<String> {
    let id = DeliveryId::parse(delivery)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    let name = id.message.to_string();
    Ok(name.strip_prefix("messages/").unwrap_or(&name).to_owned())
}

/// Whether the file at `path` holds exactly `content`; an error when it holds something else.
fn holds(path: &Path, content: &[u8]) -> io::Result<bool> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let mut found = Vec::with_capacity(content.len());
    file.take(content.len() as u64 + 1)
        .read_to_end(&mut found)?;
    if found == content {
        Ok(true)
    } else {
        let what = format!("{} exists already with other content", path.display());
        Err(io::Error::new(io::ErrorKind::AlreadyExists, what))
    }
}

fn extension(message: &Message) -> &'static str {
    // What the broker itself says of a document that was not delivered is not taken for a document.
    if message.workflow == REPORT_WORKFLOW {
        return "report.json";
    }
    match message.media_type.as_str() {
        "application/fhir+json" | "application/json" => "json",
        "application/fhir+xml" | "application/cda+xml" | "application/xml" | "text/xml" => "xml",
        "x-application/hl7-v2+er7" => "hl7",
        "application/pdf" => "pdf",
        "text/plain" => "txt",
        _ => "bin",
    }
}

fn describe(received: &Received, file: &str) -> io::Result<Vec<u8>> {
    #[derive(Serialize)]
    struct Description<'a> {
        delivery: &'a str,
        mailbox: &'a str,
        attempt: u32,
        file: &'a str,
        message: MessageView,
    }
    let description = Description {
        delivery: &received.name,
        mailbox: &received.mailbox,
        attempt: received.attempt,
        file,
        message: (&received.message).into(),
    };
    let mut text = serde_json::to_vec_pretty(&description)?;
    text.push(b'\n');
    Ok(text)
}

#[cfg(test)]
mod tests;
