//! The broker under load: this program started a second time, as nothing but the broker, so that
//! what it costs can be told from what its clients cost.

use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
};

use axle_broker::{
    app::{App, Sockets, Wishes},
    config::Config,
};
use tokio::sync::{mpsc, oneshot};

use crate::estate::{Estate, EstateError};

/// The argument that makes this program the broker of the configuration file named after it.
pub const BROKER: &str = "--as-broker";

/// A broker's process. Killed when dropped.
#[derive(Debug)]
pub struct BrokerProcess {
    child: Child,
    address: SocketAddr,
}

impl BrokerProcess {
    /// Starts a broker and waits until it listens.
    pub fn start(estate: &Estate) -> Result<Self, EstateError> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(BROKER)
            .arg(estate.config_path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).read_line(&mut line)?;
        }
        let address = line.trim().parse();
        let address = address.map_err(|_| io::Error::other("the broker did not start"))?;
        Ok(Self { child, address })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
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

/// Serves the configuration in `file` until the end of standard input; says on standard output where.
pub async fn serve(file: &Path) -> Result<(), EstateError> {
    let config = Config::load(file)?;
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
