//! Reconcile: a sender's manifest is held against what the store knows of its submissions, a bounded
//! step at a time, so that nobody else waits for it and its answer can be sent as it is found.

use std::sync::Arc;

use axle_core::{
    authorise::organisation_of,
    reconcile::{Counts, Finding, Known, Manifest, Named, Standing, finding},
};
use axle_model::{id::MessageId, identity::Identity, ods::OdsCode, refusal::Refusal};
use axle_store::{Query, Store};

use super::{Engine, refuse::refusal_of};
use crate::clock::Clock;

/// Messages looked at in one step.
const PAGE_MAX: usize = 1_000;
/// Entries looked up in one step.
const ENTRIES_MAX: usize = 64;

/// A manifest on its way through the store.
#[derive(Debug)]
pub struct Reconciliation<S, C> {
    engine: Arc<Engine<S, C>>,
    sender: OdsCode,
    manifest: Manifest,
    /// Messages before this one are still to be met; `None` when all of the manifest's time are.
    before: Option<MessageId>,
    counts: Counts,
}

impl<S: Store, C: Clock> Engine<S, C> {
    /// Begins to hold the caller's manifest against its submissions. It sees its own only.
    pub fn reconcile(
        self: &Arc<Self>,
        caller: &Identity,
        manifest: Manifest,
    ) -> Result<Reconciliation<S, C>, Refusal> {
        let sender = organisation_of(caller)?;
        let end = manifest.to().after(std::time::Duration::from_millis(1));
        let counts = Counts {
            entries: manifest.len() as u64,
            ..Counts::default()
        };
        Ok(Reconciliation {
            engine: Arc::clone(self),
            sender,
            manifest,
            before: Some(MessageId::least_at(end)),
            counts,
        })
    }
}

impl<S: Store, C: Clock> Reconciliation<S, C> {
    /// The next findings, at least one; `None` when there are no more.
    pub async fn next(&mut self) -> Result<Option<Vec<Finding>>, Refusal> {
        loop {
            self.engine.refuse_when_draining()?;
            let found = match self.before {
                Some(before) => self.meet(before).await?,
                None if self.manifest.is_empty() => return Ok(None),
                None => self.look_up().await?,
            };
            if !found.is_empty() {
                return Ok(Some(found));
            }
            tokio::task::yield_now().await;
        }
    }

    /// How many entries came to what, up to now.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// The manifest: its time, and the entries that are still to be answered.
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Meets a page of the sender's messages, newest first.
    async fn meet(&mut self, before: MessageId) -> Result<Vec<Finding>, Refusal> {
        let query = Query {
            sender: Some(self.sender),
            before: Some(before),
            page_max: PAGE_MAX,
            ..Query::default()
        };
        let page = self.engine.store.find(query).await.map_err(refusal_of)?;
        let start = MessageId::least_at(self.manifest.from());
        let mut found = Vec::new();
        for message in &page.messages {
            if message.accept_time < self.manifest.from() {
                break;
            }
            // The last millisecond may reach past the end.
            if message.accept_time <= self.manifest.to() {
                found.extend(self.manifest.meet(message));
            }
        }
        self.before = page.next.filter(|next| *next > start);
        for one in &found {
            self.counts.count(Some(one));
        }
        Ok(found)
    }

    /// Answers some entries of the manifest.
    async fn look_up(&mut self) -> Result<Vec<Finding>, Refusal> {
        let mut found = Vec::new();
        for _ in 0..ENTRIES_MAX {
            let Some((named, met)) = self.manifest.take() else {
                break;
            };
            let known = self.known(&named, met).await?;
            let one = finding(named, known);
            self.counts.count(one.as_ref());
            found.extend(one);
        }
        Ok(found)
    }

    /// What is known of an entry. Accepted once, it is accepted, whatever was refused besides.
    async fn known(&self, named: &Named, met: Option<Standing>) -> Result<Known, Refusal> {
        if let Some(standing) = met {
            return Ok(Known::Accepted(standing));
        }
        let (store, sender) = (&self.engine.store, self.sender);
        if let Named::Submission(id) = named {
            let accepted = store.find_submission(sender, id).await;
            if let Some(message) = accepted.map_err(refusal_of)? {
                return Ok(Known::Accepted(Standing::of(&message)));
            }
        }
        let refused = store.find_refusal(sender, named).await;
        let refused = refused.map_err(refusal_of)?;
        Ok(refused.map_or(Known::Nothing, |one| Known::Refused((*one).clone())))
    }
}
