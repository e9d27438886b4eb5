//! The broker's side: its certificate, the authorities of its clients and their revocation lists,
//! loaded together and swapped together.
//!
//! Revocation: once a list is given, every client certificate's issuer must have one (an unknown
//! status is a refusal). A list past its `nextUpdate` stays in force: it still refuses everybody it
//! names, while enforcing its date would cut off every organisation at once because one file is late.
//! Its expiry is exposed ([`ServerTrust::expiries`]) so that people are told days ahead.
//!
//! Sessions are never resumed: a resumed session would not present its certificate again, and so
//! outlive a revocation or an expiry.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use arc_swap::ArcSwap;
use axle_model::time::Timestamp;
use rustls::{
    ConfigBuilder, ServerConfig, WantsVerifier,
    crypto::CryptoProvider,
    server::{NoServerSessionStorage, WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::{CertifiedKey, SingleCertAndKey},
};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use x509_parser::{
    certificate::X509Certificate, parse_x509_crl, revocation_list::CertificateRevocationList,
};

use super::{
    ALPN, Expiring, Expiry, Reading, UnusableFiles, provider, timestamp,
    verifier::WitnessedVerifier,
};
use crate::{files, identity};

/// Where the broker's trust comes from; all of it PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFiles {
    /// The authorities whose client certificates are accepted. An intermediate authority that signs
    /// revocation lists belongs here too.
    pub authorities: PathBuf,
    /// The broker's certificate, its intermediates after it.
    pub certificate: PathBuf,
    /// The private key of that certificate.
    pub key: PathBuf,
    /// Revocation lists; none means that revocation is not checked.
    pub revocations: Vec<PathBuf>,
}

/// The broker's trust as last loaded. Shared by every connection; swapped whole.
pub struct ServerTrust {
    files: ServerFiles,
    current: ArcSwap<Loaded>,
}

/// What one handshake needs.
pub struct Handshake {
    /// The configuration: TLS 1.3, client certificate required, ALPN `h2`, no resumption.
    pub config: Arc<ServerConfig>,
    /// The serial number of the client certificate, if one was presented, read and refused.
    pub refused_serial: Arc<OnceLock<String>>,
}

struct Loaded {
    builder: ConfigBuilder<ServerConfig, WantsVerifier>,
    verifier: Arc<dyn ClientCertVerifier>,
    own: Arc<CertifiedKey>,
    revoked: Arc<BTreeSet<String>>,
    expiries: Vec<Expiry>,
}

impl ServerTrust {
    /// Reads and checks `files` as of `now`.
    pub fn load(files: ServerFiles, now: Timestamp) -> Result<Self, UnusableFiles> {
        let loaded = Loaded::read(&files, now)?;
        Ok(Self {
            files,
            current: ArcSwap::from_pointee(loaded),
        })
    }

    /// Reads the same files again. New handshakes see all of the new set; when anything is wrong with
    /// it, nothing changes. Connections that are open stay open: see [`Self::revoked`].
    pub fn reload(&self, now: Timestamp) -> Result<(), UnusableFiles> {
        let loaded = Loaded::read(&self.files, now)?;
        self.current.store(Arc::new(loaded));
        Ok(())
    }

    /// The configuration for one handshake, with a place for what is refused in it.
    pub fn handshake(&self) -> Handshake {
        let loaded = self.current.load();
        let refused_serial = Arc::new(OnceLock::new());
        let verifier =
            WitnessedVerifier::new(Arc::clone(&loaded.verifier), Arc::clone(&refused_serial));
        let mut config = loaded
            .builder
            .clone()
            .with_client_cert_verifier(Arc::new(verifier))
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(&loaded.own))));
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Handshake {
            config: Arc::new(config),
            refused_serial,
        }
    }

    /// The serial numbers on the revocation lists, lower-case hexadecimal without leading zeros: their
    /// connections are to be closed after a reload.
    pub fn revoked(&self) -> Arc<BTreeSet<String>> {
        Arc::clone(&self.current.load().revoked)
    }

    /// When each authority, the broker's certificate and each revocation list expires.
    pub fn expiries(&self) -> Vec<Expiry> {
        self.current.load().expiries.clone()
    }
}

