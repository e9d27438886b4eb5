//! A sender's own messages, looked up and taken back.

use axle_proto::v1::{
    GetMessageRequest, ListMessagesRequest, ListMessagesResponse, Message, WithdrawMessageRequest,
    get_message_request::Key,
};

use crate::{connection::Client, error::ClientError, retry::CALL_DEADLINE};

impl Client {
    /// One of the caller's own messages (`messages/UUID`), with the timeline of each delivery.
    pub async fn message(&self, name: &str) -> Result<Message, ClientError> {
        self.message_by(Key::Name(name.to_owned())).await
    }

    /// The message made of the submission the caller named `submission_id`.
    pub async fn message_of_submission(&self, submission_id: &str) -> Result<Message, ClientError> {
        self.message_by(Key::SubmissionId(submission_id.to_owned()))
            .await
    }

    /// A page of the caller's own messages, newest first.
    pub async fn messages(
        &self,
        request: ListMessagesRequest,
    ) -> Result<ListMessagesResponse, ClientError> {
        self.call(CALL_DEADLINE, request, |request| {
            let mut service = self.submission();
            async move { service.list_messages(request).await }
        })
        .await
    }

    /// Takes one of the caller's own messages back while nobody has it, from all its recipients or
    /// from those named: all of these or none. The message as it stands then. Repeated by itself
    /// when the broker is not available, which is safe.
    pub async fn withdraw(&self, request: WithdrawMessageRequest) -> Result<Message, ClientError> {
        let answer = self
            .call(CALL_DEADLINE, request, |request| {
                let mut service = self.submission();
                async move { service.withdraw_message(request).await }
            })
            .await?;
        answer.message.ok_or_else(|| incomplete("message"))
    }

    async fn message_by(&self, key: Key) -> Result<Message, ClientError> {
        let request = GetMessageRequest { key: Some(key) };
        let answer = self
            .call(CALL_DEADLINE, request, |request| {
                let mut service = self.submission();
                async move { service.get_message(request).await }
            })
            .await?;
        answer.message.ok_or_else(|| incomplete("message"))
    }
}

/// An answer without what it is for: not an Axle broker, or one from the future.
pub(crate) fn incomplete(field: &str) -> ClientError {
    ClientError::new(
        crate::error::Class::Unavailable,
        "ANSWER_INCOMPLETE",
        format!("the broker's answer has no {field}"),
        "check that the address is an Axle broker's, of a version this client knows",
    )
}
