//! The samples: a good document of each class, and for each rule one that breaks it and no other.
//! They are committed in `tests/samples`; this program makes them, and the same bytes every time.
//! Every document is invented.
//!
//! A new class is a function in `classes` and a line of its table; a new bad document is a line in
//! `broken`: the rule, what it is made of, and the change.

mod broken;
mod classes;
mod clinical;
mod draft;
mod parts;
mod tree;

use std::path::PathBuf;

use crate::workspace;

/// How a sample is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Syntax {
    Json,
    Xml,
    Hl7v2,
    Cda,
}

/// One sample.
pub struct Sample {
    /// Its path within the folder of samples, for example `broken/V-208-preliminary.xml`.
    pub path: String,
    /// Its bytes.
    pub content: Vec<u8>,
    /// What `axle validate` is told beside the path, for example whom it is for.
    pub arguments: Vec<&'static str>,
    /// The rule it breaks; `None` of a good one.
    pub rule: Option<&'static str>,
    /// The rules that cannot but be broken with it.
    pub consequences: &'static [&'static str],
    /// Whether it is committed; what is too large for that is made where it is needed.
    pub is_committed: bool,
}

impl Syntax {
    const fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Xml => "xml",
            Self::Hl7v2 => "hl7",
            Self::Cda => "cda.xml",
        }
    }
}

/// The day on which all samples are written, as FHIR and as HL7 v2 have it.
const WRITTEN_DAYS: [&str; 2] = ["2026-11-22", "20261122"];

impl Sample {
    /// The sample as it would be if it were written on `day` (`YYYY-MM-DD`): a broker holds the dates
    /// of a document against its clock. No length changes.
    pub fn written_on(&self, day: &str) -> Vec<u8> {
        let mut bytes = self.content.clone();
        let days = [day.to_owned(), day.replace('-', "")];
        for (from, to) in WRITTEN_DAYS.iter().zip(&days) {
            let mut at = 0;
            while at + from.len() <= bytes.len() {
                if bytes[at..].starts_with(from.as_bytes()) {
                    bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
                }
                at += 1;
            }
        }
        bytes
    }
}

/// The folder the samples are committed in.
pub fn folder() -> PathBuf {
    workspace::root().join("tests/samples")
}

/// Every sample, good ones first.
pub fn all() -> Vec<Sample> {
    let mut samples = Vec::new();
    for class in classes::CLASSES {
        for syntax in class.syntaxes {
            let extension = syntax.extension();
            samples.push(Sample {
                path: format!("good/{}.{extension}", class.name),
                content: (class.make)(class.name).written(*syntax),
                arguments: class.arguments.to_vec(),
                rule: None,
                consequences: &[],
                is_committed: true,
            });
        }
    }
    samples.extend(broken::all());
    samples
}
