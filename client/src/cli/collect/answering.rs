//! Answering what was collected: that it was taken in, or why not, where the document asks for that.
//! The answer is on disk before the document is settled, and is sent after.

use std::{io, sync::Arc};

use axle_model::{
    answer::{ResponseCode, Stage},
    mailbox::{REPORT_WORKFLOW, WorkflowId},
};

use crate::{
    answer::Question,
    cli::{
        outbox::{Outbox, Waiting},
        save::RealDisk,
        view,
    },
    collect::Received,
    connection::Client,
    error::{Class, ClientError},
};

/// The code under which a document of a workflow that is not taken here is refused.
pub(super) const NOT_SUPPORTED: u32 = 10_004;

/// Answers what one run collects.
#[derive(Clone, Debug)]
pub(super) struct Answering {
    client: Client,
    /// `None` when nothing is to be answered.
    outbox: Option<Outbox>,
    /// The workflows whose documents are taken; empty for all.
    accepted: Arc<[WorkflowId]>,
}

impl Answering {
    pub(super) fn new(client: Client, outbox: Option<Outbox>, accepted: Vec<WorkflowId>) -> Self {
        Self {
            client,
            outbox,
            accepted: accepted.into(),
        }
    }

    /// Whether a document is taken here. What the broker itself reports always is.
    pub(super) fn takes(&self, received: &Received) -> bool {
        let workflow = received.message.workflow.as_str();
        let mut accepted = self.accepted.iter();
        self.accepted.is_empty()
            || workflow == REPORT_WORKFLOW
            || accepted.any(|one| one.as_str() == workflow)
    }

    /// Puts down what a document asks and the answer of this system; durable when it returns.
    pub(super) fn prepare(&self, received: &Received, taken: bool) -> io::Result<Option<Waiting>> {
        let Some(outbox) = &self.outbox else {
            return Ok(None);
        };
        let Some(question) = Question::of(received) else {
            return Ok(None);
        };
        if taken && question.asks(Stage::Business) {
            outbox.keep(&RealDisk, &question)?;
        }
        if !question.asks(Stage::Infrastructure) {
            return Ok(None);
        }
        let refused = ResponseCode::new(NOT_SUPPORTED).filter(|_| !taken);
        let code = refused.unwrap_or(ResponseCode::SUCCESS);
        let response = question.answer(code, taken, view::now());
        outbox.put(&RealDisk, &response).map(Some)
    }

    /// Sends what waits from an earlier run; what went wrong.
    pub(super) async fn send_waiting(&self) -> Vec<ClientError> {
        let Some(outbox) = &self.outbox else {
            return Vec::new();
        };
        let waiting = match outbox.waiting() {
            Ok(waiting) => waiting,
            Err(error) => return vec![crate::cli::local(format!("the outbox: {error}"))],
        };
        let mut failed = Vec::new();
        for one in waiting {
            failed.extend(self.send(&one).await.err());
        }
        failed
    }

    /// Sends one answer. One that the broker will never take is put aside.
    pub(super) async fn send(&self, waiting: &Waiting) -> Result<(), ClientError> {
        send(&self.client, waiting).await
    }
}

/// Sends one answer. One that the broker will never take is put aside.
pub(in crate::cli) async fn send(client: &Client, waiting: &Waiting) -> Result<(), ClientError> {
    let response = &waiting.response;
    match client.answer(response).await {
        Ok(_) => waiting
            .sent()
            .map_err(|error| crate::cli::local(format!("the outbox: {error}"))),
        Err(error) if error.class() == Class::Refused => {
            // Best effort: otherwise it is tried again.
            let _ = waiting.refused();
            Err(error.about(&response.delivery))
        }
        Err(error) => Err(error.about(&response.delivery)),
    }
}
