//! Which connections exist: counted for the limits, kept by serial number so that a revocation finds
//! them. It holds no sockets.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::oneshot;

/// What became of the connections since the door was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TlsCounts {
    /// Handshakes that succeeded.
    pub accepted: u64,
    /// Handshakes that failed: no certificate, one that is not trusted, or no TLS at all.
    pub refused: u64,
    /// Handshakes that were not over in time.
    pub timed_out: u64,
    /// Connections closed before the handshake because a limit was reached.
    pub turned_away: u64,
    /// Connections open now, after their handshake.
    pub open: u64,
}

/// How a handshake ended.
#[derive(Clone, Copy)]
pub(super) enum Outcome {
    Accepted,
    Refused,
    TimedOut,
}

/// All connections of a door.
pub(super) struct Registry {
    connections_max: usize,
    connections_per_address_max: usize,
    connections: Mutex<Connections>,
    accepted: AtomicU64,
    refused: AtomicU64,
    timed_out: AtomicU64,
    turned_away: AtomicU64,
}

#[derive(Default)]
struct Connections {
    admitted: usize,
    by_address: HashMap<IpAddr, usize>,
    next_id: u64,
    /// By serial number, then by permit: how to tell an open connection to close.
    open: HashMap<String, HashMap<u64, oneshot::Sender<()>>>,
}

/// The right of one connection to exist, from before its handshake to its end.
pub(super) struct Permit {
    registry: Arc<Registry>,
    address: IpAddr,
    id: u64,
    /// Empty until the connection is registered.
    serial: String,
}

impl Registry {
    pub(super) fn new(connections_max: usize, connections_per_address_max: usize) -> Arc<Self> {
        Arc::new(Self {
            connections_max,
            connections_per_address_max,
            connections: Mutex::default(),
            accepted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            timed_out: AtomicU64::new(0),
            turned_away: AtomicU64::new(0),
        })
    }

    /// A permit for one more connection from `address`, unless a limit is reached.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Permit> {
        // An IPv4 client on a dual-stack socket is the same client.
        let address = address.to_canonical();
        let mut connections = self.lock();
        let here = connections.by_address.get(&address).copied().unwrap_or(0);
        if connections.admitted >= self.connections_max || here >= self.connections_per_address_max
        {
            self.turned_away.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        connections.admitted += 1;
        connections.by_address.insert(address, here + 1);
        connections.next_id += 1;
        Some(Permit {
            registry: Arc::clone(self),
            address,
            id: connections.next_id,
            serial: String::new(),
        })
    }

    /// Tells every open connection made with this certificate to close, and says how many there were.
    pub(super) fn close(&self, serial: &str) -> usize {
        let closing = self.lock().open.remove(serial).unwrap_or_default();
        closing
            .into_values()
            .filter_map(|connection| connection.send(()).ok())
            .count()
    }

    pub(super) fn counts(&self) -> TlsCounts {
        let open = self.lock().open.values().map(HashMap::len).sum::<usize>();
        TlsCounts {
            accepted: self.accepted.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            timed_out: self.timed_out.load(Ordering::Relaxed),
            turned_away: self.turned_away.load(Ordering::Relaxed),
            open: open as u64,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        // No step under this lock can panic half-way, so a poisoned one is still right.
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// Notes how the handshake ended.
    pub(super) fn count(&self, outcome: Outcome) {
        let counter = match outcome {
            Outcome::Accepted => &self.registry.accepted,
            Outcome::Refused => &self.registry.refused,
            Outcome::TimedOut => &self.registry.timed_out,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Enters the connection under its certificate's serial number. What is returned completes when
    /// the connection must close.
    pub(super) fn register(&mut self, serial: String) -> oneshot::Receiver<()> {
        let (close, closing) = oneshot::channel();
        self.serial.clone_from(&serial);
        let mut connections = self.registry.lock();
        let same = connections.open.entry(serial).or_default();
        same.insert(self.id, close);
        closing
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut connections = self.registry.lock();
        connections.admitted = connections.admitted.saturating_sub(1);
        if let Entry::Occupied(mut here) = connections.by_address.entry(self.address) {
            *here.get_mut() -= 1;
            if *here.get() == 0 {
                here.remove();
            }
        }
        if let Some(same) = connections.open.get_mut(&self.serial) {
            same.remove(&self.id);
            if same.is_empty() {
                connections.open.remove(&self.serial);
            }
        }
    }
}
