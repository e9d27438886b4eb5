//! What a client says when a broker and it do not trust each other.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::SystemTime,
};

use axle_model::{ods::OdsCode, time::Timestamp};
use axle_pki::{
    issue::{Authority, Request},
    trust::{ServerFiles, ServerTrust},
};
use tokio::{io::AsyncReadExt as _, net::TcpListener};
use tokio_rustls::TlsAcceptor;

use super::{Client, own_identity};
use crate::{
    error::{Class, ClientError},
    profile::Profile,
};

fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    Timestamp::from_micros(u64::try_from(since.as_micros()).unwrap())
}

/// An authority with a certificate for a broker, one for a trust, and one more, revoked.
fn authority(folder: &Path) -> Authority {
    let authority = Authority::init(folder, "test", now()).unwrap();
    let server = Request {
        server_names: vec!["127.0.0.1".to_owned()],
        days: 1,
        ..Request::default()
    };
    authority.issue("server", &server, now()).unwrap();
    let trust = Request {
        organisation: Some(OdsCode::parse("RR8").unwrap()),
        days: 1,
        ..Request::default()
    };
    authority.issue("trust", &trust, now()).unwrap();
    let revoked = authority.issue("revoked", &trust, now()).unwrap();
    authority.revoke(&revoked.serial, now()).unwrap();
    authority
}

/// Calls a broker of `broker`'s authority with the certificate `name` of `client`'s; the error, and
/// how many connections were tried.
async fn refusal(broker: &Path, client: &Path, name: &str) -> (ClientError, usize) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let trust = ServerTrust::load(
        ServerFiles {
            authorities: broker.join("ca.pem"),
            certificate: broker.join("server.pem"),
            key: broker.join("server.key"),
            revocations: vec![broker.join("crl.pem")],
        },
        now(),
    )
    .unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            if let Ok(mut stream) = TlsAcceptor::from(trust.handshake().config)
                .accept(stream)
                .await
            {
                let _ = stream.read_u8().await;
            }
        }
    });
    let profile = Profile {
        broker: format!("https://{address}"),
        server_name: None,
        ca: client.join("ca.pem"),
        certificate: client.join(format!("{name}.pem")),
        key: client.join(format!("{name}.key")),
    };
    let error = Client::connect(&profile)
        .unwrap()
        .broker_status()
        .await
        .unwrap_err();
    (error, connections.load(Ordering::SeqCst))
}

#[tokio::test]
async fn certificates_that_are_not_trusted_are_a_configuration_error_and_not_tried_again() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    authority(here.path());
    authority(there.path());
    let mut stranger = here.path().to_owned();
    stranger.push("stranger");
    std::fs::create_dir(&stranger).unwrap();
    for (from, to) in [
        (here.path(), "ca.pem"),
        (there.path(), "trust.pem"),
        (there.path(), "trust.key"),
    ] {
        std::fs::copy(from.join(to), stranger.join(to)).unwrap();
    }
    for (client, name, reason, words) in [
        (
            here.path(),
            "revoked",
            "CERTIFICATE_REFUSED",
            "the broker refused the certificate: it has been revoked",
        ),
        (
            stranger.as_path(),
            "trust",
            "CERTIFICATE_REFUSED",
            "the broker refused the certificate: the broker does not know",
        ),
        (
            there.path(),
            "trust",
            "BROKER_NOT_TRUSTED",
            "is not trusted: the authority that issued it",
        ),
    ] {
        let (error, connections) = refusal(here.path(), client, name).await;
        assert!(error.what().contains(words), "{error}");
        assert_eq!(
            (error.reason(), error.class()),
            (reason, Class::Configuration)
        );
        assert_eq!(connections, 1, "{error}");
    }
}

#[tokio::test]
async fn a_profile_that_cannot_be_used_is_told_before_any_connection() {
    let folder = tempfile::tempdir().unwrap();
    authority(folder.path());
    let whole = Profile {
        broker: "https://127.0.0.1:1".to_owned(),
        server_name: None,
        ca: folder.path().join("ca.pem"),
        certificate: folder.path().join("trust.pem"),
        key: folder.path().join("trust.key"),
    };
    assert_eq!(
        own_identity(&whole).unwrap().organisation.unwrap().as_str(),
        "RR8"
    );
    let plain = Profile {
        broker: "http://127.0.0.1:1".to_owned(),
        ..whole.clone()
    };
    let mixed = Profile {
        key: folder.path().join("revoked.key"),
        ..whole.clone()
    };
    let absent = Profile {
        ca: folder.path().join("none.pem"),
        ..whole.clone()
    };
    let unnamed = Profile {
        server_name: Some("not a name".to_owned()),
        ..whole
    };
    for (profile, named) in [
        (plain, "http://127.0.0.1:1"),
        (mixed, "revoked.key"),
        (absent, "none.pem"),
        (unnamed, "name"),
    ] {
        let error = Client::connect(&profile).unwrap_err();
        assert_eq!(error.class(), Class::Configuration);
        assert!(error.what().contains(named), "{error}");
    }
}
