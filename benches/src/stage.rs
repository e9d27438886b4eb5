//! A broker in this process: the application as it is deployed, on a port of its own.

use std::net::SocketAddr;

use axle_broker::app::{App, AppError, Sockets, Wishes};
use axle_client::connection::Client;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::estate::{Estate, EstateError};

/// A broker that serves an estate.
#[derive(Debug)]
pub struct Stage {
    estate: Estate,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    // Held so that the broker does not see its end.
    _reload: mpsc::Sender<()>,
    broker: JoinHandle<Result<(), AppError>>,
}

impl Stage {
    /// Starts a broker. Blocks while it opens its store.
    pub async fn start(estate: Estate) -> Result<Self, EstateError> {
        let config = estate.config()?;
        let sockets = Sockets::bind(&config).await?;
        let address = sockets.grpc_address()?;
        let app = App::open(config)?;
        let (stop, stopping) = oneshot::channel();
        let (reload, reloading) = mpsc::channel(1);
        let wishes = Wishes {
            stop: stopping,
            reload: reloading,
        };
        Ok(Self {
            estate,
            address,
            stop,
            _reload: reload,
            broker: tokio::spawn(app.run(sockets, wishes)),
        })
    }

    /// What it serves.
    pub const fn estate(&self) -> &Estate {
        &self.estate
    }

    /// A client of it with the certificate of `who`, an ODS code of the estate.
    pub fn client(&self, who: &str) -> Result<Client, EstateError> {
        Ok(Client::connect(&self.estate.profile(who, self.address))?)
    }

    /// Stops it and removes its folder.
    pub async fn stop(self) -> Result<(), EstateError> {
        // It may have ended by itself; then it says why.
        let _ = self.stop.send(());
        match self.broker.await {
            Ok(ended) => Ok(ended?),
            Err(error) => Err(AppError::Server(error.to_string()).into()),
        }
    }
}
