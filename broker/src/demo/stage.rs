//! The stage: a folder with a throw-away authority, certificates, the broker's files and its store,
//! and the broker itself, on a port of its own.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use axle_client::profile::Profile;
use axle_model::ods::OdsCode;
use axle_pki::issue::{Authority, Request};
use tempfile::TempDir;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use super::{DemoError, Sabotage, script};
use crate::{
    app::{App, AppError, Sockets, Wishes},
    clock::{Clock, SystemClock},
    config::Config,
};

/// Certificates of the demo live this long.
const DAYS: u32 = 7;

/// The demo's broker with all that it needs.
pub(super) struct Stage {
    folder: TempDir,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    // Held so that the broker does not see its end.
    _reload: mpsc::Sender<()>,
    broker: JoinHandle<Result<(), AppError>>,
}

impl Stage {
    /// Makes the certificates and starts the broker.
    pub(super) async fn set(sabotage: Option<Sabotage>) -> Result<Self, DemoError> {
        let folder = tempfile::Builder::new().prefix("axle-demo-").tempdir()?;
        let path = folder.path();
        let authority = certificates(&path.join("pki"))?;
        fs::write(path.join("directory.toml"), directory(sabotage))?;
        fs::write(path.join("routing.toml"), ROUTING)?;
        fs::write(path.join("axle.toml"), configuration(&authority))?;
        let config = Config::load(&path.join("axle.toml"))?;
        let sockets = Sockets::bind(&config).await?;
        let address = sockets.grpc_address()?;
        let app = App::open(config)?;
        let (stop, stopping) = oneshot::channel();
        let (reload, reloading) = mpsc::channel(1);
        let wishes = Wishes {
            stop: stopping,
            reload: reloading,
        };
        let broker = tokio::spawn(app.run(sockets, wishes));
        let stage = Self {
            folder,
            address,
            stop,
            _reload: reload,
            broker,
        };
        for name in [
            script::TRUST,
            script::SURGERY,
            script::HEALTH_CENTRE,
            "operator",
        ] {
            fs::write(stage.profile_path(name), stage.profile(name).to_toml())?;
        }
        Ok(stage)
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How `name` reaches the broker.
    pub(super) fn profile(&self, name: &str) -> Profile {
        let file = |extension: &str| {
            self.folder()
                .join("pki")
                .join(format!("{name}.{extension}"))
        };
        Profile {
            broker: format!("https://{}", self.address),
            server_name: None,
            ca: self.folder().join("pki/ca.pem"),
            certificate: file("pem"),
            key: file("key"),
        }
    }

    /// Where that is written down for the command line.
    pub(super) fn profile_path(&self, name: &str) -> PathBuf {
        self.folder().join(format!("{name}.toml"))
    }

    pub(super) async fn keep_until_interrupted(&self) -> io::Result<()> {
        let mut terminate =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
        }
    }

    /// Stops the broker and removes the folder.
    pub(super) async fn strike(self) -> Result<(), DemoError> {
        let _ = self.stop.send(());
        match self.broker.await {
            Ok(ended) => ended?,
            Err(error) => return Err(AppError::Server(error.to_string()).into()),
        }
        self.folder.close()?;
        Ok(())
    }
}

fn certificates(folder: &Path) -> Result<Authority, DemoError> {
    let now = SystemClock.now();
    let authority = Authority::init(folder, "Axle demo authority", now)?;
    let broker = Request {
        server_names: vec!["127.0.0.1".to_owned(), "localhost".to_owned()],
        days: DAYS,
        ..Request::default()
    };
    authority.issue("broker", &broker, now)?;
    for name in [script::TRUST, script::SURGERY, script::HEALTH_CENTRE] {
        let organisation = OdsCode::parse(name).ok();
        authority.issue(
            name,
            &Request {
                organisation,
                days: DAYS,
                ..Request::default()
            },
            now,
        )?;
    }
    let operator = Request {
        operator: true,
        days: DAYS,
        ..Request::default()
    };
    authority.issue("operator", &operator, now)?;
    Ok(authority)
}

fn configuration(authority: &Authority) -> String {
    format!(
        r#"[grpc]
listen = "127.0.0.1:0"
reflection = true

[tls]
certificate = "pki/broker.pem"
key = "pki/broker.key"
client_ca = "pki/ca.pem"
crl = [{crl:?}]

[store]
directory = "store"
reserve_bytes = 0

[routing]
directory = "directory.toml"
table = "routing.toml"

[limits]
drain_seconds = 2
"#,
        crl = authority.revocations_path()
    )
}

fn directory(sabotage: Option<Sabotage>) -> String {
    let mailbox = |organisation: &str, display: &str| {
        format!("[[mailbox]]\norganisation = {organisation:?}\ndisplay = {display:?}\n\n")
    };
    let mut text = mailbox(script::TRUST, "Northbridge Hospitals")
        + &mailbox(script::SURGERY, "Riverside Surgery")
        + &mailbox(script::HEALTH_CENTRE, "Hilltop Health Centre");
    if sabotage == Some(Sabotage::Admitted) {
        text += &mailbox(script::UNKNOWN, "Nowhere Practice");
    }
    text
}

const ROUTING: &str = r#"version = 1

[defaults]
workflow = "LETTERS"

[[workflow]]
id = "LETTERS"

[[workflow]]
id = "TOC_FHIR_IP_DISCH"

[[class]]
id = "discharge-inpatient"
workflow = "TOC_FHIR_IP_DISCH"
match = { event = ["ITK003D"], type = ["snomed:373942005"] }

[[allow]]
sender = "*"
workflow = "*"
recipient = "*"
"#;
