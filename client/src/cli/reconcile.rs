//! `axle reconcile`: a trust's own list of what it sent, held against what the broker knows. Counts
//! first, then each problem with what to do.

mod manifest;
mod show;

use std::path::PathBuf;

use axle_model::time::Timestamp;

use super::{Outcome, print::Printer};
use crate::{connection::Client, error::Class, reconcile::Reconciliation};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The list: a submission id or a SHA-256 (64 hexadecimal digits) in each line; - for standard
    /// input. Of a .csv file the first column. Blank lines and lines that begin with # are skipped
    file: PathBuf,
    /// The list names everything accepted from this day or time on [default: 35 days before --until]
    #[arg(long, value_name = "TIME", value_parser = manifest::first_moment)]
    since: Option<Timestamp>,
    /// And up to this day or time, for example 2026-11-22 or 2026-11-22T18:00:00Z [default: now]
    #[arg(long, value_name = "TIME", value_parser = manifest::last_moment)]
    until: Option<Timestamp>,
}

/// Reconciles. Exit code 0 when all of the list was delivered and nothing else was; 75 when some of it
/// is only still pending; 65 when there is anything to do.
pub(super) async fn run(client: &Client, arguments: Arguments, printer: &mut Printer) -> Outcome {
    let mut manifest = manifest::read(&arguments.file)?;
    (manifest.from, manifest.to) = (arguments.since, arguments.until);
    let answer = client.reconcile(&manifest).await?;
    show::print(printer, &answer);
    Ok(exit_code(&answer))
}

fn exit_code(answer: &Reconciliation) -> u8 {
    let summary = &answer.summary;
    let delivered = summary.delivered_count + summary.pending_count;
    if delivered < summary.entry_count || summary.unknown_to_manifest_count > 0 {
        Class::Refused.exit_code()
    } else if summary.pending_count > 0 {
        Class::TryAgain.exit_code()
    } else {
        0
    }
}

#[cfg(test)]
mod tests;
