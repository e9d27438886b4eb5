//! The way to a broker: TCP, then TLS with the client's certificate, then the broker's first word.
//!
//! In TLS 1.3 a client believes itself connected before the broker has looked at its certificate, and
//! learns of a refusal from its next read, where HTTP/2 turns it into "broken pipe". So a connection
//! counts as made only when the broker, as HTTP/2 demands of a server, has sent its settings: a refusal
//! then fails the connecting itself, in words. It retries nothing.

use std::{
    error::Error as StdError,
    fmt, io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axle_pki::trust::ClientTrust;
use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::{AlertDescription, CertificateError, Error as TlsError, pki_types::ServerName};
use thiserror::Error;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tower::Service;

/// Makes connections for `tonic::transport::Endpoint::connect_with_connector`. Cheap to clone.
#[derive(Clone)]
pub struct Connector {
    tls: TlsConnector,
    server_name: Option<ServerName<'static>>,
    limit: Duration,
}

/// Why there is no connection. Each is a sentence for people that names the broker.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The address of the broker is not one.
    #[error("{0:?} is not a broker's address: expected https://HOST:PORT")]
    Address(String),
    /// No TCP connection.
    #[error("the broker at {broker} cannot be reached: {source}")]
    Unreachable {
        /// The broker's host and port.
        broker: String,
        /// What the system answered.
        source: io::Error,
    },
    /// The client does not trust the broker.
    #[error("the certificate of the broker at {broker} is not trusted: {why}")]
    NotTrusted {
        /// The broker's host and port.
        broker: String,
        /// What is wrong with it.
        why: String,
    },
    /// The broker does not trust the client.
    #[error("the broker refused the certificate: {0}")]
    Refused(Refused),
    /// The handshake failed for another reason.
    #[error("no secure connection to the broker at {broker}: {why}")]
    Handshake {
        /// The broker's host and port.
        broker: String,
        /// What happened.
        why: String,
    },
    /// The broker closed the connection without a word.
    #[error(
        "the broker at {broker} closed the connection at once: it may be full or shutting down; try \
         again later"
    )]
    Closed {
        /// The broker's host and port.
        broker: String,
    },
    /// The time limit passed.
    #[error("the broker at {broker} did not answer within {seconds} s")]
    Silent {
        /// The broker's host and port.
        broker: String,
        /// The limit, in seconds.
        seconds: u64,
    },
}

/// Why a broker refused a client's certificate, as far as its TLS alert tells (RFC 8446 §6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Out of its dates.
    Expired,
    /// On a revocation list.
    Revoked,
    /// Its authority is unknown, or nobody can tell whether it was revoked.
    UnknownAuthority,
    /// None was sent.
    Missing,
    /// For another purpose than a client's.
    Unsuitable,
    /// Damaged, or its signature is wrong.
    Bad,
    /// Valid, and unwelcome.
    Denied,
}

impl Refused {
    /// The refusal an alert stands for, if it is about a certificate.
    fn from_alert(alert: AlertDescription) -> Option<Self> {
        use AlertDescription as Alert;
        [
            (Alert::CertificateExpired, Self::Expired),
            (Alert::CertificateRevoked, Self::Revoked),
            (Alert::UnknownCA, Self::UnknownAuthority),
            (Alert::CertificateRequired, Self::Missing),
            (Alert::UnsupportedCertificate, Self::Unsuitable),
            (Alert::BadCertificate, Self::Bad),
            (Alert::CertificateUnknown, Self::Bad),
            (Alert::DecryptError, Self::Bad),
            (Alert::AccessDenied, Self::Denied),
        ]
        .into_iter()
        .find_map(|(about, refused)| (about == alert).then_some(refused))
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "it has expired, or is not valid yet; ask for a new one",
            Self::Revoked => "it has been revoked; ask for a new one",
            Self::UnknownAuthority => {
                "the broker does not know the authority that issued it, or has no revocation list \
                 of that authority"
            }
            Self::Missing => "none was sent; configure a certificate and its key",
            Self::Unsuitable => "it is not a client's certificate (clientAuth key usage)",
            Self::Bad => "it is damaged, or not signed by the authority it names",
            Self::Denied => "its holder has no access",
        })
    }
}

impl Connector {
    /// A connector that shows the certificate of `trust`. `limit` bounds everything up to the broker's
    /// first word.
    pub fn new(trust: &ClientTrust, limit: Duration) -> Self {
        Self {
            tls: TlsConnector::from(trust.config()),
            server_name: None,
            limit,
        }
    }

    /// Expects the broker's certificate to be for `name` instead of the host in its address, as when
    /// it is reached by a tunnel.
    pub fn expecting(mut self, name: &str) -> Result<Self, ConnectError> {
        let name = ServerName::try_from(name.to_owned());
        self.server_name = Some(name.map_err(|error| ConnectError::Address(error.to_string()))?);
        Ok(self)
    }

