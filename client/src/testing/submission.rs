//! What senders ask of the scripted broker.

use axle_proto::v1::{self as wire, submission_service_server::SubmissionService};
use futures::stream;
use tonic::{Request, Response, Streaming};

use super::{Answer, Door, Flow, unscripted};

#[tonic::async_trait]
impl SubmissionService for Door {
    async fn submit_document(
        &self,
        request: Request<wire::SubmitDocumentRequest>,
    ) -> Answer<wire::SubmitDocumentResponse> {
        self.submits.play(request.into_inner()).map(Response::new)
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
