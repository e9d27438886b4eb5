//! Tags: an element's name, namespace and attributes, checked and borrowed from the document. It does
//! not know what the element means.

use std::borrow::Cow;

use memchr::memchr;
use quick_xml::{
    XmlVersion,
    escape::{EscapeError, unescape},
    events::{BytesStart, attributes::Attribute},
    name::QName,
};

use crate::format::{Malformed, any_byte};

const FHIR: &str = "http://hl7.org/fhir";
const XHTML: &str = "http://www.w3.org/1999/xhtml";
const CDA: &str = "urn:hl7-org:v3";
const ITK: &str = "urn:nhs-itk:ns:201005";

/// The most attributes of one element; each is compared with each.
const ATTRIBUTES_MAX: usize = 64;
/// The most namespace declarations in force; a prefix is looked for among them.
const BINDINGS_MAX: usize = 64;

/// The namespaces an element may be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Namespace {
    Fhir,
    Xhtml,
    Cda,
    Itk,
    Other,
}

/// The namespace declarations in force: prefix (empty for the default) and namespace.
#[derive(Default)]
pub(in super::super) struct Scopes<'a>(Vec<(&'a str, Namespace)>);

impl<'a> Scopes<'a> {
    /// How many declarations are in force.
    pub(in super::super) const fn mark(&self) -> usize {
        self.0.len()
    }

    /// Takes back the declarations made since `mark`.
    pub(in super::super) fn reset(&mut self, mark: usize) {
        self.0.truncate(mark);
    }

    fn declare(&mut self, prefix: &'a str, uri: &str) -> Result<(), Malformed> {
        if self.0.len() == BINDINGS_MAX {
            let what = format!("more than {BINDINGS_MAX} namespace declarations");
            return Err(Malformed::new("V-008", what));
        }
        let namespace = match uri {
            FHIR => Namespace::Fhir,
            XHTML => Namespace::Xhtml,
            CDA => Namespace::Cda,
            ITK => Namespace::Itk,
            _ => Namespace::Other,
        };
        self.0.push((prefix, namespace));
        Ok(())
    }

    fn of(&self, prefix: &str) -> Namespace {
        let bound = self.0.iter().rev().find(|(bound, _)| *bound == prefix);
        bound.map_or(Namespace::Other, |(_, namespace)| *namespace)
    }
}

/// A start tag.
#[derive(Debug)]
pub(in super::super) struct Tag<'a> {
    /// The name without its prefix.
    pub(in super::super) name: &'a str,
    pub(in super::super) namespace: Namespace,
    /// The `value` attribute as written.
    pub(in super::super) value: Option<&'a str>,
    /// The `url` attribute as written.
    pub(in super::super) url: Option<&'a str>,
    /// All attributes, as written.
    attributes: &'a str,
}

impl<'a> Tag<'a> {
    /// Reads a start tag of `text`, and puts its namespace declarations in force.
    pub(in super::super) fn read(
        text: &'a str,
        start: &BytesStart<'a>,
        scopes: &mut Scopes<'a>,
    ) -> Result<Self, Malformed> {
        // The event's content is a part of the document; borrowed from there it outlives the event.
        let content = within(text, start)?;
        let (name, mut rest) = content
            .split_at_checked(start.name().into_inner().len())
            .ok_or_else(not_well_formed)?;
        let mut tag = Self {
            name,
            namespace: Namespace::Other,
            value: None,
            url: None,
            attributes: rest,
        };
        let mut keys = Keys::default();
        while let Some((key, raw)) = next_attribute(&mut rest)? {
            keys.add(key)?;
            tag.attribute(key, raw, scopes)?;
        }
        let colon = name.bytes().position(|b| b == b':');
        if let Some((prefix, local)) = around(name, colon) {
            tag.name = local;
            tag.namespace = scopes.of(prefix);
        } else {
            tag.namespace = scopes.of("");
        }
        Ok(tag)
    }

    /// The attributes, each with its name and its value as written. They have been read before.
    pub(in super::super) fn attributes(
        &self,
    ) -> impl Iterator<Item = Result<(&'a str, &'a str), Malformed>> {
        let mut rest = self.attributes;
        std::iter::from_fn(move || next_attribute(&mut rest).transpose())
    }

