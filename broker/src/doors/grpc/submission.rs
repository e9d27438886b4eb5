//! SubmissionService: for organisations that send documents.

mod naming;
mod taking;
mod withdrawal;

use std::{sync::Arc, time::Instant};

use axle_core::authorise::organisation_of;
use axle_model::{
    id::{DeliveryId, MessageId, SubmissionId},
    ods::OdsCode,
    refusal::{Reason, Refusal},
};
use axle_proto::v1::{self as wire, submission_service_server::SubmissionService};
use axle_store::{Query, Store};
use futures::stream::BoxStream;
use tonic::{Request, Response, Status, Streaming};

use super::{
    header::submission_of,
    principal::caller,
    reconcile,
    reply::{explanation_of, finding_of, message_of, planned_of, state_word, time_of, warning_of},
    status::status_of,
    streams::Streams,
    submit_stream, upload, watch_stream,
};
use crate::{
    clock::Clock,
    engine::{Engine, submit::Accepted, watch::Position},
};

pub(super) use taking::take;

/// The service.
#[derive(Debug)]
pub struct SubmissionDoor<S, C> {
    engine: Arc<Engine<S, C>>,
    streams: Streams,
}

impl<S: Store, C: Clock> SubmissionDoor<S, C> {
    /// The door to this engine.
    pub const fn new(engine: Arc<Engine<S, C>>, streams: Streams) -> Self {
        Self { engine, streams }
    }
}

/// A receipt in wire form.
pub(super) fn receipt_of(accepted: &Accepted) -> wire::SubmitDocumentResponse {
    let Accepted { receipt, warnings } = accepted;
    let message = receipt.message;
    let name = |&recipient| DeliveryId { message, recipient }.to_string();
    wire::SubmitDocumentResponse {
        message: message.to_string(),
        accept_time: time_of(receipt.accept_time),
        expire_time: time_of(receipt.expire_time),
        workflow: receipt.workflow.as_str().to_owned(),
        deliveries: receipt.recipients.iter().map(name).collect(),
        duplicate: receipt.duplicate,
        parked: (receipt.parked.iter())
            .map(|(recipient, reason)| wire::ParkedDelivery {
                delivery: name(recipient),
                reason: (*reason).to_owned(),
            })
            .collect(),
        warnings: warnings.iter().map(warning_of).collect(),
    }
}

#[tonic::async_trait]
impl<S: Store, C: Clock> SubmissionService for SubmissionDoor<S, C> {
    type SubmitDocumentsStream = BoxStream<'static, Result<wire::SubmitDocumentsResponse, Status>>;
    type UploadDocumentStream = BoxStream<'static, Result<wire::UploadDocumentResponse, Status>>;
    type ReconcileSubmissionsStream =
        BoxStream<'static, Result<wire::ReconcileSubmissionsResponse, Status>>;
    type WatchDeliveriesStream = BoxStream<'static, Result<wire::WatchDeliveriesResponse, Status>>;

    async fn submit_document(
        &self,
        request: Request<wire::SubmitDocumentRequest>,
    ) -> Result<Response<wire::SubmitDocumentResponse>, Status> {
        let began = Instant::now();
        let identity = caller(&request).inspect_err(|_| {
            let reason = Reason::IdentityNotInCertificate.as_str();
            let metrics = self.engine.metrics();
            metrics.submission("refused", reason, began.elapsed());
        })?;
        let wire::SubmitDocumentRequest { header, content } = request.into_inner();
        let taken = take(&self.engine, &identity, header, content);
        taken.await.map(Response::new).map_err(status_of)
    }

    async fn submit_documents(
        &self,
        request: Request<Streaming<wire::SubmitDocumentsRequest>>,
    ) -> Result<Response<Self::SubmitDocumentsStream>, Status> {
        let identity = caller(&request)?;
        let organisation = organisation_of(&identity).map_err(status_of)?;
        let streams_max = self.engine.view().limits.streams_per_organisation_max;
        let open = self
            .streams
            .open(format!("submit {organisation}"), streams_max);
        let open = open.map_err(status_of)?;
        let engine = Arc::clone(&self.engine);
        let results = submit_stream::results(engine, identity, request.into_inner(), open);
        Ok(Response::new(results))
    }

