//! Watching what happens to the caller's deliveries: one sequence of updates without gaps, over as
//! many connections as it takes.

use std::time::Duration;

use axle_proto::v1::{
    DeliveryUpdate, WatchDeliveriesRequest, WatchDeliveriesResponse,
    watch_deliveries_response::Update,
};
use tokio::time::{sleep, timeout};
use tonic::Streaming;

use crate::{connection::Client, error::ClientError, retry::Backoff};

/// A stream that says nothing for this long is dead: heartbeats come every 20 seconds.
pub(crate) const SILENCE_MAX: Duration = Duration::from_secs(45);

/// Something that happened to a delivery.
#[derive(Clone, Debug, PartialEq)]
pub struct Watched {
    /// What happened.
    pub update: DeliveryUpdate,
    /// Where to resume after it.
    pub resume_token: String,
}

/// A watch over the caller's deliveries.
#[derive(Debug)]
pub struct Watch {
    client: Client,
    request: WatchDeliveriesRequest,
    stream: Option<Streaming<WatchDeliveriesResponse>>,
    /// What came with the first sign of life, if that was an update already.
    first: Option<Watched>,
}

impl Client {
    /// Watches from `resume_token` on, or from now on when it is empty. When it returns the watch
    /// stands: nothing that happens from then on is missed.
    pub async fn watch(
        &self,
        resume_token: &str,
        notices_only: bool,
    ) -> Result<Watch, ClientError> {
        let mut watch = Watch {
            client: self.clone(),
            request: WatchDeliveriesRequest {
                resume_token: resume_token.to_owned(),
                notices_only,
            },
            stream: None,
            first: None,
        };
        watch.first = watch.advance(Some(self.retry().total)).await?;
        Ok(watch)
    }
}

impl Watch {
    /// The next update. Reconnects for as long as that can help; an error is final. May be dropped
    /// while it waits without losing an update.
    pub async fn next(&mut self) -> Result<Watched, ClientError> {
        loop {
            if let Some(first) = self.first.take() {
                return Ok(first);
            }
            if let Some(watched) = self.advance(None).await? {
                return Ok(watched);
            }
        }
    }

    /// Where to resume after all that was returned.
    pub fn resume_token(&self) -> &str {
        &self.request.resume_token
    }

    /// One step of the stream: an update, or `None` for a heartbeat. Gives up after `patience` of
    /// failures, if given.
    async fn advance(
        &mut self,
        patience: Option<Duration>,
    ) -> Result<Option<Watched>, ClientError> {
        let begun = tokio::time::Instant::now();
        let mut backoff = Backoff::new(self.client.retry());
        loop {
            let error = match timeout(SILENCE_MAX, self.step()).await {
                Ok(Ok(response)) => return Ok(self.note(response)),
                Ok(Err(error)) => error,
                Err(_) => ClientError::unreachable(format!(
                    "the broker gave no sign of life for {} s",
                    SILENCE_MAX.as_secs()
                )),
            };
            self.stream = None;
            let delay = backoff.next_delay(error.retry_after());
            let spent = patience.is_some_and(|patience| begun.elapsed() + delay > patience);
            if spent || !error.is_retryable() {
                return Err(error);
            }
            sleep(delay).await;
        }
    }

    async fn step(&mut self) -> Result<WatchDeliveriesResponse, ClientError> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                let mut service = self.client.submission();
                let opened = service.watch_deliveries(self.request.clone()).await?;
                self.stream.insert(opened.into_inner())
            }
        };
        let next = stream.message().await?;
        next.ok_or_else(|| ClientError::unreachable("the broker ended the stream"))
    }

    fn note(&mut self, response: WatchDeliveriesResponse) -> Option<Watched> {
        if !response.resume_token.is_empty() {
            self.request.resume_token.clone_from(&response.resume_token);
        }
        match response.update {
            Some(Update::Delivery(update)) => Some(Watched {
                update,
                resume_token: response.resume_token,
            }),
            Some(Update::Heartbeat(_)) | None => None,
        }
    }
}

#[cfg(test)]
mod tests;
