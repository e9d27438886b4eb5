//! `backup` and `restore`: a copy of a store, good up to a stated entry, and a store made of such a
//! copy. The broker may run while it is backed up; it is not asked, and not held up.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use axle_store::embedded::{self, Stated};
use clap::Args;

use super::{Exit, fail};
use crate::clock::{Clock as _, SystemClock};

/// What is backed up, and where to.
#[derive(Debug, Args)]
pub(super) struct Backup {
    #[command(flatten)]
    which: super::verify::Which,
    /// A folder that is not there yet; best on another disk.
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
}

/// What is restored, and where to.
#[derive(Debug, Args)]
pub(super) struct Restore {
    /// A backup.
    #[arg(long, value_name = "FOLDER")]
    from: PathBuf,
    /// The store's folder, which must be empty or not there yet.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    #[command(flatten)]
    key: super::verify::Key,
}

pub(super) fn backup(arguments: &Backup, out: &mut impl Write) -> Exit {
    let (directory, keys) = match arguments.which.found() {
        Ok(found) => found,
        Err(error) => return fail(Exit::BadConfiguration, &error),
    };
    match embedded::backup(&directory, &arguments.to, keys.as_ref()) {
        Ok(stated) => {
            tell(out, "backed up to", &arguments.to, &stated);
            Exit::Ok
        }
        Err(error) => fail(Exit::from(&error), &error),
    }
}

pub(super) fn restore(arguments: &Restore, out: &mut impl Write) -> Exit {
    let keys = match arguments.key.read() {
        Ok(keys) => keys,
        Err(error) => return fail(Exit::BadConfiguration, &error),
    };
    match embedded::restore(&arguments.from, &arguments.to, keys.as_ref()) {
        Ok(stated) => {
            tell(out, "restored to", &arguments.to, &stated);
            let _ = writeln!(
                out,
                "The first start rebuilds the index. What was accepted after this backup is not in \
                 it: have every trust run `axle reconcile`."
            );
            Exit::Ok
        }
        Err(error) => fail(Exit::from(&error), &error),
    }
}

/// Says what a backup holds, and how old it is.
pub(super) fn tell(out: &mut impl Write, what: &str, folder: &Path, stated: &Stated) {
    let age = SystemClock.now().since(stated.newest);
    // With standard output closed the exit code still tells.
    let _ = writeln!(
        out,
        "{what} {}: every entry of the ledger up to {} (chain {}), {} segments, {} bytes",
        folder.display(),
        stated.entries,
        stated.chain,
        stated.segments,
        stated.bytes
    );
    if stated.entries > 0 {
        let newest = stated.newest;
        let _ = writeln!(
            out,
            "the newest entry is of {newest}, {} s ago",
            age.as_secs()
        );
    }
}
