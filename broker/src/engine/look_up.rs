//! Look up: between a document's check and its routing, the practice of its patient is asked for, when
//! the document goes by its patient. What was looked up is used for that one decision and kept nowhere.

use std::time::Instant;

use axle_core::{
    registration::Registration, route::patient_to_look_up, snapshot::Snapshot, validate::Checked,
};
use axle_model::{patient::PatientHint, refusal::Reason};
use axle_store::Store;

use super::Engine;
use crate::{
    clock::Clock,
    demographics::{Freshness, Standing},
};

impl<S: Store, C: Clock> Engine<S, C> {
    /// What is known of the registration of the patient that a document goes by. Nobody is asked when
    /// it goes by its named recipients, or may go by them only.
    pub(super) async fn registration(
        &self,
        snapshot: &Snapshot,
        checked: &Checked<'_>,
    ) -> Registration {
        match patient_to_look_up(snapshot, checked, self.clock.now()) {
            // Boxed: the room for it would be taken by each document that is under way.
            Some(patient) => Box::pin(self.look_up(&patient, Freshness::Usual)).await,
            None => Registration::NotAsked,
        }
    }

    /// How whoever is asked stands; `None` when nobody is.
    pub fn demographics_standing(&self) -> Option<Standing> {
        let demographics = self.demographics.as_ref()?;
        Some(demographics.standing(self.clock.now()))
    }

    /// Where a patient is registered. Without a demographics service nobody can be asked.
    pub(super) async fn look_up(
        &self,
        patient: &PatientHint,
        freshness: Freshness,
    ) -> Registration {
        let Some(demographics) = &self.demographics else {
            return Registration::NotAsked;
        };
        let began = Instant::now();
        let registration = demographics
            .look_up(patient, freshness, self.clock.now())
            .await;
        self.metrics
            .looked_up(outcome(&registration), began.elapsed());
        registration
    }
}

/// The outcome in a word that tells nothing of the patient.
const fn outcome(registration: &Registration) -> &'static str {
    match registration {
        Registration::NotAsked => "not_asked",
        Registration::Registered { .. } => "registered",
        Registration::None(Reason::DemographicsUnavailable) => "unavailable",
        Registration::None(_) => "refused",
    }
}
