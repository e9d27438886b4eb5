//! The trust of a client that asks a service of somebody else over HTTPS. Nothing here connects.

use std::{path::PathBuf, sync::Arc};

use rustls::{
    ClientConfig,
    client::{Resumption, WebPkiServerVerifier},
    sign::SingleCertAndKey,
};

use super::{Reading, UnusableFiles, provider};

/// Where the trust in a service comes from; all of it PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceFiles {
    /// The authorities whose services are trusted.
    pub authorities: PathBuf,
    /// This side's certificate, its intermediates after it, and its private key, where the service
    /// asks for one.
    pub own: Option<(PathBuf, PathBuf)>,
}

/// Reads and checks `files`: TLS 1.3, HTTP/1.1.
pub fn service_config(files: &ServiceFiles) -> Result<Arc<ClientConfig>, UnusableFiles> {
    let provider = provider();
    let mut reading = Reading::default();
    let (roots, _) = reading.authorities(&files.authorities);
    let own = files
        .own
        .as_ref()
        .map(|(certificate, key)| reading.own(certificate, key, &provider));
    let verifier = if roots.is_empty() {
        None
    } else {
        let built =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .map_err(|error| format!("cannot be used to verify services: {error}"));
        reading.keep(&files.authorities, built)
    };
    let builder = reading.keep(
        &files.authorities,
        ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|error| format!("cannot be used over TLS 1.3: {error}")),
    );
    reading.finish(|_| {
        let builder = builder?.with_webpki_verifier(verifier?);
        let mut config = match own {
            Some(own) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(own?))),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.resumption = Resumption::disabled();
        Some(Arc::new(config))
    })
}
