//! The door, tried from outside: by the SDK's connector, by bare rustls clients and by silent sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failure here is the test's failure"
)]

use std::{
    env, error::Error, fs::File, future::pending, io, net::SocketAddr, process::Command, sync::Arc,
    time::Duration,
};

use axle_client::tls::{Connector, explain};
use axle_pki::{identity::NotAnIdentity, issue::Request};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    time::timeout,
};
use tokio_stream::StreamExt;
use tonic::transport::{Channel, Endpoint, Server, server::Connected};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use super::{TlsDoor, TlsLimits};

mod estate;

use estate::{Estate, days_from_now, practice};

/// Nothing here takes a tenth of it.
const PATIENCE: Duration = Duration::from_secs(10);
const LIMITS: TlsLimits = TlsLimits {
    handshake_seconds: 5,
    connections_max: 100,
    connections_per_address_max: 100,
};

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A gRPC server, with the health service only, behind `door`.
async fn serve(door: &TlsDoor) -> SocketAddr {
    let (listener, address) = listen().await;
    let incoming = door.accept(listener, pending());
    let (_reporter, health) = tonic_health::server::health_reporter();
    tokio::spawn(
        Server::builder()
            .add_service(health)
            .serve_with_incoming(incoming),
    );
    address
}

async fn connect(
    address: SocketAddr,
    connector: Connector,
) -> Result<Channel, tonic::transport::Error> {
    let endpoint = Endpoint::try_from(format!("https://{address}")).unwrap();
    timeout(PATIENCE, endpoint.connect_with_connector(connector))
        .await
        .unwrap()
}

async fn check(channel: &Channel) -> Result<(), tonic::Status> {
    let request = HealthCheckRequest::default();
    timeout(PATIENCE, HealthClient::new(channel.clone()).check(request))
        .await
        .unwrap()
        .map(|_| ())
}

fn words(error: &(dyn Error + 'static)) -> String {
    explain(error).unwrap_or_else(|| format!("unexplained: {error:?}"))
}

#[tokio::test]
async fn trusted_certificates_get_through_and_say_who_calls() {
    let estate = Estate::new();
    let door = TlsDoor::new(Arc::clone(&estate.trust), LIMITS);
    let (listener, address) = listen().await;
    let mut incoming = door.accept(listener, pending());
    for (name, request, expected) in [
        ("practice", practice(), Ok(practice().organisation)),
        (
            "nobody",
            Request {
                days: 2,
                ..Request::default()
            },
            Err(NotAnIdentity::Nobody),
        ),
    ] {
        let issued = estate.issue(name, &request);
        let calling = tokio::spawn(connect(address, estate.connector(&issued)));
        let connection = timeout(PATIENCE, incoming.next()).await.unwrap();
        let peer = connection.unwrap().unwrap().connect_info();
        // The connection is gone before the broker said a word.
        let closed = calling.await.unwrap().unwrap_err();
        assert!(words(&closed).contains("closed the connection at once"));
        assert!(peer.address().ip().is_loopback());
        match (peer.identity(), expected) {
            (Ok(identity), Ok(organisation)) => {
                assert_eq!(identity.organisation, organisation);
                assert_eq!(identity.serial, issued.serial);
            }
            (found, expected) => assert_eq!(found.err(), expected.as_ref().err()),
        }
    }
    assert_eq!((door.counts().accepted, door.counts().refused), (2, 0));
}

#[tokio::test]
async fn refused_certificates_are_told_why_and_counted() {
    let (estate, other) = (Estate::new(), Estate::new());
    let door = TlsDoor::new(Arc::clone(&estate.trust), LIMITS);
    let address = serve(&door).await;
    let issue = |name, request: &Request, days| {
        let issued = estate.authority.issue(name, request, days_from_now(days));
        issued.unwrap()
    };
    let server = Request {
        server_names: vec!["127.0.0.1".to_owned()],
        days: 2,
        ..Request::default()
    };
    let revoked = issue("revoked", &practice(), 0);
    estate
        .authority
        .revoke(&revoked.serial, days_from_now(0))
        .unwrap();
    estate.trust.reload(days_from_now(0)).unwrap();
    let table = [
        (issue("good", &practice(), 0), ""),
        (issue("expired", &practice(), -10), "it has expired"),
        (issue("early", &practice(), 10), "not valid yet"),
        (revoked, "it has been revoked"),
        (
            issue("server", &server, 0),
            "it is not a client's certificate",
        ),
        (
            other.issue("stranger", &practice()),
            "does not know the authority",
        ),
    ];
    for (tried, (issued, why)) in table.iter().enumerate() {
        let connected = connect(address, estate.connector(issued)).await;
        if why.is_empty() {
            check(&connected.unwrap()).await.unwrap();
        } else {
            let said = words(&connected.unwrap_err());
            assert!(
                said.starts_with("the broker refused the certificate: "),
                "{said}"
            );
            assert!(said.contains(why), "{said:?} lacks {why:?}");
        }
        assert_eq!(door.counts().refused, tried as u64);
    }
    assert_eq!(door.counts().accepted, 1);
}

#[tokio::test]
async fn a_call_on_a_lazy_channel_explains_the_refusal_too() {
    let (estate, other) = (Estate::new(), Estate::new());
    let address = serve(&TlsDoor::new(Arc::clone(&estate.trust), LIMITS)).await;
    let connector = estate.connector(&other.issue("stranger", &practice()));
    let endpoint = Endpoint::try_from(format!("https://{address}")).unwrap();
    let channel = endpoint.connect_with_connector_lazy(connector);
    let status = check(&channel).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unavailable);
    assert!(
        words(&status).contains("does not know the authority"),
        "{status:?}"
    );
}

