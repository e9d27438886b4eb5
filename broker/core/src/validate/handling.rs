//! L1, how ITK3 wants a message handled: the extension ITK-MessageHandling-2 of its header (V-109 to
//! V-114). What is absent is told apart from what cannot be read; LocalExtension is optional.

use axle_model::facts::{Extension, Flag, Instruction, MessageHeader};

use super::review::Review;

const PATH: &str = "Bundle.entry[0].resource.extension(ITK-MessageHandling-2)";
const RECIPIENT_TYPE: &str = "https://fhir.nhs.uk/STU3/CodeSystem/ITK-RecipientType-1";
const SENDER_REFERENCE_BYTES_MAX: usize = 1024;
/// The event of National Pathology, whose adaptor leaves MessageDefinition out.
pub(super) const PATHOLOGY: &str = "ITK012M";

/// Checks the handling instructions of an ITK3 message.
pub(super) fn check(review: &mut Review<'_>, header: &MessageHeader<'_>, event: &str) {
    let mut handling = header.handling();
    let (Some(extension), None) = (handling.next(), handling.next()) else {
        let what = if header.handling().count() == 0 {
            "the handling instructions are missing"
        } else {
            "the handling instructions are given more than once"
        };
        review.found("V-109", PATH, what);
        return;
    };
    if let Some(found) = only(review, extension, "BusAckRequested", false)
        && !is_boolean(found)
    {
        review.found(
            "V-111",
            path("BusAckRequested"),
            "BusAckRequested must be true or false",
        );
    }
    if let Some(found) = only(review, extension, "InfAckRequested", false)
        && !is_boolean(found)
    {
        review.found(
            "V-110",
            path("InfAckRequested"),
            "InfAckRequested must be true or false",
        );
    }
    if let Some(found) = only(review, extension, "RecipientType", false)
        && !is_recipient_type(found)
    {
        review.found(
            "V-112",
            path("RecipientType"),
            "RecipientType must be FA or FI",
        );
    }
    if let Some(found) = only(review, extension, "MessageDefinition", event == PATHOLOGY) {
        definition(review, found);
    }
    if let Some(found) = only(review, extension, "SenderReference", false)
        && !is_sender_reference(found)
    {
        review.found(
            "V-114",
            path("SenderReference"),
            "SenderReference is unreadable",
        );
    }
}

/// V-109: the one instruction of that name. Absence is only a warning where `lenient`.
fn only<'f, 'a>(
    review: &mut Review<'_>,
    extension: &'f Extension<'a>,
    name: &str,
    lenient: bool,
) -> Option<&'f Instruction<'a>> {
    let mut instructions = extension.named(name);
    match (instructions.next(), instructions.next()) {
        (Some(instruction), None) => Some(instruction),
        (Some(_), Some(_)) => {
            let what = format!("the handling instruction {name} is given more than once");
            review.found("V-109", path(name), what);
            None
        }
        (None, _) => {
            let what = format!("the handling instruction {name} is missing");
            if lenient {
                review.warned("V-109", path(name), what);
            } else {
                review.found("V-109", path(name), what);
            }
            None
        }
    }
}

fn path(name: &str) -> String {
    format!("{PATH}.extension({name})")
}

fn is_boolean(instruction: &Instruction<'_>) -> bool {
    matches!(instruction.boolean, Some(Flag::True | Flag::False))
}

fn is_recipient_type(instruction: &Instruction<'_>) -> bool {
    instruction.coding.as_ref().is_some_and(|coding| {
        coding.system() == Some(RECIPIENT_TYPE) && matches!(coding.code(), Some("FA" | "FI"))
    })
}

/// V-113: the URL of a definition that is carried here, in a version that is.
fn definition(review: &mut Review<'_>, instruction: &Instruction<'_>) {
    let url = instruction.reference.as_ref().and_then(|r| r.address());
    let absolute = |url: &&str| url.starts_with("https://") || url.starts_with("http://");
    let path = path("MessageDefinition");
    let Some(url) = url.filter(absolute) else {
        review.found("V-113", path, "MessageDefinition is not an absolute URL");
        return;
    };
    let known = &review.rules().message_definitions;
    if known.is_empty() || known.contains(url) {
        return;
    }
    let same = unversioned(url);
    if known.iter().any(|known| unversioned(known) == same) {
        let what = "this broker does not know this version of the message definition";
        review.coded("V-113", 10005, path, what);
    } else {
        let what = "this broker does not know the message definition";
        review.found("V-113", path, what);
    }
}

/// A definition's URL without its version: `…-MessageDefinition-1`, or `…|1.0.0`.
fn unversioned(url: &str) -> &str {
    let url = url.split_once('|').map_or(url, |(url, _)| url);
    match url.rsplit_once('-') {
        Some((name, version)) if version.bytes().all(|b| b.is_ascii_digit()) => name,
        Some(_) | None => url,
    }
}

fn is_sender_reference(instruction: &Instruction<'_>) -> bool {
    instruction
        .string
        .as_deref()
        .is_some_and(|text| (1..=SENDER_REFERENCE_BYTES_MAX).contains(&text.len()))
}
