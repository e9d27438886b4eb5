//! `verify`: has a stopped broker's whole store read, journal and index, and tells all that is
//! damaged, by file and offset. It repairs nothing.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use axle_store::embedded::{MasterKeys, is_backup, verify as read_whole, verify_backup};
use clap::Args;

use super::{Exit, backup::tell, fail};
use crate::{
    config::{Config, ConfigError, KeySource, Store},
    master_keys,
};

/// Whose store.
#[derive(Debug, Args)]
pub(super) struct Which {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    key: Key,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Place {
    /// That of the broker with this configuration.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The one in this folder.
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
}

/// What opens it.
#[derive(Debug, Args)]
pub(super) struct Key {
    /// The key of an encrypted store, unless the configuration names it.
    #[arg(long, env = "AXLE_STORE_KEY_FILE", value_name = "FILE")]
    key_file: Option<PathBuf>,
}

impl Key {
    /// The key that was named, if any.
    pub(super) fn read(&self) -> Result<Option<MasterKeys>, ConfigError> {
        let source = self.key_file.clone().map(KeySource::File);
        source.as_ref().map(master_keys::read).transpose()
    }
}

impl Which {
    /// The folder of the store, and its key.
    pub(super) fn found(&self) -> Result<(PathBuf, Option<MasterKeys>), ConfigError> {
        if let Some(directory) = &self.place.store {
            return Ok((directory.clone(), self.key.read()?));
        }
        // One of the two is given, or the command line was refused.
        let config = self.place.config.as_deref().unwrap_or(Path::new(""));
        let Store { directory, key, .. } = Config::load(config)?.store;
        let keys = match &key {
            Some(source) => Some(master_keys::read(source)?),
            None => self.key.read()?,
        };
        Ok((directory, keys))
    }
}

pub(super) fn verify(which: &Which, out: &mut impl Write) -> Exit {
    let (directory, keys) = match which.found() {
        Ok(found) => found,
        Err(error) => return fail(Exit::BadConfiguration, &error),
    };
    let read = match is_backup(&directory) {
        true => verify_backup(&directory, keys.as_ref()).map(|(stated, report)| {
            tell(out, "a backup in", &directory, &stated);
            report
        }),
        false => read_whole(&directory, keys.as_ref()),
    };
    match read {
        Ok(report) => {
            // With standard output closed the exit code still tells.
            let _ = writeln!(out, "{report}");
            if report.is_sound() {
                Exit::Ok
            } else {
                Exit::BadData
            }
        }
        Err(error) => fail(Exit::from(&error), &error),
    }
}
