//! One TLS connection as the server above sees it: bytes, and who is at the other end.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axle_model::identity::Identity;
use axle_pki::identity::NotAnIdentity;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::oneshot,
};
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use super::registry::Permit;

/// Who is at the other end of a connection. Every request on it carries this among its extensions.
/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Peer {
    identity: Result<Arc<Identity>, NotAnIdentity>,
    address: SocketAddr,
}

impl Peer {
    /// A caller at `address` whose certificate was verified, and read as `identity`.
    pub fn new(identity: Result<Identity, NotAnIdentity>, address: SocketAddr) -> Self {
        Self {
            identity: identity.map(Arc::new),
            address,
        }
    }

    /// The principal, or why the certificate, though trusted, stands for nobody: a call is then to be
    /// refused as unauthenticated.
    pub const fn identity(&self) -> Result<&Arc<Identity>, &NotAnIdentity> {
        self.identity.as_ref()
    }

    /// Where the connection comes from.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

/// A verified connection. Reading and writing fail once its certificate is revoked; dropping it makes
/// room for another.
pub struct TlsConnection {
    stream: TlsStream<TcpStream>,
    peer: Peer,
    closing: oneshot::Receiver<()>,
    closed: bool,
    _permit: Permit,
}

impl TlsConnection {
    pub(super) fn new(
        stream: TlsStream<TcpStream>,
        peer: Peer,
        closing: oneshot::Receiver<()>,
        permit: Permit,
    ) -> Self {
        Self {
            stream,
            peer,
            closing,
            closed: false,
            _permit: permit,
        }
    }

    /// The stream, unless the connection has been told to close. Asking registers the task to be
    /// woken when it is told.
    fn open_stream(
        &mut self,
        context: &mut Context<'_>,
    ) -> io::Result<Pin<&mut TlsStream<TcpStream>>> {
        self.closed = self.closed || Pin::new(&mut self.closing).poll(context).is_ready();
        if self.closed {
            return Err(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                "the certificate of this connection has been revoked",
            ));
        }
        Ok(Pin::new(&mut self.stream))
    }
}

impl Connected for TlsConnection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for TlsConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.open_stream(context)?.poll_read(context, buffer)
    }
}

impl AsyncWrite for TlsConnection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.open_stream(context)?.poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.open_stream(context)?
            .poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.open_stream(context)?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Also when it must close: this is how.
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
