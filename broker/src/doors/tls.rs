//! The way in: TCP connections become mutually authenticated TLS connections, handed to the server
//! above as a stream. Each handshake has a time limit, the whole and each address a number of
//! connections, and a connection whose certificate is revoked later is closed. It says who is calling;
//! it decides nothing about a document.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axle_pki::{
    identity,
    trust::{Handshake, ServerTrust},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tracing::{info, warn};

mod connection;
mod registry;

pub use connection::{Peer, TlsConnection};
pub use registry::TlsCounts;
use registry::{Outcome, Permit, Registry};

/// Connections that have shaken hands and wait to be served; the server takes them at once.
const WAITING_MAX: usize = 64;
/// Shortest and longest pause after an accept that failed for want of something on this machine.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// How long, and for how many bytes, a refused client is listened to, so that it can read why.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES_MAX: u64 = 64 * 1024;

/// How much of this machine strangers may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsLimits {
    /// From the TCP connection to the end of the handshake, in seconds.
    pub handshake_seconds: u64,
    /// Connections at one time, those still shaking hands among them.
    pub connections_max: usize,
    /// The same for one IP address. Organisations may share one behind a gateway.
    pub connections_per_address_max: usize,
}

/// The door. Cheap to clone: every clone is the same door.
#[derive(Clone)]
pub struct TlsDoor {
    trust: Arc<ServerTrust>,
    handshake_limit: Duration,
    registry: Arc<Registry>,
}

impl TlsDoor {
    /// A door that trusts whom `trust` trusts at the moment of each handshake.
    pub fn new(trust: Arc<ServerTrust>, limits: TlsLimits) -> Self {
        Self {
            trust,
            handshake_limit: Duration::from_secs(limits.handshake_seconds),
            registry: Registry::new(limits.connections_max, limits.connections_per_address_max),
        }
    }

    /// Accepts connections on `listener` until `shutdown` completes or the stream is dropped; either
    /// way the listener is closed. Failures are logged and counted here, so the stream yields
    /// connections only, and ends. Must be called within a Tokio runtime.
    pub fn accept(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> impl Stream<Item = io::Result<TlsConnection>> + Send + Unpin + 'static {
        let (ready, connections) = mpsc::channel(WAITING_MAX);
        tokio::spawn(self.clone().keep_accepting(listener, shutdown, ready));
        ReceiverStream::new(connections)
    }

    /// Closes every open connection made with one of the certificates in `serials` (lower-case
    /// hexadecimal without leading zeros), and says how many. To be called after the trust was
    /// reloaded, with its [`ServerTrust::revoked`].
    pub fn close_revoked<'a>(&self, serials: impl IntoIterator<Item = &'a String>) -> usize {
        let closed: usize = serials
            .into_iter()
            .map(|serial| self.registry.close(serial))
            .sum();
        if closed > 0 {
            info!(closed, "connections of revoked certificates closed");
        }
        closed
    }

    /// What became of the connections so far.
    pub fn counts(&self) -> TlsCounts {
        self.registry.counts()
    }

    async fn keep_accepting(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
        ready: mpsc::Sender<io::Result<TlsConnection>>,
    ) {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut handshakes = JoinSet::new();
        let (mut pause, mut full) = (BACK_OFF.0, false);
        loop {
            let accepted = tokio::select! {
                () = &mut shutdown => break,
                () = ready.closed() => break,
                Some(_) = handshakes.join_next() => continue,
                accepted = listener.accept() => accepted,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) if concerns_one_connection(&error) => continue,
                Err(error) => {
                    // Out of file descriptors or memory: the listener outlives it.
                    warn!(%error, "a connection could not be accepted; trying again");
                    sleep(pause).await;
                    pause = (pause * 2).min(BACK_OFF.1);
                    continue;
                }
            };
            pause = BACK_OFF.0;
            let permit = self.registry.admit(address.ip());
            if permit.is_none() && !full {
                // Once, not for every connection of a flood; the counter has them all.
                warn!(%address, "connections are turned away: a limit on connections is reached");
            }
            full = permit.is_none();
            if let Some(permit) = permit {
                handshakes.spawn(
                    self.clone()
                        .shake_hands(stream, address, permit, ready.clone()),
                );
            }
        }
    }

    async fn shake_hands(
        self,
        stream: TcpStream,
        address: SocketAddr,
        permit: Permit,
        ready: mpsc::Sender<io::Result<TlsConnection>>,
    ) {
        // Small answers must not wait for more; a socket that cannot be told so still works.
        if let Err(error) = stream.set_nodelay(true) {
            info!(%address, %error, "TCP_NODELAY could not be set");
        }
        let Handshake {
            config,
            refused_serial,
        } = self.trust.handshake();
        let accepting = TlsAcceptor::from(config).accept(stream).into_fallible();
        match timeout(self.handshake_limit, accepting).await {
            Err(_) => {
                permit.count(Outcome::TimedOut);
                info!(%address, "connection closed: no handshake within the time limit");
            }
            Ok(Err((error, stream))) => {
                permit.count(Outcome::Refused);
                let serial = refused_serial.get().map_or("none", String::as_str);
                warn!(%address, serial, reason = %error, "handshake refused");
                let _ = timeout(LINGER, let_it_read(stream)).await;
            }
            Ok(Ok(stream)) => {
                if let Some(connection) = self.open(stream, address, permit) {
                    // The server is gone: so is the connection.
                    let _ = ready.send(Ok(connection)).await;
                }
            }
        }
    }

    /// A verified connection, registered so that it can be closed when its certificate is revoked.
    fn open(
        &self,
        stream: TlsStream<TcpStream>,
        address: SocketAddr,
        mut permit: Permit,
    ) -> Option<TlsConnection> {
        // A client certificate is required, so there is one.
        let certificate = stream.get_ref().1.peer_certificates()?.first()?;
        let serial = identity::serial_of(certificate)?;
        let peer = Peer::new(identity::identify(certificate), address);
        let closing = permit.register(serial.clone());
        // After registering: a reload during the handshake finds the connection here or in the
        // registry, never in neither.
        if self.trust.revoked().contains(&serial) {
            permit.count(Outcome::Refused);
            warn!(%address, serial, reason = "revoked during the handshake", "handshake refused");
            return None;
        }
        permit.count(Outcome::Accepted);
        Some(TlsConnection::new(stream, peer, closing, permit))
    }
}

/// Whether an accept failed because of the one connection it would have returned.
fn concerns_one_connection(error: &io::Error) -> bool {
    [
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::Interrupted,
    ]
    .contains(&error.kind())
}

/// Ends our half and reads the rest of the client's. Closing with bytes unread would reset the
/// connection, and the client could lose the alert that says why it was refused.
async fn let_it_read(mut stream: TcpStream) -> io::Result<()> {
    stream.shutdown().await?;
    let mut rest = stream.take(LINGER_BYTES_MAX);
    tokio::io::copy(&mut rest, &mut tokio::io::sink()).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
