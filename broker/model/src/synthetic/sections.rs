//! The sections of the synthetic documents: headings of Transfer of Care with invented narrative, and
//! the attachment. Only text; nothing here is decided.

use crate::facts::Release;

/// How a template is written down.
#[derive(Clone, Copy)]
pub(super) enum Markup {
    Json,
    Xml,
}

/// A section: its SNOMED CT heading, its title, and how many paragraphs it has.
pub(super) struct Section {
    code: &'static str,
    title: &'static str,
    paragraphs: usize,
}

const fn section(code: &'static str, title: &'static str, paragraphs: usize) -> Section {
    Section {
        code,
        title,
        paragraphs,
    }
}

const DISTRIBUTION_LIST: Section = section("887261000000109", "Distribution list", 1);

pub(super) const DISCHARGE_SUMMARY: &[Section] = &[
    section("886731000000109", "Patient demographics", 1),
    section("886711000000101", "GP practice", 1),
    section("887231000000104", "Person completing record", 1),
    section("886781000000108", "Admission details", 8),
    section("886811000000106", "Discharge details", 8),
    section("886891000000102", "Presenting complaints or issues", 8),
    section("887161000000102", "Diagnoses", 8),
    section("887171000000109", "Procedures", 8),
    section("887181000000106", "Clinical summary", 13),
    section("715851000000102", "Examination findings", 8),
    section("933361000000108", "Medications and medical devices", 10),
    section("886921000000105", "Allergies and adverse reactions", 6),
    section("1052951000000105", "Information and advice given", 8),
    section("887201000000105", "Plan and requested actions", 10),
    DISTRIBUTION_LIST,
];

pub(super) const OUTPATIENT_LETTER: &[Section] = &[
    section("1077881000000105", "Attendance details", 7),
    section("887161000000102", "Diagnoses", 9),
    section("887181000000106", "Clinical summary", 12),
    section("933361000000108", "Medications and medical devices", 8),
    section("887201000000105", "Plan and requested actions", 10),
    DISTRIBUTION_LIST,
];

/// Invented, about nobody; free of characters that either syntax would escape.
const PARAGRAPHS: [&str; 7] = [
    "Seen on the ward round by the consultant and the team. The findings were talked through, and the plan below was agreed with the patient and the family.",
    "Blood pressure 128/76, pulse 74 and regular, temperature 36.8, oxygen saturation 97 per cent on air. The chest was clear on both sides at the time of review.",
    "The blood results came back within the expected range. A further sample in six weeks is asked for, so that the trend can be compared with the earlier results.",
    "No change to the regular medicines unless named here. One new medicine was started, and the patient knows what it is for and when to take it.",
    "The practice is asked to review the patient within two weeks, to repeat the blood test, and to update the record with the diagnoses listed here.",
    "Advice was given in writing: when to seek help, whom to call at night, and how to return to work and to daily activities step by step.",
    "No concerns were raised about safety at home. The patient lives with family, manages the stairs, and has no need of further equipment at present.",
];

const XML_SECTION: [&str; 4] = [
    r#"<section>
          <title value=""#,
    r#""/>
          <code>
            <coding>
              <system value="http://snomed.info/sct"/>
              <code value=""#,
    r#""/>
            </coding>
          </code>
          <text>
            <status value="generated"/>
            <div xmlns="http://www.w3.org/1999/xhtml">"#,
    r"</div>
          </text>",
];
const XML_ENTRY: &str = r#"
          <entry>
            <reference value="urn:uuid:{{practice_id}}"/>
          </entry>"#;
const XML_END: &str = r"
        </section>
        ";

const JSON_SECTION: [&str; 4] = [
    r#"{"title": ""#,
    r#"", "code": {"coding": [{"system": "http://snomed.info/sct", "code": ""#,
    r#""}]}, "text": {"status": "generated", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">"#,
    r#"</div>"}"#,
];
const JSON_ENTRY: &str = r#", "entry": [{"reference": "urn:uuid:{{practice_id}}"}]"#;
const JSON_END: &str = "}";

/// Appends the sections; `fill` replaces the names in what it is given.
pub(super) fn render(
    sections: &[Section],
    markup: Markup,
    out: &mut String,
    fill: impl Fn(&str, &mut String),
) {
    let (parts, entry, end, between) = match markup {
        Markup::Xml => (XML_SECTION, XML_ENTRY, XML_END, ""),
        Markup::Json => (JSON_SECTION, JSON_ENTRY, JSON_END, ", "),
    };
    let mut next = PARAGRAPHS.iter().cycle();
    for (index, section) in sections.iter().enumerate() {
        if index > 0 {
            out.push_str(between);
        }
        for (part, text) in parts.iter().zip([section.title, section.code, ""]) {
            out.push_str(part);
            out.push_str(text);
        }
        for paragraph in next.by_ref().take(section.paragraphs) {
            out.push_str("<p>");
            out.push_str(paragraph);
            out.push_str("</p>");
        }
        let [.., last] = parts;
        out.push_str(last);
        if section.code == DISTRIBUTION_LIST.code {
            fill(entry, out);
        }
        out.push_str(end);
    }
}

/// The section that points at the attachment.
pub(super) const fn attachment_section(markup: Markup) -> &'static str {
    match markup {
        Markup::Xml => {
            r#"<section>
          <title value="Attachment"/>
          <entry>
            <reference value="urn:uuid:{{attachment_id}}"/>
          </entry>
        </section>"#
        }
        Markup::Json => {
            r#", {"title": "Attachment", "entry": [{"reference": "urn:uuid:{{attachment_id}}"}]}"#
        }
    }
}

/// The entry with the attachment; its data goes where the name `data` stands.
pub(super) const fn attachment_entry(markup: Markup, release: Release) -> &'static str {
    match (markup, release) {
        (Markup::Xml, Release::Stu3) => {
            r#"<entry>
    <fullUrl value="urn:uuid:{{attachment_id}}"/>
    <resource>
      <Binary>
        <id value="{{attachment_id}}"/>
        <contentType value="application/pdf"/>
        <content value="JVBERi0x{{data}}"/>
      </Binary>
    </resource>
  </entry>"#
        }
        (Markup::Xml, Release::R4) => {
            r#"<entry>
    <fullUrl value="urn:uuid:{{attachment_id}}"/>
    <resource>
      <Binary>
        <id value="{{attachment_id}}"/>
        <contentType value="application/pdf"/>
        <data value="JVBERi0x{{data}}"/>
      </Binary>
    </resource>
  </entry>"#
        }
        (Markup::Json, Release::Stu3) => {
            r#",
    {
      "fullUrl": "urn:uuid:{{attachment_id}}",
      "resource": {
        "resourceType": "Binary",
        "id": "{{attachment_id}}",
        "contentType": "application/pdf",
        "content": "JVBERi0x{{data}}"
      }
    }"#
        }
        (Markup::Json, Release::R4) => {
            r#",
    {
      "fullUrl": "urn:uuid:{{attachment_id}}",
      "resource": {
        "resourceType": "Binary",
        "id": "{{attachment_id}}",
        "contentType": "application/pdf",
        "data": "JVBERi0x{{data}}"
      }
    }"#
        }
    }
}
