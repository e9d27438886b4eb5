//! Answers: the response codes of ITK3, by which a receiving system says what became of a message,
//! in two stages. Codes are kept as they are given; the list is open, so what a code is about follows
//! from its range.

use std::fmt;

/// The code system of the responses.
pub const SYSTEM: &str = "https://fhir.nhs.uk/STU3/CodeSystem/ITK-ResponseCodes-1";
/// The event of a message that answers another.
pub const EVENT: &str = "ITK008M";

/// Which of the two answers it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The receiving system could, or could not, take the message in.
    Infrastructure,
    /// The receiving organisation knows, or does not know, the patient.
    Business,
}

impl Stage {
    /// Both, in the order in which they are expected.
    pub const ALL: [Self; 2] = [Self::Infrastructure, Self::Business];

    /// The stage in a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Infrastructure => "infrastructure",
            Self::Business => "business",
        }
    }
}

/// A response code of ITK3: 10001 to 29999 of the infrastructure, 30001 to 39999 of the business.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResponseCode(u32);

/// Codes of the retired list ITK-Acknowledgement-1, and what they are now.
const RETIRED: [(u32, u32); 4] = [
    (41001, 30001),
    (41002, 30002),
    (41022, 30003),
    (51001, 20013),
];

impl ResponseCode {
    /// Taken in.
    pub const SUCCESS: Self = Self(20013);
    /// The patient is known here.
    pub const PATIENT_KNOWN: Self = Self(30001);
    /// The patient is not known here.
    pub const PATIENT_NOT_KNOWN: Self = Self(30002);
    /// The patient is no longer here.
    pub const PATIENT_NO_LONGER_HERE: Self = Self(30003);
    /// The patient is known here and has died recently.
    pub const PATIENT_DECEASED: Self = Self(30004);

    /// The code of this number, if its range is one of the two.
    pub const fn new(number: u32) -> Option<Self> {
        match number {
            10_001..=39_999 => Some(Self(number)),
            _ => None,
        }
    }

    /// Reads a code as a response writes it. One of the retired list is read as what it is now.
    pub fn parse(text: &str) -> Option<Self> {
        let is_code = text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|_| is_code)?;
        let retired = RETIRED.iter().find(|(retired, _)| *retired == number);
        Self::new(retired.map_or(number, |(_, now)| *now))
    }

    /// Its number.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// Which answer it is, by its range.
    pub const fn stage(self) -> Stage {
        if self.0 < 30_000 {
            Stage::Infrastructure
        } else {
            Stage::Business
        }
    }

    /// Whether it says that the patient belongs elsewhere.
    pub fn is_wrong_practice(self) -> bool {
        [Self::PATIENT_NOT_KNOWN, Self::PATIENT_NO_LONGER_HERE].contains(&self)
    }

    /// What it says, in words; `None` for one that this list does not have.
    pub const fn display(self) -> Option<&'static str> {
        Some(match self.0 {
            10001 => "Handling specification error",
            10002 => "Infrastructure response flag cannot be read",
            10003 => "Business response flag cannot be read",
            10004 => "Message definition not supported",
            10005 => "Message definition version not supported",
            10007 => "Sender reference cannot be read",
            10008 => "Handling business rule error",
            10009 => "Unreadable message received",
            10010 => "Recipient type cannot be read",
            20001 => "Unrecognised recipient person",
            20002 => "Unrecognised recipient organisation",
            20003 => "Unrecognised sender",
            20004 => "Attachment type not approved",
            20005 => "Attachment type not supported",
            20006 => "Header validation failure",
            20007 => "Duplicate message",
            20008 => "Duplicate document",
            20009 => "Payload validation failure",
            20010 => "Unrecognised organisation in the payload",
            20011 => "Unrecognised person in the payload",
            20012 => "Unauthorised sender",
            20013 => "Success",
            20014 => "Replacement cannot be processed",
            20015 => "Message too large",
            30001 => "Patient known here",
            30002 => "Patient not known here",
            30003 => "Patient no longer here",
            30004 => "Patient known here and recently deceased",
            _ => return None,
        })
    }
}

impl fmt::Display for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResponseCode({})", self.0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{ResponseCode, Stage};

    #[test]
    fn a_code_is_told_by_its_range_and_kept_as_it_is() {
        for (text, number, stage) in [
            ("20013", 20013, Stage::Infrastructure),
            ("10009", 10009, Stage::Infrastructure),
            ("29999", 29999, Stage::Infrastructure),
            ("30002", 30002, Stage::Business),
            ("30025", 30025, Stage::Business),
            ("39999", 39999, Stage::Business),
        ] {
            let code = ResponseCode::parse(text).unwrap();
            assert_eq!((code.number(), code.stage()), (number, stage));
            assert_eq!(code.to_string(), text);
        }
    }

    #[test]
    fn the_retired_codes_are_read_as_what_they_are_now() {
        for (text, number) in [
            ("41001", 30001),
            ("41002", 30002),
            ("41022", 30003),
            ("51001", 20013),
        ] {
            let read = ResponseCode::parse(text).map(ResponseCode::number);
            assert_eq!(read, Some(number), "{text}");
        }
    }

    #[test]
    fn what_is_no_code_is_none() {
        for text in [
            "",
            "2001",
            "020013",
            "+2001",
            "20013 ",
            "00000",
            "41003",
            "51002",
            "٢٠٠١٣",
        ] {
            assert_eq!(ResponseCode::parse(text), None, "{text}");
        }
    }
}
