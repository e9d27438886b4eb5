//! FHIR XML: a walk over quick-xml's events, without a tree. It knows XML, refuses what is dangerous
//! in it, and puts what it meets where `parts.rs` says.

mod tag;

use std::borrow::Cow;

use quick_xml::{
    Reader,
    escape::EscapeError,
    events::{BytesDecl, BytesRef, BytesStart, Event},
};

use self::tag::{Namespace, Scopes, Tag};
use super::{
    Limits, Malformed, Position, any_byte,
    place::{Part, Place},
    record::Record,
};
use crate::facts::{Resource, Text};

const PREDEFINED: [&str; 5] = ["lt", "gt", "amp", "apos", "quot"];

/// Reads a document. `text` starts with `<` after white space.
pub(super) fn read<'a>(
    text: &'a str,
    limits: &Limits,
) -> Result<(Resource<'a>, Vec<Malformed>), Malformed> {
    control_characters(text)?;
    let mut reader = Reader::from_str(text);
    // White space before a tag is most of the text there is, and never of interest.
    reader.config_mut().trim_text_start = true;
    let mut walk = Walk {
        text,
        reader,
        record: Record::new(limits),
        scopes: Scopes::default(),
        began: false,
    };
    let mut root = Resource::default();
    match walk.document(&mut root) {
        Ok(()) => Ok((root, walk.record.into_flaws())),
        Err(malformed) if malformed.position.is_none() => {
            let offset = usize::try_from(walk.reader.buffer_position()).unwrap_or(text.len());
            Err(malformed.at(Position::of(text.as_bytes(), offset)))
        }
        Err(malformed) => Err(malformed),
    }
}

/// XML 1.0 has no control characters but tab, line feed and carriage return; U+0000 is the one that
/// cuts texts short elsewhere (V-002).
fn control_characters(text: &str) -> Result<(), Malformed> {
    // Without a branch on tab and line ends, which every document is full of.
    let control = |b: u8| (b < b' ') & (b != b'\t') & (b != b'\n') & (b != b'\r');
    if !any_byte(text.as_bytes(), control) {
        return Ok(());
    }
    let at = text.bytes().position(control).unwrap_or(0);
    let what = format!("the document holds a control character at byte {at}");
    Err(Malformed::new("V-002", what).at(Position::of(text.as_bytes(), at)))
}

struct Walk<'a, 'l> {
    text: &'a str,
    reader: Reader<&'a [u8]>,
    record: Record<'a, 'l>,
    scopes: Scopes<'a>,
    /// Whether anything has been read.
    began: bool,
}

/// What the walk meets, all else having been looked at and passed over.
enum Met<'a> {
    /// An element; `open` if it has an end of its own.
    Element { start: BytesStart<'a>, open: bool },
    /// The end of the element around.
    End,
    /// The end of the document.
    EndOfDocument,
}

