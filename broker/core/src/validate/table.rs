//! The table of rules: id, severity, ITK3 response code, FHIR issue type and remedy of each, in the
//! order in which findings are told. Ids never change their meaning. The checks are in the files of
//! the levels.

use axle_model::refusal::{
    Issue::{
        self, BusinessRule, CodeInvalid, Duplicate, Forbidden, Informational, Invalid, Invariant,
        NotFound, NotSupported, Required, Security, Structure, TooCostly, TooLong, Value,
    },
    Severity::{self, Error, Fatal, Info, Warning},
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

/// A rule that no ITK3 response code speaks of.
const fn uncoded(id: &'static str, severity: Severity, issue: Issue, remedy: &'static str) -> Rule {
    Rule {
        id,
        severity,
        itk3_code: None,
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
    rule("V-004", Fatal, 10009, Structure, "send the whole document, one JSON object, one XML element or one message, as the sending system made it"),
    rule("V-005", Fatal, 10009, TooCostly, "flatten the document; real ones nest less than 20 levels deep"),
    rule("V-006", Fatal, 10009, Security, "take the DOCTYPE, entities and processing instructions out"),
    rule("V-007", Error, 20009, Invalid, "give each element once"),
    rule("V-008", Error, 20009, TooCostly, "split the document, or move long texts into attachments"),
    rule("V-009", Error, 20009, Invalid, "leave empty elements out"),
    rule("V-010", Fatal, 10009, Structure, "use the namespaces http://hl7.org/fhir and, in narrative, http://www.w3.org/1999/xhtml; for CDA urn:hl7-org:v3"),
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
    rule("V-118", Error, 20008, Duplicate, "give every new version of a document a new Bundle.identifier"),
    // L2: structure.
    rule("V-201", Error, 20009, Duplicate, "give each entry a fullUrl of its own; a UUID is a good one"),
    rule("V-202", Error, 20009, Invalid, "give each entry an absolute fullUrl: urn:uuid: with a lower-case UUID, or a URL that ends with the resource's type and id"),
    rule("V-203", Error, 20009, BusinessRule, "take out request, response, search, total and link; they belong to other kinds of Bundle"),
    rule("V-204", Error, 20009, NotFound, "put the resource that is pointed at into the same Bundle, and point at its fullUrl"),
    uncoded("V-205", Warning, NotFound, "put the resource that is pointed at into the Bundle, or point at it by an absolute URL or an identifier"),
    uncoded("V-206", Warning, Informational, "refer to every entry from the Composition or from what it refers to, or leave the entry out"),
    rule("V-207", Error, 20009, BusinessRule, "let Composition.subject point at the one Patient of the document"),
    rule("V-208", Error, 20009, Value, "send the document once it is final; a correction (amended, entered-in-error) names what it corrects in relatesTo"),
    rule("V-209", Error, 20009, Required, "give the Composition a type, a date, an author and a title"),
    rule("V-210", Error, 20014, NotFound, "name the earlier document by its Bundle.identifier in relatesTo, with the code replaces or appends"),
    rule("V-211", Error, 20009, Invalid, "encode the attachment as base64 (RFC 4648) with its padding, and keep it within the limit"),
    rule("V-212", Error, 20004, NotSupported, "send the attachment as a type that is approved, PDF for example, and name it in contentType"),
    rule("V-213", Error, 20005, Invalid, "declare the type that the attachment really is; programs and documents with macros are never carried"),
    rule("V-214", Error, 20009, Security, "use plain XHTML in narrative: no scripts, forms, frames, event handlers or anything that is loaded from elsewhere"),
    uncoded("V-215", Warning, BusinessRule, "give the section a title, and a text, an entry or a section within; or leave it out"),
    uncoded("V-216", Warning, Invariant, "refer to each contained resource from the resource around it, and contain nothing within it"),
    // L3: coded facts.
    rule("V-301", Error, 20009, Value, "send the patient's NHS number as ten digits without spaces, as the Personal Demographics Service gives it"),
    rule("V-302", Error, 20009, Required, "give the patient's one NHS number, or name the recipient"),
    uncoded("V-303", Warning, BusinessRule, "trace the patient and verify the number before sending"),
    uncoded("V-304", Warning, Required, "give the date of birth, the official family name and the gender"),
    rule("V-305", Error, 20009, CodeInvalid, "send the SNOMED CT concept id as the terminology server gives it"),
    rule("V-306", Error, 20009, CodeInvalid, "send the id of the concept, not that of a description or a relationship"),
    rule("V-307", Error, 10004, NotSupported, "give Composition.type as a SNOMED CT or LOINC code that this broker's routing table lists"),
    uncoded("V-308", Warning, CodeInvalid, "use one of the standard headings for this kind of document"),
    rule("V-309", Error, 20010, NotFound, "check the ODS code: 3 to 9 upper-case letters and digits of an organisation that is open"),
    rule("V-310", Warning, 20009, BusinessRule, "let Composition.custodian point at the Organization that sends the document"),
    rule("V-311", Warning, 20011, Value, "check the number against the register it is from"),
    uncoded("V-312", Warning, CodeInvalid, "code the medicine with dm+d, which is a part of SNOMED CT"),
    uncoded("V-313", Warning, CodeInvalid, "code the allergy with SNOMED CT; 716186003 says that none are known"),
    uncoded("V-314", Warning, Security, "nothing, if the document is meant to be restricted; use the codes of v3-Confidentiality"),
    uncoded("V-315", Info, Informational, "nothing: what a code displays as is never compared"),
    // L4: profiles.
    rule("V-401", Warning, 20009, BusinessRule, "add the sections that a discharge summary should have"),
    rule("V-402", Warning, 20009, BusinessRule, "add the section and the care setting that an emergency care summary should have"),
    rule("V-403", Warning, 20009, BusinessRule, "add the sections that an outpatient letter should have"),
    rule("V-404", Error, 20006, BusinessRule, "refer to the letter, a Binary, from a section's entry, the main one first; leave receivers out when it goes by its patient"),
    rule("V-405", Error, 20009, BusinessRule, "send the document with the NHS number, date of birth and family name of the patient it is about"),
    rule("V-406", Warning, 10008, BusinessRule, "check that the message's event and Composition.type are of the same kind of document"),
    rule("V-407", Warning, 20009, BusinessRule, "give the sections for problems, allergies and medicines, each with entries or an emptyReason"),
    rule("V-408", Error, 20006, BusinessRule, "give MessageHeader.destination with its endpoint and receiver, and MessageHeader.focus"),
    rule("V-409", Error, 10004, NotSupported, "send prescriptions to the service that takes them; a practice does not"),
    rule("V-410", Error, 20006, BusinessRule, "give response.identifier and response.code, one ITK3 response code for each issue, and ask for no acknowledgement"),
    rule("V-411", Warning, 20009, Invalid, "send MDM^T02, ORU^R01 or REF^I12 with what the segments MSH, PID, TXA and OBX have to say"),
    rule("V-412", Warning, 20009, Invalid, "send a ClinicalDocument of CDA R2 with an id, a code and the patient's NHS number"),
];

/// How many rules there are.
pub(super) const COUNT: usize = 71;

// Sets of rules are bits of a u128.
const _: () = assert!(RULES.len() == COUNT && COUNT <= 128);

/// The ids of all rules, in their order.
pub(super) fn ids() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|rule| rule.id)
}

