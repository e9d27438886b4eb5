//! XML: quick-xml's events with everything that is dangerous in XML refused, for the formats that are
//! written in it. It knows what is well formed, and no format: what an element means is told in
//! `fhir_xml.rs` and `cda.rs`.

mod tag;

use quick_xml::{
    Reader,
    escape::EscapeError,
    events::{BytesDecl, BytesRef, BytesStart, Event},
};

pub(super) use self::tag::{Namespace, Scopes, Tag, value};
use super::{
    Limits, Malformed, Position, any_byte, narrative,
    record::{Found, Record},
};

const PREDEFINED: [&str; 5] = ["lt", "gt", "amp", "apos", "quot"];

/// A walk over one document.
pub(super) struct Walk<'a, 'l> {
    pub(super) text: &'a str,
    pub(super) record: Record<'a, 'l>,
    pub(super) scopes: Scopes<'a>,
    /// How many elements of narrative are open.
    pub(super) narrated: usize,
    reader: Reader<&'a [u8]>,
    /// Whether anything has been read.
    began: bool,
    /// Where what was met last began, white space before it included.
    at: u64,
}

/// What the walk meets, all else having been looked at and passed over.
pub(super) enum Met<'a> {
    /// An element; `open` if it has an end of its own.
    Element { start: BytesStart<'a>, open: bool },
    /// The end of the element around.
    End,
    /// The end of the document.
    EndOfDocument,
}

impl<'a, 'l> Walk<'a, 'l> {
    /// Begins a walk; `text` starts with `<` after white space.
    pub(super) fn new(text: &'a str, limits: &'l Limits) -> Result<Self, Malformed> {
        control_characters(text)?;
        let mut reader = Reader::from_str(text);
        // White space before a tag is most of the text there is, and never of interest.
        reader.config_mut().trim_text_start = true;
        Ok(Self {
            text,
            record: Record::new(limits),
            scopes: Scopes::default(),
            narrated: 0,
            reader,
            began: false,
            at: 0,
        })
    }

    /// What was found wrong and did not stop the walk; or what stopped it, with its place.
    pub(super) fn end(self, walked: Result<(), Malformed>) -> Result<Found<'a>, Malformed> {
        match walked {
            Ok(()) => Ok(self.record.into_found()),
            Err(malformed) if malformed.position.is_none() => {
                let offset = offset(self.reader.buffer_position());
                Err(malformed.at(Position::of(self.text.as_bytes(), offset)))
            }
            Err(malformed) => Err(malformed),
        }
    }

    /// The text from `start` to where what was met last began: what stands in an element, if that
    /// was its end.
    pub(super) fn text_from(&self, start: usize) -> &'a str {
        self.text.get(start..offset(self.at)).unwrap_or_default()
    }

    /// Where what was met last ended.
    pub(super) fn offset(&self) -> usize {
        offset(self.reader.buffer_position())
    }

    /// The document is over: nothing comes after its element.
    pub(super) fn nothing_more(&mut self) -> Result<(), Malformed> {
        match self.next(false)? {
            Met::EndOfDocument => Ok(()),
            Met::Element { .. } | Met::End => Err(self
                .record
                .malformed("V-004", "the document goes on after its end")),
        }
    }

    /// The next element or end. `inside` the root, text may stand between them.
    pub(super) fn next(&mut self, inside: bool) -> Result<Met<'a>, Malformed> {
        loop {
            self.at = self.reader.buffer_position();
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
                Event::Comment(text) => self.told(narrative::comment(&text)),
                Event::Text(text) if inside => self.record.length(text.len()),
                Event::CData(text) if inside => {
                    self.record.length(text.len());
                    self.told(narrative::unparsed(&text));
                }
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

    /// Records what is wrong with the narrative that is open.
    pub(super) fn told(&mut self, wrong: Option<&'static str>) {
        if let (Some(what), 1..) = (wrong, self.narrated) {
            self.record.narrative(what);
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
        let offset = offset(self.reader.error_position());
        self.record
            .malformed("V-004", what)
            .at(Position::of(self.text.as_bytes(), offset))
    }

    pub(super) fn cut_short(&self) -> Malformed {
        self.record.malformed("V-004", "the document is cut short")
    }

    fn forbidden(&self) -> Malformed {
        let what = "the document declares a DOCTYPE, entities or processing instructions; these \
                    are never accepted";
        self.record.malformed("V-006", what)
    }
}

/// A place in a text that is in memory.
fn offset(place: u64) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
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
