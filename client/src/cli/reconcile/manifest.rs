//! The list as a file, and the days it is about as arguments.

use std::{fs, io, path::Path, time::Duration};

use axle_model::{digest::Digest, id::SubmissionId, time::Timestamp};

use crate::{
    error::{Class, ClientError},
    reconcile::Manifest,
};

const DAY: Duration = Duration::from_hours(24);

/// Reads a list; `-` is standard input. A line that cannot be an entry is named.
pub(super) fn read(file: &Path) -> Result<Manifest, ClientError> {
    let text = if file == Path::new("-") {
        io::read_to_string(io::stdin())
    } else {
        fs::read_to_string(file)
    };
    let text = text.map_err(|error| {
        ClientError::new(
            Class::Refused,
            "FILE_UNREADABLE",
            format!("{} cannot be read: {error}", file.display()),
            "name a text file that exists and that you may read, or - for standard input",
        )
    })?;
    let comma_separated = file.extension().is_some_and(|extension| extension == "csv");
    manifest_of(&text, comma_separated).map_err(|error| error.about(format!("{}", file.display())))
}

pub(super) fn manifest_of(text: &str, comma_separated: bool) -> Result<Manifest, ClientError> {
    let mut manifest = Manifest::default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, line) in text.lines().enumerate() {
        let mut entry = line.trim();
        if comma_separated {
            let first = entry.split([',', ';', '\t']).next();
            entry = first.unwrap_or_default().trim().trim_matches('"');
        }
        let heading = comma_separated && index == 0 && is_heading(entry);
        if entry.is_empty() || entry.starts_with('#') || heading {
            continue;
        }
        if let Some(digest) = digest_of(entry) {
            manifest.sha256s.push(digest);
            continue;
        }
        let id = SubmissionId::parse(entry).map_err(|why| {
            let what = format!(
                "line {} is neither a SHA-256 nor a submission id: {why}",
                index + 1
            );
            let remedy = "give one entry in each line, and begin comments with #";
            ClientError::new(Class::Refused, "MANIFEST_INVALID", what, remedy)
        })?;
        manifest.submission_ids.push(id.to_string());
    }
    Ok(manifest)
}

/// Whether the first line of a table names its column: an entry has a digit somewhere.
fn is_heading(text: &str) -> bool {
    let names_digests = ["sha256", "sha-256"].iter();
    let mut names_digests = names_digests.filter(|name| text.eq_ignore_ascii_case(name));
    names_digests.next().is_some() || !text.contains(|c: char| c.is_ascii_digit())
}

/// A SHA-256 in 64 hexadecimal digits.
fn digest_of(text: &str) -> Option<Digest> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let byte = |at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..64).step_by(2).map(byte).collect();
    Digest::from_slice(&bytes?)
}

/// A time, or the beginning of a day in UTC.
pub(super) fn first_moment(text: &str) -> Result<Timestamp, String> {
    moment(text).map(|(time, _)| time)
}

/// A time, or the end of a day in UTC.
pub(super) fn last_moment(text: &str) -> Result<Timestamp, String> {
    let last = DAY.saturating_sub(Duration::from_micros(1));
    moment(text).map(|(time, day)| if day { time.after(last) } else { time })
}

/// A time, and whether it stands for a whole day.
fn moment(text: &str) -> Result<(Timestamp, bool), String> {
    let day = !text.contains('T');
    let whole = if day {
        format!("{text}T00:00:00Z")
    } else {
        text.to_owned()
    };
    let time = Timestamp::parse(&whole);
    let time = time.ok_or("it is not a day (2026-11-22) or a time (2026-11-22T18:00:00Z)")?;
    Ok((time, day))
}
