//! L1, the envelope: is it a Bundle that can be told apart, dated, attributed and handled (V-101 to
//! V-117)? What needs the store, whether an identifier was used before (V-118), is decided there.

use axle_model::{
    facts::{Bundle, Facts, Kind, Located, MessageHeader, NotATime, Release, Text, When},
    ods::OdsCode,
    time::Timestamp,
};

use super::{handling, known, review::Review};
use crate::authorise::Authorised;

const HEADER: &str = "Bundle.entry[0].resource";

/// The rules a message comes under, told by its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exchange {
    /// ITK3 message distribution.
    Itk,
    /// Booking and referral.
    Bars,
    /// Anything else; its certificate says who sent it.
    Other,
}

/// Checks the envelope of a document or message.
pub(super) fn check(
    review: &mut Review<'_>,
    facts: &Facts<'_>,
    authorised: &Authorised,
    now: Timestamp,
) {
    let Some(bundle) = facts.bundle() else {
        let what = format!(
            "a Bundle was expected; this is {}",
            known::resource_type(facts.root.kind.as_ref())
        );
        review.found("V-101", "", what);
        return;
    };
    let Some(kind) = shape(review, bundle, "Bundle") else {
        return;
    };
    if kind == Kind::Message
        && let Some(header) = facts.header()
    {
        message(review, facts, bundle, header);
    }
    if let Some(document) = facts.document() {
        document_rules(review, facts, &document, kind);
    }
    depth(review, bundle);
    times(review, facts, now);
    from(review, facts, authorised);
}

/// V-102 to V-104: a document or a message, with the entry first that makes it one.
fn shape(review: &mut Review<'_>, bundle: &Bundle<'_>, path: &str) -> Option<Kind> {
    let Some(kind) = bundle.kind() else {
        let what = match bundle.usage.as_ref() {
            Some(usage) => format!(
                "Bundle type {} is not a document or a message",
                known::bundle_type(usage)
            ),
            None => "the Bundle has no type".to_owned(),
        };
        review.found("V-102", format!("{path}.type"), what);
        return None;
    };
    let Some(first) = bundle.entries.first() else {
        review.found(
            "V-103",
            format!("{path}.entry"),
            "the Bundle has no entries",
        );
        return None;
    };
    let (expected, found) = match kind {
        Kind::Document => ("Composition", first.resource.composition().is_some()),
        Kind::Message => ("MessageHeader", first.resource.header().is_some()),
    };
    if !found {
        let is = known::resource_type(first.resource.kind.as_ref());
        let what = format!("the first entry must be the {expected}; it is {is}");
        let path = format!("{path}.entry[0].resource");
        match kind {
            Kind::Document => review.found("V-104", path, what),
            Kind::Message => review.coded("V-104", 20006, path, what),
        }
        return None;
    }
    Some(kind)
}

/// The rules of a message: V-105, V-108 to V-116.
fn message(
    review: &mut Review<'_>,
    facts: &Facts<'_>,
    bundle: &Bundle<'_>,
    header: &MessageHeader<'_>,
) {
    let exchange = exchange_of(facts);
    if bundle.identifier.as_ref().and_then(|i| i.value()).is_none() {
        let what = "the message has no identifier, so a repeat cannot be recognised";
        match exchange {
            Exchange::Itk => review.found("V-105", "Bundle.identifier", what),
            Exchange::Bars | Exchange::Other => review.warned("V-105", "Bundle.identifier", what),
        }
    }
    event(review, facts, header);
    if exchange == Exchange::Itk {
        handling::check(review, header, facts.event_code().unwrap_or_default());
    }
    focus(review, facts, bundle, header, exchange);
    if exchange != Exchange::Other && facts.sender().is_none() {
        sender(review, facts, bundle, header);
    }
}

