//! A receiving organisation's own mailbox, and leases without a stream.

use std::time::Duration;

use axle_proto::v1::{GetMailboxRequest, LeaseDeliveriesRequest, LeasedDelivery, Mailbox};

use crate::{
    connection::Client,
    error::ClientError,
    retry::{CALL_DEADLINE, POLL_DEADLINE_EXTRA},
    track::incomplete,
};

impl Client {
    /// How a mailbox of the caller's organisation stands.
    pub async fn mailbox(&self, name: &str) -> Result<Mailbox, ClientError> {
        let request = GetMailboxRequest {
            name: name.to_owned(),
        };
        let answer = self
            .call(CALL_DEADLINE, request, |request| {
                let mut service = self.collection();
                async move { service.get_mailbox(request).await }
            })
            .await?;
        answer.mailbox.ok_or_else(|| incomplete("mailbox"))
    }

    /// Leases without a stream: one long poll. Documents may come without content or arrive damaged;
    /// [`Client::collector`] takes care of both.
    pub async fn lease(
        &self,
        request: LeaseDeliveriesRequest,
    ) -> Result<Vec<LeasedDelivery>, ClientError> {
        let wait = request.wait.as_ref().map_or(0, |wait| wait.seconds);
        let deadline = match u64::try_from(wait) {
            Ok(seconds) if seconds > 0 => Duration::from_secs(seconds) + POLL_DEADLINE_EXTRA,
            Ok(_) | Err(_) => CALL_DEADLINE,
        };
        let answer = self
            .call(deadline, request, |request| {
                let mut service = self.collection();
                async move { service.lease_deliveries(request).await }
            })
            .await?;
        Ok(answer.deliveries)
    }
}
