//! Answering: which answers an ITK3 message asks for, and what a message that answers another says.
//! What cannot be read counts as asked for: its receiver answers then anyway.

use super::{
    Coding, Concept, Content, Facts, Flag, Identifier, Reference, Text, present, replacing::by_uuid,
};
use crate::{
    answer::{self, ResponseCode},
    digest::Digest,
};

/// The system of the events of ITK3.
const EVENTS: &str = "https://fhir.nhs.uk/STU3/CodeSystem/ITK-MessageEvent-2";

/// Which answers a message asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// That it was taken in.
    pub infrastructure: bool,
    /// That the patient is known.
    pub business: bool,
}

/// OperationOutcome.issue.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Issue<'a> {
    /// How bad it is.
    pub severity: Option<Text<'a>>,
    /// What kind of trouble it is.
    pub code: Option<Text<'a>>,
    /// The same in a code of the receiving system's.
    pub details: Option<Concept<'a>>,
}

/// What a message says that answers another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answering<'f> {
    /// The id of the message that it answers, as it writes it.
    pub identifier: Option<&'f str>,
    /// Its response code; `None` when it has none, or several that differ.
    pub code: Option<ResponseCode>,
}

impl Asked {
    /// Whether it asks for none.
    pub const fn is_none(self) -> bool {
        !self.infrastructure && !self.business
    }
}

impl<'a> Facts<'a> {
    /// Whether it is a message of ITK3.
    pub fn is_itk(&self) -> bool {
        let Some(header) = self.header() else {
            return false;
        };
        header.event.as_ref().and_then(Coding::system) == Some(EVENTS)
            || self
                .event_code()
                .is_some_and(|code| code.starts_with("ITK"))
            || header.handling().next().is_some()
    }

    /// Which answers it asks for. Only messages of ITK3 do, and none that is an answer itself: two
    /// systems would answer each other for ever.
    pub fn asked(&self) -> Asked {
        let Some(header) = self.header().filter(|_| self.is_itk() && !self.is_answer()) else {
            return Asked::default();
        };
        let refused = |name: &str| {
            let mut said = header.handling().flat_map(|handling| handling.named(name));
            matches!((said.next(), said.next()),
                (Some(only), None) if only.boolean == Some(Flag::False))
        };
        Asked {
            infrastructure: !refused("InfAckRequested"),
            business: !refused("BusAckRequested"),
        }
    }

    /// Whether it answers another message.
    pub fn is_answer(&self) -> bool {
        self.event_code() == Some(answer::EVENT)
    }

    /// What it says as an answer; `None` when it is none.
    pub fn answering(&self) -> Option<Answering<'_>> {
        if !self.is_answer() {
            return None;
        }
        let response = self.header()?.response.as_ref();
        let identifier = response.and_then(|response| present(response.identifier.as_ref()));
        let codings = self.response_codings();
        let mut codes = codings.map(|coding| ResponseCode::parse(coding.code()?));
        let first = codes.next().flatten();
        let code = first.filter(|first| codes.all(|other| other == Some(*first)));
        Some(Answering { identifier, code })
    }

    /// The issues of the outcome that an answer carries: the one its header points at, else all.
    pub fn issues(&self) -> impl Iterator<Item = &Issue<'a>> {
        let bundle = self.bundle();
        let details = self
            .header()
            .and_then(|header| header.response.as_ref()?.details.as_ref());
        let pointed = details.and_then(|details: &Reference<'a>| bundle?.resolve(details));
        let entries = bundle.map_or(&[][..], |bundle| &bundle.entries).iter();
        let meant = entries
            .enumerate()
            .filter(move |(index, _)| pointed.is_none_or(|(pointed, _)| pointed == *index));
        meant.flat_map(|(_, entry)| match &entry.resource.content {
            Content::OperationOutcome(issues) => issues.as_slice(),
            Content::Unread
            | Content::Bundle(_)
            | Content::MessageHeader(_)
            | Content::Composition(_)
            | Content::Patient(_)
            | Content::Organisation(_)
            | Content::Role(_)
            | Content::Binary(_)
            | Content::DocumentReference(_)
            | Content::Practitioner(_)
            | Content::Medicine(_)
            | Content::Allergy(_) => &[],
        })
    }

    /// The codings of those issues that are response codes. The retired list was written without a
    /// system that anybody agreed on, so its codes count under any.
    pub fn response_codings(&self) -> impl Iterator<Item = &Coding<'a>> {
        let details = self.issues().filter_map(|issue| issue.details.as_ref());
        let codings = details.flat_map(|details| &details.codings);
        codings.filter(|coding| {
            let is_retired = || {
                let code = coding.code().unwrap_or_default();
                code.starts_with(['4', '5']) && ResponseCode::parse(code).is_some()
            };
            coding.system() == Some(answer::SYSTEM) || is_retired()
        })
    }

    /// The sender's own reference in the handling instructions of a message.
    pub fn sender_reference(&self) -> Option<&str> {
        let handling = self.header()?.handling().next()?;
        present(handling.named("SenderReference").next()?.string.as_ref())
    }

    /// The id of a message's header, by which an answer names the message.
    pub fn header_id(&self) -> Option<&str> {
        self.header()?;
        present(self.bundle()?.entries.first()?.resource.id.as_ref())
    }

    /// What an answer may call this message: by the id of its header or of its Bundle, or by its
    /// Bundle's identifier. Empty for what is no message.
    pub fn message_names(&self) -> Vec<Digest> {
        let Some(bundle) = self.bundle().filter(|_| self.header().is_some()) else {
            return Vec::new();
        };
        let identifier = bundle.identifier.as_ref().and_then(Identifier::value);
        let own = [self.header_id(), identifier, present(self.root.id.as_ref())];
        let mut names = Vec::new();
        for name in own.into_iter().flatten().map(message_name) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

/// The name of a message with this id, written with or without `urn:uuid:`, or behind its type.
pub fn message_name(id: &str) -> Digest {
    let id = id.strip_prefix("MessageHeader/").unwrap_or(id);
    by_uuid(id).unwrap_or_else(|| Digest::of_parts([b"message".as_slice(), id.as_bytes()]))
}

#[cfg(test)]
mod tests;