/// V-116: an ODS code of the sender. National Pathology knows its laboratories by name only.
fn sender(
    review: &mut Review<'_>,
    facts: &Facts<'_>,
    bundle: &Bundle<'_>,
    header: &MessageHeader<'_>,
) {
    let path = format!("{HEADER}.sender");
    let what = "the message does not say which organisation sent it";
    let named = header
        .sender
        .as_ref()
        .is_some_and(|sender| bundle.resolve(sender).is_some());
    if named && facts.event_code() == Some(handling::PATHOLOGY) {
        review.warned("V-116", path, what);
    } else {
        review.found("V-116", path, what);
    }
}

pub(super) fn exchange_of(facts: &Facts<'_>) -> Exchange {
    let system = facts
        .event()
        .and_then(|event| event.system())
        .unwrap_or_default();
    let code = facts.event_code().unwrap_or_default();
    if code.starts_with("ITK") || system.contains("/ITK-MessageEvent") {
        Exchange::Itk
    } else if system.ends_with("/message-events-bars") {
        Exchange::Bars
    } else {
        Exchange::Other
    }
}

/// V-108: an event that is carried here.
fn event(review: &mut Review<'_>, facts: &Facts<'_>, header: &MessageHeader<'_>) {
    let path = format!("{HEADER}.event");
    let coded = header
        .event
        .as_ref()
        .is_some_and(|event| event.system().is_some() && event.code().is_some());
    let by_uri = header.event.is_none() && facts.event_code().is_some();
    if !coded && !by_uri {
        let what = "the message's event has no system or no code";
        review.found("V-108", path, what);
        return;
    }
    let events = &review.rules().events;
    let known = |code| events.is_empty() || events.contains(code);
    if !facts.event_code().is_some_and(known) {
        review.found("V-108", path, "the message's event is not known here");
    }
}

/// V-115: a payload, and only one in ITK3; a document where the event says so.
fn focus(
    review: &mut Review<'_>,
    facts: &Facts<'_>,
    bundle: &Bundle<'_>,
    header: &MessageHeader<'_>,
    exchange: Exchange,
) {
    let answers = header.response.is_some();
    if exchange == Exchange::Other || exchange == Exchange::Itk && answers {
        return;
    }
    let path = format!("{HEADER}.focus");
    if header.focus.is_empty() {
        review.found("V-115", path, "the message does not point to its payload");
        return;
    }
    if exchange == Exchange::Itk && header.focus.len() > 1 {
        review.found("V-115", path, "the message points to more than one payload");
        return;
    }
    for (index, focus) in header.focus.iter().take(FOCUS_MAX).enumerate() {
        if bundle.resolve(focus).is_none() {
            let what = "the message points to a payload that is not in it";
            review.found("V-115", format!("{path}[{index}]"), what);
            return;
        }
    }
    // ITK003D … ITK010D and ITK007C carry documents; the events that end in M carry other things.
    let code = facts.event_code().unwrap_or_default();
    let is_document_event = exchange == Exchange::Itk && code.ends_with(['D', 'C']);
    if is_document_event && facts.document().is_none() {
        let what = "the message's payload is not a Bundle of type document";
        review.found("V-115", path, what);
    }
}

/// The most payloads of one message that are looked for; each is a walk over the entries.
const FOCUS_MAX: usize = 100;

/// The rules of a document Bundle, on its own or within a message: V-103 to V-106.
fn document_rules(
    review: &mut Review<'_>,
    facts: &Facts<'_>,
    document: &Located<'_, '_>,
    kind: Kind,
) {
    let (bundle, path) = (document.bundle, &*document.path);
    // The outer Bundle's shape has been checked.
    if kind == Kind::Message && shape(review, bundle, path).is_none() {
        return;
    }
    let identifier = bundle.identifier.as_ref();
    let complete = identifier.is_some_and(|i| i.system().is_some() && i.value().is_some());
    if !complete {
        let what = "the document has no identifier, so a repeat cannot be recognised";
        review.found("V-105", format!("{path}.identifier"), what);
    }
    if facts.release == Some(Release::R4) && bundle.timestamp.is_none() {
        let what = "the document has no assembly time";
        review.found("V-106", format!("{path}.timestamp"), what);
    }
}

