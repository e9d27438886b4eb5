//! A client of one broker: a lazily connecting channel over mutual TLS, shared by every call. A
//! connection that breaks is made anew by the next call; nothing here decides when to try again.

use std::{fs, time::Duration};

use axle_model::identity::Identity;
use axle_pki::{identity, trust::ClientTrust};
use axle_proto::{
    MESSAGE_BYTES_MAX,
    v1::{
        admin_service_client::AdminServiceClient,
        collection_service_client::CollectionServiceClient,
        submission_service_client::SubmissionServiceClient,
    },
};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use tonic::transport::{Channel, Endpoint};

use crate::{
    error::ClientError,
    profile::Profile,
    retry::Retry,
    tls::{ConnectError, Connector},
};

const CONNECT_LIMIT: Duration = Duration::from_secs(10);
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_LIMIT: Duration = Duration::from_secs(15);
/// Fixed: the adaptive window is known to stall. Several large documents of one stream may be on their way, so
/// that the broker need not wait for the word that one has arrived.
const STREAM_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 8 * 1024 * 1024;
/// What the other side may send at once: a document in one frame, not cut at the customary 16 KiB.
const FRAME_BYTES_MAX: u32 = 64 * 1024;
/// A refusal travels in trailers, with all that was found: more than the customary 16 KiB.
const HEADERS_BYTES_MAX: u32 = 64 * 1024;

/// A client of one broker. Cheap to clone; clones share the connection.
#[derive(Clone, Debug)]
pub struct Client {
    channel: Channel,
    retry: Retry,
}

impl Client {
    /// A client as `profile` says. It reads the certificates and connects with the first call; must be
    /// called within a tokio runtime. Errors are of the class `Configuration`.
    pub fn connect(profile: &Profile) -> Result<Self, ClientError> {
        let trust = ClientTrust::load(&profile.files()).map_err(|unusable| {
            ClientError::configuration(
                unusable.to_string(),
                "set ca, certificate and key to PEM files that can be read",
            )
        })?;
        let address = |error: &dyn std::fmt::Display| {
            ClientError::configuration(
                error.to_string(),
                "set broker to https://HOST:PORT in the profile, or pass --broker",
            )
        };
        if !profile.broker.starts_with("https://") {
            return Err(address(&ConnectError::Address(profile.broker.clone())));
        }
        let endpoint = Endpoint::from_shared(profile.broker.clone())
            .map_err(|_| address(&ConnectError::Address(profile.broker.clone())))?;
        let mut connector = Connector::new(&trust, CONNECT_LIMIT);
        if let Some(name) = &profile.server_name {
            connector = connector.expecting(name).map_err(|error| address(&error))?;
        }
        Ok(Self::over(
            tuned(endpoint).connect_with_connector_lazy(connector),
        ))
    }

    /// A client over a channel made elsewhere.
    pub fn over(channel: Channel) -> Self {
        Self {
            channel,
            retry: Retry::default(),
        }
    }

    /// The same client, patient as `retry` says.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    pub(crate) fn retry(&self) -> &Retry {
        &self.retry
    }

    pub(crate) fn submission(&self) -> SubmissionServiceClient<Channel> {
        SubmissionServiceClient::new(self.channel.clone())
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
    }

    pub(crate) fn collection(&self) -> CollectionServiceClient<Channel> {
        CollectionServiceClient::new(self.channel.clone())
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    pub(crate) fn admin(&self) -> AdminServiceClient<Channel> {
        AdminServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }
}

fn tuned(endpoint: Endpoint) -> Endpoint {
    endpoint
        .connect_timeout(CONNECT_LIMIT)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE_LIMIT)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(FRAME_BYTES_MAX)
        .http2_max_header_list_size(HEADERS_BYTES_MAX)
}

/// Whom the certificate of `profile` stands for. Errors are of the class `Configuration`.
pub fn own_identity(profile: &Profile) -> Result<Identity, ClientError> {
    let path = &profile.certificate;
    let unusable = |why: String| {
        ClientError::configuration(
            format!("the certificate {} cannot be used: {why}", path.display()),
            "set certificate to the PEM file of an organisation's or operator's certificate",
        )
    };
    let pem = fs::read(path).map_err(|error| unusable(error.to_string()))?;
    let first =
        CertificateDer::from_pem_slice(&pem).map_err(|error| unusable(error.to_string()))?;
    identity::identify(&first).map_err(|error| unusable(error.to_string()))
}

#[cfg(test)]
mod tests;
