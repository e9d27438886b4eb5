//! Explaining a route: how a document would find its recipients, asked of the broker that would route
//! it.

use axle_proto::v1::{DocumentHeader, ExplainRouteRequest, ExplainRouteResponse};
use bytes::Bytes;

use crate::{
    connection::Client,
    error::ClientError,
    retry::CALL_DEADLINE,
    send::{check_size, completed},
};

impl Client {
    /// Asks how a document would find its recipients, step by step; nothing is stored.
    pub async fn explain_route(
        &self,
        header: DocumentHeader,
        content: Bytes,
    ) -> Result<ExplainRouteResponse, ClientError> {
        check_size(content.len())?;
        let request = ExplainRouteRequest {
            header: Some(completed(header, &content, None)),
            content,
        };
        self.call(CALL_DEADLINE, request, |request| {
            let mut service = self.submission();
            async move { service.explain_route(request).await }
        })
        .await
    }
}
