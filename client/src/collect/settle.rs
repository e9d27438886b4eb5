//! Settlements: over the collector's stream when it stands, otherwise by a call of its own. A command
//! whose result was lost with its stream is repeated by a call, since nobody knows whether it arrived.

use std::time::Duration;

use axle_proto::v1::{
    AcknowledgeCommand, AcknowledgeDeliveriesRequest, CommandResult, ExtendCommand,
    ExtendLeasesRequest, RejectCommand, RejectDeliveryRequest, ReleaseCommand,
    ReleaseDeliveriesRequest, collect_request::Command,
};
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    connection::Client, convert, error::ClientError, retry::CALL_DEADLINE, track::incomplete,
};

/// A command on its way to the stream, and where its result is awaited.
pub(super) struct Pending {
    pub(super) command: Command,
    pub(super) result: oneshot::Sender<Result<(), ClientError>>,
}

/// The way to the stream that stands at the moment, if one does.
pub(super) type Commands = Option<mpsc::UnboundedSender<Pending>>;

/// Settles leases. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Settler {
    client: Client,
    stream: watch::Receiver<Commands>,
}

impl Client {
    /// Settles leases without a stream, by tokens from anywhere.
    pub fn settler(&self) -> Settler {
        Settler::new(self.clone(), watch::channel(None).1)
    }
}

impl Settler {
    pub(super) fn new(client: Client, stream: watch::Receiver<Commands>) -> Self {
        Self { client, stream }
    }

    /// The document is stored on the recipient's side. Repeating it does no harm.
    pub async fn acknowledge(&self, token: &str) -> Result<(), ClientError> {
        let lease_token = token.to_owned();
        self.settle(Command::Acknowledge(AcknowledgeCommand { lease_token }))
            .await
    }

    /// The document is refused, with a code for the reason; for good unless `retryable`.
    pub async fn reject(
        &self,
        token: &str,
        reason_code: &str,
        retryable: bool,
    ) -> Result<(), ClientError> {
        let command = RejectCommand {
            lease_token: token.to_owned(),
            reason_code: reason_code.to_owned(),
            retryable,
        };
        self.settle(Command::Reject(command)).await
    }

    /// The lease is to run for `lease` from now.
    pub async fn extend(&self, token: &str, lease: Duration) -> Result<(), ClientError> {
        let command = ExtendCommand {
            lease_token: token.to_owned(),
            lease_duration: Some(convert::duration(lease)),
        };
        self.settle(Command::Extend(command)).await
    }

    /// The delivery is given back, not to be offered again before `delay` has passed.
    pub async fn release(&self, token: &str, delay: Duration) -> Result<(), ClientError> {
        let command = ReleaseCommand {
            lease_token: token.to_owned(),
            delay: Some(convert::duration(delay)),
        };
        self.settle(Command::Release(command)).await
    }

    async fn settle(&self, command: Command) -> Result<(), ClientError> {
        if let Some(result) = self.by_stream(command.clone()).await
            && !result.as_ref().is_err_and(ClientError::is_retryable)
        {
            return result;
        }
        // Boxed: the room for a call, which few need, would be taken by each settlement under way.
        Box::pin(self.by_call(command)).await
    }

    /// The result, or `None` when there is no stream or it broke before the result came.
    async fn by_stream(&self, command: Command) -> Option<Result<(), ClientError>> {
        let commands = self.stream.borrow().clone()?;
        let (result, answer) = oneshot::channel();
        commands.send(Pending { command, result }).ok()?;
        tokio::time::timeout(CALL_DEADLINE, answer).await.ok()?.ok()
    }

    async fn by_call(&self, command: Command) -> Result<(), ClientError> {
        let client = &self.client;
        let results = match command {
            Command::Acknowledge(AcknowledgeCommand { lease_token }) => {
                let request = AcknowledgeDeliveriesRequest {
                    lease_tokens: vec![lease_token],
                };
                let answer = client.call(CALL_DEADLINE, request, |request| {
                    let mut service = client.collection();
                    async move { service.acknowledge_deliveries(request).await }
                });
                answer.await?.results
            }
            Command::Reject(command) => return self.reject_by_call(command).await,
            Command::Extend(command) => {
                let request = ExtendLeasesRequest {
                    lease_tokens: vec![command.lease_token],
                    lease_duration: command.lease_duration,
                };
                let answer = client.call(CALL_DEADLINE, request, |request| {
                    let mut service = client.collection();
                    async move { service.extend_leases(request).await }
                });
                answer.await?.results
            }
            Command::Release(command) => {
                let request = ReleaseDeliveriesRequest {
                    lease_tokens: vec![command.lease_token],
                    delay: command.delay,
                };
                let answer = client.call(CALL_DEADLINE, request, |request| {
                    let mut service = client.collection();
                    async move { service.release_deliveries(request).await }
                });
                answer.await?.results
            }
            // About a stream, not about a lease: never sent this way.
            Command::Start(_) | Command::Credit(_) => return Ok(()),
        };
        let only: Option<CommandResult> = results.into_iter().next();
        ClientError::of_result(only.ok_or_else(|| incomplete("result"))?)
    }

    async fn reject_by_call(&self, command: RejectCommand) -> Result<(), ClientError> {
        let request = RejectDeliveryRequest {
            lease_token: command.lease_token,
            reason_code: command.reason_code,
            retryable: command.retryable,
        };
        let answer = self.client.call(CALL_DEADLINE, request, |request| {
            let mut service = self.client.collection();
            async move { service.reject_delivery(request).await }
        });
        answer.await.map(|_| ())
    }
}
