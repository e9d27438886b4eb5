//! A broker in this process: the real application on real sockets, started in one line and stopped by
//! dropping it. What only a process can show (signals, kill -9, logs) is for `process`.

use std::{fs, path::Path};

use axle_broker::{
    app::{App, AppError, Sockets, Wishes},
    config::Config,
};
use axle_client::connection::Client;
use axle_core::totals::Totals;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::{
    estate::{Estate, OPERATOR},
    raw::Raw,
    wait,
};

/// A broker with an estate of its own.
pub struct TestBroker {
    estate: Estate,
    running: Option<Running>,
}

struct Running {
    stop: oneshot::Sender<()>,
    reload: mpsc::Sender<()>,
    ended: JoinHandle<Result<(), AppError>>,
}

impl TestBroker {
    /// A broker that serves.
    pub async fn start() -> Self {
        Self::start_with(Estate::new()).await
    }

    /// A broker that serves this estate.
    pub async fn start_with(estate: Estate) -> Self {
        let running = Some(run(&estate).await);
        Self { estate, running }
    }

    /// Its certificates and files.
    pub fn estate(&self) -> &Estate {
        &self.estate
    }

    /// A client with the certificate of this organisation.
    pub fn client(&self, ods: &str) -> Client {
        self.estate.client(ods)
    }

    /// A client with an operator's certificate.
    pub fn operator(&self) -> Client {
        self.estate.client(OPERATOR)
    }

    /// The generated clients, without the SDK's help, with the certificate of `who`.
    pub fn raw(&self, who: &str) -> Raw {
        Raw::of(&self.estate.profile(who))
    }

    /// Asks for a stop, as SIGTERM does, without waiting for it.
    pub fn ask_to_stop(&mut self) -> JoinHandle<Result<(), AppError>> {
        let running = self.running.take().expect("a running broker");
        running.stop.send(()).expect("a broker that listens");
        running.ended
    }

    /// Stops gracefully.
    pub async fn stop(&mut self) {
        let ended = wait::soon("the broker to stop", self.ask_to_stop()).await;
        ended
            .expect("no panic in the broker")
            .expect("a graceful end");
    }

    /// Starts again after a stop, on the same ports.
    pub async fn start_again(&mut self) {
        self.running = Some(run(&self.estate).await);
    }

    /// Stops and starts again.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.start_again().await;
    }

    /// Stops, has the whole store read, and starts again: how many deliveries there were and how they
    /// ended.
    ///
    /// # Panics
    /// When a record is damaged, or the equation of the ledger does not hold.
    pub async fn books(&mut self) -> Totals {
        self.stop().await;
        let report =
            axle_store::embedded::verify(&self.estate.data(), None).expect("a readable store");
        assert!(report.is_sound(), "{report}");
        self.start_again().await;
        report.totals
    }

    /// Has the broker read its files again, as SIGHUP does; not finished when it returns.
    pub async fn reload(&self) {
        let running = self.running.as_ref().expect("a running broker");
        running
            .reload
            .send(())
            .await
            .expect("a broker that listens");
    }

    /// The metrics as a scraper sees them.
    pub async fn metrics(&self) -> String {
        get(self.estate.http_port(), "/metrics")
            .await
            .unwrap_or_default()
    }
}

async fn run(estate: &Estate) -> Running {
    let file = estate.path().join("broker.toml");
    let config = configuration(&file);
    // The task that accepted for the broker before may let go of its port a moment after the broker ended.
    let free = async || Sockets::bind(&config).await.ok();
    let sockets = wait::until("the ports to be free", free).await;
    let opened = tokio::task::spawn_blocking(|| App::open(config)).await;
    let app = opened
        .expect("no panic in the broker")
        .expect("a usable estate");
    let (stop, stopping) = oneshot::channel();
    let (reload, reloading) = mpsc::channel(1);
    let wishes = Wishes {
        stop: stopping,
        reload: reloading,
    };
    let ended = tokio::spawn(app.run(sockets, wishes));
    Running {
        stop,
        reload,
        ended,
    }
}

fn configuration(file: &Path) -> Config {
    let text = fs::read_to_string(file).expect("a configuration");
    // Nothing of this process's environment.
    Config::parse(file, &text, []).expect("a usable configuration")
}

/// What the door of health and metrics answers; `None` when nobody does, or not with 200.
pub async fn get(port: u16, path: &str) -> Option<String> {
    let (status, body) = answer(port, path).await?;
    (status == 200).then_some(body)
}

/// What that door answers, whatever it is: the HTTP status and the text.
pub async fn answer(port: u16, path: &str) -> Option<(u16, String)> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port))
        .await
        .ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?;
    Some((status.parse().ok()?, body.to_owned()))
}
