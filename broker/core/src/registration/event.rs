//! Events of a patient's life that change a registration: another practice, a death. They come as the
//! STU3 messages `pds-change-of-gp-1` and `pds-death-notification-1`; nothing else is read from them.

use std::fmt;

use axle_model::{
    facts::Facts, nhs_number::NhsNumber, ods::OdsCode, patient::BirthDate, time::Timestamp,
};
use thiserror::Error;

use super::FamilyName;

const CHANGE_OF_GP: &str = "pds-change-of-gp-1";
const DEATH: &str = "pds-death-notification-1";
/// The extension that says whether the event is new, or takes an earlier one back.
const EVENT_TYPE: &str = "Extension-MessageEventType-1";
const TAKEN_BACK: &str = "delete";

/// One event. Prints nothing of its patient.
#[derive(Clone, PartialEq, Eq)]
pub struct DemographicEvent {
    /// Whose life.
    pub nhs_number: NhsNumber,
    /// The date of birth, when the event tells it.
    pub birth_date: Option<BirthDate>,
    /// The family name, when the event tells it.
    pub family: Option<FamilyName>,
    /// When the event was told, by its publisher: what happened later counts, in whatever order the
    /// events arrive.
    pub time: Timestamp,
    /// What happened.
    pub what: Happened,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// The patient is registered there now; `None` when an earlier event was taken back, so that
    /// nobody can tell.
    Moved(Option<OdsCode>),
    /// The patient has died, or, when an earlier event was wrong, has not.
    Died(bool),
}

/// Why a message is not an event that can be used. Holds nothing of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotAnEvent {
    /// Of another kind.
    #[error("it is not {CHANGE_OF_GP} or {DEATH}")]
    Kind,
    /// Without a usable time.
    #[error("its MessageHeader.timestamp is missing or not a time")]
    Time,
    /// Without a patient who can be told.
    #[error("it has not one Patient with an NHS number and a date of birth or family name")]
    Patient,
    /// A change of practice that does not say which.
    #[error("its Patient has not one generalPractitioner with an ODS code")]
    Practice,
}

impl DemographicEvent {
    /// The event that a message tells.
    pub fn of(facts: &Facts<'_>) -> Result<Self, NotAnEvent> {
        let kind = facts.event_code().ok_or(NotAnEvent::Kind)?;
        if !matches!(kind, CHANGE_OF_GP | DEATH) {
            return Err(NotAnEvent::Kind);
        }
        let (bundle, header) = facts.bundle().zip(facts.header()).ok_or(NotAnEvent::Kind)?;
        let time = header.timestamp.as_deref().and_then(Timestamp::parse);
        let mut patients = bundle.entries.iter();
        let mut patients = patients
            .by_ref()
            .filter_map(|entry| entry.resource.patient());
        let (Some(patient), None) = (patients.next(), patients.next()) else {
            return Err(NotAnEvent::Patient);
        };
        let number = patient.nhs_number().map(NhsNumber::parse);
        let born = patient.birth_date.as_deref().map(BirthDate::parse);
        let family = patient.family().and_then(FamilyName::of);
        let Some(Ok(nhs_number)) = number else {
            return Err(NotAnEvent::Patient);
        };
        if born.is_none() && family.is_none() || matches!(born, Some(Err(_))) {
            return Err(NotAnEvent::Patient);
        }
        let taken_back = header.extensions.iter().any(|extension| {
            let url = extension.url.as_deref().unwrap_or_default();
            let concept = extension.concept.as_ref();
            url.ends_with(EVENT_TYPE) && concept.is_some_and(|concept| concept.has(TAKEN_BACK))
        });
        let what = if kind == DEATH {
            Happened::Died(!taken_back && facts.is_deceased())
        } else if taken_back {
            Happened::Moved(None)
        } else {
            let mut practices = patient.practices.iter().map(|at| bundle.ods_code(at));
            match (practices.next(), practices.next()) {
                (Some(Some(practice)), None) => Happened::Moved(Some(practice)),
                _ => return Err(NotAnEvent::Practice),
            }
        };
        Ok(Self {
            nhs_number,
            birth_date: born.and_then(Result::ok),
            family,
            time: time.ok_or(NotAnEvent::Time)?,
            what,
        })
    }
}

impl fmt::Debug for DemographicEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DemographicEvent(masked)")
    }
}
