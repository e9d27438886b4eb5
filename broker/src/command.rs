//! The command line of the daemon: what each command does, what it prints, and the exit codes that
//! service managers and scripts act on. It decides nothing about a document.

use std::{
    fmt::Display,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    time::Instant,
};

use axle_store::embedded::OpenError;
use clap::{Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};

use crate::clock::{Clock as _, SystemClock};

mod backup;
mod check;
mod demo;
mod serve;
mod verify;

/// Axle, a broker for clinical documents: from hospitals to practices, over gRPC and mutual TLS,
/// durable and delivered once.
#[derive(Debug, Parser)]
#[command(name = "axle-broker", version)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until SIGTERM; SIGHUP reads the directory, the routing table and the certificates again.
    Serve {
        /// The configuration, a TOML file.
        #[arg(long, env = "AXLE_CONFIG", value_name = "FILE")]
        config: PathBuf,
    },
    /// Look at everything the configuration names, and tell all that is wrong at once.
    Check {
        /// The configuration, a TOML file.
        #[arg(long, env = "AXLE_CONFIG", value_name = "FILE")]
        config: PathBuf,
    },
    /// Read a stopped broker's whole store, or a backup, and tell all that is damaged.
    Verify(verify::Which),
    /// Copy a store, in use or not, to another folder, and say up to which entry of the ledger.
    Backup(backup::Backup),
    /// Make a store of a backup.
    Restore(backup::Restore),
    /// Play the main job on this machine: a trust, two practices and a broker of their own.
    Demo(demo::Play),
}

/// How a command ended, by the numbers of sysexits.h. Wrong usage (2) is clap's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// As asked.
    Ok = 0,
    /// The demo saw something go otherwise than it should.
    Failed = 1,
    /// Stored data is damaged.
    BadData = 65,
    /// Something this machine should give is missing: an address, a disk.
    Unavailable = 69,
    /// Another process is in the way; later it may not be.
    TryAgain = 75,
    /// The configuration, or a file it names, cannot be used.
    BadConfiguration = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<&OpenError> for Exit {
    fn from(error: &OpenError) -> Self {
        match error {
            OpenError::InUse { .. } => Self::TryAgain,
            OpenError::Damaged { .. } | OpenError::Format { .. } => Self::BadData,
            OpenError::Key { .. } => Self::BadConfiguration,
            OpenError::Files { .. } | OpenError::Full { .. } | OpenError::Index { .. } => {
                Self::Unavailable
            }
        }
    }
}

/// Does what the command line asks, printing to standard output and errors to standard error. The
/// process was started at `started`.
pub fn run(arguments: Arguments, started: Instant) -> Exit {
    match arguments.command {
        Command::Serve { config } => serve::serve(&config),
        Command::Check { config } => check::check(&config, SystemClock.now(), &mut io::stdout()),
        Command::Verify(which) => verify::verify(&which, &mut io::stdout()),
        Command::Backup(arguments) => backup::backup(&arguments, &mut io::stdout()),
        Command::Restore(arguments) => backup::restore(&arguments, &mut io::stdout()),
        Command::Demo(play) => demo::demo(&play, started, &mut io::stdout()),
    }
}

/// Threads for a command that serves.
fn runtime() -> Result<Runtime, Exit> {
    let built = Builder::new_multi_thread().enable_all().build();
    built.map_err(|error| fail(Exit::Unavailable, &format!("starting threads: {error}")))
}

/// Tells why a command failed, and passes the exit code on.
fn fail(exit: Exit, why: &dyn Display) -> Exit {
    // With standard error closed there is nobody to tell.
    let _ = writeln!(io::stderr(), "{why}");
    exit
}

#[cfg(test)]
mod tests;
