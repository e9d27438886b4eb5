//! `verify`: has a stopped broker's whole store read, journal and index, and tells all that is
//! damaged, by file and offset. It repairs nothing.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use axle_store::embedded::verify as read_whole;
use clap::Args;

use super::{Exit, fail};
use crate::config::Config;

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

pub(super) fn verify(which: &Which, out: &mut impl Write) -> Exit {
    let directory = match &which.store {
        Some(directory) => directory.clone(),
        // One of the two is given, or the command line was refused.
        None => match Config::load(which.config.as_deref().unwrap_or(Path::new(""))) {
            Ok(config) => config.store.directory,
            Err(error) => return fail(Exit::BadConfiguration, &error),
        },
    };
    match read_whole(&directory) {
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