#[tokio::test]
async fn a_client_without_a_certificate_is_refused_with_an_alert() {
    let estate = Estate::new();
    let door = TlsDoor::new(Arc::clone(&estate.trust), LIMITS);
    let address = serve(&door).await;
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::from(address.ip());
    let mut stream = estate.anonymous().connect(name, stream).await.unwrap();
    // Written before the refusal is read, as HTTP/2 clients do: the alert must survive it.
    let _ = stream.write_all(&[0; 2_000]).await;
    let error = timeout(PATIENCE, stream.read_u8())
        .await
        .unwrap()
        .unwrap_err();
    assert!(words(&error).contains("none was sent"), "{error:?}");
    // Nor was the connection reset, which elsewhere than here would have lost the alert.
    let (mut beneath, _) = stream.into_inner();
    let end = timeout(PATIENCE, beneath.read(&mut [0])).await.unwrap();
    assert_eq!(end.unwrap(), 0);
    assert_eq!(door.counts().refused, 1);
}

#[tokio::test]
async fn a_client_says_why_it_does_not_trust_or_reach_a_broker() {
    let (estate, other) = (Estate::new(), Estate::new());
    let address = serve(&TlsDoor::new(Arc::clone(&estate.trust), LIMITS)).await;
    let issued = estate.issue("practice", &practice());
    let own = estate.connector(&issued);
    let elsewhere = own.clone().expecting("broker.example").unwrap();
    let (free, nobody_there) = listen().await;
    drop(free);
    for (connector, address, why) in [
        (
            other.connector(&issued),
            address,
            "is not among those this client trusts",
        ),
        (
            elsewhere,
            address,
            "it is for 127.0.0.1, not for broker.example",
        ),
        (own, nobody_there, "cannot be reached"),
    ] {
        let error = connect(address, connector).await.unwrap_err();
        assert!(words(&error).contains(why), "{error:?}");
    }
}

#[tokio::test]
async fn a_silent_connection_is_closed_at_the_time_limit() {
    let estate = Estate::new();
    let mut door = TlsDoor::new(Arc::clone(&estate.trust), LIMITS);
    door.handshake_limit = Duration::from_millis(50);
    let address = serve(&door).await;
    let mut silent = TcpStream::connect(address).await.unwrap();
    let read = timeout(PATIENCE, silent.read(&mut [0])).await.unwrap();
    assert_eq!(read.unwrap(), 0);
    assert_eq!(door.counts().timed_out, 1);
    assert_eq!(door.counts().open, 0);
}

