//! Way: the way of one document from what is known of it to its deliveries. One pure function, in the
//! order in which the steps depend on each other: class, workflow, restricted, recipient, rules,
//! resolve, deceased, copies.

use axle_model::{
    envelope::{Priority, RecipientType},
    mailbox::WorkflowId,
    ods::OdsCode,
    refusal::{Finding, Issue, Refusal, Severity},
    time::Timestamp,
};

use super::{
    Destination, Routed, copies,
    find::{self, Found, listed},
    reach::{Reach, Reached, parked},
    refuse,
    trace::{Stage, Trace},
};
use crate::{
    delivery::{Basis, Routing},
    event::DeadLetterCause,
    registration::Registration,
    snapshot::Snapshot,
    table::{Class, OnUnknownType, RoutingTable, Rule, Subject, Terms},
    validate::Checked,
};

/// What rules of the table make of a document.
#[derive(Debug, Default)]
pub(super) struct Orders<'t> {
    pub(super) copies: Vec<(OdsCode, RecipientType, &'t Rule)>,
    pub(super) no_copies: Option<&'t Rule>,
    replace: Option<(OdsCode, &'t Rule)>,
    hold: Option<&'t Rule>,
    priority: Option<Priority>,
}

/// Finds the deliveries of a document.
pub(super) fn walk<'c>(
    snapshot: &Snapshot,
    checked: &'c Checked<'c>,
    registration: Registration,
    now: Timestamp,
    trace: &mut impl Trace,
) -> Result<Routed<'c>, Refusal> {
    let (table, submission) = (&snapshot.table, checked.submission());
    let mut subject = Subject::new(snapshot, checked.authorised(), checked.facts(), now);
    let class = classify(table, &subject, trace);
    let (workflow, terms) = workflow_of(table, checked, class, trace)?;
    admit(checked, class, &workflow, &terms)?;
    let unknown = unknown_type(table, &subject, class, trace)?;
    let restricted = subject.is_restricted();
    trace.note(Stage::Restricted, None, || {
        restricted_words(restricted).to_owned()
    });
    let mut found = find::recipients(class, checked, restricted, registration, trace)?;
    subject.deceased = found.deceased;
    subject.class = class.map(|class| &*class.id);
    subject.recipient = found.recipients.first().copied();
    let orders = orders(table, &subject, trace);
    let rule = replace(&mut found, &orders, restricted, trace);
    let reach = Reach {
        snapshot,
        workflow: &workflow,
        class,
        strictly: restricted,
        now,
    };
    let mut destinations = primaries(&mut found, checked, reach, unknown, trace)?;
    let deceased = subject.is_deceased();
    mark(&mut destinations, &subject, rule);
    trace.note(Stage::Deceased, None, || {
        deceased_words(deceased).to_owned()
    });
    let may_copy = !restricted && !deceased && unknown.is_none();
    if may_copy {
        copies::add(
            &mut destinations,
            &mut found.warnings,
            checked,
            &orders,
            reach,
            trace,
        )?;
    } else {
        trace.note(Stage::Copies, None, || "nobody gets a copy".to_owned());
    }
    hold(&mut destinations, &orders);
    for destination in &destinations {
        trace.note(Stage::Outcome, None, || destination.sentence());
    }
    let lifetime = submission
        .time_to_live
        .map_or(terms.lifetime, |asked| asked.min(terms.lifetime));
    Ok(Routed {
        checked,
        class: class.map(|class| class.id.clone()),
        table_version: table.version(),
        register_version: snapshot.organisations.version().into(),
        restricted,
        reroute_once: class.is_some_and(|class| class.reroute_once),
        priority: orders.priority.unwrap_or(submission.priority),
        lifetime,
        terms,
        workflow,
        warnings: found.warnings,
        destinations,
    })
}

fn classify<'t>(
    table: &'t RoutingTable,
    subject: &Subject<'_>,
    trace: &mut impl Trace,
) -> Option<&'t Class> {
    let class = table.classify(subject);
    trace.note(
        Stage::Class,
        class.map(|class| class.line),
        || match class {
            Some(class) => format!("it is of class {}", class.id),
            None => "it fits no class".to_owned(),
        },
    );
    class
}

