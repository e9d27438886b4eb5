//! An estate: a folder with a throw-away authority, the certificates of a trust and its practices,
//! and a broker's files and data. On the disk of the checkout, never in memory: what is measured
//! ends in a sync. It starts nothing.

use std::{
    fmt::Write as _,
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use axle_broker::{
    app::AppError,
    clock::{Clock, SystemClock},
    config::{Config, ConfigError},
};
use axle_client::{error::ClientError, profile::Profile};
use axle_model::ods::{NotAnOdsCode, OdsCode};
use axle_pki::issue::{Authority, IssueError, Request};
use axle_store::{StoreError, embedded::OpenError};
use tempfile::TempDir;
use thiserror::Error;

use crate::documents;

/// The trust that sends.
pub const TRUST: &str = "RR8";
/// Certificates live this long.
const DAYS: u32 = 2;

/// Why the stage could not be set.
#[derive(Debug, Error)]
pub enum EstateError {
    /// A file could not be read or written.
    #[error("reading or writing files: {0}")]
    Files(#[from] io::Error),
    /// A certificate could not be made.
    #[error(transparent)]
    Certificates(#[from] IssueError),
    /// The estate's own configuration is refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The broker could not be started, or ended other than asked.
    #[error(transparent)]
    Broker(#[from] AppError),
    /// A client could not be made.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// There are more practices than codes for them.
    #[error(transparent)]
    Code(#[from] NotAnOdsCode),
    /// What a load begins with failed.
    #[error("{what}: {error}")]
    Beginning {
        /// What was tried.
        what: String,
        /// Why it failed.
        error: ClientError,
    },
    /// What was asked for cannot be had.
    #[error("{0}")]
    Wish(String),
    /// Latencies cannot be kept.
    #[error("keeping latencies: {0}")]
    Latencies(#[from] hdrhistogram::CreationError),
    /// The store could not be filled.
    #[error("filling the store: {0}")]
    Store(#[from] StoreError),
    /// The store could not be opened to be filled.
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// A folder with everything a broker and its clients need. Removed when dropped.
#[derive(Debug)]
pub struct Estate {
    folder: TempDir,
    practices: Vec<OdsCode>,
    mailboxes: usize,
}

/// A mailbox of an estate: one practice's, for one workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// The practice's place among the estate's.
    pub practice: usize,
    /// The practice.
    pub recipient: OdsCode,
    /// The workflow's name.
    pub workflow: String,
}

impl Estate {
    /// An estate in a new folder within `parent`, with `mailboxes` spread evenly over `practices`.
    pub fn new(parent: &Path, practices: usize, mailboxes: usize) -> Result<Self, EstateError> {
        fs::create_dir_all(parent)?;
        let folder = tempfile::Builder::new()
            .prefix("estate-")
            .tempdir_in(parent)?;
        let codes =
            (0..practices).map(|number| OdsCode::parse(&format!("P{:05}", 81_000 + number)));
        let estate = Self {
            folder,
            practices: codes.collect::<Result<_, _>>()?,
            mailboxes,
        };
        estate.certificates()?;
        fs::write(estate.path().join("directory.toml"), estate.directory())?;
        fs::write(estate.path().join("routing.toml"), estate.routing())?;
        fs::write(estate.config_path(), CONFIGURATION)?;
        Ok(estate)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The broker's configuration file.
    pub fn config_path(&self) -> PathBuf {
        self.path().join("broker.toml")
    }

    /// Where the broker keeps its documents, unless it is told otherwise.
    pub fn store_path(&self) -> PathBuf {
        self.path().join("data")
    }

    /// The broker's configuration, read.
    pub fn config(&self) -> Result<Config, EstateError> {
        let text = fs::read_to_string(self.config_path())?;
        // Nothing of this process's environment.
        Ok(Config::parse(&self.config_path(), &text, [])?)
    }

    /// The practices.
    pub fn practices(&self) -> &[OdsCode] {
        &self.practices
    }

    /// How many mailboxes there are.
    pub const fn mailboxes(&self) -> usize {
        self.mailboxes
    }

    /// A mailbox by its number; the numbers go round the practices.
    pub fn mailbox(&self, number: usize) -> Mailbox {
        let practice = number % self.practices.len();
        Mailbox {
            practice,
            recipient: self.practices[practice],
            workflow: documents::workflow_name(number / self.practices.len()),
        }
    }

    /// How `who`, an ODS code, reaches a broker at `address`.
    pub fn profile(&self, who: &str, address: SocketAddr) -> Profile {
        let file = |name: String| self.path().join("pki").join(name);
        Profile {
            broker: format!("https://{address}"),
            server_name: None,
            ca: file("ca.pem".to_owned()),
            certificate: file(format!("{who}.pem")),
            key: file(format!("{who}.key")),
        }
    }

    /// Adds a mailbox for each of so many practices that never collect, and have no certificate.
    pub fn add_absent(&self, practices: usize) -> Result<Vec<OdsCode>, EstateError> {
        let codes = (0..practices).map(|number| OdsCode::parse(&format!("Q{number:05}")));
        let codes: Vec<OdsCode> = codes.collect::<Result<_, _>>()?;
        let mut text = self.directory();
        for code in &codes {
            // Writing to a String cannot fail.
            let _ = write!(text, "[[mailbox]]\norganisation = \"{code}\"\n\n");
        }
        fs::write(self.path().join("directory.toml"), text)?;
        Ok(codes)
    }

    /// Gives the broker's store a key.
    pub fn encrypt(&self) -> io::Result<()> {
        let key: [u8; 32] = rand::random();
        let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        fs::write(self.path().join("store.key"), digits)?;
        let text = CONFIGURATION.replace("[store]\n", "[store]\nkey_file = \"store.key\"\n");
        fs::write(self.config_path(), text)
    }

    fn certificates(&self) -> Result<(), EstateError> {
        let now = SystemClock.now();
        let authority = Authority::init(&self.path().join("pki"), "Axle measures", now)?;
        let broker = Request {
            server_names: vec!["127.0.0.1".to_owned(), "localhost".to_owned()],
            days: DAYS,
            ..Request::default()
        };
        authority.issue("broker", &broker, now)?;
        let trust = OdsCode::parse(TRUST)?;
        for &organisation in [trust].iter().chain(&self.practices) {
            let request = Request {
                organisation: Some(organisation),
                days: DAYS,
                ..Request::default()
            };
            authority.issue(organisation.as_str(), &request, now)?;
        }
        Ok(())
    }

    fn directory(&self) -> String {
        let mut text = String::new();
        for number in 0..self.mailboxes {
            let Mailbox {
                recipient,
                workflow,
                ..
            } = self.mailbox(number);
            // Writing to a String cannot fail.
            let _ = write!(
                text,
                "[[mailbox]]\norganisation = \"{recipient}\"\nworkflow = \"{workflow}\"\n\n"
            );
        }
        text
    }

    fn routing(&self) -> String {
        let mut text = String::from("version = 1\n\n");
        for number in 0..self.mailboxes.div_ceil(self.practices.len()) {
            let workflow = documents::workflow_name(number);
            // Writing to a String cannot fail.
            let _ = write!(text, "[[workflow]]\nid = \"{workflow}\"\nopaque = true\n\n");
        }
        text + "[[allow]]\nsender = [\"RR8\"]\nworkflow = \"*\"\nrecipient = \"*\"\n"
    }
}

/// The folder for what is measured within this checkout: on its disk, out of version control.
pub fn default_parent() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/measures")
}

const CONFIGURATION: &str = r#"[grpc]
listen = "127.0.0.1:0"

[tls]
certificate = "pki/broker.pem"
key = "pki/broker.key"
client_ca = "pki/ca.pem"
crl = ["pki/crl.pem"]

[store]
directory = "data"

[limits]
drain_seconds = 2

[log]
format = "text"
filter = "warn"
"#;
