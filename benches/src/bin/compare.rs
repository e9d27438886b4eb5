//! `compare`: plays a job against Axle and against others in turn, and prints them beside each other.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use axle_benches::{
    compare::{Comparison, Side},
    lines,
};
use axle_broker::clock::{Clock as _, SystemClock};
use clap::Parser;

/// Compares Axle with other brokers, run by run. Needs `load` built beside it.
#[derive(Debug, Parser)]
struct Arguments {
    /// The job, and whatever else `load` takes, as one text: "W2 --payload fhir"
    job: String,
    /// What the other is called, and the program that plays the same job against it, run by the shell;
    /// may be repeated
    #[arg(long = "with", value_name = "NAME=COMMAND", required = true)]
    others: Vec<Side>,
    /// How often each is run
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Add the medians to this file, as a line of JSON that `plot` reads
    #[arg(long, value_name = "FILE")]
    medians: Option<PathBuf>,
}

fn main() -> ExitCode {
    match compare(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody to tell when even that fails.
            let _ = writeln!(io::stderr(), "compare: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(arguments: Arguments) -> io::Result<()> {
    let load = std::env::current_exe()?.with_file_name("load");
    let mut sides = vec![Side {
        name: "Axle".to_owned(),
        command: format!("'{}' {}", load.display(), arguments.job),
    }];
    sides.extend(arguments.others);
    let rounds = arguments.rounds;
    let played = Comparison::play(&sides, rounds, |round| {
        writeln!(io::stderr(), "round {round} of {rounds} done")
    })?;
    writeln!(io::stdout(), "{}", played.table())?;
    match arguments.medians {
        Some(file) => {
            let at = SystemClock.now().to_string();
            lines::append(&file, &played.medians(&arguments.job, at))
        }
        None => Ok(()),
    }
}
