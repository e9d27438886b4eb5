//! A client's side: its certificate and the authorities of the brokers it talks to. Nothing here
//! connects.

use std::{path::PathBuf, sync::Arc};

use rustls::{
    ClientConfig,
    client::{Resumption, WebPkiServerVerifier},
    sign::SingleCertAndKey,
};

use super::{ALPN, Expiry, Reading, UnusableFiles, provider};

/// Where a client's trust comes from; all of it PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientFiles {
    /// The authorities whose brokers are trusted.
    pub authorities: PathBuf,
    /// The client's certificate, its intermediates after it.
    pub certificate: PathBuf,
    /// The private key of that certificate.
    pub key: PathBuf,
}

/// A client's trust as last loaded. Cheap to clone.
#[derive(Clone)]
pub struct ClientTrust {
    config: Arc<ClientConfig>,
    expiries: Arc<[Expiry]>,
}

impl ClientTrust {
    /// Reads and checks `files`. An expired certificate is not refused here: the broker decides.
    pub fn load(files: &ClientFiles) -> Result<Self, UnusableFiles> {
        let provider = provider();
        let mut reading = Reading::default();
        let (roots, _) = reading.authorities(&files.authorities);
        let own = reading.own(&files.certificate, &files.key, &provider);
        let verifier = if roots.is_empty() {
            None
        } else {
            let built =
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                    .build()
                    .map_err(|error| format!("cannot be used to verify brokers: {error}"));
            reading.keep(&files.authorities, built)
        };
        let builder = reading.keep(
            &files.certificate,
            ClientConfig::builder_with_provider(provider)
                .with_protocol_versions(&[&rustls::version::TLS13])
                .map_err(|error| format!("cannot be used over TLS 1.3: {error}")),
        );
        reading.finish(|expiries| {
            let mut config = builder?
                .with_webpki_verifier(verifier?)
                .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(own?)));
            config.alpn_protocols = vec![ALPN.to_vec()];
            // Every connection presents its certificate afresh; brokers do not resume either.
            config.resumption = Resumption::disabled();
            Some(Self {
                config: Arc::new(config),
                expiries: expiries.into(),
            })
        })
    }

    /// The configuration: TLS 1.3, this client's certificate, ALPN `h2`.
    pub fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }

    /// When the client's certificate and each authority expires.
    pub fn expiries(&self) -> &[Expiry] {
        &self.expiries
    }
}
