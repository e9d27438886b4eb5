//! The task behind a submitter: one SubmitDocuments stream after another.

use std::collections::{BTreeMap, HashMap, VecDeque};

use axle_proto::v1::{
    SubmissionCredits, SubmissionResult, SubmitDocumentsRequest, SubmitDocumentsResponse,
    submission_result::Outcome,
};
use tokio::{
    sync::mpsc::{self, UnboundedSender},
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::Streaming;

use super::Job;
use crate::{
    connection::Client,
    error::ClientError,
    retry::{Backoff, CALL_DEADLINE},
    watch::SILENCE_MAX,
};

/// So many go by calls of their own at once.
const CALLS_MAX: usize = 16;

/// Documents, and the streams they go by.
pub(super) struct Bulk {
    client: Client,
    jobs: mpsc::Receiver<Job>,
    /// Whether nobody can send any more.
    closed: bool,
    /// What goes before anything new, since a stream broke under it.
    again: VecDeque<Job>,
    calls: JoinSet<()>,
}

/// One stream, from its start to its end.
struct Session {
    requests: UnboundedSender<SubmitDocumentsRequest>,
    responses: Streaming<SubmitDocumentsResponse>,
    credits: SubmissionCredits,
    /// What has no result, in the order in which it was sent.
    under_way: BTreeMap<u64, Job>,
    by_id: HashMap<String, u64>,
    sent: u64,
    bytes: u64,
    draining: bool,
    heard: Instant,
    /// Whether any document had a result.
    fruitful: bool,
}

impl Bulk {
    pub(super) fn new(client: Client, jobs: mpsc::Receiver<Job>) -> Self {
        Self {
            client,
            jobs,
            closed: false,
            again: VecDeque::new(),
            calls: JoinSet::new(),
        }
    }

    /// Runs until every submitter is dropped and every document has its answer.
    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::new(self.client.retry());
        while self.has_some().await {
            let (fruitful, error) = match self.open().await {
                Ok(mut session) => {
                    let ended = self.serve(&mut session).await;
                    let left = std::mem::take(&mut session.under_way);
                    for (_, job) in left.into_iter().rev() {
                        self.again.push_front(job);
                    }
                    match ended {
                        Ok(()) => continue,
                        Err(error) => (session.fruitful, error),
                    }
                }
                Err(error) => (false, error),
            };
            if fruitful {
                backoff = Backoff::new(self.client.retry());
            }
            let delay = backoff.next_delay(error.retry_after());
            if !error.is_retryable() {
                // No stream is to be had here; a call may be, or says why not.
                self.call_each().await;
                continue;
            }
            let patience = self.client.retry().total;
            let spent = |job: &Job| job.begun.elapsed() + delay > patience;
            let (given_up, again) = self.again.drain(..).partition(spent);
            self.again = again;
            for job in Vec::from(given_up) {
                job.finish(Err(error.clone()));
            }
            sleep(delay).await;
        }
        while self.calls.join_next().await.is_some() {}
    }

    /// Waits until there is something to send; `false` when there never will be.
    async fn has_some(&mut self) -> bool {
        if self.again.is_empty() {
            match self.jobs.recv().await {
                Some(job) => self.again.push_back(job),
                None => return false,
            }
        }
        true
    }

    async fn open(&self) -> Result<Session, ClientError> {
        let (requests, outgoing) = mpsc::unbounded_channel();
        let late = || ClientError::unreachable("the stream could not be opened in time");
        let mut service = self.client.submission();
        let opening = service.submit_documents(UnboundedReceiverStream::new(outgoing));
        let responses = timeout(CALL_DEADLINE, opening)
            .await
            .map_err(|_| late())??;
        let mut responses = responses.into_inner();
        // Nothing is sent before the broker has said how much it takes.
        let first = timeout(CALL_DEADLINE, responses.message());
        let first = first.await.map_err(|_| late())??;
        let credits = first.and_then(|response| response.credits);
        Ok(Session {
            requests,
            responses,
            credits: credits.unwrap_or(SubmissionCredits {
                max_outstanding_documents: 1,
                max_outstanding_bytes: 1,
            }),
            under_way: BTreeMap::new(),
            by_id: HashMap::new(),
            sent: 0,
            bytes: 0,
            draining: false,
            heard: Instant::now(),
            fruitful: false,
        })
    }

    /// Serves one stream until it ends, or until there is nothing left to send, ever.
    async fn serve(&mut self, session: &mut Session) -> Result<(), ClientError> {
        loop {
            while session.has_room()
                && let Some(job) = self.again.pop_front()
            {
                self.send(session, job);
            }
            if self.closed && session.under_way.is_empty() {
                return Ok(());
            }
            let takes = session.has_room() && !self.closed;
            tokio::select! {
                response = session.responses.message() => match response? {
                    Some(response) => self.heard(session, response),
                    None => return Err(ClientError::unreachable("the broker ended the stream")),
                },
                job = self.jobs.recv(), if takes => match job {
                    Some(job) => self.again.push_back(job),
                    None => self.closed = true,
                },
                // The finished ones; their results went their own way.
                Some(_) = self.calls.join_next() => {}
                () = sleep_until(session.heard + SILENCE_MAX) => {
                    return Err(ClientError::unreachable(format!(
                        "the broker gave no sign of life for {} s",
                        SILENCE_MAX.as_secs()
                    )));
                }
            }
        }
    }

    fn send(&mut self, session: &mut Session, job: Job) {
        let id = job.submission_id();
        if session.by_id.contains_key(&id) {
            // Its result could not be told from that of the one under way.
            self.calls.spawn(job.call(self.client.clone()));
            return;
        }
        session.sent += 1;
        session.bytes += job.request.content.len() as u64;
        // When the stream is ending, it goes again with the next.
        let _ = session.requests.send(job.request.clone());
        session.by_id.insert(id, session.sent);
        session.under_way.insert(session.sent, job);
    }

    fn heard(&mut self, session: &mut Session, response: SubmitDocumentsResponse) {
        session.heard = Instant::now();
        if let Some(credits) = response.credits {
            session.credits = credits;
        }
        session.draining |= response
            .heartbeat
            .is_some_and(|heartbeat| heartbeat.draining);
        for SubmissionResult {
            submission_id,
            outcome,
        } in response.results
        {
            let Some(job) = session.take(&submission_id) else {
                continue;
            };
            session.fruitful = true;
            match outcome {
                Some(Outcome::Receipt(receipt)) => job.finish(Ok(receipt)),
                Some(Outcome::Refusal(refusal)) => {
                    let error = ClientError::of_refusal(refusal);
                    if error.is_retryable() {
                        let (client, after) = (self.client.clone(), error.retry_after());
                        self.calls.spawn(async move {
                            sleep(after.unwrap_or_default()).await;
                            job.call(client).await;
                        });
                    } else {
                        job.finish(Err(error));
                    }
                }
                None => job.finish(Err(ClientError::unreachable("a result says nothing"))),
            }
        }
    }

    /// Sends what waits, each by a call of its own.
    async fn call_each(&mut self) {
        while let Some(job) = self.again.pop_front() {
            if self.calls.len() >= CALLS_MAX {
                let _ = self.calls.join_next().await;
            }
            self.calls.spawn(job.call(self.client.clone()));
        }
    }
}

impl Session {
    /// Whether another document may be sent now.
    fn has_room(&self) -> bool {
        let documents = self.under_way.len() < self.credits.max_outstanding_documents as usize;
        let bytes = self.bytes < self.credits.max_outstanding_bytes;
        !self.draining && documents && bytes
    }

    /// The document of that id, no longer under way.
    fn take(&mut self, submission_id: &str) -> Option<Job> {
        let job = self.under_way.remove(&self.by_id.remove(submission_id)?)?;
        self.bytes -= job.request.content.len() as u64;
        Some(job)
    }
}
