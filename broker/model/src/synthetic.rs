//! Synthetic documents: our own discharge summary and outpatient letter, in both syntaxes of FHIR, and
//! letters and results in HL7 v2 and CDA (`synthetic/carried.rs`), for the demonstration, the tests and
//! the load tools. About no patient there is: the NHS numbers are of the range set aside for tests.
//! Never part of a delivery.

mod carried;
mod sections;

use std::fmt::Write as _;

use uuid::Uuid;

use self::sections::Markup;
use crate::{
    digest::Digest, envelope::MediaType, facts::Release, nhs_number::NhsNumber, ods::OdsCode,
    time::Timestamp,
};

const DISCHARGE_SUMMARY_XML: &str = include_str!("synthetic/discharge_summary.xml");
const DISCHARGE_SUMMARY_JSON: &str = include_str!("synthetic/discharge_summary.json");
const OUTPATIENT_LETTER_XML: &str = include_str!("synthetic/outpatient_letter.xml");
const OUTPATIENT_LETTER_JSON: &str = include_str!("synthetic/outpatient_letter.json");

/// 2026-11-22T09:30:00Z, in microseconds.
const WRITTEN: u64 = 1_795_339_800_000_000;

/// One synthetic document. The same arguments give the same bytes; two numbers give two documents
/// that have no id in common.
#[derive(Clone, Debug)]
pub struct Document {
    number: u64,
    sender: OdsCode,
    practice: OdsCode,
    patient: NhsNumber,
    written: Timestamp,
    size_bytes: Option<usize>,
}

/// What a template is, and what stays the same within it.
#[derive(Clone, Copy)]
struct Template {
    text: &'static str,
    markup: Markup,
    release: Release,
    sections: &'static [sections::Section],
}

impl Document {
    /// Document `number` from a trust, for a practice.
    pub fn new(number: u64, sender: OdsCode, practice: OdsCode) -> Self {
        Self {
            number,
            sender,
            practice,
            patient: nhs_number(number),
            written: Timestamp::from_micros(WRITTEN),
            size_bytes: None,
        }
    }

    /// The same document, about another patient.
    #[must_use]
    pub const fn about(mut self, patient: NhsNumber) -> Self {
        self.patient = patient;
        self
    }

    /// The same document, written at another time.
    #[must_use]
    pub const fn written_at(mut self, at: Timestamp) -> Self {
        self.written = at;
        self
    }

    /// The same document with an attachment that brings it to `bytes` in all (to within four); never
    /// smaller than it is with an empty one.
    #[must_use]
    pub const fn sized(mut self, bytes: usize) -> Self {
        self.size_bytes = Some(bytes);
        self
    }

    /// An inpatient discharge summary: an ITK3 message (STU3, event ITK003D) around a document, as
    /// FHIR XML, about 36 KiB.
    pub fn discharge_summary_xml(&self) -> String {
        self.render(Template {
            text: DISCHARGE_SUMMARY_XML,
            markup: Markup::Xml,
            release: Release::Stu3,
            sections: sections::DISCHARGE_SUMMARY,
        })
    }

    /// The same discharge summary as FHIR JSON.
    pub fn discharge_summary_json(&self) -> String {
        self.render(Template {
            text: DISCHARGE_SUMMARY_JSON,
            markup: Markup::Json,
            release: Release::Stu3,
            sections: sections::DISCHARGE_SUMMARY,
        })
    }

    /// An outpatient letter: a document (R4) as FHIR JSON, about 16 KiB.
    pub fn outpatient_letter_json(&self) -> String {
        self.render(Template {
            text: OUTPATIENT_LETTER_JSON,
            markup: Markup::Json,
            release: Release::R4,
            sections: sections::OUTPATIENT_LETTER,
        })
    }

    /// The same outpatient letter as FHIR XML.
    pub fn outpatient_letter_xml(&self) -> String {
        self.render(Template {
            text: OUTPATIENT_LETTER_XML,
            markup: Markup::Xml,
            release: Release::R4,
            sections: sections::OUTPATIENT_LETTER,
        })
    }

