//! Registration: which practice a patient is registered with, as the demographics service says, held
//! against what the sender knows of the patient. A sender that does not know the patient learns
//! nothing: neither the practice, nor whether the record is restricted.

mod event;
mod family;
mod register;
#[cfg(test)]
mod tests;

use std::fmt;

use axle_model::{
    ods::OdsCode,
    patient::{BirthDate, PatientHint},
    refusal::{Reason, Refusal},
};

pub use event::{DemographicEvent, Happened, NotAnEvent};
pub use family::FamilyName;
pub use register::{Applied, Entry, NotARegister, Register, RegisterBuilder};

/// What is known of a patient's registration when a document is routed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Registration {
    /// Nobody was asked: the document does not go by its patient.
    #[default]
    NotAsked,
    /// The patient is the one the sender means, and registered here.
    Registered {
        /// The practice.
        practice: OdsCode,
        /// Whether the patient has died.
        deceased: bool,
    },
    /// There is no practice to send to, for this reason.
    None(Reason),
}

/// What a demographics service says of the one patient who has an NHS number. Prints nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Known {
    /// The date of birth; `None` when the service withholds it or knows no whole date.
    pub birth_date: Option<BirthDate>,
    /// The family names in use; none when the service withholds them.
    pub families: Vec<FamilyName>,
    /// The practice; for somebody who has died the last one.
    pub practice: Option<OdsCode>,
    /// Whether the patient has died.
    pub deceased: bool,
    /// Whether the record is restricted (`R`, `V`, "S-flagged"): its patient is nowhere sent to
    /// without a named recipient.
    pub restricted: bool,
}

/// What a sender is told for each reason that a document cannot go by its patient. Nothing of the
/// patient, not even which of the three facts differs.
const TOLD: [(Reason, &str, &str); 5] = [
    (
        Reason::PatientNotFound,
        "the demographics service knows no patient with this NHS number",
        "check the NHS number, or name the recipient yourself",
    ),
    (
        Reason::PatientMismatch,
        "the demographics service does not confirm this NHS number with this date of birth and family name",
        "check all three against the patient's record; do not send by a guess",
    ),
    (
        Reason::PatientNotRegistered,
        "the patient is not registered with a practice",
        "name the recipient yourself, or tell the patient",
    ),
    (
        Reason::RestrictedNeedsRecipient,
        "a restricted document or patient is sent to named recipients only",
        "name the recipient yourself, once you have made sure of it",
    ),
    (
        Reason::DemographicsUnavailable,
        "the practice of the patient cannot be looked up at the moment",
        "try again shortly with the same submission id, or name the recipient yourself",
    ),
];

/// The refusal of a document that has no recipient and cannot go by its patient.
pub fn unregistered(reason: Reason) -> Refusal {
    let told = TOLD.iter().find(|(of, ..)| *of == reason);
    let (what, remedy) = told.map_or(
        (
            "no recipient is named, and none can be found",
            "name at least one ODS code, or the patient whose practice it is for",
        ),
        |&(_, what, remedy)| (what, remedy),
    );
    Refusal::new(reason, what, remedy)
}

impl Known {
    /// What the sender of a document about this patient is told. The NHS number has found the
    /// record; the date of birth and the family name must both be the record's before anything else
    /// of it counts. What the record lacks confirms nothing, so that such a patient is not found; only
    /// of a record that withholds because it is restricted is that said, for a sender would otherwise
    /// look for an error that is not there.
    pub fn registration(&self, patient: &PatientHint) -> Registration {
        let born = self.birth_date.map(|date| date == patient.birth_date);
        let named = (!self.families.is_empty()).then(|| {
            FamilyName::of(&patient.family).is_some_and(|family| self.families.contains(&family))
        });
        let contradicted = born == Some(false) || named == Some(false);
        let confirmed = born == Some(true) && named == Some(true);
        match (contradicted, self.restricted, confirmed, self.practice) {
            (true, ..) => Registration::None(Reason::PatientMismatch),
            (false, true, ..) => Registration::None(Reason::RestrictedNeedsRecipient),
            (false, false, false, _) => Registration::None(Reason::PatientMismatch),
            (false, false, true, None) => Registration::None(Reason::PatientNotRegistered),
            (false, false, true, Some(practice)) => Registration::Registered {
                practice,
                deceased: self.deceased,
            },
        }
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Known(masked)")
    }
}
