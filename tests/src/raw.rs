//! The generated clients without the SDK's help, for what no friendly client would send, and for
//! certificates no friendly client would show.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use axle_client::{profile::Profile, tls::Connector};
use axle_pki::trust::ClientTrust;
use axle_proto::v1::{
    DocumentHeader, SubmitDocumentRequest, SubmitDocumentResponse,
    admin_service_client::AdminServiceClient, collection_service_client::CollectionServiceClient,
    submission_service_client::SubmissionServiceClient,
};
use bytes::Bytes;
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::{io::AsyncReadExt as _, net::TcpStream};
use tokio_rustls::TlsConnector;
use tonic::{
    Code, Status,
    transport::{Channel, Endpoint},
};
use tonic_types::StatusExt as _;

use crate::{estate::Estate, wait::PATIENCE};

/// A little more than any side takes.
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The three generated clients over one connection.
#[derive(Clone, Debug)]
pub struct Raw {
    /// For senders.
    pub submission: SubmissionServiceClient<Channel>,
    /// For collectors.
    pub collection: CollectionServiceClient<Channel>,
    /// For operators.
    pub admin: AdminServiceClient<Channel>,
}

/// A refusal as it travels: what a client in any language sees.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The gRPC code.
    pub code: Code,
    /// `ErrorInfo.reason`.
    pub reason: String,
    /// `ErrorInfo.domain`.
    pub domain: String,
    /// What happened.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
    /// The fields or paths named, each with what is wrong with it.
    pub fields: BTreeMap<String, String>,
    /// The rules named.
    pub rules: Vec<String>,
}

impl Raw {
    /// Clients with the certificate of `profile`.
    pub fn of(profile: &Profile) -> Self {
        Self::over(channel(profile))
    }

    /// Clients that show no certificate.
    pub fn anonymous(estate: &Estate) -> Self {
        let connector = anonymous(&estate.authority_certificate());
        let port = estate.grpc_port();
        let endpoint = Endpoint::from_shared(format!("https://127.0.0.1:{port}"));
        let connect = tower::service_fn(move |_| {
            let connector = connector.clone();
            async move {
                let stream = TcpStream::connect(("127.0.0.1", port)).await?;
                let name = ServerName::try_from("127.0.0.1").expect("a name");
                connector.connect(name, stream).await.map(TokioIo::new)
            }
        });
        Self::over(
            endpoint
                .expect("an address")
                .connect_with_connector_lazy(connect),
        )
    }

    fn over(channel: Channel) -> Self {
        let bytes = MESSAGE_BYTES_MAX;
        Self {
            submission: SubmissionServiceClient::new(channel.clone())
                .max_encoding_message_size(bytes)
                .max_decoding_message_size(bytes),
            collection: CollectionServiceClient::new(channel.clone()),
            admin: AdminServiceClient::new(channel),
        }
    }

    /// Submits exactly this.
    pub async fn submit(
        &self,
        header: DocumentHeader,
        content: impl Into<Bytes>,
    ) -> Result<SubmitDocumentResponse, Status> {
        let request = SubmitDocumentRequest {
            header: Some(header),
            content: content.into(),
        };
        let response = self.submission.clone().submit_document(request).await;
        response.map(tonic::Response::into_inner)
    }
}

impl Refused {
    /// Reads a status.
    ///
    /// # Panics
    /// When it is not a refusal as promised: with a reason, a domain, a sentence and a remedy, and
    /// never an internal error.
    pub fn of(status: &Status) -> Self {
        let details = status.get_error_details();
        let info = details
            .error_info()
            .unwrap_or_else(|| panic!("no ErrorInfo in {status:?}"));
        let remedy = info.metadata.get("remedy").cloned().unwrap_or_default();
        let violations = details
            .bad_request()
            .map_or(&[][..], |bad| &bad.field_violations);
        let refused = Self {
            code: status.code(),
            reason: info.reason.clone(),
            domain: info.domain.clone(),
            what: status.message().to_owned(),
            remedy,
            fields: violations
                .iter()
                .map(|violation| (violation.field.clone(), violation.description.clone()))
                .collect(),
            rules: violations
                .iter()
                .map(|violation| violation.reason.clone())
                .collect(),
        };
        assert_eq!(refused.domain, "axle", "{refused:?}");
        assert!(!refused.reason.is_empty(), "{refused:?}");
        assert!(!refused.what.is_empty(), "{refused:?}");
        assert!(!refused.remedy.is_empty(), "{refused:?}");
        assert_ne!(refused.code, Code::Internal, "{refused:?}");
        assert_ne!(refused.code, Code::Unknown, "{refused:?}");
        refused
    }
}

/// A connection with the certificate of `profile`, for services that are not Axle's own.
pub fn channel(profile: &Profile) -> Channel {
    let trust = ClientTrust::load(&profile.files()).expect("usable certificates");
    let endpoint = Endpoint::from_shared(profile.broker.clone()).expect("an address");
    endpoint.connect_with_connector_lazy(Connector::new(&trust, PATIENCE))
}

/// Connects without a certificate and listens: how the broker ends it, in the words of its TLS alert.
pub async fn knock_without_a_certificate(estate: &Estate) -> String {
    let stream = TcpStream::connect(("127.0.0.1", estate.grpc_port())).await;
    let name = ServerName::try_from("127.0.0.1").expect("a name");
    let connector = anonymous(&estate.authority_certificate());
    let answer = match connector.connect(name, stream.expect("a broker")).await {
        // In TLS 1.3 the client believes itself connected until it reads.
        Ok(mut stream) => stream.read_u8().await.map(|_| ()),
        Err(error) => Err(error),
    };
    format!("{answer:?}")
}

fn anonymous(authority: &Path) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(authority).expect("a certificate");
    roots.add(authority).expect("an authority");
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("TLS 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsConnector::from(Arc::new(config))
}
