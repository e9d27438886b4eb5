//! FHIR XML: a walk over XML, without a tree. It knows which element stands for what in FHIR's XML,
//! and puts what it meets where `parts.rs` says.

use std::borrow::Cow;

use quick_xml::events::BytesStart;

use super::{
    Limits, Malformed, any_byte,
    place::{Part, Place},
    xml::{Met, Namespace, Tag, Walk, value},
};
use crate::facts::{Resource, Text};

/// Reads a document. `text` starts with `<` after white space.
pub(super) fn read<'a>(
    text: &'a str,
    limits: &Limits,
) -> Result<(Resource<'a>, Vec<Malformed>), Malformed> {
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
            (_, Namespace::Cda | Namespace::Itk | Namespace::Other) => {
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
            part.child("url").fill(value(url)?, &mut self.record)?;
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
            _ => place.fill(value(raw)?, &mut self.record),
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
