//! The outbox beside the collected documents: what they ask to be answered, and the answers that are to
//! be sent. An answer is on disk before its document is acknowledged, and stays until the broker has it:
//! a collector that dies in between sends it when it is started again, under the same submission id.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use axle_model::answer::{ResponseCode, Stage};
use serde::{Serialize, de::DeserializeOwned};

use super::save::{Disk, uuid_of};
use crate::answer::{Question, Response};

/// The folder, within that of the documents.
const FOLDER: &str = ".answers";
/// What the file of a question ends in.
const ASKED: &str = "asked.json";
/// What the file of an answer to be sent ends in.
const TO_SEND: &str = "send.json";
/// What the file of an answer that the broker refused for good ends in.
const REFUSED: &str = "refused.json";

/// The outbox of a folder of documents.
#[derive(Clone, Debug)]
pub(super) struct Outbox {
    path: PathBuf,
}

/// An answer that waits to be sent.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    path: PathBuf,
    pub(super) response: Response,
}

impl Outbox {
    /// The outbox in `folder`; made when something is first put into it.
    pub(super) fn of(folder: &Path) -> Self {
        Self {
            path: folder.join(FOLDER),
        }
    }

    /// Keeps what a document asks, for who answers it later.
    pub(super) fn keep(&self, disk: &impl Disk, question: &Question) -> io::Result<()> {
        let name = format!("{}.{ASKED}", uuid_of(&question.delivery)?);
        self.place(disk, &name, question)
    }

    /// What a document asked, by its message's UUID; `None` when that is not known.
    pub(super) fn asked(&self, uuid: &str) -> io::Result<Option<Question>> {
        read(&self.path.join(format!("{uuid}.{ASKED}")))
    }

    /// Nobody will answer this any more.
    pub(super) fn forget(&self, uuid: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(format!("{uuid}.{ASKED}")))
    }

    /// Puts an answer in, unless one of its stage waits there already: a document that comes again is
    /// answered as it was before.
    pub(super) fn put(&self, disk: &impl Disk, response: &Response) -> io::Result<Waiting> {
        let name = name_of(response)?;
        let path = self.path.join(&name);
        if let Some(response) = read(&path)? {
            return Ok(Waiting { path, response });
        }
        self.place(disk, &name, response)?;
        Ok(Waiting {
            path,
            response: response.clone(),
        })
    }

    /// Everything that waits, in the order of the names.
    pub(super) fn waiting(&self) -> io::Result<Vec<Waiting>> {
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut waiting = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let is_waiting = path.to_string_lossy().ends_with(TO_SEND);
            if is_waiting && let Some(response) = read(&path)? {
                waiting.push(Waiting { path, response });
            }
        }
        waiting.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(waiting)
    }

    fn place(&self, disk: &impl Disk, name: &str, what: &impl Serialize) -> io::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.path)?;
        let temporary = self
            .path
            .join(format!(".{name}.{}.part", std::process::id()));
        disk.write_synced(&temporary, &serde_json::to_vec_pretty(what)?)?;
        disk.rename(&temporary, &self.path.join(name))?;
        disk.sync_folder(&self.path)?;
        // The folder's own name, which may be new.
        self.path
            .parent()
            .map_or(Ok(()), |parent| disk.sync_folder(parent))
    }
}

impl Waiting {
    /// The broker has it. A file that cannot be removed is sent again, and known.
    pub(super) fn sent(&self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }

    /// The broker will never take it: it is put aside, for a person to see.
    pub(super) fn refused(&self) -> io::Result<PathBuf> {
        let name = self.path.to_string_lossy();
        let aside = PathBuf::from(format!("{}{REFUSED}", name.trim_end_matches(TO_SEND)));
        fs::rename(&self.path, &aside)?;
        Ok(aside)
    }
}

fn name_of(response: &Response) -> io::Result<String> {
    let stage = ResponseCode::new(response.code).map(ResponseCode::stage);
    let stage = stage.map_or("", Stage::as_str);
    Ok(format!(
        "{}.{stage}.{TO_SEND}",
        uuid_of(&response.delivery)?
    ))
}

fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| {
            let what = format!("{}: {error}", path.display());
            io::Error::new(io::ErrorKind::InvalidData, what)
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
