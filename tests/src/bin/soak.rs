//! Soak: the crash tests at whatever numbers somebody has time for.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it speaks to a terminal"
)]

use std::{path::PathBuf, process::ExitCode};

use axle_tests::soak::{self, Plan};
use clap::{Parser, Subcommand};

/// Runs a broker under load, breaks it, and checks that it kept its promise.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    fault: Fault,
}

#[derive(Subcommand)]
enum Fault {
    /// `kill -9` at random moments; everything accepted must be delivered, once, to its recipient.
    Kill {
        /// How often.
        #[arg(long, default_value_t = 20)]
        count: u32,
        /// Documents accepted before each kill.
        #[arg(long, default_value_t = 1_000)]
        accepted: usize,
        /// Repeats the documents and the moments of an earlier run.
        #[arg(long)]
        seed: Option<u64>,
        /// Keeps the history and the broker's log in this folder.
        #[arg(long, value_name = "FOLDER")]
        keep: Option<PathBuf>,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let Fault::Kill {
        count,
        accepted,
        seed,
        keep,
    } = Arguments::parse().fault;
    let seed = seed.unwrap_or_else(rand::random);
    println!("seed {seed}");
    let plan = Plan {
        cycles: count,
        accepted_per_cycle: accepted,
        seed,
        keep,
    };
    let verdict = soak::kill(&plan).await;
    for breach in verdict.breaches() {
        eprintln!("{breach}");
    }
    println!("{verdict}");
    if verdict.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
