//! Family names, as two systems write one: reduced to what does not depend on keyboards. It is safe to
//! be this lenient only because the name is never the key: an NHS number finds one record, and the
//! date of birth must be that record's to the day. What is set aside can therefore never choose between
//! two patients; it only decides whether the sender means the patient whose number it gave.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

/// A family name without what is not significant: case (O'Brien, O'BRIEN), accents of Latin, Greek and
/// Cyrillic letters (Núñez, Nunez), hyphens, apostrophes, spaces, full stops and underscores in every
/// form of Unicode (Smith-Jones, Smith Jones; van der Berg, Vanderberg), and the way Unicode composes a
/// letter. Letters are significant, and so is their order. Prints nothing of itself.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FamilyName(Box<str>);

impl FamilyName {
    /// The significant part of a name; `None` when nothing is left of it, because nothing would then
    /// equal nothing.
    pub fn of(text: &str) -> Option<Self> {
        let mut significant = String::with_capacity(text.len());
        let letters = text.nfkd().filter(|&c| !is_accent(c) && !is_joiner(c));
        for letter in letters.flat_map(char::to_uppercase) {
            match spelt_out(letter) {
                Some(letters) => significant.push_str(letters),
                None => significant.push(letter),
            }
        }
        (!significant.is_empty()).then(|| Self(significant.into()))
    }

    /// The significant part, for a table of names; not for a log.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// One that [`expose`](Self::expose) gave.
    pub(super) fn from_exposed(text: &str) -> Self {
        Self(text.into())
    }
}

/// The marks that European letters carry. Those of other scripts are vowels, and stay.
const fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

/// What joins or parts the pieces of a name, and what nobody sees.
const fn is_joiner(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '-' | '_' | '.' | '\'' | '`' | '\u{ad}' | '\u{b7}' | '\u{2b9}' | '\u{2bb}' | '\u{2bc}'
                | '\u{2bd}' | '\u{2212}' | '\u{fe63}'
        )
        // Zero-width marks; hyphens and dashes; quotation marks; primes.
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2010}'..='\u{2015}' | '\u{2018}'..='\u{201b}')
        || matches!(c, '\u{2032}' | '\u{2035}' | '\u{2060}' | '\u{feff}')
}

/// Letters that no decomposition reaches, as English keyboards write them.
const fn spelt_out(letter: char) -> Option<&'static str> {
    Some(match letter {
        'Æ' => "AE",
        'Ð' | 'Đ' => "D",
        'Ħ' => "H",
        'Ł' => "L",
        'Ø' => "O",
        'Œ' => "OE",
        'Þ' => "TH",
        'ẞ' => "SS",
        'Ŧ' => "T",
        _ => return None,
    })
}

impl fmt::Debug for FamilyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FamilyName(masked)")
    }
}

#[cfg(test)]
mod tests {
    use super::FamilyName;

    #[test]
    fn what_two_keyboards_write_is_one_name() {
        for (one, other) in [
            ("O'Brien", "OBRIEN"),
            ("O\u{2019}Brien", "o brien"),
            ("Smith-Jones", "Smith Jones"),
            ("Smith\u{2011}Jones", "SmithJones"),
            ("van der Berg", "Vanderberg"),
            ("van_der_Berg", "VAN DER BERG"),
            ("N\u{fa}\u{f1}ez", "Nunez"),
            ("Nu\u{301}n\u{303}ez", "N\u{fa}\u{f1}ez"),
            ("Wei\u{df}", "WEISS"),
            ("\u{141}ukasz", "Lukasz"),
            ("S\u{f8}rensen", "Sorensen"),
            ("St. John", "St John"),
            ("\u{130}nci", "inci"),
            ("\u{ff33}mith", "Smith"),
        ] {
            assert_eq!(FamilyName::of(one), FamilyName::of(other), "{one} {other}");
        }
    }

    #[test]
    fn a_letter_more_less_or_other_is_another_name() {
        for (one, other) in [
            ("Smith", "Smyth"),
            ("Smith", "Smiths"),
            ("Smith-Jones", "Jones-Smith"),
            ("Smith-Jones", "Smith"),
            ("Brien", "O'Brien"),
            ("M\u{fc}ller", "Mueller"),
            // Cyrillic letters that look like Latin ones.
            ("\u{410}dams", "Adams"),
            // Two names that differ by a vowel sign.
            ("\u{926}\u{93e}\u{938}", "\u{926}\u{938}"),
        ] {
            assert_ne!(FamilyName::of(one), FamilyName::of(other), "{one} {other}");
        }
    }

    #[test]
    fn nothing_equals_no_name() {
        for text in ["", " ", "-", "'", "\u{300}", "\u{200b}", ". _"] {
            assert_eq!(FamilyName::of(text), None, "{text:?}");
        }
    }
}
