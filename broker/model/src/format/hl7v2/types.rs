//! Types: which component of HL7 v2's data types is which fact (chapter 2A). What a type says beyond
//! that is not read.

use super::{
    super::{
        assembly::{LOINC, NHS_NUMBER_OID, SNOMED, composed, identified, ods_system, verified},
        base64,
    },
    segment::Delimiters,
};
use crate::{
    facts::{
        Attachment, Coding, Identifier, Name, Text,
        words::{NHS_NUMBER, ODS_ORGANISATION},
    },
    ods::OdsCode,
};

/// The system that an OID or a local name stands for.
fn system(delimiters: Delimiters, namespace: &str, universal: &str) -> Option<Text<'static>> {
    let universal = delimiters.text(universal);
    let named = |prefix: &str, name: &str| composed(format!("{prefix}:{name}"));
    universal
        .map(|oid| named("urn:oid", &oid))
        .or_else(|| Some(named("urn:id", &delimiters.text(namespace)?)))
}

/// CX in a list of a patient's identifiers. An NHS number is one by its authority or by its type;
/// some systems write `NHSNBR` and `NHSNMBR` for `NHS` and `NH`.
pub(super) fn patient_identifier<'a>(
    delimiters: Delimiters,
    raw: &'a str,
) -> Option<Identifier<'a>> {
    let [value, _, _, authority, kind] = delimiters.components(raw);
    let value = delimiters.text(value)?;
    let namespace = delimiters.subcomponent(authority, 1);
    let universal = delimiters.subcomponent(authority, 2);
    let by_type = matches!(kind, "NH" | "NHSNMBR");
    let by_authority = matches!(namespace, "NHS" | "NHSNBR") || universal == NHS_NUMBER_OID;
    if by_type || by_authority && kind.is_empty() {
        return Some(identified(Text::from(NHS_NUMBER), value));
    }
    Some(Identifier {
        system: system(delimiters, namespace, universal),
        value: Some(value),
        extensions: Vec::new(),
    })
}

/// PID-32, as the NHS uses it: `NSTS01` is an NHS number that was verified.
pub(super) fn verification<'a>(identifiers: &mut [Identifier<'a>], reliability: &'a str) {
    let Some(code) = reliability.strip_prefix("NSTS") else {
        return;
    };
    let numbers = identifiers
        .iter_mut()
        .find(|i| i.system() == Some(NHS_NUMBER));
    if let Some(number) = numbers
        && code.len() == 2
        && code.bytes().all(|b| b.is_ascii_digit())
    {
        number.extensions.push(verified(Text::from(code)));
    }
}

/// XPN: the family name, and whether it is the legal one.
pub(super) fn name<'a>(delimiters: Delimiters, raw: &'a str) -> Name<'a> {
    let [family, _, _, _, _, _, kind] = delimiters.components(raw);
    let is_legal = matches!(kind, "" | "L");
    Name {
        usage: is_legal.then(|| Text::from("official")),
        family: delimiters.text(delimiters.subcomponent(family, 1)),
    }
}

/// HD: the ODS code of a facility, where it is one: the name that an organisation has here, unless
/// it is told to be somebody else's.
pub(super) fn facility<'a>(delimiters: Delimiters, raw: &'a str) -> Option<Identifier<'a>> {
    let [name, universal] = delimiters.components(raw);
    ods(delimiters, name, universal)
}

/// The same, as a component.
fn facility_within<'a>(delimiters: Delimiters, raw: &'a str) -> Option<Identifier<'a>> {
    let part = |number| delimiters.subcomponent(raw, number);
    ods(delimiters, part(1), part(2))
}

/// XCN: the ODS code of the facility that a person is known at.
pub(super) fn person_s_facility<'a>(
    delimiters: Delimiters,
    raw: &'a str,
) -> Option<Identifier<'a>> {
    facility_within(delimiters, delimiters.component(raw, 14))
}

