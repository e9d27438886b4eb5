//! Deadlines and retries of single calls. Only what is safe to repeat is repeated: UNAVAILABLE and
//! errors that say when to come back, with the very same request, so that a submission keeps its id.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use tonic::{Request, Response, Status};

use crate::{connection::Client, error::ClientError};

/// The deadline of a call that waits for nothing but the broker's disk.
pub const CALL_DEADLINE: Duration = Duration::from_secs(10);
/// What a long poll may take beyond the wait it asks for.
pub const POLL_DEADLINE_EXTRA: Duration = Duration::from_secs(5);

/// How patiently a call is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// No attempt is begun when this has passed since the first.
    pub total: Duration,
    /// About how long to wait after the first failure; doubled after each further one.
    pub first_delay: Duration,
    /// The longest such wait.
    pub delay_max: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            total: Duration::from_secs(30),
            first_delay: Duration::from_millis(100),
            delay_max: Duration::from_secs(5),
        }
    }
}

/// The waits between attempts: doubling, with jitter, so that clients which failed together do not
/// come back together.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
    delay_max: Duration,
}

impl Backoff {
    pub(crate) fn new(retry: &Retry) -> Self {
        Self {
            next: retry.first_delay.min(retry.delay_max),
            delay_max: retry.delay_max,
        }
    }

    /// How long to wait now: half to all of the step, and never less than the broker asks.
    pub(crate) fn next_delay(&mut self, asked: Option<Duration>) -> Duration {
        let step = self.next;
        self.next = (step * 2).min(self.delay_max);
        step.mul_f64(rand::random_range(0.5..=1.0))
            .max(asked.unwrap_or_default())
    }
}

impl Client {
    /// Makes a call, again and again while that can help. `call` gets each attempt's request.
    pub(crate) async fn call<Q, A, F>(
        &self,
        deadline: Duration,
        query: Q,
        mut call: impl FnMut(Request<Q>) -> F,
    ) -> Result<A, ClientError>
    where
        Q: Clone,
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let begun = Instant::now();
        let mut backoff = Backoff::new(self.retry());
        loop {
            let mut request = Request::new(query.clone());
            request.set_timeout(deadline);
            let error = match tokio::time::timeout(deadline, call(request)).await {
                Ok(Ok(answer)) => return Ok(answer.into_inner()),
                Ok(Err(status)) => ClientError::from(status),
                Err(_) => ClientError::from(Status::deadline_exceeded(format!(
                    "the broker did not answer within {} s",
                    deadline.as_secs_f32()
                ))),
            };
            let delay = backoff.next_delay(error.retry_after());
            if !error.is_retryable() || begun.elapsed() + delay > self.retry().total {
                return Err(error);
            }
            tokio::time::sleep(delay).await;
        }
    }
}
