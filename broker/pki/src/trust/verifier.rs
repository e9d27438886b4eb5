//! The verifier of client certificates: rustls's own, with the serial number of what it refuses kept
//! for the log, because a refused certificate is gone when the handshake has failed. It never changes
//! a verdict.

use std::sync::{Arc, OnceLock};

use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    server::danger::{ClientCertVerified, ClientCertVerifier},
};
use rustls_pki_types::{CertificateDer, UnixTime};

use crate::identity;

/// RFC 5280 §4.1.2.2: at most 20 octets. A stranger's certificate may hold anything; the log does not.
const SERIAL_DIGITS_MAX: usize = 40;

/// One handshake's verifier.
#[derive(Debug)]
pub(super) struct WitnessedVerifier {
    inner: Arc<dyn ClientCertVerifier>,
    refused: Arc<OnceLock<String>>,
}

impl WitnessedVerifier {
    pub(super) fn new(inner: Arc<dyn ClientCertVerifier>, refused: Arc<OnceLock<String>>) -> Self {
        Self { inner, refused }
    }
}

impl ClientCertVerifier for WitnessedVerifier {
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.inner
            .verify_client_cert(end_entity, intermediates, now)
            .inspect_err(|_| {
                if let Some(mut serial) = identity::serial_of(end_entity) {
                    serial.truncate(SERIAL_DIGITS_MAX);
                    self.refused.get_or_init(|| serial);
                }
            })
    }

    fn offer_client_auth(&self) -> bool {
        self.inner.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.inner.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
