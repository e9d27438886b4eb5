//! Withdrawal: a sender takes a message back.

use std::sync::Arc;

use axle_core::{authorise::organisation_of, message::Message};
use axle_model::{identity::Identity, ods::OdsCode, refusal::Refusal};
use axle_proto::v1::{WithdrawMessageRequest, withdraw_message_request::Key};
use axle_store::Store;

use super::{
    super::terms::reason_of,
    SubmissionDoor,
    naming::{by_name, by_submission, unnamed},
};
use crate::clock::Clock;

impl<S: Store, C: Clock> SubmissionDoor<S, C> {
    pub(super) async fn withdraw(
        &self,
        caller: &Identity,
        request: WithdrawMessageRequest,
    ) -> Result<Arc<Message>, Refusal> {
        organisation_of(caller)?;
        let key = match &request.key {
            Some(Key::Name(name)) => by_name(name)?,
            Some(Key::SubmissionId(id)) => by_submission(id)?,
            None => return Err(unnamed()),
        };
        reason_of(&request.reason)?;
        let recipients = recipients_of(&request.recipients)?;
        self.engine
            .withdraw(caller, &key, &recipients, &request.reason)
            .await
    }
}

fn recipients_of(codes: &[String]) -> Result<Vec<OdsCode>, Refusal> {
    let mut recipients = Vec::new();
    for (index, code) in codes.iter().enumerate() {
        let recipient = OdsCode::parse(code).map_err(|why| {
            let path = format!("recipients[{index}]");
            Refusal::field(path, why.to_string(), "correct it")
        })?;
        // Named twice is named once.
        if !recipients.contains(&recipient) {
            recipients.push(recipient);
        }
    }
    Ok(recipients)
}
