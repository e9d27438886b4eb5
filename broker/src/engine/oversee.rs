//! Oversee: what an operator sees. Never a document; nothing is changed here.

use std::sync::Arc;

use axle_core::{authorise::require_operator, event::DeadLetterCause, message::Message};
use axle_model::{id::MessageId, identity::Identity, mailbox::MailboxId, refusal::Refusal};
use axle_store::{Found, MailboxState, Query, Store};

use super::{
    Engine,
    collect::MailboxView,
    refuse::{refusal_of, unknown_message},
};
use crate::clock::Clock;

impl<S: Store, C: Clock> Engine<S, C> {
    /// Every mailbox, the one with the oldest unread document first, those without any by name last.
    /// Mailboxes that still hold something are listed even when the directory no longer does.
    pub async fn mailboxes(&self, caller: &Identity) -> Result<Vec<MailboxView>, Refusal> {
        require_operator(caller)?;
        let holding = self.store.mailboxes().await.map_err(refusal_of)?;
        let mut holding: std::collections::BTreeMap<_, MailboxState> =
            holding.into_iter().collect();
        let view = self.view.load();
        let mut all: Vec<MailboxView> = view
            .snapshot
            .directory
            .mailboxes()
            .map(|mailbox| MailboxView {
                state: holding.remove(&mailbox.id).unwrap_or_default(),
                id: mailbox.id.clone(),
                display: mailbox.display.clone(),
                open: mailbox.open,
            })
            .collect();
        let display = |id: &MailboxId| match DeadLetterCause::of_parked(id) {
            Some(_) => "parked by this broker",
            None => "not in the directory",
        };
        all.extend(holding.into_iter().map(|(id, state)| MailboxView {
            display: display(&id).to_owned(),
            id,
            open: false,
            state,
        }));
        all.sort_by(|a, b| {
            let age = |mailbox: &MailboxView| {
                (
                    mailbox.state.oldest_time.is_none(),
                    mailbox.state.oldest_time,
                )
            };
            age(a).cmp(&age(b)).then_with(|| a.id.cmp(&b.id))
        });
        Ok(all)
    }

    /// Any message, with its timelines.
    pub async fn timeline(
        &self,
        caller: &Identity,
        id: MessageId,
    ) -> Result<Arc<Message>, Refusal> {
        require_operator(caller)?;
        let message = self.store.load(id).await.map_err(refusal_of)?;
        let message = message.ok_or_else(unknown_message)?;
        tracing::info!(target: "audit", operator = %caller.serial, %id, "a timeline was looked at");
        Ok(message)
    }

    /// Messages with a delivery that did not reach its recipient.
    pub async fn dead_letters(&self, caller: &Identity, query: Query) -> Result<Found, Refusal> {
        require_operator(caller)?;
        let states = vec!["dead-lettered", "rejected"];
        self.store
            .find(Query {
                states,
                sender: None,
                ..query
            })
            .await
            .map_err(refusal_of)
    }

    /// Why the broker is not ready to take documents, each with the name of the check that fails;
    /// empty when it is.
    pub fn failing_checks(&self) -> Vec<(&'static str, String)> {
        let mut failing = Vec::new();
        if let Some(why) = self.store.health().stopped {
            failing.push(("store", format!("stopped for safety: {why}")));
        }
        if *self.draining.borrow() {
            failing.push(("drain", "the broker is shutting down".to_owned()));
        }
        failing
    }

    /// Lets an operator through; for calls that only read the broker's own state.
    pub fn admit_operator(&self, caller: &Identity) -> Result<(), Refusal> {
        require_operator(caller)
    }
}
