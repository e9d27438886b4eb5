//! Segments: a message's delimiters, its segments and their fields, borrowed from the text. It knows
//! the encoding rules of HL7 v2 (chapter 2), and no segment's meaning but where MSH begins.

use std::borrow::Cow;

use crate::facts::Text;

/// More fields than are read of any segment.
const FIELDS_MAX: usize = 34;

/// The delimiters that a message declares in MSH-1 and MSH-2. One that it does not declare is U+0000,
/// which no text holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Delimiters {
    field: char,
    component: char,
    repetition: char,
    escape: char,
    subcomponent: char,
}

impl Delimiters {
    /// Reads them from a text that starts with `MSH`; `None` where they are not five different
    /// characters of punctuation, or at least the first three of them.
    pub(super) fn of(message: &str) -> Option<Self> {
        let mut declared = message.get(3..)?.chars();
        let field = declared.next()?;
        let line = declared.as_str().split(['\r', '\n']).next()?;
        let encoding = line.split(field).next()?;
        // A sixth, by which a cut text is marked (2.7), delimits nothing.
        let all: Vec<char> = [field]
            .into_iter()
            .chain(encoding.chars())
            .take(6)
            .collect();
        let distinct = (1..all.len()).all(|n| !all[..n].contains(&all[n]));
        if all.len() < 3 || !distinct || !all.iter().all(char::is_ascii_punctuation) {
            return None;
        }
        let or_none = |n| all.get(n).copied().unwrap_or('\0');
        Some(Self {
            field,
            component: all[1],
            repetition: all[2],
            escape: or_none(3),
            subcomponent: or_none(4),
        })
    }

    /// The character between fields.
    pub(super) const fn field_separator(self) -> char {
        self.field
    }

    /// The fields of a segment, its name being the first.
    pub(super) fn fields<'a>(self, segment: &'a str) -> Fields<'a> {
        let mut values = [""; FIELDS_MAX];
        for (value, field) in values.iter_mut().zip(segment.split(self.field)) {
            *value = field;
        }
        Fields {
            values,
            // MSH-1 is the delimiter itself.
            shift: usize::from(segment.starts_with("MSH")),
        }
    }

    /// The longest field of a segment: its number and its length.
    pub(super) fn longest(self, segment: &str) -> (usize, usize) {
        let lengths = segment.split(self.field).map(str::len).enumerate();
        lengths
            .max_by_key(|(_, length)| *length)
            .unwrap_or_default()
    }

    /// The repetitions of a field.
    pub(super) fn repetitions(self, field: &str) -> impl Iterator<Item = &str> {
        field.split(self.repetition).filter(|text| !text.is_empty())
    }

    /// The component of that number, as it is written.
    pub(super) fn component(self, field: &str, number: usize) -> &str {
        field
            .split(self.component)
            .nth(number - 1)
            .unwrap_or_default()
    }

    /// The components of a field, the first of them, in their order.
    pub(super) fn components<const N: usize>(self, field: &str) -> [&str; N] {
        let mut values = [""; N];
        for (value, component) in values.iter_mut().zip(field.split(self.component)) {
            *value = component;
        }
        values
    }

    /// The subcomponent of that number, as it is written.
    pub(super) fn subcomponent(self, component: &str, number: usize) -> &str {
        let mut subcomponents = component.split(self.subcomponent);
        subcomponents.nth(number - 1).unwrap_or_default()
    }

    /// What a component or subcomponent says; `None` where it is empty, or is `""`, by which a
    /// sender says that there is nothing.
    pub(super) fn text<'a>(self, raw: &'a str) -> Option<Text<'a>> {
        let raw = raw.trim();
        if raw.is_empty() || raw == "\"\"" {
            None
        } else if raw.contains(self.escape) {
            Some(Text::from(Cow::Owned(self.unescaped(raw))))
        } else {
            Some(Text::from(raw))
        }
    }

    /// A text with its escape sequences resolved. Those for how a text looks, and those of another
    /// character set, stand for nothing.
    fn unescaped(self, raw: &str) -> String {
        let mut out = String::with_capacity(raw.len());
        let mut rest = raw;
        while let Some((before, after)) = rest.split_once(self.escape) {
            out.push_str(before);
            let Some((code, after)) = after.split_once(self.escape) else {
                // Nothing ends it, so it begins nothing.
                out.push(self.escape);
                rest = after;
                break;
            };
            match code {
                "F" => out.push(self.field),
                "S" => out.push(self.component),
                "R" => out.push(self.repetition),
                "E" => out.push(self.escape),
                "T" => out.push(self.subcomponent),
                ".br" => out.push(' '),
                _ => out.push_str(&hexadecimal(code).unwrap_or_default()),
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }
}

/// What `X…` stands for: bytes of UTF-8, and no control characters.
fn hexadecimal(code: &str) -> Option<String> {
    let (pairs, rest) = code.strip_prefix('X')?.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|n| u8::try_from(n).ok())
    };
    let bytes = pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? * 16 + digit(*low)?));
    let text = String::from_utf8(bytes.collect::<Option<_>>()?).ok()?;
    (rest.is_empty() && !text.contains(char::is_control)).then_some(text)
}