    async fn upload_document(
        &self,
        request: Request<Streaming<wire::UploadDocumentRequest>>,
    ) -> Result<Response<Self::UploadDocumentStream>, Status> {
        let identity = caller(&request)?;
        let organisation = organisation_of(&identity).map_err(status_of)?;
        let streams_max = self.engine.view().limits.streams_per_organisation_max;
        let open = self
            .streams
            .open(format!("upload {organisation}"), streams_max);
        let open = open.map_err(status_of)?;
        let engine = Arc::clone(&self.engine);
        let updates = upload::updates(engine, identity, request.into_inner(), open);
        Ok(Response::new(updates))
    }

    async fn get_upload(
        &self,
        request: Request<wire::GetUploadRequest>,
    ) -> Result<Response<wire::GetUploadResponse>, Status> {
        let identity = caller(&request)?;
        let id = SubmissionId::parse(&request.into_inner().submission_id);
        let id = id.map_err(|why| {
            let remedy = "name an upload by your submission id";
            status_of(Refusal::field("submission_id", why.to_string(), remedy))
        })?;
        let upload = self.engine.upload(&identity, &id).map_err(status_of)?;
        Ok(Response::new(wire::GetUploadResponse {
            committed_bytes: upload.length,
            update_time: time_of(upload.time),
        }))
    }

    async fn validate_document(
        &self,
        request: Request<wire::ValidateDocumentRequest>,
    ) -> Result<Response<wire::ValidateDocumentResponse>, Status> {
        let identity = caller(&request)?;
        organisation_of(&identity).map_err(status_of)?;
        let wire::ValidateDocumentRequest { header, content } = request.into_inner();
        let submission = submission_of(header, content, &self.engine.view().limits);
        let checked = match submission {
            Ok(submission) => self.engine.check(&identity, submission).await,
            Err(refusal) => Err(refusal),
        };
        Ok(Response::new(match checked {
            Ok(acceptable) => wire::ValidateDocumentResponse {
                acceptable: true,
                workflow: acceptable.workflow.to_string(),
                mailboxes: acceptable
                    .destinations
                    .iter()
                    .map(|to| to.mailbox.to_string())
                    .collect(),
                deliveries: acceptable.destinations.iter().map(planned_of).collect(),
                findings: acceptable.warnings.iter().map(finding_of).collect(),
                ..Default::default()
            },
            Err(refusal) => wire::ValidateDocumentResponse {
                acceptable: false,
                reason: refusal.reason.as_str().to_owned(),
                findings: refusal.findings.iter().map(finding_of).collect(),
                description: format!("{} - {}", refusal.what, refusal.remedy),
                ..Default::default()
            },
        }))
    }

    async fn explain_route(
        &self,
        request: Request<wire::ExplainRouteRequest>,
    ) -> Result<Response<wire::ExplainRouteResponse>, Status> {
        let identity = caller(&request)?;
        organisation_of(&identity).map_err(status_of)?;
        let wire::ExplainRouteRequest { header, content } = request.into_inner();
        let explained = match submission_of(header, content, &self.engine.view().limits) {
            Ok(submission) => self.engine.explain(&identity, submission).await,
            Err(refusal) => Err(refusal),
        };
        Ok(Response::new(explanation_of(explained)))
    }

    async fn get_message(
        &self,
        request: Request<wire::GetMessageRequest>,
    ) -> Result<Response<wire::GetMessageResponse>, Status> {
        use wire::get_message_request::Key;
        let identity = caller(&request)?;
        let key = match request.into_inner().key {
            Some(Key::Name(name)) => naming::by_name(&name),
            Some(Key::SubmissionId(id)) => naming::by_submission(&id),
            None => Err(naming::unnamed()),
        };
        let key = key.map_err(status_of)?;
        let message = self
            .engine
            .own_message(&identity, &key)
            .await
            .map_err(status_of)?;
        Ok(Response::new(wire::GetMessageResponse {
            message: Some(message_of(&message)),
        }))
    }