/// The workflow the sender named; otherwise that of the document's class; otherwise the table's own.
fn workflow_of(
    table: &RoutingTable,
    checked: &Checked<'_>,
    class: Option<&Class>,
    trace: &mut impl Trace,
) -> Result<(WorkflowId, Terms), Refusal> {
    let named = checked.submission().workflow.as_ref();
    let of_class = class.map(|class| &class.workflow);
    let workflow = named.or(of_class).or(table.fallback());
    let workflow = workflow.ok_or_else(refuse::no_workflow)?;
    let terms = table.terms(workflow);
    let terms = *terms.ok_or_else(|| refuse::unknown_workflow(workflow))?;
    trace.note(Stage::Workflow, None, || {
        let why = match (named, of_class) {
            (Some(_), _) => "as the sender says",
            (None, Some(_)) => "as its class says",
            (None, None) => "the table's default",
        };
        format!("it travels under {workflow}, {why}")
    });
    let terms = class.map_or(terms, |class| class.terms(terms));
    Ok((workflow.clone(), terms))
}

/// Whether the workflow carries such a document, and the class one of its size.
fn admit(
    checked: &Checked<'_>,
    class: Option<&Class>,
    workflow: &WorkflowId,
    terms: &Terms,
) -> Result<(), Refusal> {
    let submission = checked.submission();
    if checked.facts().is_none() && !terms.opaque {
        let media_type = submission.media_type.as_str();
        return Err(refuse::not_carried(workflow, media_type));
    }
    let size = submission.body.len() as u64;
    match class.and_then(|class| Some((class, class.bytes_max?))) {
        Some((class, bytes_max)) if size > bytes_max => {
            Err(refuse::too_large(size, class, bytes_max))
        }
        Some(_) | None => Ok(()),
    }
}

/// What becomes of a document that is read and fits no class: it is parked for that reason, refused,
/// or goes on without one.
fn unknown_type(
    table: &RoutingTable,
    subject: &Subject<'_>,
    class: Option<&Class>,
    trace: &mut impl Trace,
) -> Result<Option<DeadLetterCause>, Refusal> {
    let (None, Some(facts)) = (class, subject.facts) else {
        return Ok(None);
    };
    if let Some(strict) = facts.event_code().and_then(|event| table.strict(event)) {
        trace.note(Stage::Class, Some(strict.line), || {
            format!("class {} is strict about its events", strict.id)
        });
        return Err(refuse::unknown_type());
    }
    let what = table.on_unknown_type();
    trace.note(Stage::Class, None, || {
        format!("on_unknown_type is {:?}", what.as_str())
    });
    match what {
        OnUnknownType::Deliver => Ok(None),
        OnUnknownType::Park => Ok(Some(DeadLetterCause::ParkedUnknownType)),
        OnUnknownType::Reject => Err(refuse::unknown_type()),
    }
}

/// Gathers what the rules that hold want done.
fn orders<'t>(
    table: &'t RoutingTable,
    subject: &Subject<'_>,
    trace: &mut impl Trace,
) -> Orders<'t> {
    let mut orders = Orders::default();
    for rule in table.rules_for(subject) {
        trace.note(Stage::Rules, Some(rule.line), || {
            format!("rule {} holds", rule.id)
        });
        let for_what = rule.recipient_type.unwrap_or_else(|| table.copy_type());
        let copies = rule.copy_to.iter().map(|&to| (to, for_what, rule));
        orders.copies.extend(copies);
        if rule.no_copies {
            orders.no_copies = Some(rule);
        }
        if let Some(by) = rule.replace_primary {
            orders.replace = Some((by, rule));
        }
        if rule.hold {
            orders.hold.get_or_insert(rule);
        }
        orders.priority = rule.priority.or(orders.priority);
    }
    orders
}

/// Puts whom a rule names in place of a recipient that the sender did not name. Nobody is put in place
/// of one that the sender named, and a restricted document goes to nobody else.
fn replace<'t>(
    found: &mut Found,
    orders: &Orders<'t>,
    restricted: bool,
    trace: &mut impl Trace,
) -> Option<&'t Rule> {
    let (by, rule) = orders.replace?;
    if found.basis == Basis::Named || restricted {
        trace.note(Stage::Rules, Some(rule.line), || {
            format!("rule {} does not replace whom the sender names", rule.id)
        });
        return None;
    }
    trace.note(Stage::Rules, Some(rule.line), || {
        format!(
            "rule {} puts {by} in place of {}",
            rule.id,
            listed(&found.recipients)
        )
    });
    found.recipients = vec![by];
    found.basis = Basis::ReplaceRule;
    Some(rule)
}

