//! A network between clients and a broker that a test can spoil: bytes are held up, slowed down, or
//! torn in the middle of what they say. It reads nothing of what it carries.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// What is carried at a time.
const CHUNK_BYTES: usize = 16 * 1024;

/// How the network is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weather {
    /// Everything arrives at once.
    Fair,
    /// Nothing arrives in these directions, and no connection is made.
    Partition {
        /// From clients to the broker.
        to_broker: bool,
        /// From the broker to clients.
        to_clients: bool,
    },
    /// Everything arrives late, and only so much of it in a second.
    Slow {
        /// How late.
        delay: Duration,
        /// How many bytes, on each connection and in each direction.
        bytes_per_second: u32,
    },
    /// Whatever says something is cut off in the middle of it, with a reset.
    Torn,
}

/// The network. Gone, with every connection, when it is dropped.
pub(super) struct Proxy {
    weather: Arc<watch::Sender<Weather>>,
    accepting: JoinHandle<()>,
}

#[derive(Clone, Copy)]
enum Direction {
    ToBroker,
    ToClients,
}

impl Proxy {
    /// Takes connections on a port of this machine, and makes one to `broker` for each.
    pub(super) async fn start(port: u16, broker: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await;
        let listener = listener.expect("a free port");
        let weather = Arc::new(watch::Sender::new(Weather::Fair));
        let forecast = Arc::clone(&weather);
        let accepting = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let weather = forecast.subscribe();
                connections.spawn(carry(client, broker, weather));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { weather, accepting }
    }

    /// Changes the weather.
    pub(super) fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Carries one connection to its end.
async fn carry(mut client: TcpStream, broker: SocketAddr, mut weather: watch::Receiver<Weather>) {
    passable(&mut weather, Direction::ToBroker).await;
    let Ok(mut broker) = TcpStream::connect(broker).await else {
        return;
    };
    for stream in [&client, &broker] {
        stream.set_nodelay(true).expect("a socket");
        // However it ends, it ends like a broken wire: with a reset.
        stream.set_zero_linger().expect("a socket");
    }
    let (from_client, to_client) = client.split();
    let (from_broker, to_broker) = broker.split();
    tokio::select! {
        () = pump(from_client, to_broker, weather.clone(), Direction::ToBroker) => {}
        () = pump(from_broker, to_client, weather, Direction::ToClients) => {}
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut weather: watch::Receiver<Weather>,
    direction: Direction,
) {
    let mut chunk = vec![0; CHUNK_BYTES];
    while let Ok(length @ 1..) = from.read(&mut chunk).await {
        passable(&mut weather, direction).await;
        let now = *weather.borrow_and_update();
        let torn = now == Weather::Torn;
        let carried = &chunk[..if torn { length / 2 } else { length }];
        if let Weather::Slow {
            delay,
            bytes_per_second,
        } = now
        {
            let size = u32::try_from(length).expect("a chunk");
            let takes = Duration::from_secs(1) * size / bytes_per_second;
            tokio::time::sleep(delay + takes).await;
        }
        if to.write_all(carried).await.is_err() || torn {
            return;
        }
    }
}

/// Waits until something can pass in this direction.
async fn passable(weather: &mut watch::Receiver<Weather>, direction: Direction) {
    let open = |weather: &Weather| match (weather, direction) {
        (Weather::Partition { to_broker, .. }, Direction::ToBroker) => !to_broker,
        (Weather::Partition { to_clients, .. }, Direction::ToClients) => !to_clients,
        (Weather::Fair | Weather::Slow { .. } | Weather::Torn, _) => true,
    };
    // The proxy is going away, and this with it.
    let _ = weather.wait_for(open).await;
}
