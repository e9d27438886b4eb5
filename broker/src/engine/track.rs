//! Track: a sender looks up its own messages.

use std::sync::Arc;

use axle_core::{authorise::organisation_of, message::Message};
use axle_model::{
    id::{MessageId, SubmissionId},
    identity::Identity,
    refusal::Refusal,
};
use axle_store::{Found, Query, Store};

use super::{
    Engine,
    refuse::{refusal_of, unknown_message},
};
use crate::clock::Clock;

/// How a sender names a message.
#[derive(Clone, Debug)]
pub enum MessageKey {
    /// By the broker's name for it.
    Message(MessageId),
    /// By its own.
    Submission(SubmissionId),
}

impl<S: Store, C: Clock> Engine<S, C> {
    /// One of the caller's own messages. Another's and none answer the same.
    pub async fn own_message(
        &self,
        caller: &Identity,
        key: &MessageKey,
    ) -> Result<Arc<Message>, Refusal> {
        let organisation = organisation_of(caller)?;
        let found = match key {
            MessageKey::Message(id) => self.store.load(*id).await,
            MessageKey::Submission(id) => self.store.find_submission(organisation, id).await,
        };
        let message = found.map_err(refusal_of)?;
        message
            .filter(|message| message.sender == organisation)
            .ok_or_else(unknown_message)
    }

    /// A page of the caller's own messages, whatever sender the query names.
    pub async fn own_messages(&self, caller: &Identity, query: Query) -> Result<Found, Refusal> {
        let sender = Some(organisation_of(caller)?);
        self.store
            .find(Query { sender, ..query })
            .await
            .map_err(refusal_of)
    }
}
