//! Comparing: Axle and others play the same job in turn, A B C A B C, and what counts is the ratio
//! between two runs that were next to each other. The machine may be slow today, but then it is for all.
//! Each is played by any program that prints its figures as a line of JSON, the last it prints.

use std::{
    collections::BTreeMap,
    io,
    process::{Command, Stdio},
    str::FromStr,
};

use comfy_table::{CellAlignment, Table, presets};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::spread::Spread;

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

/// Who plays, and the program that plays for it; written `NAME=COMMAND`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// What it is called in results.
    pub name: String,
    /// Run by the shell.
    pub command: String,
}

impl FromStr for Side {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, command) = text.split_once('=').unwrap_or_default();
        if name.is_empty() || command.is_empty() || name.contains(char::is_whitespace) {
            return Err(
                "expected a name without spaces and a command, as in NATS='./nats-load W2'",
            );
        }
        Ok(Self {
            name: name.to_owned(),
            command: command.to_owned(),
        })
    }
}

/// What the sides printed: for each its figures, round by round.
#[derive(Debug)]
pub struct Comparison {
    sides: Vec<(String, Vec<Value>)>,
}

/// The medians of a comparison, a line of a file that others draw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Medians {
    /// When, in RFC 3339.
    pub at: String,
    /// The job, and whatever else was asked for.
    pub job: String,
    /// How often each side played it.
    pub rounds: usize,
    /// The sides, in their order.
    pub sides: Vec<SideMedians>,
}

/// The medians of one side, by the name of the figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SideMedians {
    /// What it is called.
    pub name: String,
    /// Its figures.
    pub figures: BTreeMap<String, f64>,
}

impl Comparison {
    /// Has each side play in turn, `rounds` times, and tells of each round that is done. Ends with the first
    /// that fails.
    pub fn play(
        sides: &[Side],
        rounds: usize,
        mut done: impl FnMut(usize) -> io::Result<()>,
    ) -> io::Result<Self> {
        let names = sides.iter().map(|side| side.name.clone());
        let mut played: Vec<_> = names.map(|name| (name, Vec::new())).collect();
        for round in 1..=rounds.max(1) {
            for (side, (_, figures)) in sides.iter().zip(&mut played) {
                figures.push(run(&side.command)?);
            }
            done(round)?;
        }
        Ok(Self { sides: played })
    }

    /// The first side beside each of the others: medians, and the ratios of each round.
    pub fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN);
        let Some(((first, ours), others)) = self.sides.split_first() else {
            return table;
        };
        let mut header = vec![String::new(), first.clone()];
        for (other, _) in others {
            header.extend([other.clone(), format!("{first} / {other}")]);
        }
        let columns = header.len();
        table.set_header(header);
        for figure in FIGURES {
            let Some(median) = figure.median(ours) else {
                continue;
            };
            let mut row = vec![figure.name.to_owned(), format!("{median:.3}")];
            for (_, theirs) in others {
                let median = figure.median(theirs);
                row.push(median.map_or_else(String::new, |median| format!("{median:.3}")));
                row.push(figure.against(ours, theirs));
            }
            table.add_row(row);
        }
        for column in 1..columns {
            if let Some(values) = table.column_mut(column) {
                values.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
    }

    /// The medians of all sides.
    pub fn medians(&self, job: &str, at: String) -> Medians {
        let medians = |values: &Vec<Value>| {
            let figures = FIGURES.iter();
            let known = figures.filter_map(|it| Some((it.name.to_owned(), it.median(values)?)));
            known.collect()
        };
        let sides = self.sides.iter().map(|(name, values)| SideMedians {
            name: name.clone(),
            figures: medians(values),
        });
        Medians {
            at,
            job: job.to_owned(),
            rounds: self.sides.first().map_or(0, |(_, values)| values.len()),
            sides: sides.collect(),
        }
    }
}

impl Figure {
    fn of(&self, line: &Value) -> Option<f64> {
        let mut found = self.at.iter().filter_map(|path| line.pointer(path));
        found.find_map(Value::as_f64)
    }