/// XON: the ODS code of an organisation, its identifier (2.5 and later) or its number.
pub(super) fn organisation<'a>(delimiters: Delimiters, raw: &'a str) -> Option<Identifier<'a>> {
    let [_, _, number, _, _, _, _, _, _, identifier] = delimiters.components(raw);
    ods(delimiters, identifier, "").or_else(|| ods(delimiters, number, ""))
}

fn ods<'a>(delimiters: Delimiters, code: &'a str, universal: &str) -> Option<Identifier<'a>> {
    let code = delimiters.text(code)?;
    OdsCode::parse(&code).ok()?;
    let system = if universal.is_empty() {
        ODS_ORGANISATION
    } else {
        ods_system(universal)?
    };
    Some(identified(Text::from(system), code))
}

/// EI: a name that `assigner`, MSH-3 and MSH-4, gave it unless it says otherwise.
pub(super) fn entity<'a>(
    delimiters: Delimiters,
    raw: &'a str,
    assigner: &str,
) -> Option<Identifier<'a>> {
    let [value, namespace, universal] = delimiters.components(raw);
    let value = delimiters.text(value)?;
    let system = system(delimiters, namespace, universal);
    let system = system.unwrap_or_else(|| composed(format!("urn:id:{assigner}")));
    Some(identified(system, value))
}

/// CWE, or a code alone. A code of no system belongs to `table`, one of HL7's.
pub(super) fn coded<'a>(
    delimiters: Delimiters,
    raw: &'a str,
    table: &'static str,
) -> Option<Coding<'a>> {
    let [code, _, system] = delimiters.components(raw);
    let code = delimiters.text(code)?;
    let system = match system {
        "" => Text::from(table),
        "SCT" | "SNM" | "SNOMED" | "SNOMED-CT" => Text::from(SNOMED),
        "LN" => Text::from(LOINC),
        other => composed(format!("urn:id:{}", &*delimiters.text(other)?)),
    };
    Some(Coding {
        system: Some(system),
        code: Some(code),
    })
}

/// ED: an attachment. Its data is measured only if it says that they are base64.
pub(super) fn attachment<'a>(delimiters: Delimiters, raw: &'a str) -> Attachment<'a> {
    let [_, kind, subtype, encoding, data] = delimiters.components(raw);
    let is_base64 = encoding.eq_ignore_ascii_case("base64");
    Attachment {
        content_type: content_type(kind, subtype),
        data: (is_base64 && !data.is_empty()).then(|| base64::look(data)),
        release: None,
    }
}

/// The media type that ED's type and subtype stand for (HL7 tables 0191 and 0291). Many systems
/// write a file's extension for either.
fn content_type<'a>(kind: &'a str, subtype: &'a str) -> Option<Text<'a>> {
    let known = |word: &str| {
        Some(match word.to_ascii_lowercase().as_str() {
            "pdf" => "application/pdf",
            "rtf" | "x-rtf" => "application/rtf",
            "doc" | "msword" => "application/msword",
            "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "htm" | "html" => "text/html",
            "txt" | "plain" => "text/plain",
            "xml" | "x-hl7-cda-level-one" => "application/xml",
            "jpg" | "jpeg" => "image/jpeg",
            "png" => "image/png",
            "tif" | "tiff" => "image/tiff",
            _ => return None,
        })
    };
    // What is longer is no such word; it may be the data, a place too early.
    let short = |word: &&str| (1..=100).contains(&word.len());
    let words = [subtype, kind].into_iter().filter(short);
    if let Some(known) = words.clone().find_map(known) {
        return Some(Text::from(known));
    }
    let mut words = words;
    match (words.next(), words.next()) {
        (Some(subtype), Some(kind)) => {
            let both = format!("{kind}/{subtype}");
            Some(composed(both.to_ascii_lowercase()))
        }
        (Some(word), None) if word.contains('/') => Some(composed(word.to_ascii_lowercase())),
        (Some(_) | None, _) => None,
    }
}
