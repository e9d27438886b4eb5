//! NHS numbers: ten digits with a modulus 11 check digit (NHS Data Dictionary).

use std::fmt;

use thiserror::Error;

/// An NHS number whose check digit holds. It identifies a patient, so it never prints itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct NhsNumber(u64);

/// Why a text is not an NHS number. Holds nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotAnNhsNumber {
    /// Not exactly ten digits.
    #[error("an NHS number is exactly ten digits, without spaces")]
    Shape,
    /// The tenth digit is not the one the first nine ask for.
    #[error("the NHS number fails its check digit")]
    CheckDigit,
}

impl NhsNumber {
    /// Reads ten digits and checks the last: weights 10 to 2 on the first nine, 11 less the sum
    /// modulo 11, where 11 counts as 0 and 10 is never issued.
    pub fn parse(text: &str) -> Result<Self, NotAnNhsNumber> {
        let digits = text.as_bytes();
        if digits.len() != 10 || !digits.iter().all(u8::is_ascii_digit) {
            return Err(NotAnNhsNumber::Shape);
        }
        let sum: u64 = (2..=10)
            .rev()
            .zip(digits)
            .map(|(weight, d)| weight * u64::from(d - b'0'))
            .sum();
        let check = (11 - sum % 11) % 11;
        if check != u64::from(digits[9] - b'0') {
            return Err(NotAnNhsNumber::CheckDigit);
        }
        Ok(Self(
            digits
                .iter()
                .fold(0, |number, d| number * 10 + u64::from(d - b'0')),
        ))
    }

    /// The number, for a look-up; not for a log.
    pub const fn expose(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for NhsNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NhsNumber(masked)")
    }
}

#[cfg(test)]
mod tests {
    use super::{NhsNumber, NotAnNhsNumber};

    #[test]
    fn check_digits_are_checked() {
        // 999 prefixes are set aside for tests by the NHS; no patient has one.
        let number = NhsNumber::parse("9990000018");
        let wrong = (0..10)
            .filter(|d| NhsNumber::parse(&format!("999000001{d}")).is_ok())
            .count();
        assert!(number.is_ok(), "{number:?}");
        assert_eq!(wrong, 1, "one tenth digit fits nine others");
    }

    #[test]
    fn a_remainder_of_ten_is_never_issued() {
        let fits = |nine: u64| (0..10).any(|d| NhsNumber::parse(&format!("{nine:09}{d}")).is_ok());
        assert!((999_000_000..999_000_011).any(|nine| !fits(nine)));
    }

    #[test]
    fn shapes_are_checked_and_nothing_is_printed() {
        for text in [
            "",
            "999 000 0018",
            "99900000180",
            "999000001X",
            "９990000018",
        ] {
            assert_eq!(NhsNumber::parse(text), Err(NotAnNhsNumber::Shape));
        }
        let shown = format!("{:?}", NhsNumber::parse("9990000018"));
        assert!(!shown.contains("999"), "{shown}");
    }
}
