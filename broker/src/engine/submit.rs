//! Submit: a document is authorised, checked, routed and made durable, in that order; then, and only
//! then, its sender has a receipt.

use std::time::Instant;

use axle_core::{
    authorise::authorise,
    change::Acceptance,
    message::Warning,
    route::{Destination, Explanation, explain, route},
    snapshot::Snapshot,
    validate::{Checked, validate},
};
use axle_model::{
    envelope::Submission,
    id::MessageId,
    identity::Identity,
    mailbox::WorkflowId,
    receipt::Receipt,
    refusal::{Finding, Refusal},
    time::Timestamp,
};
use axle_store::{Committed, Store};

use super::{Engine, close::Parked};
use crate::clock::Clock;

/// An accepted document.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// What the sender holds.
    pub receipt: Receipt,
    /// Rules it bends without being refused.
    pub warnings: Vec<Warning>,
}

/// A document that would be accepted.
#[derive(Clone, Debug)]
pub struct Acceptable {
    /// The workflow it would travel under.
    pub workflow: WorkflowId,
    /// The deliveries it would come to.
    pub destinations: Vec<Destination>,
    /// Rules it bends.
    pub warnings: Vec<Finding>,
}

/// How a document finds its recipients, and by what.
#[derive(Debug)]
pub struct Explained {
    /// Step by step.
    pub explanation: Explanation,
    /// The version of the routing table.
    pub table_version: u32,
    /// The edition of the register of organisations; empty without one.
    pub register_version: String,
}

impl<S: Store, C: Clock> Engine<S, C> {
    /// Accepts a document, or says why not.
    pub async fn submit(
        &self,
        caller: &Identity,
        submission: Submission,
    ) -> Result<Accepted, Refusal> {
        self.refuse_when_draining()?;
        let acceptance = self.decide(caller, submission).await?;
        self.take_in(acceptance).await
    }

    /// Makes an accepted document durable; the receipt is the first one when it repeats another.
    pub(super) async fn take_in(&self, acceptance: Box<Acceptance>) -> Result<Accepted, Refusal> {
        let message = &acceptance.message;
        let accepted = Accepted {
            receipt: message.receipt(false),
            warnings: message.warnings.clone(),
        };
        let (sender, parked) = (message.sender, Parked::of(message));
        let began = Instant::now();
        let committed = self.accept(acceptance).await;
        self.metrics.committed(began.elapsed());
        Ok(match committed? {
            Committed::Done => {
                self.activity.sender(sender, self.clock.now());
                if let Some(parked) = parked {
                    Box::pin(self.set_aside(parked)).await;
                }
                accepted
            }
            Committed::Repeat(first) => Accepted {
                receipt: first.receipt(true),
                warnings: first.warnings.clone(),
            },
        })
    }

    /// What [`submit`](Self::submit) would say, without storing anything. What only the store knows,
    /// an identifier used before, is not looked at.
    pub async fn check(
        &self,
        caller: &Identity,
        submission: Submission,
    ) -> Result<Acceptable, Refusal> {
        let view = self.view.load_full();
        let authorised = authorise(view.snapshot.table.policy(), caller, submission)?;
        let checked = validate(&view.snapshot, &authorised, self.clock.now())?;
        let registration = self.registration(&view.snapshot, &checked).await;
        let routed = route(&view.snapshot, &checked, registration, self.clock.now());
        // Whoever asks wants to know all there is to mend, also of what goes nowhere.
        let routed = routed.map_err(|mut refusal| {
            refusal.findings.extend_from_slice(checked.warnings());
            refusal
        })?;
        Ok(Acceptable {
            workflow: routed.workflow().clone(),
            destinations: routed.destinations().to_vec(),
            warnings: [routed.warnings(), checked.warnings()].concat(),
        })
    }

    /// How a document would find its recipients, step by step, or why it would not; nothing is stored.
    ///
    /// # Errors
    /// It is not the caller's, or breaks a rule: it is not routed at all.
    pub async fn explain(
        &self,
        caller: &Identity,
        submission: Submission,
    ) -> Result<Explained, Refusal> {
        let (view, now) = (self.view.load_full(), self.clock.now());
        let snapshot = &view.snapshot;
        let authorised = authorise(snapshot.table.policy(), caller, submission)?;
        let checked = validate(snapshot, &authorised, now)?;
        let registration = self.registration(snapshot, &checked).await;
        Ok(Explained {
            explanation: explain(snapshot, &checked, registration, now),
            table_version: snapshot.table.version(),
            register_version: snapshot.organisations.version().to_owned(),
        })
    }

    async fn decide(
        &self,
        caller: &Identity,
        submission: Submission,
    ) -> Result<Box<Acceptance>, Refusal> {
        let (view, now) = (self.view.load_full(), self.clock.now());
        let authorised = authorise(view.snapshot.table.policy(), caller, submission)?;
        let checked = validate(&view.snapshot, &authorised, now)?;
        self.acceptance(&view.snapshot, &checked, now).await
    }

    /// Routes what was checked; what comes of it, to be committed.
    pub(super) async fn acceptance(
        &self,
        snapshot: &Snapshot,
        checked: &Checked<'_>,
        now: Timestamp,
    ) -> Result<Box<Acceptance>, Refusal> {
        let registration = self.registration(snapshot, checked).await;
        let routed = route(snapshot, checked, registration, now)?;
        let id = new_message_id(now, self.clock.chance());
        Ok(Box::new(Acceptance::new(&routed, id, now)))
    }
}

/// A fresh UUIDv7 of this time.
pub(super) fn new_message_id(now: Timestamp, chance: u128) -> MessageId {
    let [random @ .., _, _, _, _, _, _] = chance.to_le_bytes();
    MessageId::new(uuid::Builder::from_unix_timestamp_millis(now.as_millis(), &random).into_uuid())
}
