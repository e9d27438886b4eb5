//! CollectionService: for organisations that receive documents.

use std::{pin::pin, sync::Arc, time::Duration};

use axle_core::{authorise::organisation_of, lease::LeaseToken};
use axle_model::{identity::Identity, refusal::Refusal};
use axle_proto::v1::{self as wire, collection_service_server::CollectionService};
use axle_store::Store;
use futures::stream::{self, BoxStream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

use super::{
    collect_stream,
    principal::caller,
    reply::{leased_of, mailbox_of, result_of},
    status::status_of,
    streams::Streams,
    terms::{consumer_of, delay_of, inline_of, lease_of, mailbox_id_of, rejection_of, span_of},
};
use crate::{
    clock::Clock,
    engine::{
        Engine,
        collect::Room,
        settle::{Settlement, not_your_lease},
    },
};

/// The most tokens of one call.
const TOKENS_MAX: usize = 1_000;
/// What a whole reply's documents come to at most, in bytes.
const REPLY_BYTES_MAX: u64 = 3 * 1024 * 1024;
/// The pieces a download comes in, in bytes.
const PIECE_BYTES: usize = 256 * 1024;

/// The service.
#[derive(Debug)]
pub struct CollectionDoor<S, C> {
    engine: Arc<Engine<S, C>>,
    streams: Streams,
}

impl<S: Store, C: Clock> CollectionDoor<S, C> {
    /// The door to this engine.
    pub const fn new(engine: Arc<Engine<S, C>>, streams: Streams) -> Self {
        Self { engine, streams }
    }

    async fn settle_each(
        &self,
        caller: &Identity,
        tokens: &[String],
        what: &Settlement,
    ) -> Result<Vec<wire::CommandResult>, Status> {
        if tokens.is_empty() || tokens.len() > TOKENS_MAX {
            let what = format!("{} tokens; a call takes 1 to {TOKENS_MAX}", tokens.len());
            return Err(status_of(Refusal::field(
                "lease_tokens",
                what,
                "send them in parts",
            )));
        }
        let parsed = tokens.iter().map(|token| LeaseToken::parse(token));
        let parsed: Vec<_> = parsed.collect();
        let known = parsed.iter().flatten();
        let wanted: Vec<_> = known.map(|token| (*token, what.clone())).collect();
        let mut settled = self.engine.settle_all(caller, &wanted).await.into_iter();
        let results = parsed.iter().enumerate().map(|(index, token)| {
            let outcome = token.and_then(|_| settled.next());
            result_of(
                index as u64,
                outcome.unwrap_or_else(|| Err(not_your_lease())),
            )
        });
        Ok(results.collect())
    }
}

#[tonic::async_trait]
impl<S: Store, C: Clock> CollectionService for CollectionDoor<S, C> {
    type CollectStream = BoxStream<'static, Result<wire::CollectResponse, Status>>;
    type DownloadDocumentStream =
        BoxStream<'static, Result<wire::DownloadDocumentResponse, Status>>;

    async fn collect(
        &self,
        request: Request<Streaming<wire::CollectRequest>>,
    ) -> Result<Response<Self::CollectStream>, Status> {
        let identity = caller(&request)?;
        let organisation = organisation_of(&identity).map_err(status_of)?;
        let streams_max = self.engine.view().limits.streams_per_organisation_max;
        let open = self
            .streams
            .open(format!("collect {organisation}"), streams_max);
        let open = open.map_err(status_of)?;
        let engine = Arc::clone(&self.engine);
        Ok(Response::new(collect_stream::begin(
            engine,
            identity,
            request.into_inner(),
            open,
        )))
    }

    async fn lease_deliveries(
        &self,
        request: Request<wire::LeaseDeliveriesRequest>,
    ) -> Result<Response<wire::LeaseDeliveriesResponse>, Status> {
        let identity = caller(&request)?;
        let request = request.into_inner();
        let limits = self.engine.view().limits;
        let asked = || {
            let mailbox = mailbox_id_of("mailbox", &request.mailbox)?;
            let consumer = consumer_of(request.consumer_id.clone())?;
            let lease = lease_of(request.lease_duration.as_ref(), limits.lease_max)?;
            let zero = Duration::ZERO;
            let wait = span_of("wait", request.wait.as_ref(), zero, zero, limits.wait_max)?;
            Ok((
                self.engine
                    .collector(&identity, vec![mailbox], consumer, lease)?,
                wait,
            ))
        };
        let (collector, wait) = asked().map_err(status_of)?;
        let deliveries = request.max_deliveries.clamp(1, 100) as usize;
        let room = Room {
            deliveries,
            bytes: REPLY_BYTES_MAX,
        };
        let stop = pin!(tokio::time::sleep(wait));
        let claimed = self
            .engine
            .next(&collector, room, stop)
            .await
            .map_err(status_of)?;
        let inline_bytes_max = inline_of(request.max_inline_bytes);
        let mut deliveries = Vec::with_capacity(claimed.len());
        let mut damaged = None;
        for claimed in &claimed {
            match self.engine.inline_body(claimed, inline_bytes_max).await {
                Ok(body) => deliveries.push(leased_of(claimed, body)),
                // One damaged body must not keep the others from their reader.
                Err(refusal) => damaged = Some(refusal),
            }
        }
        if let (Some(refusal), true) = (damaged, deliveries.is_empty()) {
            return Err(status_of(refusal));
        }
        Ok(Response::new(wire::LeaseDeliveriesResponse { deliveries }))
    }

    async fn acknowledge_deliveries(
        &self,
        request: Request<wire::AcknowledgeDeliveriesRequest>,
    ) -> Result<Response<wire::AcknowledgeDeliveriesResponse>, Status> {
        let identity = caller(&request)?;
        let tokens = request.into_inner().lease_tokens;
        let results = self
            .settle_each(&identity, &tokens, &Settlement::Acknowledge)
            .await?;
        Ok(Response::new(wire::AcknowledgeDeliveriesResponse {
            results,
        }))
    }

    async fn reject_delivery(
        &self,
        request: Request<wire::RejectDeliveryRequest>,
    ) -> Result<Response<wire::RejectDeliveryResponse>, Status> {
        let identity = caller(&request)?;
        let request = request.into_inner();
        let what = rejection_of(&request.reason_code, request.retryable).map_err(status_of)?;
        let token = LeaseToken::parse(&request.lease_token);
        let token = token.ok_or_else(|| status_of(not_your_lease()))?;
        self.engine
            .settle(&identity, &token, &what)
            .await
            .map_err(status_of)?;
        Ok(Response::new(wire::RejectDeliveryResponse {}))
    }

    async fn extend_leases(
        &self,
        request: Request<wire::ExtendLeasesRequest>,
    ) -> Result<Response<wire::ExtendLeasesResponse>, Status> {
        let identity = caller(&request)?;
        let request = request.into_inner();
        let lease_max = self.engine.view().limits.lease_max;
        let span = lease_of(request.lease_duration.as_ref(), lease_max).map_err(status_of)?;
        let what = Settlement::Extend(span);
        let results = self
            .settle_each(&identity, &request.lease_tokens, &what)
            .await?;
        Ok(Response::new(wire::ExtendLeasesResponse { results }))
    }

    async fn release_deliveries(
        &self,
        request: Request<wire::ReleaseDeliveriesRequest>,
    ) -> Result<Response<wire::ReleaseDeliveriesResponse>, Status> {
        let identity = caller(&request)?;
        let request = request.into_inner();
        let lease_max = self.engine.view().limits.lease_max;
        let delay = delay_of(request.delay.as_ref(), lease_max).map_err(status_of)?;
        let what = Settlement::Release(delay);
        let results = self
            .settle_each(&identity, &request.lease_tokens, &what)
            .await?;
        Ok(Response::new(wire::ReleaseDeliveriesResponse { results }))
    }

    async fn download_document(
        &self,
        request: Request<wire::DownloadDocumentRequest>,
    ) -> Result<Response<Self::DownloadDocumentStream>, Status> {
        let identity = caller(&request)?;
        let wire::DownloadDocumentRequest {
            lease_token,
            offset,
        } = request.into_inner();
        let token = LeaseToken::parse(&lease_token).ok_or_else(|| status_of(not_your_lease()))?;
        let first = self.engine.download(&identity, &token, offset).await;
        let first = first.map_err(status_of)?;
        let engine = Arc::clone(&self.engine);
        let more = stream::try_unfold((first, offset), move |(mut held, at)| {
            let (engine, identity) = (Arc::clone(&engine), Arc::clone(&identity));
            async move {
                if held.is_empty() {
                    // The lease is looked at again: it may be over by now.
                    held = engine
                        .download(&identity, &token, at)
                        .await
                        .map_err(status_of)?;
                }
                if held.is_empty() {
                    return Ok(None);
                }
                let content = held.split_to(PIECE_BYTES.min(held.len()));
                let next = at + content.len() as u64;
                let response = wire::DownloadDocumentResponse {
                    offset: at,
                    crc32c: crc32c::crc32c(&content),
                    content,
                };
                Ok(Some((response, (held, next))))
            }
        });
        Ok(Response::new(more.boxed()))
    }

    async fn get_mailbox(
        &self,
        request: Request<wire::GetMailboxRequest>,
    ) -> Result<Response<wire::GetMailboxResponse>, Status> {
        let identity = caller(&request)?;
        let id = mailbox_id_of("name", &request.into_inner().name).map_err(status_of)?;
        let mailbox = self
            .engine
            .mailbox(&identity, &id)
            .await
            .map_err(status_of)?;
        Ok(Response::new(wire::GetMailboxResponse {
            mailbox: Some(mailbox_of(&mailbox)),
        }))
    }
}
