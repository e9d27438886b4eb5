//! The file of a snapshot: JSON, an object a line. The first line says when the snapshot was taken and
//! how many lines follow, so that half a file is never taken for a whole one. What is wrong is told by
//! the number of its line, never by its text.

use std::{
    borrow::Cow,
    fs::File,
    io::{BufRead, BufReader, Read as _},
    path::Path,
};

use axle_core::registration::{Entry, Register, RegisterBuilder};
use axle_model::{nhs_number::NhsNumber, ods::OdsCode, patient::BirthDate, time::Timestamp};
use serde::Deserialize;

use crate::config::ConfigError;

/// The longest line, in bytes.
const LINE_BYTES_MAX: u64 = 4 * 1024;

/// The first line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    /// When the snapshot was taken, RFC 3339.
    time: String,
    /// How many lines follow.
    lines: usize,
}

/// Every other line: a patient, or a number that another has replaced.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'t> {
    #[serde(borrow)]
    nhs_number: Cow<'t, str>,
    #[serde(borrow)]
    replaced_by: Option<Cow<'t, str>>,
    #[serde(borrow)]
    birth_date: Option<Cow<'t, str>>,
    #[serde(borrow)]
    family: Option<Cow<'t, str>>,
    practice: Option<OdsCode>,
    #[serde(default)]
    deceased: bool,
    #[serde(default)]
    restricted: bool,
}

/// Reads a snapshot, or says the first thing that is wrong with it.
pub(super) fn read(path: &Path) -> Result<Register, ConfigError> {
    let wrong = |what: String| ConfigError::file(path, what);
    let file = File::open(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let mut lines = Lines {
        file: BufReader::with_capacity(256 * 1024, file),
        text: Vec::new(),
        number: 0,
    };
    register(&mut lines).map_err(|what| wrong(format!("line {}: {what}", lines.number)))
}

fn register(lines: &mut Lines<impl BufRead>) -> Result<Register, String> {
    let head = lines.next()?.ok_or("the file is empty")?;
    let head: Head = serde_json::from_slice(head).map_err(|_| {
        "it must be {\"time\": \"2026-11-24T02:00:00Z\", \"lines\": NUMBER}, with the number of \
         the lines that follow"
    })?;
    let time = Timestamp::parse(&head.time).ok_or("`time` must be RFC 3339")?;
    let mut builder = RegisterBuilder::default();
    while let Some(text) = lines.next()? {
        add(&mut builder, text)?;
    }
    if builder.len() != head.lines {
        return Err(format!(
            "the file ends here, after {} of the {} lines that the first one promises",
            builder.len(),
            head.lines
        ));
    }
    builder.finish(time).map_err(|why| why.to_string())
}

fn add(builder: &mut RegisterBuilder, text: &[u8]) -> Result<(), String> {
    // What serde says would repeat what it read.
    let line: Line<'_> = serde_json::from_slice(text).map_err(|_| {
        "it must be an object of nhs_number, birth_date, family, practice, deceased and \
         restricted, or of nhs_number and replaced_by"
    })?;
    let nhs_number =
        NhsNumber::parse(&line.nhs_number).map_err(|why| format!("nhs_number: {why}"))?;
    if let Some(current) = &line.replaced_by {
        let current = NhsNumber::parse(current).map_err(|why| format!("replaced_by: {why}"))?;
        builder.replace(nhs_number, current);
        return Ok(());
    }
    let (Some(birth_date), Some(family)) = (&line.birth_date, &line.family) else {
        return Err("birth_date or family is missing".to_owned());
    };
    // One order only: in a file there is no reason to guess which.
    let birth_date = (birth_date.len() == 10)
        .then(|| BirthDate::parse(birth_date).ok())
        .flatten()
        .ok_or("birth_date must be YYYY-MM-DD")?;
    let entry = Entry {
        nhs_number,
        birth_date,
        family,
        practice: line.practice,
        deceased: line.deceased,
        restricted: line.restricted,
    };
    builder.add(&entry).map_err(|why| why.to_string())
}

/// The lines of a file, one at a time.
struct Lines<F> {
    file: F,
    text: Vec<u8>,
    number: usize,
}

impl<F: BufRead> Lines<F> {
    /// The next line, without its end; `None` at the end of the file.
    fn next(&mut self) -> Result<Option<&[u8]>, String> {
        self.text.clear();
        let mut limited = self.file.by_ref().take(LINE_BYTES_MAX);
        let read = limited.read_until(b'\n', &mut self.text);
        let read = read.map_err(|error| format!("cannot be read: {}", error.kind()))?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        if read as u64 == LINE_BYTES_MAX && !self.text.ends_with(b"\n") {
            return Err(format!("it is longer than {LINE_BYTES_MAX} bytes"));
        }
        Ok(Some(self.text.trim_ascii_end()))
    }
}
