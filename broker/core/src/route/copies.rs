//! Copies: who else gets a document, each by a delivery of its own: whom its distribution list names,
//! if its class honours that, and whom rules of the table name. Nobody gets it twice. A copy that
//! cannot be made is told to the sender and holds up nobody.

use axle_model::{
    envelope::RecipientType,
    ods::OdsCode,
    refusal::{Finding, Issue, Refusal, Severity},
};

use super::{
    Destination,
    find::listed,
    reach::Reach,
    refuse::too_many_copies,
    trace::{Stage, Trace},
    way::{Orders, permitted},
};
use crate::{
    delivery::{Basis, Routing},
    table::Rule,
    validate::Checked,
};

/// The most copies of one document.
const COPIES_MAX: usize = 50;

/// Somebody who is to get a copy.
struct Wanted<'t> {
    recipient: OdsCode,
    for_what: RecipientType,
    basis: Basis,
    rule: Option<&'t Rule>,
}

/// Adds the copies of a document to its deliveries.
pub(super) fn add(
    destinations: &mut Vec<Destination>,
    warnings: &mut Vec<Finding>,
    checked: &Checked<'_>,
    orders: &Orders<'_>,
    reach: Reach<'_>,
    trace: &mut impl Trace,
) -> Result<(), Refusal> {
    if let Some(rule) = orders.no_copies {
        trace.note(Stage::Copies, Some(rule.line), || {
            format!("nobody gets a copy, as rule {} says", rule.id)
        });
        return Ok(());
    }
    let by_register = destinations
        .iter()
        .any(|one| one.routing.basis == Basis::RegisteredPractice);
    let mut wanted = on_the_list(checked, by_register, reach, trace);
    wanted.extend(
        orders
            .copies
            .iter()
            .map(|&(recipient, for_what, rule)| Wanted {
                recipient,
                for_what,
                basis: Basis::CopyRule,
                rule: Some(rule),
            }),
    );
    if wanted.len() > COPIES_MAX {
        return Err(too_many_copies(wanted.len(), COPIES_MAX));
    }
    if wanted.is_empty() {
        trace.note(Stage::Copies, None, || "nobody is to get a copy".to_owned());
    }
    for one in wanted {
        warnings.extend(add_one(destinations, &one, checked, reach, trace));
    }
    Ok(())
}

/// Those whom the document's distribution list names. A message that is itself for information is a
/// copy already: whoever made it has made the others too. And where the register says who the patient's
/// practice is, the one that the document takes for it gets nothing for that, on whatever list it is.
fn on_the_list<'t>(
    checked: &Checked<'_>,
    by_register: bool,
    reach: Reach<'_>,
    trace: &mut impl Trace,
) -> Vec<Wanted<'t>> {
    let Some((facts, class)) = checked.facts().zip(reach.class) else {
        return Vec::new();
    };
    let listed_there = facts.copies();
    if listed_there.is_empty() {
        return Vec::new();
    }
    let is_copy = facts.recipient_type() == Some(RecipientType::ForInformation.as_str());
    let honoured = class.honour_copies && !is_copy;
    trace.note(Stage::Copies, Some(class.line), || {
        let why = match (honoured, is_copy) {
            (true, _) => "they get a copy",
            (false, true) => "it is itself a copy, so that they get none of it",
            (false, false) => "its class does not honour that",
        };
        format!(
            "the distribution list names {}: {why}",
            listed(&listed_there)
        )
    });
    let stated = match by_register {
        true => facts.stated_practices(),
        false => Vec::new(),
    };
    let mut gets_one = |code: &OdsCode| {
        let mistaken = stated.contains(code);
        if honoured && mistaken {
            trace.note(Stage::Copies, Some(class.line), || {
                format!("{code} is listed as the patient's practice: it gets none for that")
            });
        }
        honoured && !mistaken
    };
    let listed_there: Vec<OdsCode> = listed_there
        .into_iter()
        .filter(|code| gets_one(code))
        .collect();
    let listed_there = listed_there.into_iter();
    let wanted = listed_there.map(|recipient| Wanted {
        recipient,
        for_what: reach.snapshot.table.copy_type(),
        basis: Basis::DistributionList,
        rule: None,
    });
    wanted.collect()
}

/// Adds one copy, unless its recipient gets the document already; the warning that it cannot be made.
fn add_one(
    destinations: &mut Vec<Destination>,
    wanted: &Wanted<'_>,
    checked: &Checked<'_>,
    reach: Reach<'_>,
    trace: &mut impl Trace,
) -> Option<Finding> {
    let &Wanted {
        recipient, basis, ..
    } = wanted;
    let line = wanted.rule.map(|rule| rule.line);
    // The class's fallback is for what would be lost otherwise; nobody needs a copy of a copy.
    let strictly = Reach {
        strictly: true,
        ..reach
    };
    let has = |destinations: &[Destination], code: OdsCode| {
        let mut there = destinations.iter();
        there.any(|other| other.recipient == code || other.organisation == code)
    };
    let reached = if has(destinations, recipient) {
        None
    } else {
        let reached = permitted(checked, reach, basis, recipient, trace)
            .and_then(|()| strictly.find(recipient, trace));
        match reached {
            Ok(reached) => Some(reached).filter(|one| !has(destinations, one.organisation)),
            Err(refusal) => return Some(not_made(wanted, &refusal)),
        }
    };
    let Some(reached) = reached else {
        trace.note(Stage::Copies, line, || {
            format!("{recipient} gets the document already")
        });
        return None;
    };
    trace.note(Stage::Copies, line, || format!("{recipient} gets a copy"));
    let routing = Routing {
        basis,
        rule: wanted.rule.map(|rule| rule.id.clone()),
        ..Routing::default()
    };
    destinations.push(Destination {
        recipient_type: wanted.for_what,
        ..Destination::new(recipient, reached, routing)
    });
    None
}

fn not_made(wanted: &Wanted<'_>, refusal: &Refusal) -> Finding {
    let path = match wanted.rule {
        Some(rule) => format!("routing table, rule {}", rule.id),
        None => "Composition.section".to_owned(),
    };
    Finding {
        severity: Severity::Warning,
        issue: Issue::NotFound,
        ..Finding::field(
            path,
            format!("no copy goes to {}: {}", wanted.recipient, refusal.what),
            "send it to them apart, once that is mended",
        )
    }
}
