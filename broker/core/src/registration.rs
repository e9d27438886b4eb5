//! Registration: which practice a patient is registered with, as the demographics service says, held
//! against what the sender knows of the patient.

use axle_model::{ods::OdsCode, refusal::Reason};

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
