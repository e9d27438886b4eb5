//! The seam between syntaxes and facts: a reader asks each part of the facts where a child's content
//! belongs, and puts it there. It knows no syntax and no FHIR.

use std::borrow::Cow;

use super::{Malformed, record::Record};
use crate::facts::{Flag, Resource, Text};

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
    /// The length of base64 data.
    Length(&'p mut Option<usize>),
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
        !matches!(self, Self::Skip)
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
            Self::First(slot) => {
                slot.get_or_insert_with(|| value.into());
            }
            Self::Length(slot) if slot.is_none() => *slot = Some(base64_characters(&value)),
            Self::Boolean(slot) if slot.is_none() => *slot = Some(Flag::Unreadable),
            Self::Text(_) | Self::Length(_) | Self::Boolean(_) | Self::Repeated => {
                record.repeated();
            }
            Self::Skip | Self::Part(_) | Self::Entry(_) | Self::Resource(_) => {}
        }
        Ok(())
    }

    /// Puts a boolean where it belongs.
    pub(super) fn fill_boolean(self, value: bool, record: &mut Record<'a, '_>) {
        match self {
            Self::Boolean(slot) if slot.is_none() => {
                *slot = Some(if value { Flag::True } else { Flag::False });
            }
            Self::Boolean(_) | Self::Repeated => record.repeated(),
            Self::Skip
            | Self::Text(_)
            | Self::First(_)
            | Self::Length(_)
            | Self::Part(_)
            | Self::Entry(_)
            | Self::Resource(_) => {}
        }
    }
}

/// How many characters of base64 there are: white space, by which lines are broken, does not count,
/// so that both syntaxes give the same length.
pub(super) fn base64_characters(text: &str) -> usize {
    // In blocks whose count fits a u8, so that the compiler turns the loop into vector code.
    let count = |block: &[u8]| -> u8 { block.iter().map(|b| u8::from(*b > b' ')).sum() };
    let (blocks, rest) = text.as_bytes().as_chunks::<128>();
    let whole: usize = blocks.iter().map(|block| usize::from(count(block))).sum();
    whole + usize::from(count(rest))
}
