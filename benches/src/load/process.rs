//! The broker under load: this program started a second time, as nothing but the broker, so that
//! what it costs can be told from what its clients cost.

use std::{
    env,
    io::{self, BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use axle_broker::{
    app::{App, Sockets, Wishes},
    config::Config,
};
use tokio::sync::{mpsc, oneshot};

use crate::estate::{Estate, EstateError};

/// The argument that makes this program the broker of the configuration file named after it, with the
/// store named after that, and the seconds of retention after that.
const BROKER: &str = "--as-broker";

/// A broker's process. Killed when dropped.
#[derive(Debug)]
pub struct BrokerProcess {
    child: Child,
    address: SocketAddr,
    store: PathBuf,
}

impl BrokerProcess {
    /// Starts a broker on the estate's own store and waits until it listens. It keeps bodies of what is
    /// settled for `retention`, or as long as brokers do.
    pub fn start(estate: &Estate, retention: Option<Duration>) -> Result<Self, EstateError> {
        Self::start_on(estate, &estate.store_path(), retention)
    }

    /// The same on the store in the folder `store`.
    pub fn start_on(
        estate: &Estate,
        store: &Path,
        retention: Option<Duration>,
    ) -> Result<Self, EstateError> {
        let mut child = Command::new(env::current_exe()?)
            .arg(BROKER)
            .args([estate.config_path().as_path(), store])
            .args(retention.map(|retention| retention.as_secs().to_string()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).read_line(&mut line)?;
        }
        let address = line.trim().parse();
        let address = address.map_err(|_| io::Error::other("the broker did not start"))?;
        Ok(Self {
            child,
            address,
            store: store.to_owned(),
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The folder of its store.
    pub fn store(&self) -> &Path {
        &self.store
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(mut self) -> Result<(), EstateError> {
        // The end of its input is its sign.
        drop(self.child.stdin.take());
        let ended = self.child.wait()?;
        let failed = || io::Error::other(format!("the broker ended with {ended}"));
        if ended.success() {
            Ok(())
        } else {
            Err(failed().into())
        }
    }
}

impl Drop for BrokerProcess {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves until the end of standard input, if this process was started to be a broker: how that ended.
pub async fn serve_if_asked() -> Option<Result<(), EstateError>> {
    let mut arguments = env::args_os().skip(1);
    if arguments.next()? != BROKER {
        return None;
    }
    let (file, store) = (arguments.next()?, arguments.next()?);
    let retention = arguments
        .next()
        .and_then(|text| text.to_str()?.parse().ok());
    Some(
        serve(
            Path::new(&file),
            store.into(),
            retention.map(Duration::from_secs),
        )
        .await,
    )
}

/// Says on standard output where it listens, once it does.
async fn serve(
    file: &Path,
    store: PathBuf,
    retention: Option<Duration>,
) -> Result<(), EstateError> {
    let mut config = Config::load(file)?;
    config.store.directory = store;
    config.store.body_retention = retention.unwrap_or(config.store.body_retention);
    let sockets = Sockets::bind(&config).await?;
    let address = sockets.grpc_address()?;
    let app = App::open(config)?;
    let (stopping, stop) = oneshot::channel();
    let (_reloading, reload) = mpsc::channel(1);
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = stopping.send(());
    });
    writeln!(io::stdout(), "{address}")?;
    Ok(app.run(sockets, Wishes { stop, reload }).await?)
}
