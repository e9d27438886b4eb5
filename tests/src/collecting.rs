//! A Collect stream without the SDK's help: every request is the test's own, and everything heard is
//! kept in the order it came.

use axle_proto::v1::{
    AcknowledgeCommand, CollectRequest, CollectResponse, CollectStart, CommandResult, Heartbeat,
    LeasedDelivery, collect_request::Command, collect_response::Update,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Status, Streaming};

use crate::{raw::Raw, wait::soon};

/// A stream.
pub struct CollectStream {
    requests: mpsc::UnboundedSender<CollectRequest>,
    responses: Streaming<CollectResponse>,
    last: u64,
}

impl CollectStream {
    /// Opens a stream with this first request.
    pub async fn begin(raw: &Raw, first: Command) -> Result<Self, Status> {
        let (requests, outgoing) = mpsc::unbounded_channel();
        let command = Some(first);
        let request = CollectRequest {
            command_id: 1,
            command,
        };
        requests.send(request).expect("the stream has just begun");
        let mut collection = raw.collection.clone();
        let responses = collection
            .collect(UnboundedReceiverStream::new(outgoing))
            .await?;
        Ok(Self {
            requests,
            responses: responses.into_inner(),
            last: 1,
        })
    }

    /// Opens a stream with these credits for deliveries, from every mailbox.
    pub async fn start(raw: &Raw, deliveries_max: u32) -> Self {
        let start = CollectStart {
            max_outstanding_deliveries: deliveries_max,
            ..CollectStart::default()
        };
        Self::begin(raw, Command::Start(start))
            .await
            .expect("a stream")
    }

    /// Sends a command; its id.
    pub fn command(&mut self, command: Command) -> u64 {
        self.last += 1;
        let command = Some(command);
        let request = CollectRequest {
            command_id: self.last,
            command,
        };
        self.requests.send(request).expect("an open stream");
        self.last
    }

    /// Acknowledges; the command's id.
    pub fn acknowledge(&mut self, delivery: &LeasedDelivery) -> u64 {
        let lease_token = delivery.lease_token.clone();
        self.command(Command::Acknowledge(AcknowledgeCommand { lease_token }))
    }

    /// What is heard next; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Update>, Status> {
        let response = soon("a word on the stream", self.responses.message()).await?;
        Ok(response.and_then(|response| response.update))
    }

    /// What is heard next, heartbeats aside.
    pub async fn word(&mut self) -> Result<Option<Update>, Status> {
        loop {
            match self.next().await? {
                Some(Update::Heartbeat(_)) => {}
                word => return Ok(word),
            }
        }
    }

    /// The next word, which must be a delivery.
    pub async fn delivery(&mut self) -> LeasedDelivery {
        match self.word().await {
            Ok(Some(Update::Delivery(delivery))) => delivery,
            other => panic!("instead of a delivery: {other:?}"),
        }
    }

    /// The next word, which must be a result.
    pub async fn result(&mut self) -> CommandResult {
        match self.word().await {
            Ok(Some(Update::Result(result))) => result,
            other => panic!("instead of a result: {other:?}"),
        }
    }

    /// The next two words: a result and the delivery for which there is room by then, in either order.
    pub async fn result_and_delivery(&mut self) -> (CommandResult, LeasedDelivery) {
        let words = [self.word().await, self.word().await];
        match words {
            [
                Ok(Some(Update::Result(result))),
                Ok(Some(Update::Delivery(delivery))),
            ]
            | [
                Ok(Some(Update::Delivery(delivery))),
                Ok(Some(Update::Result(result))),
            ] => (result, delivery),
            others => panic!("instead of a result and a delivery: {others:?}"),
        }
    }

    /// The next heartbeat that says something true of `which`; nothing else may come before it.
    pub async fn heartbeat(&mut self, which: impl Fn(&Heartbeat) -> bool) -> Heartbeat {
        loop {
            match self.next().await {
                Ok(Some(Update::Heartbeat(heartbeat))) if which(&heartbeat) => return heartbeat,
                Ok(Some(Update::Heartbeat(_))) => {}
                other => panic!("instead of a heartbeat: {other:?}"),
            }
        }
    }
}
