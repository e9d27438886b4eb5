//! The seam between syntaxes and facts: a reader asks each part of the facts where a child's content
//! belongs, and puts it there. It knows no syntax and no FHIR.

use std::borrow::Cow;

use super::{Malformed, base64, narrative, record::Record};
use crate::facts::{Attachment, Flag, Resource, Text};

/// Where the content of one element or member belongs.
pub(super) enum Place<'p, 'a> {
    /// Nowhere: no fact is read from it.
    Skip,
    /// Nowhere: the one there may be has been read already (V-007).
    Repeated,
    /// One text.
    Text(&'p mut Option<Text<'a>>),
    /// The first of several texts.
    First(&'p mut Option<Text<'a>>),
    /// One boolean.
    Boolean(&'p mut Option<Flag>),
    /// The data of an attachment, which is looked at and not kept.
    Data(&'p mut Attachment<'a>),
    /// A text that is looked at and not kept; the first of several.
    Glance(&'p mut Option<Text<'a>>),
    /// A piece of XHTML, which is looked at and not kept.
    Narrative,
    /// Something of which it only counts that it is there.
    Seen(&'p mut bool),
    /// A part with children of its own.
    Part(&'p mut (dyn Part<'a> + 'p)),
    /// An entry of a Bundle: a part that is counted.
    Entry(&'p mut (dyn Part<'a> + 'p)),
    /// A resource, whose type has to be learnt before its children.
    Resource(&'p mut Resource<'a>),
}

/// A part of the facts, as the readers see it.
pub(super) trait Part<'a> {
    /// Where the content of the child called `name` belongs; asked once for each occurrence.
    fn child(&mut self, name: &str) -> Place<'_, 'a>;

    /// All children have been read.
    fn end(&self, _record: &mut Record<'a, '_>) {}
}

impl<'p, 'a> Place<'p, 'a> {
    /// The place of a part there is at most one of.
    pub(super) fn one<T: Part<'a> + Default>(slot: &'p mut Option<T>) -> Self {
        if slot.is_some() {
            Self::Repeated
        } else {
            Self::Part(slot.insert(T::default()))
        }
    }

    /// The place of a part there may be several of.
    pub(super) fn many<T: Part<'a> + Default>(list: &'p mut Vec<T>) -> Self {
        list.push(T::default());
        list.last_mut().map_or(Self::Skip, |part| Self::Part(part))
    }

    /// Whether a fact is read from it.
    pub(super) const fn is_known(&self) -> bool {
        !matches!(self, Self::Skip | Self::Glance(_) | Self::Narrative)
    }

    /// Whether a text is kept, so that it is worth a copy where it cannot be borrowed.
    pub(super) const fn keeps_text(&self) -> bool {
        matches!(self, Self::Text(_) | Self::First(_) | Self::Glance(_))
    }

    /// Puts a text where it belongs. Where a boolean belongs, a text is unreadable.
    pub(super) fn fill(
        self,
        value: Cow<'a, str>,
        record: &mut Record<'a, '_>,
    ) -> Result<(), Malformed> {
        match self {
            Self::Text(slot) if slot.is_none() => {
                record.keep()?;
                *slot = Some(value.into());
            }
            Self::First(slot) | Self::Glance(slot) => {
                slot.get_or_insert_with(|| value.into());
            }
            Self::Text(_) => record.repeated(),
            Self::Skip
            | Self::Repeated
            | Self::Boolean(_)
            | Self::Data(_)
            | Self::Narrative
            | Self::Seen(_)
            | Self::Part(_)
            | Self::Entry(_)
            | Self::Resource(_) => self.look(&value, record),
        }
        Ok(())
    }

    /// Looks at a text that is not kept.
    pub(super) fn look(self, text: &str, record: &mut Record<'a, '_>) {
        match self {
            Self::Data(attachment) if attachment.data.is_none() => {
                attachment.data = Some(base64::look(text));
            }
            Self::Narrative => {
                if let Some(what) = narrative::text(text) {
                    record.narrative(what);
                }
            }
            Self::Seen(seen) => *seen = true,
            Self::Boolean(slot) if slot.is_none() => *slot = Some(Flag::Unreadable),
            Self::Repeated | Self::Data(_) | Self::Boolean(_) => record.repeated(),
            Self::Skip
            | Self::Text(_)
            | Self::First(_)
            | Self::Glance(_)
            | Self::Part(_)
            | Self::Entry(_)
            | Self::Resource(_) => {}
        }
    }

    /// Puts a boolean where it belongs.
    pub(super) fn fill_boolean(self, value: bool, record: &mut Record<'a, '_>) {
        match self {
            Self::Boolean(slot) if slot.is_none() => {
                *slot = Some(if value { Flag::True } else { Flag::False });
            }
            Self::Boolean(_) | Self::Repeated => record.repeated(),
            Self::Seen(seen) => *seen = true,
            Self::Skip
            | Self::Text(_)
            | Self::First(_)
            | Self::Data(_)
            | Self::Glance(_)
            | Self::Narrative
            | Self::Part(_)
            | Self::Entry(_)
            | Self::Resource(_) => {}
        }
    }
}
