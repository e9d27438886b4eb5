//! Tags: an element's name, namespace and the two attributes that matter, checked and borrowed from
//! the document. It does not know what the element means.

use std::borrow::Cow;

use quick_xml::{
    XmlVersion,
    escape::{EscapeError, unescape},
    events::{BytesStart, attributes::Attribute},
    name::QName,
};

use super::Malformed;

const FHIR: &str = "http://hl7.org/fhir";
const XHTML: &str = "http://www.w3.org/1999/xhtml";

/// The most attributes of one element; each is compared with each.
const ATTRIBUTES_MAX: usize = 64;
/// The most namespace declarations in force; a prefix is looked for among them.
const BINDINGS_MAX: usize = 64;

/// The namespaces an element may be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Namespace {
    Fhir,
    Xhtml,
    Other,
}

/// The namespace declarations in force: prefix (empty for the default) and namespace.
#[derive(Default)]
pub(super) struct Scopes<'a>(Vec<(&'a str, Namespace)>);

impl<'a> Scopes<'a> {
    /// How many declarations are in force.
    pub(super) const fn mark(&self) -> usize {
        self.0.len()
    }

    /// Takes back the declarations made since `mark`.
    pub(super) fn reset(&mut self, mark: usize) {
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
pub(super) struct Tag<'a> {
    /// The name without its prefix.
    pub(super) name: &'a str,
    pub(super) namespace: Namespace,
    /// The `value` attribute as written.
    pub(super) value: Option<&'a str>,
    /// The `url` attribute as written.
    pub(super) url: Option<&'a str>,
}

impl<'a> Tag<'a> {
    /// Reads a start tag of `text`, and puts its namespace declarations in force.
    pub(super) fn read(
        text: &'a str,
        start: &BytesStart<'a>,
        scopes: &mut Scopes<'a>,
    ) -> Result<Self, Malformed> {
        let mut tag = Self {
            name: "",
            namespace: Namespace::Other,
            value: None,
            url: None,
        };
        let mut count = 0;
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|_| not_well_formed())?;
            count += 1;
            if count > ATTRIBUTES_MAX {
                let what = format!("an element has more than {ATTRIBUTES_MAX} attributes");
                return Err(Malformed::new("V-008", what));
            }
            tag.attribute(text, &attribute, scopes)?;
        }
        if count > 1 && start.attributes().any(|attribute| attribute.is_err()) {
            return Err(Malformed::new(
                "V-004",
                "an attribute appears twice in one element",
            ));
        }
        let name = within(text, start.name().into_inner())?;
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        tag.name = local;
        tag.namespace = scopes.of(prefix);
        Ok(tag)
    }

    fn attribute(
        &mut self,
        text: &'a str,
        attribute: &Attribute<'_>,
        scopes: &mut Scopes<'a>,
    ) -> Result<(), Malformed> {
        let raw = within(text, &attribute.value)?;
        if !is_plain(raw) {
            check(raw)?;
        }
        match within(text, attribute.key.into_inner())? {
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

/// An attribute's value as XML means it: references resolved, white space normalised.
pub(super) fn value(raw: &str) -> Result<Cow<'_, str>, Malformed> {
    if !raw
        .bytes()
        .any(|b| matches!(b, b'&' | b'\t' | b'\n' | b'\r'))
    {
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

/// Whether an attribute's value has neither `&` nor `<`. Without an early end, so that the compiler
/// turns it into vector code: a value may be an attachment.
fn is_plain(raw: &str) -> bool {
    let mut blocks = raw.as_bytes().chunks(256);
    blocks.all(|block| {
        !block
            .iter()
            .fold(false, |found, b| found | (*b == b'&') | (*b == b'<'))
    })
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
