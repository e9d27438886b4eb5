//! A broker's trust and the authority behind it, for the door's tests.

use std::{sync::Arc, time::SystemTime};

use axle_client::tls::Connector;
use axle_model::{ods::OdsCode, time::Timestamp};
use axle_pki::{
    issue::{Authority, Issued, Request},
    trust::{ClientFiles, ClientTrust, ServerFiles, ServerTrust},
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio_rustls::TlsConnector;

use super::PATIENCE;

pub(super) fn days_from_now(days: i64) -> Timestamp {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    let moved = i64::try_from(now.as_secs()).unwrap() + days * 24 * 60 * 60;
    Timestamp::from_micros(u64::try_from(moved).unwrap() * 1_000_000)
}

pub(super) fn practice() -> Request {
    Request {
        organisation: Some(OdsCode::parse("K81003").unwrap()),
        days: 2,
        ..Request::default()
    }
}

/// A broker's trust and the authority behind it, in a folder of its own.
pub(super) struct Estate {
    folder: tempfile::TempDir,
    pub(super) authority: Authority,
    pub(super) trust: Arc<ServerTrust>,
}

impl Estate {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::init(folder.path(), "test", days_from_now(-30)).unwrap();
        let request = Request {
            server_names: vec!["127.0.0.1".to_owned()],
            days: 2,
            ..Request::default()
        };
        let issued = authority
            .issue("broker", &request, days_from_now(0))
            .unwrap();
        let files = ServerFiles {
            authorities: authority.certificate_path(),
            certificate: issued.certificate,
            key: issued.key,
            revocations: vec![authority.revocations_path()],
        };
        let trust = Arc::new(ServerTrust::load(files, days_from_now(0)).unwrap());
        Self {
            folder,
            authority,
            trust,
        }
    }

    pub(super) fn issue(&self, name: &str, request: &Request) -> Issued {
        self.authority
            .issue(name, request, days_from_now(0))
            .unwrap()
    }

    /// A connector that trusts this estate's brokers and shows `issued`.
    pub(super) fn connector(&self, issued: &Issued) -> Connector {
        let files = ClientFiles {
            authorities: self.folder.path().join("ca.pem"),
            certificate: issued.certificate.clone(),
            key: issued.key.clone(),
        };
        Connector::new(&ClientTrust::load(&files).unwrap(), PATIENCE)
    }

    /// A client without a certificate.
    pub(super) fn anonymous(&self) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_file(self.authority.certificate_path());
        roots.add(authority.unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }
}