impl Loaded {
    fn read(files: &ServerFiles, now: Timestamp) -> Result<Self, UnusableFiles> {
        let provider = provider();
        let mut reading = Reading::default();
        let (roots, authorities) = reading.authorities(&files.authorities);
        let own = reading.own(&files.certificate, &files.key, &provider);
        if let Some(own) = &own {
            reading.fit_for_a_server(&files.certificate, own, now);
        }
        let mut lists = Vec::new();
        let mut revoked = BTreeSet::new();
        for file in &files.revocations {
            lists.extend(reading.revocations(file, &authorities, &mut revoked));
        }
        let verifier = reading.verifier(&files.authorities, roots, lists, &provider);
        let builder = reading.keep(
            &files.certificate,
            ServerConfig::builder_with_provider(provider)
                .with_protocol_versions(&[&rustls::version::TLS13])
                .map_err(|error| format!("cannot be served over TLS 1.3: {error}")),
        );
        reading.finish(|expiries| {
            Some(Self {
                builder: builder?,
                verifier: verifier?,
                own: own?,
                revoked: Arc::new(revoked),
                expiries,
            })
        })
    }
}

impl Reading {
    /// A certificate every client would refuse is refused here first, where somebody reads why.
    fn fit_for_a_server(&mut self, file: &Path, own: &CertifiedKey, now: Timestamp) {
        let Some(parsed) = own.cert.first().and_then(identity::parse) else {
            return;
        };
        let (start, end) = (
            timestamp(parsed.validity().not_before),
            timestamp(parsed.validity().not_after),
        );
        if now > end {
            self.problem(file, format!("expired on {end}"));
        } else if now < start {
            self.problem(file, format!("is not valid before {start}"));
        }
        let usable = match parsed.extended_key_usage() {
            Ok(Some(usage)) => usage.value.server_auth || usage.value.any,
            Ok(None) => true,
            Err(_) => false,
        };
        if !usable {
            self.problem(
                file,
                "is not a server's certificate (no serverAuth key usage)",
            );
        }
    }

    /// The revocation lists of one file, each signed by an authority; their serials go to `revoked`.
    fn revocations(
        &mut self,
        file: &Path,
        authorities: &[CertificateDer<'static>],
        revoked: &mut BTreeSet<String>,
    ) -> Vec<CertificateRevocationListDer<'static>> {
        let found =
            files::read_pem::<CertificateRevocationListDer<'static>>(file, "revocation list");
        let lists = self.keep(file, found).unwrap_or_default();
        for list in &lists {
            let Ok(([], parsed)) = parse_x509_crl(list) else {
                self.problem(file, "holds a revocation list that cannot be read");
                continue;
            };
            let signed = authorities
                .iter()
                .filter_map(identity::parse)
                .any(|authority| signed_by(&parsed, &authority));
            // Without authorities the one problem is theirs.
            if !signed && !authorities.is_empty() {
                self.problem(
                    file,
                    "holds a revocation list that no configured authority signed",
                );
            }
            if let Some(end) = parsed.next_update() {
                self.expires(Expiring::RevocationList, file, end);
            }
            revoked.extend(
                parsed
                    .iter_revoked_certificates()
                    .map(|entry| identity::serial_hex(entry.raw_serial())),
            );
        }
        lists
    }

    fn verifier(
        &mut self,
        file: &Path,
        roots: rustls::RootCertStore,
        lists: Vec<CertificateRevocationListDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> Option<Arc<dyn ClientCertVerifier>> {
        if roots.is_empty() {
            // Already told: the file is missing, empty or unreadable.
            return None;
        }
        // The builder's own defaults are the policy above: the whole chain is checked, an unknown
        // status is refused, a list's own expiry is not enforced.
        let built =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
                .with_crls(lists)
                .build()
                .map_err(|error| format!("cannot be used to verify clients: {error}"));
        self.keep(file, built)
    }
}

fn signed_by(list: &CertificateRevocationList<'_>, authority: &X509Certificate<'_>) -> bool {
    list.issuer().as_raw() == authority.subject().as_raw()
        && list.verify_signature(authority.public_key()).is_ok()
}
