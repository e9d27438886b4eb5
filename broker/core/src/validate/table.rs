//! The table of rules: id, severity, ITK3 response code, FHIR issue type and remedy of each, in the
//! order in which findings are told. Ids never change their meaning. The checks are in the files of the levels.

use axle_model::refusal::{
    Issue::{
        self, CodeInvalid, Forbidden, Invalid, NotSupported, Required, Security, Structure,
        TooCostly, TooLong, Value,
    },
    Severity::{self, Error, Fatal, Warning},
};

/// One rule.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) id: &'static str,
    pub(super) severity: Severity,
    /// The ITK3 response code that says the same (ITK-ResponseCodes-1).
    pub(super) itk3_code: Option<u32>,
    /// The kind of trouble that breaking it is.
    pub(super) issue: Issue,
    pub(super) remedy: &'static str,
}

const fn rule(
    id: &'static str,
    severity: Severity,
    code: u32,
    issue: Issue,
    remedy: &'static str,
) -> Rule {
    Rule {
        id,
        severity,
        itk3_code: Some(code),
        issue,
        remedy,
    }
}

#[rustfmt::skip]
static RULES: &[Rule] = &[
    // L0: bytes and syntax.
    rule("V-001", Fatal, 20015, TooLong, "send a document that is not empty and within the limit; split or compress large attachments"),
    rule("V-002", Fatal, 10009, Structure, "save the document as UTF-8, without control characters"),
    rule("V-003", Fatal, 10009, Structure, "declare the media type the document is really written in"),
    rule("V-004", Fatal, 10009, Structure, "send the whole document, one JSON object or one XML element, as the sending system made it"),
    rule("V-005", Fatal, 10009, TooCostly, "flatten the document; real ones nest less than 20 levels deep"),
    rule("V-006", Fatal, 10009, Security, "take the DOCTYPE, entities and processing instructions out"),
    rule("V-007", Error, 20009, Invalid, "give each element once"),
    rule("V-008", Error, 20009, TooCostly, "split the document, or move long texts into attachments"),
    rule("V-009", Error, 20009, Invalid, "leave empty elements out"),
    rule("V-010", Fatal, 10009, Structure, "use the namespaces http://hl7.org/fhir and, in narrative, http://www.w3.org/1999/xhtml"),
    // L1: envelope.
    rule("V-101", Fatal, 10009, Structure, "send a FHIR Bundle"),
    rule("V-102", Fatal, 20009, Value, "set Bundle.type to document or message"),
    rule("V-103", Fatal, 20009, Required, "send the entries of the Bundle"),
    rule("V-104", Fatal, 20009, Structure, "put the Composition (document) or the MessageHeader (message) first"),
    rule("V-105", Error, 20009, Required, "give the Bundle an identifier of its own, system and value; a UUID is a good value"),
    rule("V-106", Error, 20009, Required, "set Bundle.timestamp to the time the document was put together"),
    rule("V-107", Warning, 20009, Invalid, "check the clock and the time zone of the sending system"),
    rule("V-108", Error, 10004, NotSupported, "use an event that this broker's routing table lists, with its system and code"),
    rule("V-109", Error, 10001, Required, "give the extension ITK-MessageHandling-2 once, with each of its instructions once"),
    rule("V-110", Error, 10002, Value, "give InfAckRequested as a valueBoolean, true or false"),
    rule("V-111", Error, 10003, Value, "give BusAckRequested as a valueBoolean, true or false"),
    rule("V-112", Error, 10010, CodeInvalid, "give RecipientType as a coding FA or FI of ITK-RecipientType-1"),
    rule("V-113", Error, 10004, NotSupported, "give MessageDefinition as a reference with the definition's absolute URL"),
    rule("V-114", Error, 10007, Value, "give SenderReference as a text of 1 to 1,024 bytes; \"None\" will do"),
    rule("V-115", Error, 20006, Required, "let MessageHeader.focus point at the one entry that holds the payload"),
    rule("V-116", Error, 20003, Required, "let MessageHeader.sender point at an Organization with its ODS code"),
    rule("V-117", Error, 20012, Forbidden, "send with the certificate of the organisation the document is from, or have it delegated to yours"),
];

/// The ids of all rules, in their order.
pub(super) fn ids() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|rule| rule.id)
}

/// A rule and its place in the order.
pub(super) fn find(id: &str) -> Option<(usize, &'static Rule)> {
    RULES.iter().enumerate().find(|(_, rule)| rule.id == id)
}

/// The id of a rule whose severity may be set.
pub(super) fn settable(id: &str) -> Option<&'static str> {
    let (_, rule) = find(id)?;
    (rule.severity != Fatal).then_some(rule.id)
}