    async fn connect(self, uri: Uri) -> Result<BufReader<TlsStream<TcpStream>>, ConnectError> {
        let address = || ConnectError::Address(uri.to_string());
        // An IPv6 host is written in brackets, which neither the resolver nor a certificate has.
        let host = uri.host().ok_or_else(address)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16().ok_or_else(address)?;
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => ServerName::try_from(host.to_owned()).map_err(|_| address())?,
        };
        let broker = uri
            .authority()
            .map_or_else(String::new, ToString::to_string);
        let connecting = self.dial(&broker, (host, port), name);
        timeout(self.limit, connecting).await.unwrap_or_else(|_| {
            Err(ConnectError::Silent {
                broker: broker.clone(),
                seconds: self.limit.as_secs(),
            })
        })
    }

    async fn dial(
        &self,
        broker: &str,
        address: (&str, u16),
        name: ServerName<'static>,
    ) -> Result<BufReader<TlsStream<TcpStream>>, ConnectError> {
        let unreachable = |source| ConnectError::Unreachable {
            broker: broker.to_owned(),
            source,
        };
        let stream = TcpStream::connect(address).await.map_err(unreachable)?;
        // Small requests must not wait for more.
        stream.set_nodelay(true).map_err(unreachable)?;
        let stream = self
            .tls
            .connect(name, stream)
            .await
            .map_err(|error| failed_handshake(broker, &error))?;
        let mut stream = BufReader::new(stream);
        match stream.fill_buf().await {
            Ok([]) => Err(ConnectError::Closed {
                broker: broker.to_owned(),
            }),
            // What was read stays in the buffer for HTTP/2 to read again.
            Ok(_) => Ok(stream),
            Err(error) => Err(failed_handshake(broker, &error)),
        }
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<BufReader<TlsStream<TcpStream>>>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.clone().connect(uri);
        Box::pin(async move { connecting.await.map(TokioIo::new) })
    }
}

/// Words for an error that has a failed connection or a TLS alert among its sources, as
/// `tonic::transport::Error` and `tonic::Status` do; `None` when it is about something else.
pub fn explain(error: &(dyn StdError + 'static)) -> Option<String> {
    if let Some(error) = error.downcast_ref::<ConnectError>() {
        return Some(error.to_string());
    }
    if let Some(TlsError::AlertReceived(alert)) = error.downcast_ref::<TlsError>() {
        return Refused::from_alert(*alert).map(|why| ConnectError::Refused(why).to_string());
    }
    // An I/O error's source is that of the error within it, which would skip the one that matters.
    let within = match error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        Some(within) => Some(within as &(dyn StdError + 'static)),
        None => error.source(),
    };
    within.and_then(explain)
}

/// What a failure of the handshake, or of the first read after it, means.
fn failed_handshake(broker: &str, error: &io::Error) -> ConnectError {
    let broker = broker.to_owned();
    let tls = error
        .get_ref()
        .and_then(|within| within.downcast_ref::<TlsError>());
    match tls {
        Some(TlsError::AlertReceived(alert)) => match Refused::from_alert(*alert) {
            Some(why) => ConnectError::Refused(why),
            None => ConnectError::Handshake {
                broker,
                why: format!("it broke off with the TLS alert {alert:?}"),
            },
        },
        Some(TlsError::InvalidCertificate(problem)) => ConnectError::NotTrusted {
            broker,
            why: distrust(problem),
        },
        Some(other) => ConnectError::Handshake {
            broker,
            why: other.to_string(),
        },
        None if error.kind() == io::ErrorKind::UnexpectedEof
            || error.kind() == io::ErrorKind::ConnectionReset =>
        {
            ConnectError::Closed { broker }
        }
        None => ConnectError::Handshake {
            broker,
            why: error.to_string(),
        },
    }
}

/// What is wrong with a broker's certificate.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library's list is open; what is not listed here is rare and described well enough"
)]
fn distrust(problem: &CertificateError) -> String {
    use CertificateError as Bad;
    match problem {
        Bad::UnknownIssuer => {
            "the authority that issued it is not among those this client trusts".to_owned()
        }
        Bad::Expired | Bad::ExpiredContext { .. } => "it has expired".to_owned(),
        Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
            "it is not valid yet; is this machine's clock right?".to_owned()
        }
        Bad::NotValidForName => "it is for another name".to_owned(),
        Bad::NotValidForNameContext {
            expected,
            presented,
        } => format!(
            "it is for {}, not for {}",
            presented
                .iter()
                .map(|name| bare(name))
                .collect::<Vec<_>>()
                .join(", "),
            expected.to_str()
        ),
        Bad::InvalidPurpose | Bad::InvalidPurposeContext { .. } => {
            "it is not a server's certificate".to_owned()
        }
        Bad::BadSignature => "it was not signed by the authority it names".to_owned(),
        other => other.to_string(),
    }
}

/// A presented name without the kind rustls writes around it: `IpAddress(127.0.0.1)`.
fn bare(presented: &str) -> &str {
    presented
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'))
        .unwrap_or(presented)
        .trim_matches('"')
}
