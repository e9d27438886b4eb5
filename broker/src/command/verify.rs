//! `verify`: has a stopped broker's whole store read, journal and index, and tells all that is
//! damaged, by file and offset. It repairs nothing.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use axle_store::embedded::{is_backup, verify as read_whole, verify_backup};
use clap::Args;

use super::{Exit, backup::tell, fail};
use crate::config::{Config, ConfigError};

/// Whose store.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Which {
    /// That of the broker with this configuration.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The one in this folder.
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
}

impl Which {
    /// The folder of the store.
    pub(super) fn directory(
        &self,
        load: impl FnOnce(&Path) -> Result<Config, ConfigError>,
    ) -> Result<PathBuf, ConfigError> {
        match &self.store {
            Some(directory) => Ok(directory.clone()),
            // One of the two is given, or the command line was refused.
            None => load(self.config.as_deref().unwrap_or(Path::new("")))
                .map(|config| config.store.directory),
        }
    }
}

pub(super) fn verify(which: &Which, out: &mut impl Write) -> Exit {
    let directory = match which.directory(Config::load) {
        Ok(directory) => directory,
        Err(error) => return fail(Exit::BadConfiguration, &error),
    };
    let read = match is_backup(&directory) {
        true => verify_backup(&directory).map(|(stated, report)| {
            tell(out, "a backup in", &directory, &stated);
            report
        }),
        false => read_whole(&directory),
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