    async fn list_messages(
        &self,
        request: Request<wire::ListMessagesRequest>,
    ) -> Result<Response<wire::ListMessagesResponse>, Status> {
        let identity = caller(&request)?;
        let request = request.into_inner();
        let limits = self.engine.view().limits;
        let mut query = page_of(
            request.page_size,
            &request.page_token,
            limits.page_entries_max,
        )?;
        query.states = request.states().filter_map(state_word).collect();
        query.recipient = recipient_of(&request.recipient)?;
        let found = self
            .engine
            .own_messages(&identity, query)
            .await
            .map_err(status_of)?;
        Ok(Response::new(wire::ListMessagesResponse {
            messages: found
                .messages
                .iter()
                .map(|message| message_of(message))
                .collect(),
            next_page_token: found.next.map(|next| next.to_string()).unwrap_or_default(),
        }))
    }

    async fn withdraw_message(
        &self,
        request: Request<wire::WithdrawMessageRequest>,
    ) -> Result<Response<wire::WithdrawMessageResponse>, Status> {
        let identity = caller(&request)?;
        let withdrawn = self.withdraw(&identity, request.into_inner());
        let message = withdrawn.await.map_err(status_of)?;
        Ok(Response::new(wire::WithdrawMessageResponse {
            message: Some(message_of(&message)),
        }))
    }

    async fn reconcile_submissions(
        &self,
        request: Request<Streaming<wire::ReconcileSubmissionsRequest>>,
    ) -> Result<Response<Self::ReconcileSubmissionsStream>, Status> {
        reconcile::reconcile(&self.engine, &self.streams, request).await
    }

    async fn watch_deliveries(
        &self,
        request: Request<wire::WatchDeliveriesRequest>,
    ) -> Result<Response<Self::WatchDeliveriesStream>, Status> {
        let identity = caller(&request)?;
        let organisation = organisation_of(&identity).map_err(status_of)?;
        let wire::WatchDeliveriesRequest {
            resume_token,
            notices_only,
        } = request.into_inner();
        let from = (!resume_token.is_empty())
            .then(|| Position::parse(&resume_token))
            .transpose();
        let watcher = from
            .and_then(|from| self.engine.watch(&identity, from))
            .map_err(status_of)?;
        let streams_max = self.engine.view().limits.streams_per_organisation_max;
        let open = self
            .streams
            .open(format!("watch {organisation}"), streams_max);
        let open = open.map_err(status_of)?;
        let draining = self.engine.draining();
        Ok(Response::new(watch_stream::updates(
            watcher,
            notices_only,
            draining,
            open,
        )))
    }
}

/// The part of a query that pages, from its wire form.
pub(super) fn page_of(size: i32, token: &str, entries_max: usize) -> Result<Query, Status> {
    let page_max = match usize::try_from(size) {
        Ok(0) => 50,
        Ok(size) => size.min(entries_max),
        Err(_) => {
            let refusal = Refusal::field(
                "page_size",
                "it is negative",
                "leave it out, or say 1 to 500",
            );
            return Err(status_of(refusal));
        }
    };
    let before = (!token.is_empty())
        .then(|| MessageId::parse(token))
        .transpose();
    let before = before.map_err(|_| {
        status_of(Refusal::new(
            Reason::PageTokenInvalid,
            "this is not a page token of this broker",
            "use next_page_token of the page before, or none for the first page",
        ))
    })?;
    Ok(Query {
        before,
        page_max,
        ..Query::default()
    })
}

pub(super) fn recipient_of(text: &str) -> Result<Option<OdsCode>, Status> {
    let code = (!text.is_empty()).then(|| OdsCode::parse(text)).transpose();
    code.map_err(|why| {
        status_of(Refusal::field(
            "recipient",
            why.to_string(),
            "correct it, or leave it out",
        ))
    })
}
