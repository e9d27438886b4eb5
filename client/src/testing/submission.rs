//! What senders ask of the scripted broker.

use std::sync::Arc;

use axle_proto::v1::{self as wire, submission_service_server::SubmissionService};
use futures::{StreamExt as _, stream};
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::{Answer, Bulk, Door, Fake, Flow, unscripted};

impl Fake {
    /// Plays one SubmitDocuments stream to its end.
    async fn submitting(
        self: Arc<Self>,
        script: Bulk,
        mut requests: Streaming<wire::SubmitDocumentsRequest>,
        responses: mpsc::UnboundedSender<Result<wire::SubmitDocumentsResponse, Status>>,
    ) {
        let _ = responses.send(Ok(wire::SubmitDocumentsResponse {
            credits: Some(wire::SubmissionCredits {
                max_outstanding_documents: script.documents_max,
                max_outstanding_bytes: 1 << 20,
            }),
            ..Default::default()
        }));
        let (mut left, mut waiting) = (script.answered.unwrap_or(usize::MAX), Vec::new());
        while let Ok(Some(request)) = requests.message().await {
            let id = request.header.as_ref().unwrap().submission_id.clone();
            self.in_bulk.lock().unwrap().push(request);
            waiting.push(id);
            if waiting.len() < script.together {
                continue;
            }
            for submission_id in waiting.drain(..) {
                if left == 0 {
                    let _ = responses.send(Err(Status::unavailable("the stream breaks")));
                    return;
                }
                left -= 1;
                let outcome = Some((script.answers)(&submission_id));
                let _ = responses.send(Ok(wire::SubmitDocumentsResponse {
                    results: vec![wire::SubmissionResult {
                        submission_id,
                        outcome,
                    }],
                    ..Default::default()
                }));
            }
        }
    }
}

#[tonic::async_trait]
impl SubmissionService for Door {
    async fn submit_document(
        &self,
        request: Request<wire::SubmitDocumentRequest>,
    ) -> Answer<wire::SubmitDocumentResponse> {
        self.submits.play(request.into_inner()).map(Response::new)
    }

    type SubmitDocumentsStream = Flow<wire::SubmitDocumentsResponse>;

    async fn submit_documents(
        &self,
        request: Request<Streaming<wire::SubmitDocumentsRequest>>,
    ) -> Answer<Self::SubmitDocumentsStream> {
        let script = self.bulks.play(())?;
        let (responses, outgoing) = mpsc::unbounded_channel();
        tokio::spawn(Arc::clone(&self.0).submitting(script, request.into_inner(), responses));
        Ok(Response::new(
            UnboundedReceiverStream::new(outgoing).boxed(),
        ))
    }

    type UploadDocumentStream = Flow<wire::UploadDocumentResponse>;

    async fn upload_document(
        &self,
        _: Request<Streaming<wire::UploadDocumentRequest>>,
    ) -> Answer<Self::UploadDocumentStream> {
        unscripted()
    }

    async fn get_upload(
        &self,
        _: Request<wire::GetUploadRequest>,
    ) -> Answer<wire::GetUploadResponse> {
        unscripted()
    }

    async fn validate_document(
        &self,
        request: Request<wire::ValidateDocumentRequest>,
    ) -> Answer<wire::ValidateDocumentResponse> {
        self.validations
            .play(request.into_inner())
            .map(Response::new)
    }

    async fn explain_route(
        &self,
        _: Request<wire::ExplainRouteRequest>,
    ) -> Answer<wire::ExplainRouteResponse> {
        unscripted()
    }

    async fn get_message(
        &self,
        request: Request<wire::GetMessageRequest>,
    ) -> Answer<wire::GetMessageResponse> {
        let message = Some(self.messages.play(request.into_inner())?);
        Ok(Response::new(wire::GetMessageResponse { message }))
    }

    async fn list_messages(
        &self,
        _: Request<wire::ListMessagesRequest>,
    ) -> Answer<wire::ListMessagesResponse> {
        unscripted()
    }

    async fn withdraw_message(
        &self,
        _: Request<wire::WithdrawMessageRequest>,
    ) -> Answer<wire::WithdrawMessageResponse> {
        unscripted()
    }

    type ReconcileSubmissionsStream = Flow<wire::ReconcileSubmissionsResponse>;

    async fn reconcile_submissions(
        &self,
        request: Request<Streaming<wire::ReconcileSubmissionsRequest>>,
    ) -> Answer<Self::ReconcileSubmissionsStream> {
        let mut requests = request.into_inner();
        let mut parts = Vec::new();
        while let Some(part) = requests.message().await? {
            parts.push(part);
        }
        let items = self.reconciliations.play(parts)?;
        Ok(Response::new(Box::pin(stream::iter(items))))
    }

    type WatchDeliveriesStream = Flow<wire::WatchDeliveriesResponse>;

    async fn watch_deliveries(
        &self,
        request: Request<wire::WatchDeliveriesRequest>,
    ) -> Answer<Self::WatchDeliveriesStream> {
        let items = self.watches.play(request.into_inner())?;
        Ok(Response::new(Box::pin(stream::iter(items))))
    }
}
