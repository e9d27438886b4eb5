//! `compare`: plays a job against Axle and against another broker in turn, A B A B, and prints ratios.
//! The machine may be slow today, but then it is for both. The other broker is driven by any program
//! that prints its figures as a line of JSON, the last it prints, under the names below.

use std::{
    io::{self, Write as _},
    path::Path,
    process::{Command, ExitCode, Stdio},
};

use clap::Parser;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::Value;

/// One figure: what it is called, where the programs put it, and whether more is better.
struct Figure {
    name: &'static str,
    /// Paths within the line, those of `load` first.
    at: &'static [&'static str],
    more_is_better: bool,
}

const fn figure(name: &'static str, at: &'static [&'static str], more_is_better: bool) -> Figure {
    Figure {
        name,
        at,
        more_is_better,
    }
}

#[rustfmt::skip]
const FIGURES: &[Figure] = &[
    figure("documents/s", &["/documents_per_second", "/docs_per_s"], true),
    figure("submit p50, ms", &["/submit_ms/p50"], false),
    figure("submit p99, ms", &["/submit_ms/p99"], false),
    figure("end to end p50, ms", &["/end_to_end_ms/p50"], false),
    figure("end to end p99, ms", &["/end_to_end_ms/p99"], false),
    figure("broker CPU s / 1,000", &["/broker_cpu_seconds_per_1000", "/broker_cpu_s_per_1000"], false),
    figure("client CPU s / 1,000", &["/client_cpu_seconds_per_1000", "/client_cpu_s_per_1000"], false),
    figure("written / payload", &["/written_per_payload_byte", "/broker_write_amplification"], false),
];

/// Compares Axle with another broker, run by run.
#[derive(Debug, Parser)]
struct Arguments {
    /// The job, and whatever else `load` takes, as one text: "W2 --payload fhir"
    job: String,
    /// The program that plays the same job against the other broker; run by the shell
    #[arg(long, value_name = "COMMAND")]
    with: String,
    /// How often each is run
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

fn main() -> ExitCode {
    match compare(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody to tell when even that fails.
            let _ = writeln!(io::stderr(), "compare: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(arguments: &Arguments) -> io::Result<()> {
    let load = std::env::current_exe()?.with_file_name("load");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 1..=arguments.rounds.max(1) {
        ours.push(run(&ours_of(&load, &arguments.job))?);
        theirs.push(run(&arguments.with)?);
        writeln!(io::stderr(), "round {round} of {} done", arguments.rounds)?;
    }
    writeln!(io::stdout(), "{}", table(&ours, &theirs))
}

fn ours_of(load: &Path, job: &str) -> String {
    format!("'{}' {job}", load.display())
}

/// Runs a command to its end; the figures it printed last.
fn run(command: &str) -> io::Result<Value> {
    let output = Command::new("sh")
        .args(["-c", command])
        .stderr(Stdio::inherit())
        .output()?;
    let failed = |why: &str| io::Error::other(format!("{command}: {why}"));
    if !output.status.success() {
        return Err(failed(&output.status.to_string()));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = text.lines().rev();
    let mut figures = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    figures
        .next()
        .ok_or_else(|| failed("it printed no line of JSON"))
}

fn table(ours: &[Value], theirs: &[Value]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["", "Axle", "the other", "ratio", "lowest", "highest", ""]);
    for figure in FIGURES {
        let pairs: Vec<(f64, f64)> = ours
            .iter()
            .zip(theirs)
            .filter_map(|(ours, theirs)| Some((figure.of(ours)?, figure.of(theirs)?)))
            .collect();
        let ratios = pairs.iter().map(|(ours, theirs)| ours / theirs);
        let (Some(ratio), Some(low), Some(high)) = spread(ratios.collect()) else {
            continue;
        };
        let median = |side: fn(&(f64, f64)) -> f64| {
            let (median, ..) = spread(pairs.iter().map(side).collect());
            median.map_or_else(String::new, |median| format!("{median:.3}"))
        };
        let verdict = if (ratio > 1.0) == figure.more_is_better {
            "ahead"
        } else {
            "behind"
        };
        table.add_row([
            figure.name.to_owned(),
            median(|pair| pair.0),
            median(|pair| pair.1),
            format!("{ratio:.2}"),
            format!("{low:.2}"),
            format!("{high:.2}"),
            verdict.to_owned(),
        ]);
    }
    for column in 1..6 {
        if let Some(values) = table.column_mut(column) {
            values.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

impl Figure {
    fn of(&self, line: &Value) -> Option<f64> {
        let mut found = self.at.iter().filter_map(|path| line.pointer(path));
        found.find_map(Value::as_f64)
    }
}

/// The median, the lowest and the highest.
fn spread(mut values: Vec<f64>) -> (Option<f64>, Option<f64>, Option<f64>) {
    values.sort_by(f64::total_cmp);
    let median = values.get(values.len() / 2).copied();
    (median, values.first().copied(), values.last().copied())
}
