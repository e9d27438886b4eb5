//! The application: the only file that knows every part. It wires them, starts them, and stops them
//! in the order that loses nothing: no new documents, leases settle, connections end, the store
//! closes last.

mod activity;
mod demographics;
mod memory;
mod organisations;
mod probe;
mod reload;
mod store;

use std::{
    fmt, io,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use axle_pki::trust::{ServerTrust, UnusableFiles};
use axle_proto::v1::{
    admin_service_server::AdminServiceServer, collection_service_server::CollectionServiceServer,
    submission_service_server::SubmissionServiceServer,
};
use axle_store::{
    Store as _,
    embedded::{Embedded, OpenError},
};
use thiserror::Error;
use tokio::{
    net::TcpListener,
    sync::{Notify, mpsc, oneshot},
    task::{JoinError, JoinHandle},
};
use tonic::transport::{Server, server::Router};
use tonic_health::server::HealthReporter;

use self::organisations::RegisterFiles;
use crate::{
    clock::{Clock, SteadyClock, SystemClock},
    config::{Config, ConfigError},
    demographics::Demographics,
    doors::{
        grpc::{AdminDoor, CollectionDoor, ForeignLayer, Streams, SubmissionDoor},
        health,
        tls::{TlsDoor, TlsLimits},
    },
    engine::Engine,
    metrics::Metrics,
    service,
};

/// The broker as it is deployed: the embedded store and the steady clock.
type Broker = Engine<Embedded, SteadyClock>;

/// How soon it is noticed that the store has stopped.
const STORE_TICK: Duration = Duration::from_millis(500);
/// How soon a drain looks whether the streams have ended.
const DRAIN_TICK: Duration = Duration::from_millis(50);
/// HTTP/2 windows: one stream's, and one connection's. Fixed; the adaptive window can stall.
const WINDOW_BYTES: (u32, u32) = (1024 * 1024, 8 * 1024 * 1024);
/// What a client may send at once: a document in one frame, not cut at the customary 16 KiB.
const FRAME_BYTES_MAX: u32 = 64 * 1024;

/// Why the broker could not be started, or ended other than asked.
#[derive(Debug, Error)]
pub enum AppError {
    /// A file of the configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The certificates cannot be used.
    #[error(transparent)]
    Trust(#[from] UnusableFiles),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The time cannot be noted beside the store.
    #[error("keeping the time in {path}: {source}")]
    Clock {
        /// Where.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// An address cannot be listened on.
    #[error("listening on {address}: {source}; is another broker running there?")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The store stopped taking changes; only a new start, which recovers it, helps.
    #[error("the store stopped for safety: {0}; start the broker again, which recovers it")]
    StoreStopped(String),
    /// The gRPC server ended by itself.
    #[error("the gRPC server ended: {0}")]
    Server(String),
}

/// Sockets to serve on; bound by the caller, so that a test can choose any port.
#[derive(Debug)]
pub struct Sockets {
    grpc: TcpListener,
    http: Option<TcpListener>,
}

/// What an operator asks of a running broker.
#[derive(Debug)]
pub struct Wishes {
    /// Resolves when it is to stop.
    pub stop: oneshot::Receiver<()>,
    /// Yields when it is to read its files again.
    pub reload: mpsc::Receiver<()>,
}

/// A broker that is wired up and not yet serving.
pub struct App {
    config: Config,
    engine: Arc<Broker>,
    clock: SteadyClock,
    trust: Arc<ServerTrust>,
    door: TlsDoor,
    streams: Streams,
    metrics: Arc<Metrics>,
    demographics: Option<Arc<dyn Demographics>>,
    demographics_due: Notify,
    register: RegisterFiles,
    reload_successful: AtomicBool,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("config", &self.config.file)
            .finish_non_exhaustive()
    }
}

/// Serves what `config` says until `wishes.stop`.
pub async fn serve(config: Config, wishes: Wishes) -> Result<(), AppError> {
    let app = App::open(config)?;
    let sockets = Sockets::bind(&app.config).await?;
    app.run(sockets, wishes).await
}

impl Sockets {
    /// Listens on the addresses of the configuration.
    pub async fn bind(config: &Config) -> Result<Self, AppError> {
        let listen = async |address: SocketAddr| {
            TcpListener::bind(address)
                .await
                .map_err(|source| AppError::Listen { address, source })
        };
        let http = match &config.http {
            Some(http) => Some(listen(http.listen).await?),
            None => None,
        };
        Ok(Self {
            grpc: listen(config.grpc.listen).await?,
            http,
        })
    }

    /// The address of the gRPC door.
    pub fn grpc_address(&self) -> io::Result<SocketAddr> {
        self.grpc.local_addr()
    }

    /// The address of the door of health and metrics.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http.as_ref()?.local_addr().ok()
    }
}

impl App {
    /// Reads every file and opens the store. Blocks while it does.
    pub fn open(config: Config) -> Result<Self, AppError> {
        memory::use_small_pages();
        let (register, in_force) = RegisterFiles::open(config.routing.organisations.clone())?;
        let view = reload::view_of(&config, in_force)?;
        // Certificates are held against the wall clock, also at each handshake.
        let trust = Arc::new(ServerTrust::load(config.tls.clone(), SystemClock.now())?);
        let store = store::open(&config)?;
        let path = config.store.directory.join("CLOCK");
        let clock = SteadyClock::begin(&path, store.newest_time())
            .map_err(|source| AppError::Clock { path, source })?;
        let metrics = Arc::new(Metrics::default());
        let demographics = demographics::open(&config, clock.now())?;
        let mut engine = Engine::new(Arc::new(store), clock.clone(), view, Arc::clone(&metrics));
        if let Some(demographics) = &demographics {
            engine = engine.with_demographics(Arc::clone(demographics));
        }
        let engine = Arc::new(engine);
        let door = TlsDoor::new(
            Arc::clone(&trust),
            TlsLimits {
                handshake_seconds: config.limits.handshake.as_secs(),
                connections_max: config.limits.connections_max,
                connections_per_address_max: config.limits.connections_max,
            },
        );
        let app = Self {
            config,
            engine,
            clock,
            trust,
            door,
            streams: Streams::default(),
            metrics,
            demographics,
            demographics_due: Notify::new(),
            register,
            reload_successful: AtomicBool::new(true),
        };
        app.resume_activity();
        Ok(app)
    }

    /// Serves until asked to stop, then drains and closes.
    pub async fn run(self, sockets: Sockets, mut wishes: Wishes) -> Result<(), AppError> {
        let address = sockets.grpc.local_addr().ok();
        let app = Arc::new(self);
        let timekeeper = tokio::spawn({
            let (engine, clock) = (Arc::clone(&app.engine), app.clock.clone());
            async move { tokio::join!(engine.keep_time(), clock.keep()) }
        });
        let lookout = tokio::spawn({
            let app = Arc::clone(&app);
            async move {
                tokio::join!(
                    app.engine.keep_watch(),
                    app.keep_activity(),
                    app.keep_demographics(),
                    app.keep_register()
                )
            }
        });
        let (health, server) = app.server().await;
        let (closing, close) = oneshot::channel::<()>();
        let incoming = app.door.accept(sockets.grpc, std::future::pending());
        let mut serving = tokio::spawn(server.serve_with_incoming_shutdown(incoming, async {
            let _ = close.await;
        }));
        let (http_closing, http_close) = oneshot::channel::<()>();
        let http = sockets.http.map(|listener| {
            let closed = async { drop(http_close.await) };
            tokio::spawn(health::serve(listener, Arc::clone(&app), closed))
        });
        tracing::info!(address = address.map(tracing::field::display), "serving");
        service::ready();
        let ended = loop {
            tokio::select! {
                ended = &mut serving => break Some(server_ended(ended)),
                why = app.store_stops() => break Some(Err(AppError::StoreStopped(why))),
                _ = &mut wishes.stop => break None,
                Some(()) = wishes.reload.recv() => app.reload().await,
            }
        };
        if ended.is_none() {
            app.drain(&health).await;
            let _ = closing.send(());
            app.await_server(&mut serving).await;
        }
        serving.abort();
        timekeeper.abort();
        lookout.abort();
        app.save_activity().await;
        drop(http_closing);
        if let Some(http) = http {
            let _ = http.await;
        }
        if let Err(error) = app.engine.store().close().await {
            tracing::error!(%error, "the store did not close in good order; the next start recovers it");
        }
        tracing::info!("stopped");
        ended.unwrap_or(Ok(()))
    }

    /// Resolves once the store has stopped, with why.
    async fn store_stops(&self) -> String {
        let mut tick = tokio::time::interval(STORE_TICK);
        loop {
            tick.tick().await;
            if let Some(why) = self.engine.store().health().stopped {
                return why;
            }
        }
    }

    async fn server(
        &self,
    ) -> (
        HealthReporter,
        Router<tower::layer::util::Stack<ForeignLayer, tower::layer::util::Identity>>,
    ) {
        let limits = &self.config.limits;
        let bytes_max = axle_proto::MESSAGE_BYTES_MAX;
        let submission = SubmissionDoor::new(Arc::clone(&self.engine), self.streams.clone());
        let collection = CollectionDoor::new(Arc::clone(&self.engine), self.streams.clone());
        let admin = AdminDoor::new(Arc::clone(&self.engine), self.streams.clone());
        let submission =
            SubmissionServiceServer::new(submission).max_decoding_message_size(bytes_max);
        let collection =
            CollectionServiceServer::new(collection).max_decoding_message_size(bytes_max);
        let admin = AdminServiceServer::new(admin).max_decoding_message_size(bytes_max);
        let (health, health_service) = tonic_health::server::health_reporter();
        set_health(&health, tonic_health::ServingStatus::Serving).await;
        let reflection = self.config.grpc.reflection.then(|| {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(axle_proto::DESCRIPTORS)
                .build_v1()
        });
        let server = Server::builder()
            .layer(ForeignLayer)
            .timeout(limits.request + self.engine.view().limits.wait_max)
            .initial_stream_window_size(WINDOW_BYTES.0)
            .initial_connection_window_size(WINDOW_BYTES.1)
            .max_frame_size(FRAME_BYTES_MAX)
            .max_concurrent_streams(limits.streams_per_connection_max)
            .max_connection_age(limits.connection_age)
            .max_connection_age_grace(limits.drain)
            .http2_keepalive_interval(Some(Duration::from_secs(30)))
            .http2_keepalive_timeout(Some(Duration::from_secs(10)))
            .http2_max_header_list_size(16 * 1024)
            .http2_max_pending_accept_reset_streams(Some(20))
            .add_service(submission)
            .add_service(collection)
            .add_service(admin)
            .add_service(health_service)
            .add_optional_service(reflection.and_then(Result::ok));
        (health, server)
    }

    /// No new documents, no new leases; then as long as the limit allows for what is leased on open
    /// streams to be settled there.
    async fn drain(&self, health: &HealthReporter) {
        tracing::info!("draining");
        service::stopping();
        set_health(health, tonic_health::ServingStatus::NotServing).await;
        self.engine.drain();
        let settled = async {
            while !self.streams.is_idle() {
                tokio::time::sleep(DRAIN_TICK).await;
            }
        };
        if tokio::time::timeout(self.config.limits.drain, settled)
            .await
            .is_err()
        {
            tracing::warn!("streams were still open at the end of the drain; their leases run on");
        }
    }

    async fn await_server(&self, serving: &mut JoinHandle<Result<(), tonic::transport::Error>>) {
        if tokio::time::timeout(self.config.limits.drain, &mut *serving)
            .await
            .is_err()
        {
            tracing::warn!("connections were still open at the end of the drain; they are cut");
            serving.abort();
        }
    }
}

fn server_ended(
    ended: Result<Result<(), tonic::transport::Error>, JoinError>,
) -> Result<(), AppError> {
    let ended = ended.map_err(|error| AppError::Server(error.to_string()))?;
    ended.map_err(|error| AppError::Server(error.to_string()))
}

async fn set_health(health: &HealthReporter, status: tonic_health::ServingStatus) {
    let services = [
        "axle.v1.SubmissionService",
        "axle.v1.CollectionService",
        "axle.v1.AdminService",
        "",
    ];
    for name in services {
        health.set_service_status(name, status).await;
    }
}
