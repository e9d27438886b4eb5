//! The one place the command line prints from: results to standard output, everything else to
//! standard error. A reader that has gone away is no failure.

use std::{
    fmt,
    io::{IsTerminal as _, Write},
};

use comfy_table::{ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle};
use serde::Serialize;

/// The narrowest terminal tables are fitted to, in columns.
const WIDTH_MIN: u16 = 80;

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people
    Table,
    /// For programs
    Json,
}

/// Where results and remarks go.
pub(super) struct Printer {
    format: Format,
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    coloured: bool,
}

impl Printer {
    pub(super) fn new(format: Format, out: Box<dyn Write>, err: Box<dyn Write>) -> Self {
        Self {
            format,
            out,
            err,
            coloured: false,
        }
    }

    /// The same, with or without colours in results for people.
    pub(super) fn with_colours(mut self, coloured: bool) -> Self {
        self.coloured = coloured;
        self
    }

    /// A label in the colour of a severity.
    pub(super) fn severity(&self, severity: &str, label: &str) -> String {
        let colour = match severity {
            "fatal" | "error" => "31",
            "warning" => "33",
            _ => "36",
        };
        if self.coloured {
            format!("\x1b[1;{colour}m{label}\x1b[0m")
        } else {
            label.to_owned()
        }
    }

    pub(super) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Whether a person sees standard error as it is written.
    pub(super) fn is_watched(&self) -> bool {
        self.format == Format::Table && std::io::stderr().is_terminal()
    }

    /// A line of a result.
    pub(super) fn line(&mut self, text: impl fmt::Display) {
        let _ = writeln!(self.out, "{text}");
        let _ = self.out.flush();
    }

    /// A remark, or part of an error.
    pub(super) fn remark(&mut self, text: impl fmt::Display) {
        let _ = writeln!(self.err, "{text}");
    }

    /// A result as one JSON document over several lines.
    pub(super) fn json(&mut self, value: &impl Serialize) {
        match serde_json::to_string_pretty(value) {
            Ok(text) => self.line(text),
            Err(error) => self.remark(error),
        }
    }

    /// An item of a stream of results as one line of JSON.
    pub(super) fn json_line(&mut self, value: &impl Serialize) {
        match serde_json::to_string(value) {
            Ok(text) => self.line(text),
            Err(error) => self.remark(error),
        }
    }

    /// An error as one line of JSON.
    pub(super) fn json_error(&mut self, value: &impl Serialize) {
        match serde_json::to_string(value) {
            Ok(text) => self.remark(text),
            Err(error) => self.remark(error),
        }
    }

    /// A table, no wider than the terminal; but its first column, which people copy names from, is
    /// never broken.
    pub(super) fn table<const N: usize>(
        &mut self,
        headings: [&str; N],
        rows: impl IntoIterator<Item = [String; N]>,
    ) {
        const STYLE: TableStyle =
            TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));
        let mut table = Table::new();
        table
            .load_style(STYLE)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_header(headings)
            .add_rows(rows);
        // A terminal too narrow for any table gets long lines instead of columns of single letters.
        if table.width().is_some_and(|width| width < WIDTH_MIN) {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
        if let Some(column) = table.column_mut(0) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
        self.line(table.trim_fmt());
    }
}
