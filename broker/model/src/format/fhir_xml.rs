//! FHIR XML: a walk over XML, without a tree. It knows which element stands for what in FHIR's XML,
//! and puts what it meets where `parts.rs` says.

use std::borrow::Cow;

use quick_xml::events::BytesStart;

use super::{
    Limits, Malformed, any_byte, narrative,
    place::{Part, Place},
    record::Found,
    sweep::Sweep,
    xml::{Met, Namespace, Tag, Walk, value},
};
use crate::facts::{Resource, Text};

/// Reads a document. `text` starts with `<` after white space.
pub(super) fn read<'a>(
    text: &'a str,
    limits: &Limits,
) -> Result<(Resource<'a>, Found<'a>), Malformed> {
    let mut walk = Walk::new(text, limits)?;
    let mut root = Resource::default();
    let walked = walk.document(&mut root);
    Ok((root, walk.end(walked)?))
}

impl<'a> Walk<'a, '_> {
    /// The whole document: one element of FHIR and nothing after it.
    fn document(&mut self, root: &mut Resource<'a>) -> Result<(), Malformed> {
        let Met::Element { start, open } = self.next(false)? else {
            return Err(self.cut_short());
        };
        self.resource(&start, open, root)?;
        self.nothing_more()
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
                    self.record.index(count);
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
            // What stands in a narrative is shown, whatever its namespace.
            (_, Namespace::Fhir) if self.narrated > 0 => Place::Narrative,
            (_, Namespace::Xhtml) => Place::Narrative,
            (Some(parent), Namespace::Fhir) => parent.child(tag.name),
            (None, Namespace::Fhir) => Place::Skip,
            (_, Namespace::Cda | Namespace::Itk | Namespace::Other) => {
                let what = "an element is neither FHIR's nor XHTML's";
                return Err(self.record.malformed("V-010", what));
            }
        };
        match place {
            Place::Part(part) => {
                self.record.keep()?;
                self.part(tag, open, part)
            }
            Place::Entry(part) => {
                self.record.enter()?;
                self.part(tag, open, part)?;
                self.record.leave();
                Ok(())
            }
            Place::Resource(resource) if open => self.contents_of_resource(resource),
            Place::Narrative => self.narrative(tag, open),
            Place::Skip
            | Place::Repeated
            | Place::Text(_)
            | Place::First(_)
            | Place::Glance(_)
            | Place::Boolean(_)
            | Place::Data(_)
            | Place::Seen(_)
            | Place::Resource(_) => {
                self.value(tag, place)?;
                if open {
                    let mut sweep = Sweep::default();
                    self.children(Some(&mut sweep))?;
                    sweep.end(&mut self.record);
                }
                Ok(())
            }
        }
    }

    /// A part of the facts: its `url`, and its children.
    fn part(
        &mut self,
        tag: &Tag<'a>,
        open: bool,
        part: &mut dyn Part<'a>,
    ) -> Result<(), Malformed> {
        if let Some(url) = tag.url {
            part.child("url").fill(value(url)?, &mut self.record)?;
        }
        if open {
            self.children(Some(&mut *part))?;
        }
        part.end(&mut self.record);
        Ok(())
    }

    /// An element of a narrative, and what is within.
    fn narrative(&mut self, tag: &Tag<'a>, open: bool) -> Result<(), Malformed> {
        self.narrated += 1;
        self.told(narrative::element(tag.name));
        for attribute in tag.attributes() {
            let (name, value) = attribute?;
            self.told(narrative::attribute(tag.name, name, value));
        }
        if open {
            self.children(None)?;
        }
        self.narrated -= 1;
        Ok(())
    }

    /// The `value` attribute of an element, put where it belongs.
    fn value(&mut self, tag: &Tag<'a>, place: Place<'_, 'a>) -> Result<(), Malformed> {
        let Some(raw) = tag.value else {
            if let Place::Seen(seen) = place {
                *seen = true;
            }
            return Ok(());
        };
        // As an empty text of JSON: an attribute without a value says nothing.
        if raw.is_empty() {
            self.record.empty();
        }
        match (&place, raw) {
            (Place::Skip, _) if !self.record.keeps() => {
                self.record.length(raw.len());
                Ok(())
            }
            (Place::Boolean(_), "true" | "false") => {
                place.fill_boolean(raw == "true", &mut self.record);
                Ok(())
            }
            // White space does not count in data, so it need not be normalised.
            (Place::Data(_), _) if !any_byte(raw.as_bytes(), |b| b == b'&') => {
                self.record.length(raw.len());
                place.look(raw, &mut self.record);
                Ok(())
            }
            _ => {
                let value = value(raw)?;
                self.record.text(&value)?;
                place.fill(value, &mut self.record)
            }
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
}