    /// The attribute of that name, as XML means it. Looked for anew each time: an element has few.
    pub(in super::super) fn get(&self, name: &str) -> Result<Option<Cow<'a, str>>, Malformed> {
        let mut rest = self.attributes;
        while let Some((key, raw)) = next_attribute(&mut rest)? {
            if key == name {
                return value(raw).map(Some);
            }
        }
        Ok(None)
    }

    fn attribute(
        &mut self,
        key: &'a str,
        raw: &'a str,
        scopes: &mut Scopes<'a>,
    ) -> Result<(), Malformed> {
        if any_byte(raw.as_bytes(), |b| (b == b'&') | (b == b'<')) {
            check(raw)?;
        }
        match key {
            "value" => self.value = Some(raw),
            "url" => self.url = Some(raw),
            "xmlns" => scopes.declare("", raw)?,
            key => {
                if let Some(prefix) = key.strip_prefix("xmlns:") {
                    scopes.declare(prefix, raw)?;
                }
            }
        }
        Ok(())
    }
}

/// The names of one element's attributes: none may come twice. Most elements have one, so that only
/// a second one takes memory.
#[derive(Default)]
struct Keys<'a> {
    first: Option<&'a str>,
    others: Vec<&'a str>,
}

impl<'a> Keys<'a> {
    fn add(&mut self, key: &'a str) -> Result<(), Malformed> {
        let Some(first) = self.first else {
            self.first = Some(key);
            return Ok(());
        };
        if first == key || self.others.contains(&key) {
            let what = "an attribute appears twice in one element";
            return Err(Malformed::new("V-004", what));
        }
        if self.others.len() + 1 == ATTRIBUTES_MAX {
            let what = format!("an element has more than {ATTRIBUTES_MAX} attributes");
            return Err(Malformed::new("V-008", what));
        }
        self.others.push(key);
        Ok(())
    }
}

/// Takes the next `name="value"` from the rest of a tag. By hand, because quick-xml's own iterator
/// looks at each byte of a value, and a value may be an attachment.
fn next_attribute<'a>(rest: &mut &'a str) -> Result<Option<(&'a str, &'a str)>, Malformed> {
    let text = rest.trim_ascii_start();
    if text.is_empty() {
        return Ok(None);
    }
    if text.len() == rest.len() {
        // No white space before it.
        return Err(not_well_formed());
    }
    let equals = text.bytes().position(|b| b == b'=');
    let (key, after) = around(text, equals).ok_or_else(not_well_formed)?;
    let key = key.trim_ascii_end();
    let after = after.trim_ascii_start();
    let quote = match after.as_bytes().first() {
        Some(quote @ (b'"' | b'\'')) => *quote,
        Some(_) | None => return Err(not_well_formed()),
    };
    let after = &after[1..];
    let end = memchr(quote, after.as_bytes());
    let (value, after) = around(after, end).ok_or_else(not_well_formed)?;
    let is_name = |b: u8| !b.is_ascii_whitespace() && !b"\"'<>&/".contains(&b);
    if key.is_empty() || !key.bytes().all(is_name) {
        return Err(not_well_formed());
    }
    *rest = after;
    Ok(Some((key, value)))
}

/// What stands before and after the character of one byte at that place.
fn around(text: &str, at: Option<usize>) -> Option<(&str, &str)> {
    let at = at?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// An attribute's value as XML means it: references resolved, white space normalised.
pub(in super::super) fn value(raw: &str) -> Result<Cow<'_, str>, Malformed> {
    if !any_byte(raw.as_bytes(), |b| (b == b'&') | (b < b' ')) {
        return Ok(Cow::Borrowed(raw));
    }
    let attribute = Attribute {
        key: QName("value"),
        value: Cow::Borrowed(raw),
    };
    attribute
        .normalized_value(XmlVersion::Explicit1_0)
        .map_err(|_| not_well_formed())
}

/// Checks an attribute's value that has references or worse.
fn check(raw: &str) -> Result<(), Malformed> {
    if raw.contains('<') {
        return Err(not_well_formed());
    }
    match unescape(raw) {
        Ok(text) if text.contains('\0') => {
            Err(Malformed::new("V-002", "an attribute holds U+0000"))
        }
        Ok(_) => Ok(()),
        Err(EscapeError::UnrecognizedEntity(..)) => Err(Malformed::new(
            "V-006",
            "an attribute refers to an entity; only the five of XML are accepted",
        )),
        Err(_) => Err(not_well_formed()),
    }
}

fn not_well_formed() -> Malformed {
    Malformed::new("V-004", "the document is not well-formed XML")
}

/// The same `part`, borrowed from `text` instead of from an event on it.
fn within<'a>(text: &'a str, part: &str) -> Result<&'a str, Malformed> {
    let start = (part.as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
    text.get(start..start.wrapping_add(part.len()))
        .ok_or_else(not_well_formed)
}