/// The deliveries of those whom a document is for: all of them, or a refusal that names each that
/// cannot be reached.
fn primaries(
    found: &mut Found,
    checked: &Checked<'_>,
    reach: Reach<'_>,
    unknown: Option<DeadLetterCause>,
    trace: &mut impl Trace,
) -> Result<Vec<Destination>, Refusal> {
    let mut destinations: Vec<Destination> = Vec::with_capacity(found.recipients.len());
    let mut refusals = Vec::new();
    for (index, &recipient) in found.recipients.iter().enumerate() {
        let reached =
            permitted(checked, reach, found.basis, recipient, trace).and_then(|()| match unknown {
                Some(cause) => Ok(parked(recipient, cause, trace)),
                None => reach.find(recipient, trace),
            });
        match reached {
            Ok(reached) => {
                let twice = |other: &Destination| other.organisation == reached.organisation;
                if destinations.iter().any(twice) {
                    let by = reached.organisation;
                    found
                        .warnings
                        .push(not_twice(found.path(index), recipient, by));
                    continue;
                }
                let routing = Routing {
                    basis: found.basis,
                    ..Routing::default()
                };
                destinations.push(Destination::new(recipient, reached, routing));
            }
            Err(refusal) => refusals.push((found.path(index), refusal)),
        }
    }
    if refusals.is_empty() {
        Ok(destinations)
    } else {
        Err(refuse::all_of(refusals))
    }
}

/// Whether the sender may send to `recipient`, where it is the sender who asks for that.
pub(super) fn permitted(
    checked: &Checked<'_>,
    reach: Reach<'_>,
    basis: Basis,
    recipient: OdsCode,
    trace: &mut impl Trace,
) -> Result<(), Refusal> {
    let (sender, policy) = (checked.sender(), reach.snapshot.table.policy());
    if !basis.is_asked_for() || policy.allows(sender, reach.workflow, recipient) {
        return Ok(());
    }
    let refusal = refuse::not_allowed(sender, reach.workflow, recipient);
    trace.note(Stage::Resolve, None, || refusal.what.clone());
    Err(refusal)
}

fn not_twice(path: String, recipient: OdsCode, by: OdsCode) -> Finding {
    Finding {
        severity: Severity::Warning,
        issue: Issue::Duplicate,
        ..Finding::field(
            path,
            format!("{recipient} is reached through {by}, which gets the document already"),
            "name one of them",
        )
    }
}

/// Says of the deliveries of those whom it is for what they have in common.
fn mark(destinations: &mut [Destination], subject: &Subject<'_>, rule: Option<&Rule>) {
    let deceased = subject.is_deceased();
    for destination in destinations {
        let routing = &mut destination.routing;
        routing.rule = rule.map(|rule| rule.id.clone());
        routing.deceased = deceased;
        destination.recipient_type = recipient_type(subject, routing.basis, deceased);
    }
}

/// What the recipients are to do with it. Whoever had a patient who has died gets to know of it.
fn recipient_type(subject: &Subject<'_>, basis: Basis, deceased: bool) -> RecipientType {
    if deceased && basis != Basis::Named {
        return RecipientType::ForInformation;
    }
    let stated = subject.facts.and_then(|facts| facts.recipient_type());
    stated.and_then(RecipientType::parse).unwrap_or_default()
}

/// Parks what a rule holds, and is not parked for another reason.
fn hold(destinations: &mut [Destination], orders: &Orders<'_>) {
    if orders.hold.is_none() {
        return;
    }
    for destination in destinations {
        if destination.parked.is_none() {
            let cause = DeadLetterCause::ParkedHeld;
            destination.mailbox = cause.mailbox();
            destination.parked = Some(cause);
        }
    }
}

const fn restricted_words(restricted: bool) -> &'static str {
    if restricted {
        "it is restricted: whom the sender names gets it, and nobody else"
    } else {
        "it is not restricted"
    }
}

const fn deceased_words(deceased: bool) -> &'static str {
    if deceased {
        "the patient has died: it goes where it would, and nobody else is brought in"
    } else {
        "nothing says that the patient has died"
    }
}

impl Destination {
    pub(super) fn new(recipient: OdsCode, reached: Reached, routing: Routing) -> Self {
        Self {
            recipient,
            organisation: reached.organisation,
            mailbox: reached.mailbox,
            recipient_type: RecipientType::default(),
            routing: Routing {
                redirects: reached.redirects,
                ..routing
            },
            parked: reached.parked,
        }
    }

    fn sentence(&self) -> String {
        let (recipient, mailbox) = (self.recipient, &self.mailbox);
        let (for_what, why) = (self.recipient_type.as_str(), self.routing.basis.as_str());
        format!("{recipient}: {mailbox}, {for_what}, {why}")
    }
}
