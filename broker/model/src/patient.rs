//! Patients, as far as an envelope names one: the three facts by which a registered practice is
//! looked up. They are used once, at the door, and kept nowhere; nothing here prints itself.

use std::fmt;

use thiserror::Error;

use crate::{
    nhs_number::{NhsNumber, NotAnNhsNumber},
    time::Timestamp,
};

/// The longest family name, in bytes.
const FAMILY_BYTES_MAX: usize = 200;
/// How MESH writes an address by patient: `GPPROVIDER_NHSNUMBER_DATEOFBIRTH_SURNAME`.
const PREFIX: &str = "GPPROVIDER_";

/// A date of birth. It helps to identify a patient, so it never prints itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BirthDate(jiff::civil::Date);

/// The patient whose registered practice a document is for.
#[derive(Clone, PartialEq, Eq)]
pub struct PatientHint {
    /// The NHS number.
    pub nhs_number: NhsNumber,
    /// The date of birth.
    pub birth_date: BirthDate,
    /// The family name, as the sender writes it.
    pub family: Box<str>,
}

/// Why a text does not name a patient. Holds nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotAPatient {
    /// Not of the shape.
    #[error("it is not GPPROVIDER_NHSNUMBER_DATEOFBIRTH_SURNAME")]
    Shape,
    /// The NHS number is wrong.
    #[error(transparent)]
    NhsNumber(#[from] NotAnNhsNumber),
    /// The date of birth is wrong.
    #[error("the date of birth is not a date; write YYYYMMDD")]
    BirthDate,
    /// The family name is missing or too long.
    #[error("the family name must have 1 to 200 bytes")]
    Family,
}

impl BirthDate {
    /// Reads `YYYY-MM-DD`, `YYYYMMDD` or, as GP Connect 1.x writes it, `DDMMYYYY`. Eight digits that
    /// can be read both ways are the year first.
    pub fn parse(text: &str) -> Result<Self, NotAPatient> {
        let number = |range| text.get(range).and_then(|digits: &str| digits.parse().ok());
        let is_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let date = match text.len() {
            10 if text.is_ascii() => text.parse().ok(),
            8 if is_digits(text) => {
                let two = |range| number(range).and_then(|n| i8::try_from(n).ok());
                let of = |year: Option<i16>, month: Option<i8>, day: Option<i8>| {
                    let year = year.filter(|year| (1850..=2200).contains(year))?;
                    jiff::civil::Date::new(year, month?, day?).ok()
                };
                of(number(0..4), two(4..6), two(6..8))
                    .or_else(|| of(number(4..8), two(2..4), two(0..2)))
            }
            _ => None,
        };
        date.map(Self).ok_or(NotAPatient::BirthDate)
    }

    /// The date as `YYYYMMDD`, for a look-up; not for a log.
    pub fn expose(self) -> String {
        self.0.strftime("%Y%m%d").to_string()
    }

    /// The age in whole years at a point in time, by the calendar of Britain's winter (UTC); `None`
    /// before the birth.
    pub fn years_at(self, now: Timestamp) -> Option<u32> {
        let micros = i64::try_from(now.as_micros()).ok()?;
        let now = jiff::Timestamp::from_microsecond(micros).ok()?;
        let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        let had = (today.month(), today.day()) >= (self.0.month(), self.0.day());
        let years = i32::from(today.year()) - i32::from(self.0.year()) - i32::from(!had);
        u32::try_from(years).ok()
    }

    /// The date, for arithmetic; not for a log.
    pub const fn date(self) -> jiff::civil::Date {
        self.0
    }
}

impl PatientHint {
    /// The patient with these three.
    pub fn new(nhs_number: &str, birth_date: &str, family: &str) -> Result<Self, NotAPatient> {
        let family = family.trim();
        if family.is_empty() || family.len() > FAMILY_BYTES_MAX {
            return Err(NotAPatient::Family);
        }
        Ok(Self {
            nhs_number: NhsNumber::parse(nhs_number)?,
            birth_date: BirthDate::parse(birth_date)?,
            family: family.into(),
        })
    }

    /// Whether a recipient is written as an address by patient.
    pub fn is_address(text: &str) -> bool {
        text.get(..PREFIX.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
    }

    /// Reads `GPPROVIDER_NHSNUMBER_DATEOFBIRTH_SURNAME`; a surname may hold further underscores.
    pub fn parse(text: &str) -> Result<Self, NotAPatient> {
        if !Self::is_address(text) {
            return Err(NotAPatient::Shape);
        }
        let mut parts = text.get(PREFIX.len()..).unwrap_or_default().splitn(3, '_');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(number), Some(born), Some(family)) => Self::new(number, born, family),
            _ => Err(NotAPatient::Shape),
        }
    }
}

impl fmt::Debug for BirthDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BirthDate(masked)")
    }
}

impl fmt::Debug for PatientHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PatientHint(masked)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::{BirthDate, NotAPatient, PatientHint};

    #[test]
    fn both_orders_of_a_date_of_birth_are_read_and_one_is_written() {
        for text in ["1948-02-23", "19480223", "23021948"] {
            let read = BirthDate::parse(text).map(BirthDate::expose);
            assert_eq!(read, Ok("19480223".to_owned()), "{text}");
        }
        for text in ["", "1948", "19481323", "32011948", "1948/02/23", "২৩০২১৯৪৮"] {
            assert_eq!(
                BirthDate::parse(text),
                Err(NotAPatient::BirthDate),
                "{text}"
            );
        }
    }

    #[test]
    fn a_surname_may_hold_the_delimiter() {
        let patient = PatientHint::parse("GPPROVIDER_9990000018_19480223_van_der Berg").unwrap();
        assert_eq!(&*patient.family, "van_der Berg");
        for (text, why) in [
            ("9990000018_19480223_Berg", NotAPatient::Shape),
            ("GPPROVIDER_9990000018_19480223", NotAPatient::Shape),
            ("GPPROVIDER_9990000018_19480223_ ", NotAPatient::Family),
            ("GPPROVIDER_9990000018_today_Berg", NotAPatient::BirthDate),
        ] {
            assert_eq!(PatientHint::parse(text), Err(why), "{text}");
        }
        assert!(matches!(
            PatientHint::parse("GPPROVIDER_9990000019_19480223_Berg"),
            Err(NotAPatient::NhsNumber(_))
        ));
    }

    #[test]
    fn a_patient_never_prints_itself() {
        let patient = PatientHint::parse("GPPROVIDER_9990000018_19480223_Berg").unwrap();
        assert_eq!(
            format!("{patient:?} {:?}", patient.birth_date),
            "PatientHint(masked) BirthDate(masked)"
        );
    }
}
