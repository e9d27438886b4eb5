//! `load`: plays a job against a broker in a process of its own and prints what it came to. Exit 0
//! only if nothing was lost, duplicated or refused.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use axle_benches::{
    estate::{EstateError, default_parent},
    load::{
        job::{Job, Name, Payload, Submit},
        process::{self, BROKER},
        run,
    },
};
use clap::Parser;
use mimalloc::MiMalloc;

// As in the daemon, which this program stands in for.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Puts load on a broker of its own: real mutual TLS, a real disk, practices that verify and
/// acknowledge every document.
#[derive(Debug, Parser)]
struct Arguments {
    /// The job.
    job: Name,
    /// What the documents are.
    #[arg(long, value_enum, default_value_t = Payload::Opaque)]
    payload: Payload,
    /// How they are submitted.
    #[arg(long, value_enum, default_value_t = Submit::Stream)]
    submit: Submit,
    /// How many practices share the mailboxes, each with a connection of its own.
    #[arg(long)]
    practices: Option<usize>,
    /// How long to measure, after a second of warm-up.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Where the broker keeps its documents meanwhile: a folder on the disk to be measured.
    #[arg(long, default_value_os_t = default_parent())]
    folder: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let done = match (arguments.next(), arguments.next()) {
        (Some(first), Some(file)) if first == BROKER => {
            process::serve(&PathBuf::from(file)).await.map(|()| true)
        }
        _ => play(&Arguments::parse()).await,
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Nobody to tell when even that fails.
            let _ = writeln!(io::stderr(), "load: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn play(arguments: &Arguments) -> Result<bool, EstateError> {
    let measured = Duration::from_secs(arguments.seconds);
    let mut job = Job::new(arguments.job, arguments.payload, arguments.submit, measured);
    if let Some(practices) = arguments.practices {
        job = job.over_practices(practices);
    }
    let outcome = run::run(&job, &arguments.folder).await?;
    let line = serde_json::to_string(&outcome).map_err(io::Error::from)?;
    let mut out = io::stdout();
    writeln!(out, "{}\n{line}", outcome.table())?;
    Ok(outcome.is_clean())
}