/// The fields of one segment.
pub(super) struct Fields<'a> {
    values: [&'a str; FIELDS_MAX],
    shift: usize,
}

impl<'a> Fields<'a> {
    /// The field of that number, from 1, as the standard counts them; empty where there is none.
    pub(super) fn get(&self, number: usize) -> &'a str {
        let index = number - self.shift;
        self.values.get(index).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::Delimiters;

    #[test]
    fn delimiters_are_those_that_the_message_declares() {
        let usual = Delimiters::of("MSH|^~\\&|").unwrap();
        let other = Delimiters::of("MSH*:;!%#*").unwrap();
        assert_eq!(usual.component("a^b", 2), "b");
        assert_eq!(other.component("a:b^c", 2), "b^c");
        assert_eq!(other.fields("PID*1*2").get(2), "2");
        assert_eq!(other.subcomponent("a%b", 2), "b");
        for text in [
            "",
            "MSH",
            "MSH|",
            "MSH|^|",
            "MSH|^~\\^|",
            "MSH|^~|\\&",
            "MSHabcde",
            "MSH|^é\\&|",
        ] {
            let whole = Delimiters::of(text);
            assert!(whole.is_none() || text == "MSH|^~|\\&", "{text}");
        }
    }

    #[test]
    fn the_first_field_of_a_header_is_its_delimiter() {
        let delimiters = Delimiters::of("MSH|^~\\&|A").unwrap();
        let header = delimiters.fields("MSH|^~\\&|A|B");
        assert_eq!(
            [header.get(2), header.get(3), header.get(4)],
            ["^~\\&", "A", "B"]
        );
        assert_eq!(header.get(18), "");
    }

    #[test]
    fn escapes_are_resolved_and_what_is_none_is_left() {
        let delimiters = Delimiters::of("MSH|^~\\&|").unwrap();
        for (raw, expected) in [
            ("Smith", Some("Smith")),
            (" Smith ", Some("Smith")),
            ("", None),
            ("\"\"", None),
            ("a\\T\\b\\F\\c\\S\\d\\R\\e\\E\\f", Some("a&b|c^d~e\\f")),
            ("O\\X27\\Brien", Some("O'Brien")),
            ("Zo\\XC3AB\\", Some("Zoë")),
            ("a\\X00\\b\\XC3\\c\\XZZ\\d\\X1\\e", Some("abcde")),
            ("\\H\\bold\\N\\", Some("bold")),
            ("a\\b", Some("a\\b")),
        ] {
            assert_eq!(delimiters.text(raw).as_deref(), expected, "{raw}");
        }
    }
}
