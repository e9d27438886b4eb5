//! What a service answers: a FHIR Patient, or an OperationOutcome that says there is none. Anything
//! else is a failure of the service, and no word about a patient: a page of a proxy is not "nobody".

use std::io;

use axle_core::registration::{FamilyName, Known};
use axle_model::{nhs_number::NhsNumber, ods::OdsCode, patient::BirthDate, time::Timestamp};
use http::StatusCode;
use serde::Deserialize;
use thiserror::Error;

const NHS_NUMBER: &str = "https://fhir.nhs.uk/Id/nhs-number";
const ODS_CODE: &str = "https://fhir.nhs.uk/Id/ods-organization-code";
/// Codes that say there is no such patient: never was, no longer is, or cannot be.
const NOBODY: [&str; 3] = [
    "RESOURCE_NOT_FOUND",
    "INVALIDATED_RESOURCE",
    "INVALID_RESOURCE_ID",
];

/// An answer that can be used.
pub(super) enum Said {
    /// This is the patient of that number, or of the one in its place.
    Patient(Known),
    /// There is none.
    Nobody,
    /// A patient of another number, who is not said to have had this one. Perhaps it has been replaced,
    /// perhaps the service has mixed up two patients: twins share a birthday and a name.
    SomebodyElse,
}

/// Why there is none. Holds nothing of the answer.
#[derive(Debug, Error)]
pub(super) enum Failure {
    /// No connection.
    #[error("it cannot be reached: {0}")]
    Unreachable(io::ErrorKind),
    /// No whole answer within the time.
    #[error("it took too long")]
    TooSlow,
    /// The connection ended before the answer did.
    #[error("the connection was cut")]
    Cut,
    /// An answer that is larger than any patient.
    #[error("its answer is too large")]
    TooLarge,
    /// It does not accept these credentials.
    #[error("it refuses the broker's credentials (HTTP {0})")]
    Refused(u16),
    /// Another status than an answer has.
    #[error("it answered with HTTP {0}")]
    Status(u16),
    /// Not a Patient of FHIR, or one without a number.
    #[error("its answer is not a FHIR Patient with an NHS number")]
    Malformed,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Patient {
    resource_type: String,
    id: Option<String>,
    #[serde(default)]
    meta: Meta,
    #[serde(default)]
    identifier: Vec<Identifier>,
    #[serde(default)]
    name: Vec<Name>,
    birth_date: Option<String>,
    deceased_boolean: Option<bool>,
    deceased_date_time: Option<String>,
    #[serde(default)]
    general_practitioner: Vec<Practice>,
}

#[derive(Default, Deserialize)]
struct Meta {
    #[serde(default)]
    security: Vec<Coding>,
}

#[derive(Deserialize)]
struct Coding {
    code: Option<String>,
}

#[derive(Deserialize)]
struct Identifier {
    #[serde(rename = "use")]
    usage: Option<String>,
    system: Option<String>,
    value: Option<String>,
    #[serde(default)]
    period: Period,
}

#[derive(Deserialize)]
struct Name {
    #[serde(rename = "use")]
    usage: Option<String>,
    family: Option<String>,
    #[serde(default)]
    period: Period,
}

#[derive(Deserialize)]
struct Practice {
    identifier: Option<Identifier>,
}

#[derive(Default, Deserialize)]
struct Period {
    start: Option<String>,
    end: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    resource_type: String,
    #[serde(default)]
    issue: Vec<Issue>,
}

#[derive(Deserialize)]
struct Issue {
    code: Option<String>,
    #[serde(default)]
    details: Details,
}

#[derive(Default, Deserialize)]
struct Details {
    #[serde(default)]
    coding: Vec<Coding>,
}

/// Reads an answer about `number`.
pub(super) fn read(
    status: StatusCode,
    body: &[u8],
    number: NhsNumber,
    now: Timestamp,
) -> Result<Said, Failure> {
    match status {
        StatusCode::OK => patient(body, number, now),
        StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST if is_nobody(status, body) => {
            Ok(Said::Nobody)
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Failure::Refused(status.as_u16())),
        other => Err(Failure::Status(other.as_u16())),
    }
}

fn is_nobody(status: StatusCode, body: &[u8]) -> bool {
    let Ok(outcome) = serde_json::from_slice::<Outcome>(body) else {
        return false;
    };
    let says = |issue: &Issue| {
        let mut codes = issue.details.coding.iter();
        let named = codes.any(|coding| coding.code.as_deref().is_some_and(|c| NOBODY.contains(&c)));
        named || status == StatusCode::NOT_FOUND && issue.code.as_deref() == Some("not-found")
    };
    outcome.resource_type == "OperationOutcome" && outcome.issue.iter().any(says)
}

fn patient(body: &[u8], number: NhsNumber, now: Timestamp) -> Result<Said, Failure> {
    // What serde says would repeat what it read.
    let patient: Patient = serde_json::from_slice(body).map_err(|_| Failure::Malformed)?;
    if patient.resource_type != "Patient" {
        return Err(Failure::Malformed);
    }
    match patient.is_of(number) {
        None => Err(Failure::Malformed),
        Some(false) => Ok(Said::SomebodyElse),
        Some(true) => Ok(Said::Patient(patient.known(&today(now)))),
    }
}

impl Patient {
    /// Whether the patient has this number, or is said to have had it; `None` when there is no number.
    fn is_of(&self, number: NhsNumber) -> Option<bool> {
        let parse = |text: &str| NhsNumber::parse(text).ok();
        let of_nhs = |identifier: &&Identifier| identifier.system.as_deref() == Some(NHS_NUMBER);
        let numbers = self.identifier.iter().filter(of_nhs);
        let (former, current): (Vec<&Identifier>, Vec<&Identifier>) =
            numbers.partition(|identifier| identifier.usage.as_deref() == Some("old"));
        let value = |identifier: &&Identifier| identifier.value.as_deref().and_then(parse);
        let mut all: Vec<NhsNumber> = current.iter().filter_map(value).collect();
        all.extend(self.id.as_deref().and_then(parse));
        let first = *all.first()?;
        let replaced = former
            .iter()
            .filter_map(value)
            .any(|former| former == number);
        // A record that has two numbers at once is nobody's.
        Some(all.iter().all(|other| *other == first) && (first == number || replaced))
    }

