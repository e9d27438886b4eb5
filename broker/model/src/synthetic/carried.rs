//! Synthetic documents that are not FHIR: a letter and a laboratory's result in HL7 v2, and a letter
//! in CDA, on its own and in an envelope. Only text; nothing here is decided.

use super::Document;
use crate::envelope::MediaType;

const DISCHARGE_LETTER: &str = include_str!("discharge_letter.hl7");
const LABORATORY_RESULT: &str = include_str!("laboratory_result.hl7");
const CLINIC_LETTER: &str = include_str!("clinic_letter.cda.xml");
const ENVELOPE: &str = include_str!("envelope.xml");

/// The data of an attachment that has no size to come to, as base64.
const DATA: &str = "QXhsZQ==";

impl Document {
    /// A discharge letter as a PDF in HL7 v2: MDM^T02.
    pub fn discharge_letter_hl7v2(&self) -> String {
        self.carried_in(&DISCHARGE_LETTER.replace('\n', "\r"))
    }

    /// A laboratory's result in HL7 v2: ORU^R01.
    pub fn laboratory_result_hl7v2(&self) -> String {
        self.carried_in(&LABORATORY_RESULT.replace('\n', "\r"))
    }

    /// An outpatient letter as CDA R2, with a PDF in it.
    pub fn clinic_letter_cda(&self) -> String {
        self.carried_in(CLINIC_LETTER)
    }

    /// The same letter in ITK2's distribution envelope, in SOAP's.
    pub fn clinic_letter_cda_in_envelope(&self) -> String {
        self.carried_in(&ENVELOPE.replace("{{document}}", CLINIC_LETTER))
    }

    /// Every synthetic document that is not FHIR, with its media type.
    pub fn carried(&self) -> [(MediaType, String); 4] {
        [
            (MediaType::Hl7v2, self.discharge_letter_hl7v2()),
            (MediaType::Hl7v2, self.laboratory_result_hl7v2()),
            (MediaType::Cda, self.clinic_letter_cda()),
            (MediaType::Cda, self.clinic_letter_cda_in_envelope()),
        ]
    }

    fn carried_in(&self, template: &str) -> String {
        let mut out = String::new();
        let mut data_at = None;
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").unwrap_or((after, ""));
            out.push_str(before);
            match name {
                "data" => data_at = Some(out.len()),
                "written_v2" => out.push_str(&self.written_v2()),
                name => self.value(name, &mut out),
            }
            rest = after;
        }
        out.push_str(rest);
        if let Some(at) = data_at {
            match self.size_bytes {
                Some(size) => super::insert_data(&mut out, at, size),
                None => out.insert_str(at, DATA),
            }
        }
        out
    }

    /// When it was written, as HL7 v2 and CDA write times.
    fn written_v2(&self) -> String {
        let written = self.written.to_string();
        let digits = written.chars().filter(char::is_ascii_digit);
        digits
            .take("YYYYMMDDHHMMSS".len())
            .chain("+0000".chars())
            .collect()
    }
}
