//! `scale`: fills a store, measures how a broker starts on it and what load it bears, and the same with
//! an empty store in turn, A B A B. With several sizes it is the cost against the backlog.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use axle_benches::{
    estate::{Estate, EstateError, default_parent},
    lines,
    load::{
        job::{Job, Name, Payload, Submit},
        process,
    },
    scale::{Filling, Point, fill, measure},
};
use clap::{Parser, value_parser};
use comfy_table::{CellAlignment, Table, presets};
use tikv_jemallocator::Jemalloc;

// As in the daemon, which this program stands in for.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Measures a broker with many documents in its store beside one with none. All of them wait for
/// practices that are away, unless --waiting says otherwise; the load goes to mailboxes of its own.
#[derive(Debug, Parser)]
struct Arguments {
    /// The load.
    #[arg(default_value = "W2")]
    job: Name,
    /// How many documents the store holds; several numbers, ascending, for a curve.
    #[arg(
        long,
        value_name = "DOCUMENTS",
        default_value = "1000000",
        value_delimiter = ','
    )]
    documents: Vec<u64>,
    /// How many of 100 documents wait to be collected; the others were collected and acknowledged.
    #[arg(long, value_name = "PERCENT", default_value_t = 100,
        value_parser = value_parser!(u8).range(..=100))]
    waiting: u8,
    /// The mailboxes they are in.
    #[arg(long, default_value_t = 6_500, value_parser = value_parser!(u32).range(1..=99_999))]
    mailboxes: u32,
    /// How long each of them is.
    #[arg(long, default_value_t = 1_024)]
    body_bytes: usize,
    /// How often each of the two is measured.
    #[arg(long, default_value_t = 2)]
    rounds: usize,
    /// How long each load is measured.
    #[arg(long, default_value_t = 5, value_parser = value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Add what it came to to this file, as JSON, a line for each number of documents.
    #[arg(long, value_name = "FILE")]
    lines: Option<PathBuf>,
    /// Where the stores are meanwhile: a folder on the disk to be measured.
    #[arg(long, default_value_os_t = default_parent())]
    folder: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match process::serve_if_asked().await {
        Some(served) => served,
        None => scale(&Arguments::parse()).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody to tell when even that fails.
            let _ = writeln!(io::stderr(), "scale: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn scale(arguments: &Arguments) -> Result<(), EstateError> {
    if !arguments.documents.is_sorted() {
        let why =
            "--documents: the numbers must ascend, for one store is filled further and further";
        return Err(EstateError::Wish(why.to_owned()));
    }
    let seconds = Duration::from_secs(arguments.seconds);
    let job = Job::new(arguments.job, Payload::Opaque, Submit::Stream, seconds);
    let estate = Estate::new(&arguments.folder, job.practices, job.mailboxes)?;
    let mailboxes = usize::try_from(arguments.mailboxes).unwrap_or(usize::MAX);
    let filling = Arc::new(Filling {
        practices: estate.add_absent(mailboxes)?,
        waiting_percent: arguments.waiting,
        body_bytes: arguments.body_bytes,
    });
    let (store, mut filled) = (estate.store_path(), 0);
    let mut points = Vec::new();
    for &documents in &arguments.documents {
        let begun = Instant::now();
        fill(&store, &filling, filled..documents).await?;
        filled = documents;
        let seconds = begun.elapsed().as_secs_f64();
        writeln!(io::stderr(), "{documents} documents after {seconds:.0} s")?;
        let rounds = arguments.rounds;
        let point = measure(&job, &estate, &store, &filling, documents, rounds).await?;
        if let Some(file) = &arguments.lines {
            lines::append(file, &point)?;
        }
        points.push(point);
    }
    writeln!(io::stdout(), "{}\n{}", job.title(), table(&points))?;
    Ok(())
}

/// A column for each number of documents.
fn table(points: &[Point]) -> Table {
    let mib = |bytes: f64| format!("{:.0} MiB", bytes / (1024.0 * 1024.0));
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    let mut row = |name: &str, value: &dyn Fn(&Point) -> String| {
        let values = points.iter().map(value);
        table.add_row([name.to_owned()].into_iter().chain(values));
    };
    row("documents", &|point| point.documents.to_string());
    row("of them waiting", &|point| point.waiting.to_string());
    row("in mailboxes", &|point| point.mailboxes.to_string());
    row("on the disk", &|point| mib(point.store_bytes as f64));
    row("start", &|point| format!("{:.2} s", point.start_seconds));
    row("start after a kill", &|point| {
        format!("{:.2} s", point.start_after_kill_seconds)
    });
    row("memory after the start", &|point| {
        let bytes = point.rss_after_start_bytes;
        bytes.map_or_else(String::new, |bytes| mib(bytes as f64))
    });
    row("memory under load", &|point| {
        mib(point.filled.broker_memory_peak_bytes)
    });
    row("documents/s", &|point| {
        format!("{:.0}", point.filled.documents_per_second)
    });
    row("documents/s, empty", &|point| {
        format!("{:.0}", point.empty.documents_per_second)
    });
    row("ratio (lowest to highest)", &|point| {
        let Point {
            ratio,
            ratio_lowest,
            ratio_highest,
            ..
        } = point;
        format!("{ratio:.2} ({ratio_lowest:.2} to {ratio_highest:.2})")
    });
    row("broker CPU s / 1,000", &|point| {
        format!("{:.4}", point.filled.broker_cpu_seconds_per_1000)
    });
    row("the same, empty", &|point| {
        format!("{:.4}", point.empty.broker_cpu_seconds_per_1000)
    });
    row("submit p99", &|point| {
        format!("{:.1} ms", point.filled.submit_p99_ms)
    });
    row("the same, empty", &|point| {
        format!("{:.1} ms", point.empty.submit_p99_ms)
    });
    for column in 1..=points.len() {
        if let Some(values) = table.column_mut(column) {
            values.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use clap::Parser as _;

    use super::{Arguments, scale};

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split(' '))
    }

    #[tokio::test]
    async fn a_curve_is_a_list_of_numbers_that_ascend() {
        let curve = parse("scale W4 --documents 1000,10000").unwrap();
        assert_eq!(curve.documents, [1_000, 10_000]);
        let falling = parse("scale --documents 10000,1000").unwrap();
        let told = scale(&falling).await.unwrap_err().to_string();
        assert!(told.contains("--documents"), "{told}");
        for mistake in [
            "scale --waiting 101",
            "scale --mailboxes 0",
            "scale --documents many",
        ] {
            assert!(parse(mistake).is_err(), "{mistake}");
        }
    }
}