    /// Every synthetic FHIR document with its media type.
    pub fn all(&self) -> [(MediaType, String); 4] {
        [
            (MediaType::FhirXml, self.discharge_summary_xml()),
            (MediaType::FhirJson, self.discharge_summary_json()),
            (MediaType::FhirJson, self.outpatient_letter_json()),
            (MediaType::FhirXml, self.outpatient_letter_xml()),
        ]
    }

    fn render(&self, template: Template) -> String {
        let room = self.size_bytes.unwrap_or_default().max(48 * 1024);
        let mut text = String::with_capacity(room + 1024);
        let mut data_at = None;
        self.fill(template.text, template, &mut text, &mut data_at);
        if let (Some(size), Some(at)) = (self.size_bytes, data_at) {
            insert_data(&mut text, at, size);
        }
        text
    }

    /// Appends `text` with its `{{names}}` replaced; notes where the data of the attachment goes.
    fn fill(&self, text: &str, template: Template, out: &mut String, data_at: &mut Option<usize>) {
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").unwrap_or((after, ""));
            out.push_str(before);
            match name {
                "sections" => {
                    sections::render(template.sections, template.markup, out, |text, out| {
                        self.fill(text, template, out, &mut None);
                    })
                }
                "attachment_section" if self.size_bytes.is_some() => {
                    let section = sections::attachment_section(template.markup);
                    self.fill(section, template, out, data_at);
                }
                "attachment_entry" if self.size_bytes.is_some() => {
                    let entry = sections::attachment_entry(template.markup, template.release);
                    self.fill(entry, template, out, data_at);
                }
                "attachment_section" | "attachment_entry" => {}
                "data" => *data_at = Some(out.len()),
                _ => self.value(name, out),
            }
            rest = after;
        }
        out.push_str(rest);
    }

    fn value(&self, name: &str, out: &mut String) {
        // Writing to a String cannot fail.
        let _ = match name {
            "sender" => write!(out, "{}", self.sender),
            "practice" => write!(out, "{}", self.practice),
            "nhs_number" => write!(out, "{:010}", self.patient.expose()),
            "written" => write!(out, "{}", self.written),
            id => write!(out, "{}", self.uuid(id)),
        };
    }

    /// The UUID that `name` stands for in this document.
    fn uuid(&self, name: &str) -> Uuid {
        let digest = Digest::of_parts([
            name.as_bytes(),
            &self.number.to_be_bytes(),
            self.sender.as_str().as_bytes(),
        ]);
        let (bytes, _) = digest.as_bytes().split_at(16);
        uuid::Builder::from_random_bytes(bytes.try_into().unwrap_or_default()).into_uuid()
    }
}

/// Puts base64 data at `at`, as much as brings the text to `size` bytes (to within four).
fn insert_data(text: &mut String, at: usize, size: usize) {
    let groups = size.saturating_sub(text.len()) / 4;
    let tail = text.split_off(at);
    let block = "QXhs".repeat(1024);
    for _ in 0..groups / 1024 {
        text.push_str(&block);
    }
    text.push_str(&block[..groups % 1024 * 4]);
    text.push_str(&tail);
}

/// An NHS number of the range set aside for tests (999 …) with its right check digit. Numbers below
/// 900,000 are that many patients; then they come again.
pub fn nhs_number(number: u64) -> NhsNumber {
    // One in eleven has no check digit, never two in the same ten: those ten's next is in a range a
    // tenth as long, and so on.
    let (mut first, mut length, mut rest) = (999_000_000, 900_000, number % 900_000);
    loop {
        let nine = first + rest;
        let found = (0..10).find_map(|check| NhsNumber::parse(&format!("{nine}{check}")).ok());
        if let Some(found) = found {
            return found;
        }
        (first, length, rest) = (first + length, length / 10, rest / 10);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::nhs_number;

    #[test]
    fn different_numbers_are_different_patients() {
        let numbers = (0..5_000).chain(895_000..900_000);
        let patients: HashSet<_> = numbers.map(nhs_number).collect();
        assert_eq!(patients.len(), 10_000);
    }
}