    fn known(&self, today: &str) -> Known {
        let deceased = self.deceased_date_time.is_some() || self.deceased_boolean == Some(true);
        let unrestricted = |mark: &Coding| {
            let code = mark.code.as_deref().unwrap_or_default();
            matches!(code, "U" | "L" | "M" | "N")
        };
        let in_use = |name: &&Name| {
            let usage = name.usage.as_deref();
            matches!(usage, None | Some("usual" | "official")) && name.period.holds(today)
        };
        let names = self.name.iter().filter(in_use);
        let birth_date = self.birth_date.as_deref().filter(|date| date.len() == 10);
        Known {
            birth_date: birth_date.and_then(|date| BirthDate::parse(date).ok()),
            families: names
                .filter_map(|name| FamilyName::of(name.family.as_deref()?))
                .collect(),
            practice: self.practice(deceased, today),
            deceased,
            restricted: !self.meta.security.iter().all(unrestricted),
        }
    }

    /// The one practice of today; of somebody who has died the last one. Two at once are none.
    fn practice(&self, deceased: bool, today: &str) -> Option<OdsCode> {
        let identifiers = self.general_practitioner.iter();
        let identifiers = identifiers.filter_map(|practice| practice.identifier.as_ref());
        let practices: Vec<(&Period, OdsCode)> = identifiers
            .filter(|identifier| identifier.system.as_deref() == Some(ODS_CODE))
            .filter_map(|identifier| {
                let code = OdsCode::parse(identifier.value.as_deref()?).ok()?;
                Some((&identifier.period, code))
            })
            .collect();
        let mut current = practices.iter().filter(|(period, _)| period.holds(today));
        match (current.next(), current.next()) {
            (Some((_, only)), None) => Some(*only),
            (Some(_), Some(_)) => None,
            (None, _) if !deceased => None,
            (None, _) => {
                let begun =
                    |period: &Period| !matches!(&period.start, Some(start) if day(start) > today);
                let ended = practices.iter().filter(|(period, _)| begun(period));
                let last = ended.max_by_key(|(period, _)| period.end.as_deref().map(day));
                last.map(|(_, practice)| *practice)
            }
        }
    }
}

impl Period {
    fn holds(&self, today: &str) -> bool {
        let begun = self
            .start
            .as_deref()
            .is_none_or(|start| day(start) <= today);
        begun && self.end.as_deref().is_none_or(|end| day(end) >= today)
    }
}

/// The day of a FHIR date or time.
fn day(text: &str) -> &str {
    text.get(..10).unwrap_or(text)
}

fn today(now: Timestamp) -> String {
    day(&now.to_string()).to_owned()
}

#[cfg(test)]
mod tests;
