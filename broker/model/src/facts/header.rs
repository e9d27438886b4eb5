//! The header of a message: its event, its parties, and how ITK3 wants it handled.

use super::{Coding, Concept, Reference, Release, Text, present};

const HANDLING: &str =
    "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-ITK-MessageHandling-2";

/// The extension by which a message of HL7 v2 says when it is to be acknowledged (MSH-15, MSH-16).
pub(crate) const ACKNOWLEDGEMENTS: &str = "urn:hl7-org:v2:acknowledgements";

/// MessageHeader.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MessageHeader<'a> {
    /// What happened: `event` (STU3) or `eventCoding` (R4).
    pub event: Option<Coding<'a>>,
    /// The event as a URI (R4, instead of a coding).
    pub event_uri: Option<Text<'a>>,
    /// The release that the name of the event's element belongs to.
    pub release: Option<Release>,
    /// Who sent it.
    pub sender: Option<Reference<'a>>,
    /// Who is to get it (STU3).
    pub receiver: Option<Reference<'a>>,
    /// Where it is to go.
    pub destinations: Vec<Destination<'a>>,
    /// The sender's system.
    pub source: Option<Source<'a>>,
    /// What the message is about.
    pub focus: Vec<Reference<'a>>,
    /// When it was sent (STU3).
    pub timestamp: Option<Text<'a>>,
    /// The definition it follows (R4), a canonical URL.
    pub definition: Option<Text<'a>>,
    /// The message this one answers.
    pub response: Option<Response<'a>>,
    /// Its extensions, each with the extensions within.
    pub extensions: Vec<Extension<'a>>,
}

impl<'a> MessageHeader<'a> {
    /// The references to whoever is to get the message.
    pub fn receivers(&self) -> impl Iterator<Item = &Reference<'a>> {
        let destinations = self.destinations.iter();
        self.receiver
            .iter()
            .chain(destinations.filter_map(|destination| destination.receiver.as_ref()))
    }

    /// When the sender of an HL7 v2 message wants it acknowledged, by `name`: `accept` (MSH-15, that it
    /// was kept) or `application` (MSH-16, that it was dealt with). `AL` is always, `NE` never.
    pub fn acknowledgement(&self, name: &str) -> Option<&str> {
        let extensions = self.extensions.iter();
        let mut asked = extensions
            .filter(|extension| present(extension.url.as_ref()) == Some(ACKNOWLEDGEMENTS))
            .flat_map(|extension| extension.named(name));
        present(asked.next()?.string.as_ref())
    }

    /// The ITK3 handling extensions; a right header has one.
    pub fn handling(&self) -> impl Iterator<Item = &Extension<'a>> {
        self.extensions
            .iter()
            .filter(|extension| present(extension.url.as_ref()) == Some(HANDLING))
    }
}

/// MessageHeader.destination.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Destination<'a> {
    /// The address of the receiving system.
    pub endpoint: Option<Text<'a>>,
    /// The organisation behind it (R4).
    pub receiver: Option<Reference<'a>>,
}

/// MessageHeader.source.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Source<'a> {
    /// The address of the sending system; a mailbox id in ITK3.
    pub endpoint: Option<Text<'a>>,
}

/// MessageHeader.response.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Response<'a> {
    /// The id of the message it answers.
    pub identifier: Option<Text<'a>>,
    /// How that message fared.
    pub code: Option<Text<'a>>,
    /// The outcome that says more.
    pub details: Option<Reference<'a>>,
}

/// An extension of the header with the instructions within.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extension<'a> {
    /// What the extension means, a URL.
    pub url: Option<Text<'a>>,
    /// The extensions within it.
    pub instructions: Vec<Instruction<'a>>,
    /// Its `valueCodeableConcept`.
    pub concept: Option<Concept<'a>>,
    /// Its `valueReference`.
    pub reference: Option<Reference<'a>>,
}

impl<'a> Extension<'a> {
    /// The instructions of that name, for example `BusAckRequested`; a right header has one of each.
    pub fn named(&self, name: &str) -> impl Iterator<Item = &Instruction<'a>> {
        self.instructions
            .iter()
            .filter(move |instruction| present(instruction.name.as_ref()) == Some(name))
    }
}

/// One handling instruction: a name, and a value in one of four types.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Instruction<'a> {
    /// Its name.
    pub name: Option<Text<'a>>,
    /// Its `valueBoolean`.
    pub boolean: Option<Flag>,
    /// Its `valueString`.
    pub string: Option<Text<'a>>,
    /// Its `valueCoding`.
    pub coding: Option<Coding<'a>>,
    /// Its `valueReference`.
    pub reference: Option<Reference<'a>>,
}

/// A boolean as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// `true`
    True,
    /// `false`
    False,
    /// Something else, which means neither.
    Unreadable,
}