impl<'a> Walk<'a, '_> {
    /// The whole document: one element of FHIR and nothing after it.
    fn document(&mut self, root: &mut Resource<'a>) -> Result<(), Malformed> {
        let Met::Element { start, open } = self.next(false)? else {
            return Err(self.cut_short());
        };
        self.resource(&start, open, root)?;
        match self.next(false)? {
            Met::EndOfDocument => Ok(()),
            Met::Element { .. } | Met::End => Err(self
                .record
                .malformed("V-004", "the document goes on after its end")),
        }
    }

    /// The element that is a resource and bears its type's name.
    fn resource(
        &mut self,
        start: &BytesStart<'a>,
        open: bool,
        resource: &mut Resource<'a>,
    ) -> Result<(), Malformed> {
        self.record.deeper()?;
        let outer = self.scopes.mark();
        let tag = Tag::read(self.text, start, &mut self.scopes)?;
        if tag.namespace != Namespace::Fhir {
            let what = "the element that should be a resource is not FHIR's";
            return Err(self.record.malformed("V-010", what));
        }
        self.record.begin(Cow::Borrowed(tag.name));
        resource.begin(Text::from(tag.name));
        if open {
            self.children(Some(resource))?;
        }
        self.scopes.reset(outer);
        self.record.shallower();
        Ok(())
    }

    /// Everything up to the end of the present element.
    fn children(&mut self, mut part: Option<&mut dyn Part<'a>>) -> Result<(), Malformed> {
        let (mut last, mut count) = ("", 0);
        loop {
            match self.next(true)? {
                Met::Element { start, open } => {
                    self.record.deeper()?;
                    let outer = self.scopes.mark();
                    let tag = Tag::read(self.text, &start, &mut self.scopes)?;
                    count = if tag.name == last { count + 1 } else { 0 };
                    last = tag.name;
                    self.record.step(Cow::Borrowed(tag.name));
                    if count > 0 || tag.name == "entry" {
                        self.record.index(count);
                    }
                    self.element(&tag, open, part.as_deref_mut().map(|part| part as _))?;
                    self.record.back();
                    self.scopes.reset(outer);
                    self.record.shallower();
                }
                Met::End => return Ok(()),
                Met::EndOfDocument => return Err(self.cut_short()),
            }
        }
    }

    /// One child: its own text where there is one, and its children.
    fn element(
        &mut self,
        tag: &Tag<'a>,
        open: bool,
        parent: Option<&mut dyn Part<'a>>,
    ) -> Result<(), Malformed> {
        let place = match (parent, tag.namespace) {
            (Some(parent), Namespace::Fhir) => parent.child(tag.name),
            (_, Namespace::Fhir | Namespace::Xhtml) => Place::Skip,
            (_, Namespace::Other) => {
                let what = "an element is neither FHIR's nor XHTML's";
                return Err(self.record.malformed("V-010", what));
            }
        };
        let part = match place {
            Place::Part(part) => {
                self.record.keep()?;
                part
            }
            Place::Entry(part) => {
                self.record.entry()?;
                part
            }
            Place::Resource(resource) if open => return self.contents_of_resource(resource),
            Place::Skip
            | Place::Repeated
            | Place::Text(_)
            | Place::First(_)
            | Place::Boolean(_)
            | Place::Length(_)
            | Place::Resource(_) => {
                self.value(tag, place)?;
                return if open { self.children(None) } else { Ok(()) };
            }
        };
        if let Some(url) = tag.url {
            part.child("url").fill(tag::value(url)?, &mut self.record)?;
        }
        if open {
            self.children(Some(part))
        } else {
            Ok(())
        }
    }

    /// The `value` attribute of an element, put where it belongs.
    fn value(&mut self, tag: &Tag<'a>, place: Place<'_, 'a>) -> Result<(), Malformed> {
        let Some(raw) = tag.value else {
            return Ok(());
        };
        self.record.text(raw.len())?;
        match (&place, raw) {
            (Place::Skip, _) => Ok(()),
            (Place::Boolean(_), "true" | "false") => {
                place.fill_boolean(raw == "true", &mut self.record);
                Ok(())
            }
            // White space does not count in a length, so it need not be normalised.
            (Place::Length(_), _) if !any_byte(raw.as_bytes(), |b| b == b'&') => {
                place.fill(Cow::Borrowed(raw), &mut self.record)
            }
            _ => place.fill(tag::value(raw)?, &mut self.record),
        }
    }

    /// The resource within `<resource>`: the first element; a second one is not read.
    fn contents_of_resource(&mut self, resource: &mut Resource<'a>) -> Result<(), Malformed> {
        loop {
            match self.next(true)? {
                Met::Element { start, open } if resource.kind.is_none() => {
                    self.resource(&start, open, resource)?;
                }
                Met::Element { start, open } => {
                    self.record.repeated();
                    self.resource(&start, open, &mut Resource::default())?;
                }
                Met::End => return Ok(()),
                Met::EndOfDocument => return Err(self.cut_short()),
            }
        }
    }

    /// The next element or end. `inside` the root, text may stand between them.
    fn next(&mut self, inside: bool) -> Result<Met<'a>, Malformed> {
        loop {
            let event = self
                .reader
                .read_event()
                .map_err(|error| self.not_xml(&error))?;
            let first = !std::mem::replace(&mut self.began, true);
            match event {
                Event::Start(start) => return Ok(Met::Element { start, open: true }),
                Event::Empty(start) => return Ok(Met::Element { start, open: false }),
                Event::End(_) => return Ok(Met::End),
                Event::Eof => return Ok(Met::EndOfDocument),
                Event::Comment(_) => {}
                Event::Text(text) if inside => self.record.length(text.len()),
                Event::CData(text) if inside => self.record.length(text.len()),
                Event::GeneralRef(entity) if inside => self.entity(&entity)?,
                Event::Text(text) if text.trim_ascii().is_empty() => {}
                Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) => {
                    let what = "there is text outside the document's element";
                    return Err(self.record.malformed("V-004", what));
                }
                // The declaration is the first thing in a document, or it is none.
                Event::Decl(declaration) if first && self.text.starts_with("<?xml") => {
                    self.declaration(&declaration)?;
                }
                Event::Decl(_) | Event::PI(_) | Event::DocType(_) => return Err(self.forbidden()),
            }
        }
    }

    /// The XML declaration: it may name UTF-8 or no encoding (V-002).
    fn declaration(&self, declaration: &BytesDecl<'_>) -> Result<(), Malformed> {
        match declaration.encoding() {
            None => Ok(()),
            Some(Ok(name)) if name.eq_ignore_ascii_case("utf-8") => Ok(()),
            Some(_) => {
                let what = "the XML declaration names another encoding than UTF-8";
                Err(self.record.malformed("V-002", what))
            }
        }
    }

    /// An entity reference in a text: one of the five, or a character's number (V-006).
    fn entity(&self, entity: &BytesRef<'_>) -> Result<(), Malformed> {
        if entity.is_char_ref() {
            return match entity.resolve_char_ref() {
                Ok(Some(character)) if character != '\0' => Ok(()),
                Ok(_) | Err(_) => {
                    let what = "a character reference names no character";
                    Err(self.record.malformed("V-004", what))
                }
            };
        }
        if PREDEFINED.contains(&&**entity) {
            return Ok(());
        }
        Err(self.forbidden())
    }

    fn not_xml(&self, error: &quick_xml::Error) -> Malformed {
        let what = match error {
            quick_xml::Error::Syntax(_) => "the document is cut short or not well-formed XML",
            quick_xml::Error::Escape(EscapeError::UnrecognizedEntity(..)) => {
                return self.forbidden();
            }
            quick_xml::Error::Io(_)
            | quick_xml::Error::IllFormed(_)
            | quick_xml::Error::InvalidAttr(_)
            | quick_xml::Error::Encoding(_)
            | quick_xml::Error::Escape(_)
            | quick_xml::Error::Namespace(_) => "the document is not well-formed XML",
        };
        let offset = usize::try_from(self.reader.error_position()).unwrap_or(self.text.len());
        self.record
            .malformed("V-004", what)
            .at(Position::of(self.text.as_bytes(), offset))
    }

    fn cut_short(&self) -> Malformed {
        self.record.malformed("V-004", "the document is cut short")
    }

    fn forbidden(&self) -> Malformed {
        let what = "the document declares a DOCTYPE, entities or processing instructions; these \
                    are never accepted";
        self.record.malformed("V-006", what)
    }
}
