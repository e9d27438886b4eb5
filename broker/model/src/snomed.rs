//! SNOMED CT identifiers (SCTID): 6 to 18 digits that say what they identify and check themselves. The
//! codes of medicines in dm+d are such identifiers too.

use thiserror::Error;

/// How digits are combined: the multiplication of the dihedral group of order ten.
#[rustfmt::skip]
const PRODUCT: [[u8; 10]; 10] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
    [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
    [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
    [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
    [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
    [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
    [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
    [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
    [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
];

/// What a digit counts as, by its place from the right, which repeats after eight.
#[rustfmt::skip]
const PLACE: [[u8; 10]; 8] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
    [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
    [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
    [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
    [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
    [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
    [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
];

/// A SNOMED CT identifier whose check digit holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnomedId(u64);

/// What an identifier identifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// A meaning: what a code in a document is.
    Concept,
    /// One of the words for a meaning.
    Description,
    /// How two meanings are related.
    Relationship,
}

/// Why a text is not a SNOMED CT identifier. Holds nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotASnomedId {
    /// Not 6 to 18 digits, the first not 0.
    #[error("a SNOMED CT id has 6 to 18 digits, of which the first is not 0")]
    Shape,
    /// The two digits before the last say nothing that is defined.
    #[error("the SNOMED CT id has a partition that is not defined")]
    Partition,
    /// The last digit is not the one the others ask for.
    #[error("the SNOMED CT id fails its check digit")]
    CheckDigit,
}

impl SnomedId {
    /// Reads an identifier and checks its last digit (Verhoeff).
    pub fn parse(text: &str) -> Result<Self, NotASnomedId> {
        let digits = text.as_bytes();
        if !(6..=18).contains(&digits.len()) || digits.first() == Some(&b'0') {
            return Err(NotASnomedId::Shape);
        }
        let (mut check, mut number) = (0, 0);
        for (place, digit) in (0..digits.len()).rev().zip(digits) {
            let digit = digit.wrapping_sub(b'0');
            // Of what is no digit there is none.
            let counts = PLACE[place % 8].get(usize::from(digit));
            let counts = counts.ok_or(NotASnomedId::Shape)?;
            // From left to right, so what a digit counts stands before what those to its left come to.
            check = PRODUCT[usize::from(*counts)][usize::from(check)];
            number = number * 10 + u64::from(digit);
        }
        if check != 0 {
            return Err(NotASnomedId::CheckDigit);
        }
        let id = Self(number);
        // With a namespace of seven digits there is at least one more for the item.
        let room = number / 100 % 10 == 0 || digits.len() > 10;
        match id.partition() {
            Some(_) if room => Ok(id),
            Some(_) | None => Err(NotASnomedId::Partition),
        }
    }

    /// What it identifies.
    pub fn component(self) -> Component {
        // The constructor admits nothing else.
        self.partition().unwrap_or(Component::Concept)
    }

    /// The identifier as a number.
    pub const fn number(self) -> u64 {
        self.0
    }

    const fn partition(self) -> Option<Component> {
        match self.0 / 10 % 100 {
            0 | 10 => Some(Component::Concept),
            1 | 11 => Some(Component::Description),
            2 | 12 => Some(Component::Relationship),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Component, NotASnomedId, SnomedId};

    #[test]
    fn what_an_id_identifies_is_told_by_its_partition() {
        for (text, component) in [
            ("100005", Component::Concept),
            ("73211009", Component::Concept),
            ("373942005", Component::Concept),
            ("999000011000001104", Component::Concept),
            ("823681000000100", Component::Concept),
            ("100014", Component::Description),
            ("1290023401015", Component::Description),
            ("100022", Component::Relationship),
        ] {
            let read = SnomedId::parse(text);
            assert_eq!(read.map(SnomedId::component), Ok(component), "{text}");
            assert_eq!(read.map(|id| id.number().to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn one_wrong_digit_and_two_that_changed_places_are_seen() {
        let right = "823681000000100";
        for at in 0..right.len() {
            for digit in b'0'..=b'9' {
                let mut wrong = right.as_bytes().to_vec();
                if wrong[at] != digit {
                    wrong[at] = digit;
                    let text = String::from_utf8_lossy(&wrong).into_owned();
                    assert!(SnomedId::parse(&text).is_err(), "{text}");
                }
            }
            let mut swapped = right.as_bytes().to_vec();
            if at > 0 && swapped[at] != swapped[at - 1] {
                swapped.swap(at, at - 1);
                let text = String::from_utf8_lossy(&swapped).into_owned();
                assert!(SnomedId::parse(&text).is_err(), "{text}");
            }
        }
    }

    #[test]
    fn shapes_and_partitions_are_checked() {
        for text in [
            "",
            "10005",
            "073211009",
            "1234567890123456789",
            "7321100９",
            "DS",
        ] {
            assert_eq!(SnomedId::parse(text), Err(NotASnomedId::Shape), "{text}");
        }
        let undefined = (0..10).map(|check| format!("10000{check}"));
        let undefined = undefined.chain((0..10).map(|check| format!("10003{check}")));
        let found: Vec<_> = undefined
            .filter(|text| SnomedId::parse(text) == Err(NotASnomedId::Partition))
            .collect();
        assert_eq!(found.len(), 1, "{found:?}");
    }
}
