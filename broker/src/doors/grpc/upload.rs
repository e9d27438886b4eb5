//! The stream of UploadDocument: chunks in, progress out, and the receipt at the end.

use std::{sync::Arc, time::Instant};

use axle_model::{
    digest::Digest,
    id::SubmissionId,
    identity::Identity,
    refusal::{Reason, Refusal},
};
use axle_proto::v1::{
    self as wire, upload_document_request::Part, upload_document_response::Update,
};
use axle_store::Store;
use futures::stream::{self, BoxStream, StreamExt as _};
use tonic::{Status, Streaming};

use super::{header::uploaded_of, status::status_of, streams::Open, submission::receipt_of};
use crate::{
    clock::Clock,
    engine::{
        Engine,
        submit::Accepted,
        upload::{Begun, Uploading},
    },
};

/// The largest chunk, in bytes.
const CHUNK_BYTES_MAX: usize = 256 * 1024;

/// An upload on its way in.
struct Incoming<S, C> {
    engine: Arc<Engine<S, C>>,
    identity: Arc<Identity>,
    requests: Streaming<wire::UploadDocumentRequest>,
    upload: Option<Box<Uploading>>,
    /// What the sender calls the document, once it has said so.
    named: Option<(SubmissionId, Digest)>,
    began: Instant,
    ended: bool,
    _open: Open,
}

/// What an uploader hears: how much is durable, whenever that is more, and the receipt.
pub(super) fn updates<S: Store, C: Clock>(
    engine: Arc<Engine<S, C>>,
    identity: Arc<Identity>,
    requests: Streaming<wire::UploadDocumentRequest>,
    open: Open,
) -> BoxStream<'static, Result<wire::UploadDocumentResponse, Status>> {
    let incoming = Incoming {
        engine,
        identity,
        requests,
        upload: None,
        named: None,
        began: Instant::now(),
        ended: false,
        _open: open,
    };
    stream::unfold(incoming, |mut incoming| async move {
        if incoming.ended {
            return None;
        }
        let update = incoming.next().await;
        if !matches!(update, Ok(Update::CommittedBytes(_))) {
            incoming.ended = true;
        }
        let response = update.map(|update| wire::UploadDocumentResponse {
            update: Some(update),
        });
        Some((response, incoming))
    })
    .boxed()
}

impl<S: Store, C: Clock> Incoming<S, C> {
    /// Reads on until there is something to say.
    async fn next(&mut self) -> Result<Update, Status> {
        loop {
            let request = match self.requests.message().await {
                Ok(request) => request,
                Err(status) => {
                    // Cut off: what has arrived need not be sent again.
                    if let Some(upload) = &mut self.upload {
                        let _ = self.engine.keep(upload).await;
                    }
                    return Err(status);
                }
            };
            let outcome = match request {
                Some(request) => self.take(request).await,
                None => self.finish().await.map(Some),
            };
            match outcome {
                Ok(Some(update)) => return Ok(update),
                Ok(None) => {}
                Err(refusal) => {
                    self.remember(&refusal).await;
                    let reason = refusal.reason.as_str();
                    let metrics = self.engine.metrics();
                    metrics.submission("refused", reason, self.began.elapsed());
                    return Err(status_of(refusal));
                }
            }
        }
    }

    async fn take(
        &mut self,
        request: wire::UploadDocumentRequest,
    ) -> Result<Option<Update>, Refusal> {
        match (request.part, &mut self.upload) {
            (Some(Part::Start(start)), None) => self.start(start).await,
            (Some(Part::Chunk(chunk)), Some(upload)) => {
                if chunk.data.is_empty() || chunk.data.len() > CHUNK_BYTES_MAX {
                    let what = format!("it has {} bytes", chunk.data.len());
                    let remedy = "send 1 to 262144 bytes in each chunk";
                    return Err(Refusal::field("chunk.data", what, remedy));
                }
                let before = upload.committed();
                let added = self
                    .engine
                    .add_chunk(upload, chunk.offset, &chunk.data, chunk.crc32c);
                added.await?;
                let committed = upload.committed();
                Ok((committed > before).then_some(Update::CommittedBytes(committed)))
            }
            (Some(Part::Start(_)), Some(_)) => Err(out_of_turn("start was sent already")),
            (Some(Part::Chunk(_)), None) => Err(out_of_turn("the first request must be start")),
            (None, _) => Err(out_of_turn("the request has no part")),
        }
    }

    /// Keeps the refusal for its sender to ask about. That a chunk came too early is none.
    async fn remember(&self, refusal: &Refusal) {
        if refusal.reason != Reason::ChunkOutOfOrder
            && let Some((id, digest)) = self.named.clone()
        {
            let kept = self.engine.remember(&self.identity, id, || digest, refusal);
            kept.await;
        }
    }

    async fn start(&mut self, start: wire::UploadStart) -> Result<Option<Update>, Refusal> {
        self.named = start.header.as_ref().and_then(|header| {
            let id = SubmissionId::parse(&header.submission_id).ok()?;
            Some((id, Digest::from_slice(&header.sha256)?))
        });
        let (submission, size) = uploaded_of(start.header, &self.engine.view().limits)?;
        let offset = start.resume_offset;
        let begun = self
            .engine
            .begin_upload(&self.identity, submission, size, offset);
        match begun.await? {
            Begun::Open(upload) => {
                self.upload = Some(upload);
                Ok(Some(Update::CommittedBytes(offset)))
            }
            Begun::Repeat(accepted) => Ok(Some(self.receipt(&accepted))),
        }
    }

    async fn finish(&mut self) -> Result<Update, Refusal> {
        let upload = self.upload.take();
        let upload = upload.ok_or_else(|| out_of_turn("the first request must be start"))?;
        let accepted = self.engine.finish_upload(*upload).await?;
        Ok(self.receipt(&accepted))
    }

    fn receipt(&self, accepted: &Accepted) -> Update {
        let receipt = receipt_of(accepted);
        let word = if receipt.duplicate {
            "duplicate"
        } else {
            "accepted"
        };
        let metrics = self.engine.metrics();
        metrics.submission(word, "", self.began.elapsed());
        Update::Receipt(receipt)
    }
}

fn out_of_turn(what: &str) -> Refusal {
    Refusal::new(
        Reason::RequestMalformed,
        what,
        "send start first, then chunks, then end the stream",
    )
}
