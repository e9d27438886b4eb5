//! AdminService: for operators of the broker.

mod intervention;
mod organisation;

use std::sync::Arc;

use axle_core::delivery::State;
use axle_model::{
    id::MessageId,
    ods::OdsCode,
    refusal::{Reason, Refusal},
};
use axle_proto::v1::{self as wire, admin_service_server::AdminService};
use axle_store::Store;
use futures::stream::BoxStream;
use tonic::{Request, Response, Status};

use super::{
    alarm_stream,
    principal::caller,
    reply::{alarms_of, delivery_of, mailbox_of, message_of, time_of, totals_of},
    status::status_of,
    streams::Streams,
    submission::{page_of, recipient_of},
};
use crate::{
    clock::Clock,
    engine::{
        Engine,
        intervene::{Intervention, Order},
    },
};

/// The service.
#[derive(Debug)]
pub struct AdminDoor<S, C> {
    engine: Arc<Engine<S, C>>,
    streams: Streams,
}

impl<S: Store, C: Clock> AdminDoor<S, C> {
    /// The door to this engine.
    pub const fn new(engine: Arc<Engine<S, C>>, streams: Streams) -> Self {
        Self { engine, streams }
    }
}

#[tonic::async_trait]
impl<S: Store, C: Clock> AdminService for AdminDoor<S, C> {
    type WatchAlarmsStream = BoxStream<'static, Result<wire::WatchAlarmsResponse, Status>>;

    async fn get_broker_status(
        &self,
        request: Request<wire::GetBrokerStatusRequest>,
    ) -> Result<Response<wire::GetBrokerStatusResponse>, Status> {
        let identity = caller(&request)?;
        let mailboxes = self.engine.mailboxes(&identity).await.map_err(status_of)?;
        let health = self.engine.store().health();
        let view = self.engine.view();
        let failing = self.engine.failing_checks();
        Ok(Response::new(wire::GetBrokerStatusResponse {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            start_time: time_of(self.engine.start_time()),
            ready: failing.is_empty(),
            failing_checks: failing
                .iter()
                .map(|(name, what)| format!("{name}: {what}"))
                .collect(),
            live_message_count: health.messages_live,
            ledger_sequence: *self.engine.store().ledger_head().borrow(),
            store_free_bytes: health.free_bytes.unwrap_or_default(),
            oldest_unread_time: mailboxes
                .first()
                .and_then(|mailbox| mailbox.state.oldest_time)
                .and_then(time_of),
            routing_table_version: view.snapshot.table.version(),
            mailbox_count: u32::try_from(view.snapshot.directory.mailboxes().count())
                .unwrap_or(u32::MAX),
            deliveries: Some(totals_of(&health)),
        }))
    }

    async fn list_mailboxes(
        &self,
        request: Request<wire::ListMailboxesRequest>,
    ) -> Result<Response<wire::ListMailboxesResponse>, Status> {
        let identity = caller(&request)?;
        let request = request.into_inner();
        let entries_max = self.engine.view().limits.page_entries_max;
        let page_max = page_of(request.page_size, "", entries_max)?.page_max;
        let token = &request.page_token;
        let start = if token.is_empty() {
            Some(0)
        } else {
            token.parse::<usize>().ok()
        };
        let start = start.ok_or_else(|| {
            status_of(Refusal::new(
                Reason::PageTokenInvalid,
                "this is not a page token of this broker",
                "use next_page_token of the page before, or none for the first page",
            ))
        })?;
        let mut all = self.engine.mailboxes(&identity).await.map_err(status_of)?;
        all.retain(|mailbox| !request.waiting_only || mailbox.state.oldest_time.is_some());
        let page = all.iter().skip(start).take(page_max);
        let end = start.saturating_add(page_max);
        Ok(Response::new(wire::ListMailboxesResponse {
            mailboxes: page.map(mailbox_of).collect(),
            next_page_token: if end < all.len() {
                end.to_string()
            } else {
                String::new()
            },
        }))
    }

    async fn get_message_timeline(
        &self,
        request: Request<wire::GetMessageTimelineRequest>,
    ) -> Result<Response<wire::GetMessageTimelineResponse>, Status> {
        let identity = caller(&request)?;
        self.engine.admit_operator(&identity).map_err(status_of)?;
        let id = MessageId::parse(&request.into_inner().name);
        let id =
            id.map_err(|why| status_of(Refusal::field("name", why.to_string(), "correct it")))?;
        let message = self
            .engine
            .timeline(&identity, id)
            .await
            .map_err(status_of)?;
        Ok(Response::new(wire::GetMessageTimelineResponse {
            message: Some(message_of(&message)),
        }))
    }

