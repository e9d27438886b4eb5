//! The stream of SubmitDocuments: documents in, many under way at once, and a result for each. No more
//! is read than the credits allow; what became certain at once is told at once.

use std::sync::Arc;

use axle_model::{identity::Identity, refusal::Refusal};
use axle_proto::v1 as wire;
use axle_store::Store;
use futures::{
    FutureExt as _,
    future::BoxFuture,
    stream::{self, BoxStream, FuturesUnordered, StreamExt as _},
};
use tokio::{sync::watch, time::Instant};
use tonic::{Status, Streaming};

use super::{
    reply::finding_of,
    status::{code_of, retry_after},
    streams::Open,
    submission::take,
    watch_stream::{HEARTBEAT, heartbeat},
};
use crate::{clock::Clock, engine::Engine};

/// So many documents of one stream are under way at most.
const DOCUMENTS_MAX: usize = 256;
/// And so many bytes of them, unless a single one is larger.
const BYTES_MAX: usize = 16 << 20;

/// A document under way; ends with its length and its result.
type UnderWay = BoxFuture<'static, (usize, wire::SubmissionResult)>;

/// A stream of documents on its way in.
struct Submitting<S, C> {
    engine: Arc<Engine<S, C>>,
    identity: Arc<Identity>,
    requests: Streaming<wire::SubmitDocumentsRequest>,
    under_way: FuturesUnordered<UnderWay>,
    bytes: usize,
    draining: watch::Receiver<bool>,
    greeted: bool,
    /// How reading ended, if it did; the error is the last thing its sender hears.
    read: Option<Result<(), Status>>,
    heard: Instant,
    _open: Open,
}

/// What a sender in bulk hears: its credits, then the results.
pub(super) fn results<S: Store, C: Clock>(
    engine: Arc<Engine<S, C>>,
    identity: Arc<Identity>,
    requests: Streaming<wire::SubmitDocumentsRequest>,
    open: Open,
) -> BoxStream<'static, Result<wire::SubmitDocumentsResponse, Status>> {
    let submitting = Submitting {
        draining: engine.draining(),
        engine,
        identity,
        requests,
        under_way: FuturesUnordered::new(),
        bytes: 0,
        greeted: false,
        read: None,
        heard: Instant::now(),
        _open: open,
    };
    stream::unfold(submitting, |mut submitting| async move {
        let response = submitting.next().await?;
        submitting.heard = Instant::now();
        Some((response, submitting))
    })
    .boxed()
}

impl<S: Store, C: Clock> Submitting<S, C> {
    async fn next(&mut self) -> Option<Result<wire::SubmitDocumentsResponse, Status>> {
        if !std::mem::replace(&mut self.greeted, true) {
            return Some(Ok(self.greeting()));
        }
        loop {
            if self.under_way.is_empty()
                && let Some(read) = &mut self.read
            {
                // Once: what is left behind is a stream that has ended.
                return std::mem::replace(read, Ok(())).err().map(Err);
            }
            let may_read = self.read.is_none()
                && self.under_way.len() < DOCUMENTS_MAX
                && self.bytes < BYTES_MAX;
            tokio::select! {
                // What is under way first: that is also what sets a new one going.
                biased;
                Some(done) = self.under_way.next() => return Some(Ok(self.gathered(done))),
                request = self.requests.message(), if may_read => match request {
                    Ok(Some(request)) => self.begin(request),
                    Ok(None) => self.read = Some(Ok(())),
                    Err(status) => self.read = Some(Err(status)),
                },
                () = drains(&mut self.draining), if self.read.is_none() => {
                    self.read = Some(Ok(()));
                    return Some(Ok(self.sign_of_life(true)));
                }
                () = tokio::time::sleep_until(self.heard + HEARTBEAT) => {
                    return Some(Ok(self.sign_of_life(false)));
                }
            }
        }
    }

    fn begin(&mut self, request: wire::SubmitDocumentsRequest) {
        let wire::SubmitDocumentsRequest { header, content } = request;
        let (engine, identity) = (Arc::clone(&self.engine), Arc::clone(&self.identity));
        let length = content.len();
        self.bytes += length;
        self.under_way.push(Box::pin(async move {
            let submission_id = header
                .as_ref()
                .map_or_else(String::new, |header| header.submission_id.clone());
            let taken = take(&engine, &identity, header, content).await;
            let outcome = match taken {
                Ok(receipt) => wire::submission_result::Outcome::Receipt(receipt),
                Err(refusal) => wire::submission_result::Outcome::Refusal(refusal_of(refusal)),
            };
            let outcome = Some(outcome);
            (
                length,
                wire::SubmissionResult {
                    submission_id,
                    outcome,
                },
            )
        }));
    }

    /// This result and all that are there as well.
    fn gathered(
        &mut self,
        first: (usize, wire::SubmissionResult),
    ) -> wire::SubmitDocumentsResponse {
        let mut results = Vec::new();
        let mut next = Some(first);
        while let Some((length, result)) = next {
            self.bytes -= length;
            results.push(result);
            next = self.under_way.next().now_or_never().flatten();
        }
        wire::SubmitDocumentsResponse {
            results,
            ..Default::default()
        }
    }

    fn greeting(&self) -> wire::SubmitDocumentsResponse {
        wire::SubmitDocumentsResponse {
            credits: Some(wire::SubmissionCredits {
                max_outstanding_documents: DOCUMENTS_MAX as u32,
                max_outstanding_bytes: BYTES_MAX as u64,
            }),
            ..self.sign_of_life(false)
        }
    }

    fn sign_of_life(&self, draining: bool) -> wire::SubmitDocumentsResponse {
        wire::SubmitDocumentsResponse {
            heartbeat: Some(heartbeat(self.engine.now(), draining, 0)),
            ..Default::default()
        }
    }
}

/// Resolves when the broker is about to stop.
async fn drains(draining: &mut watch::Receiver<bool>) {
    // An engine that is gone drains nothing: the stream ends with it.
    drop(draining.wait_for(|draining| *draining).await);
}

/// A refusal in wire form: the same as the status of a call.
fn refusal_of(refusal: Refusal) -> wire::SubmissionRefusal {
    let retry_after = retry_after(refusal.reason);
    wire::SubmissionRefusal {
        code: code_of(refusal.reason).into(),
        reason: refusal.reason.as_str().to_owned(),
        findings: refusal.findings.iter().map(finding_of).collect(),
        description: refusal.what,
        remedy: refusal.remedy.into_owned(),
        subject: refusal.subject,
        retry_delay: retry_after.and_then(|delay| delay.try_into().ok()),
    }
}
