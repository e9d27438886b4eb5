//! L1: what is wrong with the envelope (V-101 to V-118).

use super::{
    super::{
        Syntax::{Json, Xml},
        tree::Node,
    },
    Broken, broken,
};

const LETTER: &str = "outpatient-letter-ukcore";
const DISCHARGE: &str = "discharge-inpatient";
const HANDLING: &str = "MessageHeader.extension[0].extension";

/// The organisation of another trust.
const OTHER_TRUST: &str = "RBA";

#[rustfmt::skip]
pub(super) static BROKEN: &[Broken] = &[
    broken("V-101", "a-composition-alone", LETTER, Json, |d| d.keep_only("Composition")),
    broken("V-101", "a-patient-alone", DISCHARGE, Xml, |d| d.keep_only("Patient")),
    broken("V-102", "collection", LETTER, Json, |d| d.set("Bundle.type", "collection")),
    broken("V-102", "no-type", DISCHARGE, Xml, |d| d.remove("Bundle.type")),
    broken("V-103", "no-entries", LETTER, Json, |d| d.remove("Bundle.entry")),
    broken("V-104", "composition-second", LETTER, Json, |d| d.at("Bundle.entry").items_mut().swap(0, 1)),
    broken("V-104", "header-second", DISCHARGE, Xml, |d| d.at("Bundle.entry").items_mut().swap(0, 1)),
    broken("V-104", "inner-composition-second", DISCHARGE, Xml, |d| d.at("Bundle[1].entry").items_mut().swap(0, 1)),
    broken("V-105", "no-identifier", LETTER, Json, |d| d.remove("Bundle.identifier")),
    broken("V-105", "no-system", LETTER, Json, |d| d.remove("Bundle.identifier.system")),
    broken("V-105", "message-without-identifier", DISCHARGE, Xml, |d| d.remove("Bundle.identifier")),
    broken("V-106", "no-timestamp", LETTER, Json, |d| d.remove("Bundle.timestamp")),
    broken("V-107", "in-the-future", DISCHARGE, Xml, |d| d.set("Composition.date", "2126-11-22T09:30:00+00:00")),
    broken("V-107", "long-past", DISCHARGE, Xml, |d| d.set("Composition.date", "2016-11-22T09:30:00+00:00")),
    broken("V-107", "no-time-zone", DISCHARGE, Xml, |d| d.set("MessageHeader.timestamp", "2026-11-22T09:30:00")),
    broken("V-107", "not-a-date", LETTER, Json, |d| d.set("Composition.date", "22/11/2026")),
    broken("V-107", "assembled-before-written", LETTER, Json, |d| d.set("Bundle.timestamp", "2026-11-22T09:29:00+00:00")),
    broken("V-108", "no-event-code", DISCHARGE, Xml, |d| d.remove("MessageHeader.event.code")),
    broken("V-109", "no-handling", DISCHARGE, Xml, |d| d.remove("MessageHeader.extension")),
    broken("V-109", "no-sender-reference", DISCHARGE, Xml, |d| d.remove(&format!("{HANDLING}[4]"))),
    broken("V-109", "two-recipient-types", DISCHARGE, Json, |d| {
        let again = d.at(&format!("{HANDLING}[2]")).clone();
        d.add(HANDLING, again);
    }),
    broken("V-110", "yes", DISCHARGE, Xml, |d| d.set(&format!("{HANDLING}[1].valueBoolean"), "yes")),
    broken("V-111", "quoted", DISCHARGE, Json, |d| d.set(&format!("{HANDLING}[0].valueBoolean"), "true")),
    broken("V-112", "another-code", DISCHARGE, Xml, |d| d.set(&format!("{HANDLING}[2].valueCoding.code"), "FX")),
    broken("V-113", "no-url", DISCHARGE, Xml, |d| d.set(&format!("{HANDLING}[3].valueReference"), Node::new().with("display", "ITK-EDIS-MessageDefinition-1"))),
    broken("V-114", "too-long", DISCHARGE, Xml, |d| d.set(&format!("{HANDLING}[4].valueString"), "R".repeat(1025))),
    broken("V-115", "no-focus", DISCHARGE, Xml, |d| d.remove("MessageHeader.focus")),
    broken("V-115", "focus-not-in-it", DISCHARGE, Json, |d| d.set("MessageHeader.focus[0].reference", "urn:uuid:00000000-0000-4000-8000-000000000000"))
        // Nothing else points at the payload.
        .with_consequences(&["V-206"]),
    broken("V-115", "payload-no-document", DISCHARGE, Xml, |d| d.set("Bundle[1].type", "collection")),
    broken("V-116", "sender-without-code", DISCHARGE, Xml, |d| d.remove("Organization.identifier")),
    broken("V-117", "of-another-trust", DISCHARGE, Xml, |d| {
        d.set("Organization.identifier[0].value", OTHER_TRUST);
        d.set("Organization[1].identifier[0].value", OTHER_TRUST);
    }),
    broken("V-117", "custodian-of-another-trust", LETTER, Json, |d| d.set("Organization.identifier[0].value", OTHER_TRUST))
        .with_consequences(&["V-310"]),
    // Good by itself; refused after the good letter whose identifier it has.
    broken("V-118", "identifier-used-before", LETTER, Json, |d| {
        d.set("Bundle.identifier.value", used_before());
        d.set("Composition.title", "Outpatient letter, again");
    }),
];

/// The identifier of the good letter.
fn used_before() -> Node {
    let good = super::super::parts::Maker::new(LETTER, super::super::parts::Release::R4);
    good.id("document identifier").into()
}