    async fn list_dead_letters(
        &self,
        request: Request<wire::ListDeadLettersRequest>,
    ) -> Result<Response<wire::ListDeadLettersResponse>, Status> {
        let identity = caller(&request)?;
        self.engine.admit_operator(&identity).map_err(status_of)?;
        let request = request.into_inner();
        let entries_max = self.engine.view().limits.page_entries_max;
        let mut query = page_of(request.page_size, &request.page_token, entries_max)?;
        query.recipient = recipient_of(&request.recipient)?;
        let only = query.recipient;
        let found = self
            .engine
            .dead_letters(&identity, query)
            .await
            .map_err(status_of)?;
        let dead = |state| matches!(state, State::DeadLettered | State::Rejected);
        let letters = found.messages.iter().flat_map(|message| {
            let deliveries = message.deliveries.iter().filter(move |delivery| {
                dead(delivery.state) && only.is_none_or(|only| delivery.recipient == only)
            });
            deliveries.map(move |delivery| wire::DeadLetter {
                delivery: Some(delivery_of(message, delivery)),
                sender: message.sender.to_string(),
                submission_id: message.submission.to_string(),
                workflow: message.workflow.to_string(),
                accept_time: time_of(message.accept_time),
                requeueable: delivery.state == State::DeadLettered,
            })
        });
        Ok(Response::new(wire::ListDeadLettersResponse {
            dead_letters: letters.collect(),
            next_page_token: found.next.map(|next| next.to_string()).unwrap_or_default(),
        }))
    }

    async fn requeue_deliveries(
        &self,
        request: Request<wire::RequeueDeliveriesRequest>,
    ) -> Result<Response<wire::RequeueDeliveriesResponse>, Status> {
        let identity = caller(&request)?;
        let request = request.into_inner();
        let order = Order {
            reason: &request.reason,
            validate_only: request.validate_only,
        };
        let requeue = Intervention::Requeue;
        let results = self.intervene_in_each(&identity, &request.deliveries, requeue, order);
        let results = results.await.map_err(status_of)?;
        Ok(Response::new(wire::RequeueDeliveriesResponse { results }))
    }

    async fn reroute_delivery(
        &self,
        request: Request<wire::RerouteDeliveryRequest>,
    ) -> Result<Response<wire::RerouteDeliveryResponse>, Status> {
        let identity = caller(&request)?;
        let moved = self.reroute(&identity, request.into_inner());
        let moved = moved.await.map_err(status_of)?;
        Ok(Response::new(wire::RerouteDeliveryResponse {
            from_mailbox: moved.from.to_string(),
            to_mailbox: moved.to.to_string(),
        }))
    }

    async fn list_alarms(
        &self,
        request: Request<wire::ListAlarmsRequest>,
    ) -> Result<Response<wire::ListAlarmsResponse>, Status> {
        let identity = caller(&request)?;
        let looked = self.engine.watch_alarms(&identity).await;
        looked.map_err(status_of)?;
        Ok(Response::new(alarms_of(&self.engine.alarms())))
    }

    async fn watch_alarms(
        &self,
        request: Request<wire::WatchAlarmsRequest>,
    ) -> Result<Response<Self::WatchAlarmsStream>, Status> {
        let identity = caller(&request)?;
        let standing = self.engine.watch_alarms(&identity).await;
        let standing = standing.map_err(status_of)?;
        let streams_max = self.engine.view().limits.streams_per_organisation_max;
        let open = self
            .streams
            .open(format!("alarms {}", identity.serial), streams_max);
        let open = open.map_err(status_of)?;
        let engine = Arc::clone(&self.engine);
        Ok(Response::new(alarm_stream::updates(engine, standing, open)))
    }

    async fn return_deliveries(
        &self,
        request: Request<wire::ReturnDeliveriesRequest>,
    ) -> Result<Response<wire::ReturnDeliveriesResponse>, Status> {
        let identity = caller(&request)?;
        let request = request.into_inner();
        let order = Order {
            reason: &request.reason,
            validate_only: request.validate_only,
        };
        let back = Intervention::Return;
        let results = self.intervene_in_each(&identity, &request.deliveries, back, order);
        let results = results.await.map_err(status_of)?;
        Ok(Response::new(wire::ReturnDeliveriesResponse { results }))
    }

    async fn get_organisation(
        &self,
        request: Request<wire::GetOrganisationRequest>,
    ) -> Result<Response<wire::GetOrganisationResponse>, Status> {
        let identity = caller(&request)?;
        self.engine.admit_operator(&identity).map_err(status_of)?;
        let code = OdsCode::parse(&request.into_inner().organisation);
        let code = code.map_err(|why| {
            status_of(Refusal::field(
                "organisation",
                why.to_string(),
                "correct it",
            ))
        })?;
        let reached = self.engine.reach(&identity, code).map_err(status_of)?;
        Ok(Response::new(organisation::answer(code, &reached)))
    }
}
