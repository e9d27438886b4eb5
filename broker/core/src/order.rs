//! Order: which documents are about the same patient, so that they are delivered one after the
//! other, and what a document is called by those that replace it. Never across senders: no sender
//! can hold up another's documents, or replace them.

use axle_model::{digest::Digest, nhs_number::NhsNumber};
use serde::Deserialize;

use crate::validate::Checked;

/// Which of a sender's documents a workflow delivers in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Those about one patient: of the same `patient_ref`, or where the sender gives none, of the
    /// same NHS number in the document.
    #[default]
    Patient,
    /// Those of the same `patient_ref` only.
    PatientRef,
    /// None.
    None,
}

/// What a document has in common with the others that are delivered in order with it; `None` when
/// it waits for no other.
///
/// The digest of an NHS number can be found out by trying them all: it is a short name for the
/// patient, not a disguise, and is kept, like the document itself, where nobody else may look.
pub fn key(order: Order, checked: &Checked<'_>) -> Option<Digest> {
    let of = |what: &str, value: &[u8]| {
        let sender = checked.sender();
        Digest::of_parts([sender.as_str().as_bytes(), what.as_bytes(), value])
    };
    let given = || {
        Some(of(
            "patient_ref",
            checked.submission().order_key?.as_bytes(),
        ))
    };
    let number = || Some(of("nhs_number", &patient(checked)?.expose().to_be_bytes()));
    match order {
        Order::Patient => given().or_else(number),
        Order::PatientRef => given(),
        Order::None => None,
    }
}

/// The NHS number of the document's patient. One that fails its check, or is ten times the same
/// digit, is nobody's: those who have it are different people.
fn patient(checked: &Checked<'_>) -> Option<NhsNumber> {
    let number = checked.facts()?.patient()?.nhs_number()?;
    let first = number.chars().next()?;
    let placeholder = number.chars().all(|digit| digit == first);
    (!placeholder).then(|| NhsNumber::parse(number).ok())?
}

#[cfg(test)]
mod tests;
