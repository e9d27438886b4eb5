//! An operator's calls. Each needs a certificate with the operator's role; none shows a document.

use axle_proto::v1::{
    CommandResult, GetBrokerStatusRequest, GetBrokerStatusResponse, GetMessageTimelineRequest,
    GetOrganisationRequest, GetOrganisationResponse, ListDeadLettersRequest,
    ListDeadLettersResponse, ListMailboxesRequest, ListMailboxesResponse, Message,
    RequeueDeliveriesRequest, RerouteDeliveryRequest, RerouteDeliveryResponse,
    ReturnDeliveriesRequest,
};

use crate::{connection::Client, error::ClientError, retry::CALL_DEADLINE, track::incomplete};

impl Client {
    /// How the broker stands.
    pub async fn broker_status(&self) -> Result<GetBrokerStatusResponse, ClientError> {
        self.call(CALL_DEADLINE, GetBrokerStatusRequest {}, |request| {
            let mut service = self.admin();
            async move { service.get_broker_status(request).await }
        })
        .await
    }

    /// An organisation as the broker's register has it, and whom a document for it would reach today.
    pub async fn organisation(&self, code: &str) -> Result<GetOrganisationResponse, ClientError> {
        let request = GetOrganisationRequest {
            organisation: code.to_owned(),
        };
        self.call(CALL_DEADLINE, request, |request| {
            let mut service = self.admin();
            async move { service.get_organisation(request).await }
        })
        .await
    }

    /// A page of all mailboxes, the one with the oldest unread document first.
    pub async fn mailboxes(
        &self,
        request: ListMailboxesRequest,
    ) -> Result<ListMailboxesResponse, ClientError> {
        self.call(CALL_DEADLINE, request, |request| {
            let mut service = self.admin();
            async move { service.list_mailboxes(request).await }
        })
        .await
    }

    /// A message (`messages/UUID`) with the timeline of each delivery, whoever sent it.
    pub async fn message_timeline(&self, name: &str) -> Result<Message, ClientError> {
        let request = GetMessageTimelineRequest {
            name: name.to_owned(),
        };
        let answer = self
            .call(CALL_DEADLINE, request, |request| {
                let mut service = self.admin();
                async move { service.get_message_timeline(request).await }
            })
            .await?;
        answer.message.ok_or_else(|| incomplete("message"))
    }

    /// A page of deliveries that did not reach their recipient, newest first.
    pub async fn dead_letters(
        &self,
        request: ListDeadLettersRequest,
    ) -> Result<ListDeadLettersResponse, ClientError> {
        self.call(CALL_DEADLINE, request, |request| {
            let mut service = self.admin();
            async move { service.list_dead_letters(request).await }
        })
        .await
    }

    /// Offers dead letters again; what became of each, in the order of `deliveries`. With
    /// `validate_only` nothing is changed: the answer says what would become of each.
    pub async fn requeue(
        &self,
        deliveries: Vec<String>,
        reason: &str,
        validate_only: bool,
    ) -> Result<Vec<CommandResult>, ClientError> {
        let request = RequeueDeliveriesRequest {
            deliveries,
            reason: reason.to_owned(),
            validate_only,
        };
        let answer = self
            .call(CALL_DEADLINE, request, |request| {
                let mut service = self.admin();
                async move { service.requeue_deliveries(request).await }
            })
            .await?;
        Ok(answer.results)
    }

    /// Sends a delivery to another mailbox; where it waited before, and where it waits now. Repeated
    /// by itself when the broker is not available, which is safe.
    pub async fn reroute(
        &self,
        request: RerouteDeliveryRequest,
    ) -> Result<RerouteDeliveryResponse, ClientError> {
        self.call(CALL_DEADLINE, request, |request| {
            let mut service = self.admin();
            async move { service.reroute_delivery(request).await }
        })
        .await
    }

    /// Gives deliveries back to their senders; what became of each, in the order of `deliveries`.
    /// With `validate_only` nothing is changed.
    pub async fn return_to_senders(
        &self,
        deliveries: Vec<String>,
        reason: &str,
        validate_only: bool,
    ) -> Result<Vec<CommandResult>, ClientError> {
        let request = ReturnDeliveriesRequest {
            deliveries,
            reason: reason.to_owned(),
            validate_only,
        };
        let answer = self
            .call(CALL_DEADLINE, request, |request| {
                let mut service = self.admin();
                async move { service.return_deliveries(request).await }
            })
            .await?;
        Ok(answer.results)
    }
}
