//! Find: whom a document is for. Whom its sender names always counts, and for a restricted document
//! nobody else does. What a document says of its patient's practice never finds a recipient: it is a
//! claim of the sender, and may only agree with the register or not.

use std::borrow::Cow;

use axle_model::{
    facts::Facts,
    nhs_number::NhsNumber,
    ods::OdsCode,
    patient::PatientHint,
    refusal::{Finding, Issue, Reason, Refusal, Severity},
};

use super::{
    refuse::another_patient,
    trace::{Stage, Trace},
};
use crate::{
    delivery::Basis,
    registration::{Registration, unregistered},
    table::{Class, Source},
    validate::Checked,
};

/// Whom a document is for, before anybody is looked for in a register.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) recipients: Vec<OdsCode>,
    pub(super) basis: Basis,
    /// Whether the register says that the patient has died.
    pub(super) deceased: bool,
    pub(super) warnings: Vec<Finding>,
}

impl Found {
    const fn by(basis: Basis, recipients: Vec<OdsCode>) -> Self {
        Self {
            recipients,
            basis,
            deceased: false,
            warnings: Vec::new(),
        }
    }

    /// Where in the submission the recipient at `index` was named.
    pub(super) fn path(&self, index: usize) -> String {
        match self.basis {
            Basis::Named => format!("header.recipients[{index}]"),
            Basis::RegisteredPractice => "header.patient".to_owned(),
            Basis::HeaderReceiver => format!("MessageHeader.destination[{index}]"),
            Basis::Default | Basis::DistributionList | Basis::CopyRule | Basis::ReplaceRule => {
                "header".to_owned()
            }
        }
    }
}

/// The patient by whose practice a document may go, when nobody is named and it is not restricted:
/// whom the header names, unless the class of the document looks elsewhere; or, where the class says
/// that its documents go by their patient, the one it is about, if the number is not said to be
/// unverified.
pub(super) fn patient<'c>(
    class: Option<&Class>,
    checked: &'c Checked<'_>,
) -> Option<Cow<'c, PatientHint>> {
    if class.is_some_and(|class| !class.looks_at(Source::RegisteredPractice)) {
        return None;
    }
    if let Some(hint) = &checked.submission().patient {
        return Some(Cow::Borrowed(hint));
    }
    let facts = checked
        .facts()
        .filter(|_| class.is_some_and(|class| class.by_patient))?;
    if facts
        .nhs_number_status()
        .is_some_and(|status| status != "01")
    {
        return None;
    }
    let patient = facts.patient()?;
    let born = patient.birth_date.as_deref()?;
    let hint = PatientHint::new(patient.nhs_number()?, born, patient.family()?);
    hint.ok().map(Cow::Owned)
}

/// Finds whom a document is for.
pub(super) fn recipients(
    class: Option<&Class>,
    checked: &Checked<'_>,
    restricted: bool,
    registration: Registration,
    trace: &mut impl Trace,
) -> Result<Found, Refusal> {
    let named = &checked.submission().recipients;
    if !named.is_empty() {
        trace.note(Stage::Recipient, None, || {
            format!("the sender names {}, which always counts", listed(named))
        });
        return Ok(Found::by(Basis::Named, named.clone()));
    }
    let line = class.map(|class| class.line);
    if restricted {
        trace.note(Stage::Recipient, None, || {
            "the sender names nobody, and nobody else may be looked for".to_owned()
        });
        return Err(unregistered(Reason::RestrictedNeedsRecipient));
    }
    let mut missing = Reason::RecipientRequired;
    for source in class.map_or(Class::ROUTE, |class| class.route.as_slice()) {
        let found = match source {
            Source::Explicit => {
                trace.note(Stage::Recipient, line, || {
                    "the sender names nobody".to_owned()
                });
                None
            }
            Source::HeaderReceiver => receivers(checked, line, trace),
            Source::RegisteredPractice => match patient(class, checked) {
                Some(patient) => {
                    registered(&patient, checked, registration, &mut missing, line, trace)?
                }
                None => {
                    trace.note(Stage::Recipient, line, || {
                        "it names no patient whose practice could be looked up".to_owned()
                    });
                    None
                }
            },
        };
        if let Some(found) = found {
            return Ok(found);
        }
    }
    if let Some(to) = class.and_then(|class| class.default_to) {
        let say = || format!("no recipient was found: the class gives it to {to}");
        trace.note(Stage::Recipient, line, say);
        return Ok(Found::by(Basis::Default, vec![to]));
    }
    trace.note(Stage::Recipient, line, || {
        "there is no recipient".to_owned()
    });
    Err(unregistered(missing))
}

fn receivers(checked: &Checked<'_>, line: Option<u32>, trace: &mut impl Trace) -> Option<Found> {
    let receivers = checked.facts().map(Facts::receivers).unwrap_or_default();
    trace.note(Stage::Recipient, line, || match receivers.as_slice() {
        [] => "the message's header names no receiver".to_owned(),
        named => format!("the message's header names {}", listed(named)),
    });
    (!receivers.is_empty()).then(|| Found::by(Basis::HeaderReceiver, receivers))
}

/// The practice of a patient, as the register says. Only that somebody is registered nowhere lets the
/// next source be looked at; whatever else keeps the practice from being known is a refusal.
fn registered(
    patient: &PatientHint,
    checked: &Checked<'_>,
    registration: Registration,
    missing: &mut Reason,
    line: Option<u32>,
    trace: &mut impl Trace,
) -> Result<Option<Found>, Refusal> {
    let about = checked
        .facts()
        .and_then(|facts| facts.patient()?.nhs_number());
    let about = about.and_then(|number| NhsNumber::parse(number).ok());
    if about.is_some_and(|number| number != patient.nhs_number) {
        trace.note(Stage::Recipient, line, || {
            "the header names another patient than the document".to_owned()
        });
        return Err(another_patient());
    }
    match registration {
        Registration::Registered { practice, deceased } => {
            trace.note(Stage::Recipient, line, || {
                format!("the patient is registered with {practice}")
            });
            let mut found = Found::by(Basis::RegisteredPractice, vec![practice]);
            found.deceased = deceased;
            found.warnings.extend(disagreement(checked, practice));
            if !found.warnings.is_empty() {
                trace.note(Stage::Recipient, None, || {
                    "the document names another practice, which counts for nothing".to_owned()
                });
            }
            Ok(Some(found))
        }
        Registration::None(reason) => {
            trace.note(Stage::Recipient, line, || unregistered(reason).what);
            if reason == Reason::PatientNotRegistered {
                *missing = reason;
                return Ok(None);
            }
            Err(unregistered(reason))
        }
        Registration::NotAsked => {
            trace.note(Stage::Recipient, line, || {
                "there is nobody to ask where the patient is registered".to_owned()
            });
            Ok(None)
        }
    }
}

/// The warning that a document names another practice for its patient than the register does.
fn disagreement(checked: &Checked<'_>, practice: OdsCode) -> Option<Finding> {
    let stated = checked.facts()?.stated_practices();
    if stated.is_empty() || stated.contains(&practice) {
        return None;
    }
    Some(Finding {
        rule: Some("gp-mismatch"),
        severity: Severity::Warning,
        issue: Issue::BusinessRule,
        ..Finding::field(
            "Patient.generalPractitioner",
            "The practice that the document names is not the one the patient is registered with.",
            "bring the patient's record up to date; the document goes to the registered practice",
        )
    })
}

/// Some organisations, for a sentence.
pub(super) fn listed(organisations: &[OdsCode]) -> String {
    let codes: Vec<&str> = organisations.iter().map(OdsCode::as_str).collect();
    codes.join(", ")
}
