//! Formats: from a document's bytes to its facts, or to the rule it breaks and the place. Total: no
//! bytes make it panic or take memory without bound. The readers of FHIR only know the two syntaxes;
//! which element means which fact is told once, in `parts.rs`, for both. Those of HL7 v2 and CDA tell
//! what they read in FHIR's words (`assembly.rs`).

mod assembly;
mod base64;
mod cda;
mod fhir_json;
mod fhir_xml;
mod hl7v2;
mod moment;
mod narrative;
mod parts;
pub(crate) mod path;
mod place;
mod record;
mod sweep;
mod xml;

use std::fmt;

use thiserror::Error;

use self::record::Found;
use crate::{
    envelope::MediaType,
    facts::{Content, Facts, Release, Resource, Syntax},
};

/// The limits of one document's shape; its size is checked before it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The deepest nesting of JSON objects and arrays, or of XML elements (V-005). More than 100
    /// is not to be asked for: reading is recursive.
    pub depth_max: usize,
    /// The most entries, those of nested Bundles included (V-008).
    pub entries_max: usize,
    /// The most references (V-008).
    pub references_max: usize,
    /// The longest text, in bytes, but for the data of attachments (V-008).
    pub string_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth_max: 64,
            entries_max: 10_000,
            references_max: 100_000,
            string_bytes_max: 1024 * 1024,
        }
    }
}

/// Something that is wrong with a document's bytes or syntax.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{rule}: {what}")]
pub struct Malformed {
    /// The rule it breaks, for example `V-004`.
    pub rule: &'static str,
    /// What is wrong, in a sentence that holds nothing of the document but names of its elements.
    pub what: String,
    /// Where it is, as a path; empty where no path is known.
    pub path: String,
    /// Where it is in the bytes, where that is known.
    pub position: Option<Position>,
}

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in bytes, from 1.
    pub column: usize,
}

impl Position {
    /// The position of the byte at `offset`.
    fn of(text: &[u8], offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let ends_line = |at: usize| match before[at] {
            b'\n' => true,
            // On its own it ends a line of HL7 v2.
            b'\r' => text.get(at + 1) != Some(&b'\n'),
            _ => false,
        };
        let ends = (0..before.len()).filter(|at| ends_line(*at));
        let (lines, start) = ends.fold((0, 0), |(lines, _), at| (lines + 1, at + 1));
        Self {
            line: lines + 1,
            column: before.len() - start + 1,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

impl Malformed {
    fn new(rule: &'static str, what: impl Into<String>) -> Self {
        Self {
            rule,
            what: what.into(),
            path: String::new(),
            position: None,
        }
    }

    fn at(mut self, position: Position) -> Self {
        self.position = Some(position);
        self
    }
}

/// A reader: from a text to the resource it is, and what was found on the way.
type Reading<'a> = fn(&'a str, &Limits) -> Result<(Resource<'a>, Found<'a>), Malformed>;

/// Reads the facts of a FHIR document in one pass over its bytes, without a tree and without a copy.
///
/// # Errors
/// What stops the reading: the first fatal thing found (V-002 to V-006, V-008, V-010). What does not
/// stop it is in [`Facts::flaws`].
pub fn read<'a>(
    media_type: &MediaType,
    body: &'a [u8],
    limits: &Limits,
) -> Result<Facts<'a>, Malformed> {
    let text = text_of(body)?;
    let (read, syntax, first): (Reading<'a>, _, _) = match media_type {
        MediaType::FhirJson => (fhir_json::read, Syntax::Json, "{"),
        MediaType::FhirXml => (fhir_xml::read, Syntax::Xml, "<"),
        MediaType::Hl7v2 => (hl7v2::read, Syntax::Hl7v2, "MSH"),
        MediaType::Cda => (cda::read, Syntax::Cda, "<"),
        MediaType::Opaque(_) => {
            return Err(Malformed::new(
                "V-003",
                "documents of this media type are not read",
            ));
        }
    };
    agree(media_type, first, text)?;
    let (root, found) = read(text, limits)?;
    let release = syntax.is_fhir().then(|| release_of(&root)).flatten();
    let Found { flaws, swept } = found;
    Ok(Facts {
        syntax,
        release,
        root,
        flaws,
        swept,
    })
}

/// The body as text, without a byte order mark (V-002).
fn text_of(body: &[u8]) -> Result<&str, Malformed> {
    let text = simdutf8::compat::from_utf8(body).map_err(|error| {
        let at = error.valid_up_to();
        Malformed::new(
            "V-002",
            format!("the document is not valid UTF-8 at byte {at}"),
        )
        .at(Position::of(body, at))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.starts_with('\u{feff}') {
        return Err(Malformed::new(
            "V-002",
            "there is more than one byte order mark",
        ));
    }
    Ok(text)
}

/// Checks that the content looks like what it is declared to be (V-003).
fn agree(media_type: &MediaType, first: &str, text: &str) -> Result<(), Malformed> {
    // A message of HL7 v2 may stand in the frame it travelled in.
    let significant = text.trim_start_matches([' ', '\t', '\r', '\n', '\u{b}']);
    if significant.starts_with(first) {
        return Ok(());
    }
    let looks_like = match significant.as_bytes().first() {
        Some(b'{') => "JSON",
        Some(b'<') => "XML",
        Some(_) if significant.starts_with("MSH") => "HL7 v2",
        Some(b'F' | b'B') if significant.get(1..3) == Some("HS") => "a batch of HL7 v2",
        Some(_) => "neither JSON, XML nor HL7 v2",
        None => "nothing but white space",
    };
    Err(Malformed::new(
        "V-003",
        format!(
            "declared as {} but the content looks like {looks_like}",
            media_type.as_str()
        ),
    )
    .at(Position { line: 1, column: 1 }))
}

/// Whether any byte passes `test`. In blocks without an early end within, so that the compiler turns
/// the loop into vector code: an attachment may be many megabytes.
fn any_byte(bytes: &[u8], test: impl Fn(u8) -> bool) -> bool {
    let (blocks, rest) = bytes.as_chunks::<64>();
    let in_block = |block: &[u8; 64]| {
        let found = block.iter().fold(0, |found, b| found | u8::from(test(*b)));
        found != 0
    };
    blocks.iter().any(in_block) || rest.iter().any(|b| test(*b))
}

/// The release a document is written in. A Bundle does not declare it, so the names of its parts
/// tell: the event's element first, then profiles, the time of the Bundle, and Binary's data.
fn release_of(root: &Resource<'_>) -> Option<Release> {
    let Content::Bundle(bundle) = &root.content else {
        return None;
    };
    let entries = || bundle.entries.iter().map(|entry| &entry.resource);
    let by_event = || entries().next()?.header()?.release;
    let by_profile = || std::iter::once(root).chain(entries()).find_map(by_profile);
    let by_time = || bundle.timestamp.as_ref().map(|_| Release::R4);
    let by_binary = || entries().find_map(by_binary);
    let by_nested = || entries().find_map(release_of);
    by_event()
        .or_else(by_profile)
        .or_else(by_time)
        .or_else(by_binary)
        .or_else(by_nested)
}

fn by_profile(resource: &Resource<'_>) -> Option<Release> {
    let profile = resource.meta.as_ref()?.profile.as_deref()?;
    if profile.contains("/STU3/") {
        Some(Release::Stu3)
    } else if profile.contains("/UKCore-") {
        Some(Release::R4)
    } else {
        None
    }
}

fn by_binary(resource: &Resource<'_>) -> Option<Release> {
    if let Content::Binary(attachment) = &resource.content {
        attachment.release
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
