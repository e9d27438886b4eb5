//! Soak: the crash tests at whatever numbers somebody has time for.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it speaks to a terminal"
)]

use std::{path::PathBuf, process::ExitCode};

use axle_tests::soak::{self, Outcome, Plan, Row};
use clap::Parser;

/// Runs a broker under load, breaks it, and checks that it kept its promise.
#[derive(Parser)]
struct Arguments {
    /// How it is broken.
    #[arg(value_enum)]
    row: Row,
    /// How often; each row has its own usual number.
    #[arg(long)]
    count: Option<u32>,
    /// Documents accepted before each time, for rows with load.
    #[arg(long)]
    accepted: Option<usize>,
    /// Repeats the documents and the moments of an earlier run.
    #[arg(long)]
    seed: Option<u64>,
    /// Keeps the history and the broker's log in this folder.
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
}

fn main() -> ExitCode {
    soak::serve().unwrap_or_else(prove)
}

#[tokio::main]
async fn prove() -> ExitCode {
    let arguments = Arguments::parse();
    let (count, accepted) = arguments.row.usual();
    let plan = Plan {
        count: arguments.count.unwrap_or(count),
        accepted: arguments.accepted.unwrap_or(accepted),
        seed: arguments.seed.unwrap_or_else(rand::random),
        keep: arguments.keep,
    };
    println!("seed {}", plan.seed);
    let outcome = arguments.row.run(&plan).await;
    let breaches = outcome.breaches();
    for breach in &breaches {
        eprintln!("{breach}");
    }
    println!("{outcome}");
    let skipped = matches!(outcome, Outcome::Skipped { .. });
    if breaches.is_empty() && !skipped {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