#[tokio::test]
async fn connections_over_a_limit_are_turned_away_until_one_ends() {
    let estate = Estate::new();
    let connector = estate.connector(&estate.issue("practice", &practice()));
    let whole = TlsLimits {
        connections_max: 2,
        ..LIMITS
    };
    let each = TlsLimits {
        connections_per_address_max: 2,
        ..LIMITS
    };
    for limits in [whole, each] {
        let door = TlsDoor::new(Arc::clone(&estate.trust), limits);
        let address = serve(&door).await;
        let first = connect(address, connector.clone()).await.unwrap();
        // Counts as well, though it never shakes hands.
        let silent = TcpStream::connect(address).await.unwrap();
        let error = connect(address, connector.clone()).await.unwrap_err();
        assert!(
            words(&error).contains("closed the connection at once"),
            "{error:?}"
        );
        assert_eq!(door.counts().turned_away, 1);
        drop(silent);
        let again = async {
            loop {
                if let Ok(channel) = connect(address, connector.clone()).await {
                    break channel;
                }
            }
        };
        check(&timeout(PATIENCE, again).await.unwrap())
            .await
            .unwrap();
        check(&first).await.unwrap();
    }
}

#[tokio::test]
async fn a_revocation_closes_the_open_connection_and_no_other() {
    let estate = Estate::new();
    let door = TlsDoor::new(Arc::clone(&estate.trust), LIMITS);
    let address = serve(&door).await;
    let [kept, stolen] = ["kept", "stolen"].map(|name| estate.issue(name, &practice()));
    let bystander = connect(address, estate.connector(&kept)).await.unwrap();
    let thief = connect(address, estate.connector(&stolen)).await.unwrap();
    let mut watched = HealthClient::new(thief.clone())
        .watch(HealthCheckRequest::default())
        .await
        .unwrap()
        .into_inner();
    watched.message().await.unwrap();
    assert_eq!(door.counts().open, 2);
    estate
        .authority
        .revoke(&stolen.serial, days_from_now(0))
        .unwrap();
    estate.trust.reload(days_from_now(0)).unwrap();
    assert_eq!(door.close_revoked(estate.trust.revoked().iter()), 1);
    timeout(PATIENCE, watched.message())
        .await
        .unwrap()
        .unwrap_err();
    let status = check(&thief).await.unwrap_err();
    assert!(words(&status).contains("it has been revoked"), "{status:?}");
    check(&bystander).await.unwrap();
    assert_eq!(door.counts().open, 1);
}

#[tokio::test]
async fn shutting_down_closes_the_listener_and_ends_the_stream() {
    let estate = Estate::new();
    let door = TlsDoor::new(Arc::clone(&estate.trust), LIMITS);
    let (listener, address) = listen().await;
    let (stop, stopped) = oneshot::channel::<()>();
    let mut incoming = door.accept(listener, async {
        let _ = stopped.await;
    });
    stop.send(()).unwrap();
    assert!(timeout(PATIENCE, incoming.next()).await.unwrap().is_none());
    let refused = TcpStream::connect(address).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn running_out_of_file_descriptors_is_survived() {
    const ALONE: &str = "AXLE_TEST_FEW_DESCRIPTORS";
    if env::var_os(ALONE).is_none() {
        // The limit is the whole process's, so the test runs again in one of its own.
        let name = "doors::tls::tests::running_out_of_file_descriptors_is_survived";
        let mut again = Command::new(env::current_exe().unwrap());
        let ended = again
            .args(["--exact", name])
            .env(ALONE, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ended.stdout);
        assert!(
            ended.status.success() && said.contains("1 passed"),
            "{said}"
        );
        return;
    }
    let estate = Estate::new();
    let connector = estate.connector(&estate.issue("practice", &practice()));
    let address = serve(&TlsDoor::new(Arc::clone(&estate.trust), LIMITS)).await;
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let current = Some(64);
    setrlimit(Resource::Nofile, Rlimit { current, maximum }).unwrap();
    let mut hoard: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    // One for the client's socket; none for the broker's.
    hoard.pop();
    let mut connecting = Box::pin(connect(address, connector));
    timeout(Duration::from_millis(200), &mut connecting)
        .await
        .expect_err("nothing was left to accept with");
    drop(hoard);
    check(&connecting.await.unwrap()).await.unwrap();
}