/// V-115: a Bundle within a Bundle within a Bundle is not looked into, so it is not carried either.
fn depth(review: &mut Review<'_>, bundle: &Bundle<'_>) {
    for (outer, entry) in bundle.entries.iter().enumerate() {
        let Some(inner) = entry.resource.bundle() else {
            continue;
        };
        let is_bundle = |kind: Option<&Text<'_>>| kind.is_some_and(|kind| &**kind == "Bundle");
        let third = inner
            .entries
            .iter()
            .position(|entry| is_bundle(entry.resource.kind.as_ref()));
        if let Some(inner) = third {
            let path = format!("Bundle.entry[{outer}].resource.entry[{inner}].resource");
            review.found("V-115", path, "Bundles nest more than two deep");
            return;
        }
    }
}

/// V-107: times that can be read, with a time zone, and neither in the future nor long past.
fn times(review: &mut Review<'_>, facts: &Facts<'_>, now: Timestamp) {
    let document = facts.document();
    let composition = document.as_ref().and_then(|document| {
        let date = document.bundle.composition()?.date.as_deref()?;
        Some((&document.path, date))
    });
    let sent = facts
        .header()
        .and_then(|header| header.timestamp.as_deref());
    let assembled = facts
        .bundle()
        .and_then(|bundle| bundle.timestamp.as_deref());
    if composition.is_none() && sent.is_none() && assembled.is_none() {
        review.found("V-107", "Bundle", "the document has no date at all");
    }
    let written = composition.and_then(|(document, text)| {
        let path = || format!("{document}.entry[0].resource.date");
        time(review, path, text, now)
    });
    if let Some(text) = sent {
        time(review, || format!("{HEADER}.timestamp"), text, now);
    }
    let assembled = assembled.and_then(|text| {
        let path = || "Bundle.timestamp".to_owned();
        time(review, path, text, now)
    });
    if let (Some(When::Moment(written)), Some(When::Moment(assembled))) = (written, assembled)
        && assembled < written
    {
        let what = "the document was put together before it was written";
        review.found("V-107", "Bundle.timestamp", what);
    }
}

fn time(
    review: &mut Review<'_>,
    path: impl Fn() -> String,
    text: &str,
    now: Timestamp,
) -> Option<When> {
    let when = match When::parse(text) {
        Ok(when) => when,
        Err(NotATime::NoZone) => {
            review.found("V-107", path(), "the document's time has no time zone");
            return None;
        }
        Err(NotATime::Shape) => {
            review.found("V-107", path(), "the document's date is not a date");
            return None;
        }
    };
    let (skew, age) = (review.rules().clock_skew_max, review.rules().age_max);
    if when.start() > now.after(skew) {
        review.found("V-107", path(), "the document is dated in the future");
    } else if now.since(when.start()) > age {
        let days = age.as_secs() / (24 * 60 * 60);
        review.found(
            "V-107",
            path(),
            format!("the document is dated more than {days} days ago"),
        );
    }
    Some(when)
}

/// V-117: the organisations it says it is from are the sender, or delegated to the sender.
fn from(review: &mut Review<'_>, facts: &Facts<'_>, authorised: &Authorised) {
    let mut agrees = |code: Option<OdsCode>, path: &dyn Fn() -> String| {
        if let Some(code) = code
            && !authorised.speaks_for(code)
        {
            let holder = authorised.sender();
            let what = format!(
                "the certificate belongs to {holder} but the document says it is from {code}"
            );
            review.found("V-117", path(), what);
        }
    };
    agrees(facts.sender(), &|| format!("{HEADER}.sender"));
    if let Some(document) = facts.document() {
        let path = || format!("{}.entry[0].resource.custodian", document.path);
        agrees(facts.custodian(), &path);
    }
}
