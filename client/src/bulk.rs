//! Submitting in bulk: many documents under way on one stream, each with an answer of its own. A stream
//! that breaks is made anew, and what had no result goes again under the same submission id, so that
//! nothing is lost and nothing delivered twice. Where there can be no stream, each document goes by a
//! call of its own.

use axle_proto::v1::{DocumentHeader, SubmitDocumentResponse, SubmitDocumentsRequest};
use bytes::Bytes;
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use crate::{
    connection::Client,
    error::ClientError,
    send::{DOCUMENT_BYTES_MAX, completed},
};

mod stream;

/// Documents that wait for a place on the stream.
const WAITING_MAX: usize = 64;

/// Sends many documents over one stream. Cheap to clone; clones share the stream, which is opened with
/// the first document and closed when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Submitter {
    client: Client,
    jobs: mpsc::Sender<Job>,
}

/// A document on its way, and who waits for its receipt.
#[derive(Debug)]
struct Job {
    request: SubmitDocumentsRequest,
    begun: Instant,
    answer: oneshot::Sender<Result<SubmitDocumentResponse, ClientError>>,
}

impl Client {
    /// A sender of many documents; must be called within a tokio runtime.
    pub fn submitter(&self) -> Submitter {
        let (jobs, waiting) = mpsc::channel(WAITING_MAX);
        tokio::spawn(stream::Bulk::new(self.clone(), waiting).run());
        Submitter {
            client: self.clone(),
            jobs,
        }
    }
}

impl Submitter {
    /// Submits a document; when it returns, the document is on the broker's disk. The same as
    /// [`Client::submit`], and faster when many are under way at once.
    pub async fn submit(
        &self,
        header: DocumentHeader,
        content: Bytes,
    ) -> Result<SubmitDocumentResponse, ClientError> {
        if content.len() > DOCUMENT_BYTES_MAX {
            // Boxed: the room for a call, which few need, would be taken by each document under way.
            return Box::pin(self.client.submit(header, content)).await;
        }
        let header = Some(completed(header, &content, None));
        let (answer, answered) = oneshot::channel();
        let job = Job {
            request: SubmitDocumentsRequest { header, content },
            begun: Instant::now(),
            answer,
        };
        let ended = || ClientError::unreachable("the sender of documents has ended");
        self.jobs.send(job).await.map_err(|_| ended())?;
        answered.await.map_err(|_| ended())?
    }
}

impl Job {
    fn submission_id(&self) -> String {
        let header = self.request.header.as_ref();
        header.map_or_else(String::new, |header| header.submission_id.clone())
    }

    /// Tells whoever waits; it may have stopped waiting.
    fn finish(self, result: Result<SubmitDocumentResponse, ClientError>) {
        let _ = self.answer.send(result);
    }

    /// Sends it by a call of its own, which says itself what is wrong and tries again where it helps.
    async fn call(self, client: Client) {
        let SubmitDocumentsRequest { header, content } = self.request.clone();
        let result = client.submit(header.unwrap_or_default(), content).await;
        self.finish(result);
    }
}

#[cfg(test)]
mod tests;