    fn median(&self, lines: &[Value]) -> Option<f64> {
        let figures = lines.iter().filter_map(|line| self.of(line));
        Spread::of(figures).map(|spread| spread.median)
    }

    /// The ratios of each round in a few words; empty when one side does not tell the figure.
    fn against(&self, ours: &[Value], theirs: &[Value]) -> String {
        let rounds = ours.iter().zip(theirs);
        let ratios = rounds.filter_map(|(ours, theirs)| Some(self.of(ours)? / self.of(theirs)?));
        let Some(ratio) = Spread::of(ratios) else {
            return String::new();
        };
        let Spread {
            median,
            lowest,
            highest,
        } = ratio;
        let verdict = match (median > 1.0) == self.more_is_better {
            true => "ahead",
            false => "behind",
        };
        format!("{median:.2} ({lowest:.2} to {highest:.2}), {verdict}")
    }
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
    let mut figures = lines.filter_map(|line| serde_json::from_str(line).ok());
    let figures = figures.find(Value::is_object);
    figures.ok_or_else(|| failed("it printed no line of JSON"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::fs;

    use super::{Comparison, Side};

    /// A program that notes its turn, and that is one document a second faster each time.
    fn side(name: &str, first: u32, key: &str, folder: &str) -> Side {
        Side {
            name: name.to_owned(),
            command: format!(
                "cd {folder}; echo {name} >> turns; echo starting; n=$(grep -c {name} turns); \
                 echo \"{{\\\"{key}\\\": $(({first} * n)), \\\"submit_ms\\\": {{\\\"p99\\\": 5}}}}\"; echo bye"
            ),
        }
    }

    #[test]
    fn sides_play_in_turn_and_ratios_are_of_the_runs_of_one_round() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display().to_string();
        let sides = [
            side("Axle", 300, "documents_per_second", &at),
            side("other", 200, "docs_per_s", &at),
            side("third", 600, "docs_per_s", &at),
        ];
        let played = Comparison::play(&sides, 3, |_| Ok(())).unwrap();
        let turns = fs::read_to_string(folder.path().join("turns")).unwrap();
        let turns: Vec<_> = turns.lines().collect();
        assert_eq!(turns, ["Axle", "other", "third"].repeat(3));

        let table = played.table().to_string();
        let row = |name: &str| table.lines().find(|line| line.contains(name)).unwrap();
        let documents = row("documents/s");
        assert!(documents.contains("600.000"), "{table}");
        assert!(documents.contains("1.50 (1.50 to 1.50), ahead"), "{table}");
        assert!(documents.contains("0.50 (0.50 to 0.50), behind"), "{table}");
        assert!(
            !table.contains("written / payload"),
            "nobody told it\n{table}"
        );

        let medians = played.medians("W2", "2026-11-26T10:00:00Z".to_owned());
        assert_eq!((medians.rounds, medians.sides.len()), (3, 3));
        let figures = &medians.sides[1].figures;
        assert!((figures["documents/s"] - 400.0).abs() < 1e-9);
        assert!((figures["submit p99, ms"] - 5.0).abs() < 1e-9);
    }

    #[test]
    fn what_fails_or_says_nothing_is_named() {
        let play = |command: &str| {
            let side = format!("it={command}").parse().unwrap();
            Comparison::play(&[side], 1, |_| Ok(()))
                .unwrap_err()
                .to_string()
        };
        assert!(play("exit 3").contains("exit 3: exit status: 3"));
        assert!(play("echo 7").contains("no line of JSON"));
    }

    #[test]
    fn a_side_has_a_name_and_a_command() {
        let side: Side = "NATS=FAST=1 ./nats W2".parse().unwrap();
        assert_eq!(
            (side.name.as_str(), side.command.as_str()),
            ("NATS", "FAST=1 ./nats W2")
        );
        for mistake in ["./nats W2", "=./nats", "NATS=", "the other=./nats"] {
            assert!(mistake.parse::<Side>().is_err(), "{mistake}");
        }
    }
}
