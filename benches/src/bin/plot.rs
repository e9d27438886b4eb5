//! `plot`: draws what the other programs measured, as SVG.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use axle_benches::{lines, plot};
use clap::{Parser, Subcommand};

/// Draws what was measured.
#[derive(Debug, Parser)]
struct Arguments {
    /// What to draw
    #[command(subcommand)]
    what: What,
    /// The folder the picture goes into
    #[arg(long, global = true, default_value_os_t = results())]
    into: PathBuf,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Throughput, memory and disk use over time, into long.svg
    Long {
        /// What `load --samples FILE` wrote
        file: PathBuf,
    },
    /// The cost against the number of documents stored, into backlog.svg
    Backlog {
        /// What `scale --lines FILE` wrote
        file: PathBuf,
    },
    /// Axle beside others, job by job, into peers.svg
    Peers {
        /// What `compare --medians FILE` wrote
        file: PathBuf,
        /// Which figure, as `compare` calls it
        #[arg(long, default_value = "documents/s")]
        figure: String,
    },
}

fn results() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("results")
}

fn main() -> ExitCode {
    match draw(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody to tell when even that fails.
            let _ = writeln!(io::stderr(), "plot: {error}");
            ExitCode::FAILURE
        }
    }
}

fn draw(arguments: &Arguments) -> io::Result<()> {
    let (name, picture) = match &arguments.what {
        What::Long { file } => ("long.svg", plot::long(&lines::read(file)?)?),
        What::Backlog { file } => ("backlog.svg", plot::backlog(&lines::read(file)?)?),
        What::Peers { file, figure } => ("peers.svg", plot::peers(&lines::read(file)?, figure)?),
    };
    fs::create_dir_all(&arguments.into)?;
    let path = arguments.into.join(name);
    fs::write(&path, picture.svg()?)?;
    writeln!(io::stdout(), "{}", path.display())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_are_in_order() {
        super::Arguments::command().debug_assert();
    }
}