/// A rule and its place in the order.
pub(super) fn find(id: &str) -> Option<(usize, &'static Rule)> {
    // The ids are in the order of the alphabet.
    let place = RULES.binary_search_by(|rule| rule.id.cmp(id)).ok()?;
    Some((place, RULES.get(place)?))
}

/// The place of a rule whose severity may be set: not one after which nothing can be checked, not
/// one that the store decides, not one that is never checked.
pub(super) fn settable(id: &str) -> Option<usize> {
    let (place, rule) = find(id)?;
    let fixed = matches!(rule.severity, Fatal | Info) || rule.id == "V-118";
    (!fixed).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::{COUNT, RULES, find, settable};

    #[test]
    fn every_rule_is_found_by_its_id() {
        for (place, rule) in RULES.iter().enumerate() {
            assert_eq!(find(rule.id).map(|(found, _)| found), Some(place));
        }
        assert!(find("V-999").is_none() && find("").is_none());
        assert_eq!(RULES.len(), COUNT);
    }

    #[test]
    fn what_cannot_be_weakened_cannot_be_set() {
        for id in ["V-001", "V-004", "V-104", "V-118", "V-315", "V-999"] {
            assert_eq!(settable(id), None, "{id}");
        }
        assert!(settable("V-107").is_some() && settable("V-412").is_some());
    }
}
