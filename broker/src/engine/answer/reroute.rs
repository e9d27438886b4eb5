//! Reroute: a practice said that the patient is not theirs. Where the document's class allows it, the
//! demographics service is asked anew, and when it names another practice the document goes on there,
//! once, in the change that records the answer. Whatever stands in the way, the sender has the answer.

use axle_core::{
    answer::onward::{may_go_on, onward},
    change::Acceptance,
    delivery::Delivery,
    message::Message,
    registration::Registration,
};
use axle_model::{format, mailbox::MailboxId, ods::OdsCode, patient::PatientHint};
use axle_store::Store;
use bytes::Bytes;

use crate::{
    clock::Clock,
    demographics::Freshness,
    engine::{Engine, submit::new_message_id},
};

impl<S: Store, C: Clock> Engine<S, C> {
    /// The message in which the document of a delivery goes on; `None` when it goes back to its sender.
    pub(super) async fn onward(
        &self,
        message: &Message,
        delivery: &Delivery,
    ) -> Option<Acceptance> {
        let view = self.view.load_full();
        let readable = message.size <= view.limits.fhir_bytes_max as u64;
        if !may_go_on(message, delivery) || !readable {
            return None;
        }
        let body = self.store.body(message.id).await.ok()?;
        let patient = self.patient_of(message, &body)?;
        let now = self.clock.now();
        let found = self.look_up(&patient, Freshness::Fresh).await;
        let Registration::Registered { practice, .. } = found else {
            return None;
        };
        let to = self.other_practice(message, delivery, practice).await?;
        let terms = view.snapshot.table.terms(&message.workflow)?;
        let id = new_message_id(now, self.clock.chance());
        onward(message, delivery, to, terms, (id, body, now))
    }

    /// The patient, as the document has it. One that is restricted is not looked up.
    fn patient_of(&self, message: &Message, body: &Bytes) -> Option<PatientHint> {
        let view = self.view.load();
        let limits = &view.snapshot.rules.limits;
        let facts = format::read(&message.media_type, body, limits).ok()?;
        let patient = facts.patient().filter(|_| !facts.is_restricted())?;
        let born = patient.birth_date.as_deref()?;
        PatientHint::new(patient.nhs_number()?, born, patient.family()?).ok()
    }

    /// The practice that the patient is registered with now, with its mailbox; `None` when it is the
    /// same, may not be sent to, or was sent this document already, or a newer one.
    async fn other_practice(
        &self,
        message: &Message,
        delivery: &Delivery,
        practice: OdsCode,
    ) -> Option<(OdsCode, MailboxId)> {
        let view = self.view.load_full();
        let (snapshot, now) = (&view.snapshot, self.clock.now());
        let receives = snapshot.organisations.resolve(practice, now).ok()?;
        let other = receives.organisation;
        let policy = snapshot.table.policy();
        if !policy.allows(message.sender, &message.workflow, other) {
            return None;
        }
        let mailbox = snapshot.directory.resolve(other, &message.workflow).ok()?;
        let had = |one: &Delivery| one.mailbox.organisation == mailbox.id.organisation;
        if had(delivery) || message.deliveries.iter().any(had) {
            return None;
        }
        for name in &message.names {
            for known in self.store.find_document(name).await.ok()? {
                let same = known.names.contains(name) && known.deliveries.iter().any(had);
                if same || known.replaces.contains(name) {
                    return None;
                }
            }
        }
        Some((other, mailbox.id.clone()))
    }
}
