//! An estate: a folder with an authority, the certificates it issues on demand, and a broker's
//! configuration, directory and routing table. It starts nothing.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    sync::Mutex,
};

use axle_client::{connection::Client, profile::Profile};
use axle_model::time::Timestamp;
use axle_pki::issue::{Authority, Issued, Request};
use axle_proto::v1::LeaseDeliveriesRequest;
use tempfile::TempDir;

use crate::{
    documents::{now, ods},
    workspace,
};

/// The organisations of an estate. Two trusts send; two practices collect; one mailbox is closed.
pub const TRUST: &str = "RR8";
/// Another trust.
pub const OTHER_TRUST: &str = "RBA";
/// A practice.
pub const PRACTICE: &str = "K81003";
/// Another practice.
pub const OTHER_PRACTICE: &str = "A83008";
/// A practice whose mailbox is closed.
pub const CLOSED_PRACTICE: &str = "A83627";
/// The name of the operator's certificate.
pub const OPERATOR: &str = "operator";

/// A key for a store.
pub const STORE_KEY: &str = "5c0f1b8e6d2a49c7b3e1f08a7d6c5b4a392817f6e5d4c3b2a1908f7e6d5c4b3a\n";

/// The mailboxes of a new estate.
pub const DIRECTORY: &str = r#"
[[mailbox]]
organisation = "K81003"
display = "Riverside Surgery"

[[mailbox]]
organisation = "K81003"
workflow = "PATHOLOGY"
display = "Riverside Surgery, results"

[[mailbox]]
organisation = "A83008"
display = "Market Place Practice"

[[mailbox]]
organisation = "A83627"
display = "The Old Surgery"
status = "closed"
"#;

/// The routing table of a new estate. `FRAGILE` gives up after two offers, `OPAQUE` carries anything.
pub const ROUTING: &str = r#"
version = 7

[defaults]
workflow = "LETTERS"

[[workflow]]
id = "LETTERS"

[[workflow]]
id = "TOC_FHIR_IP_DISCH"

[[workflow]]
id = "PATHOLOGY"

[[workflow]]
id = "OPAQUE"
opaque = true

[[workflow]]
id = "FRAGILE"
attempts_max = 2
retry_base_seconds = 1

[[class]]
id = "discharge"
workflow = "TOC_FHIR_IP_DISCH"
match = { event = ["ITK003D"], type = ["snomed:373942005"] }

[[allow]]
sender = ["RR8", "RBA"]
workflow = "*"
recipient = "*"
"#;

/// A folder with everything a broker and its clients need. Removed when dropped.
pub struct Estate {
    folder: TempDir,
    authority: Mutex<Authority>,
    ports: (u16, u16),
}

impl Estate {
    /// An estate with the files above and two ports that nobody listens on.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let pki = folder.path().join("pki");
        let authority = Authority::init(&pki, "tests", now()).expect("an authority");
        let request = Request {
            server_names: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
            days: 2,
            ..Request::default()
        };
        authority
            .issue("broker", &request, now())
            .expect("the broker's certificate");
        let estate = Self {
            folder,
            authority: Mutex::new(authority),
            ports: free_ports(),
        };
        estate.write("directory.toml", DIRECTORY);
        estate.write("routing.toml", ROUTING);
        estate.write("broker.toml", &estate.configuration());
        estate
    }

    /// An estate whose broker is configured as the example in `deploy` is, but for its addresses, its
    /// certificates and its store.
    pub fn as_shipped() -> Self {
        let estate = Self::new();
        let deploy = workspace::root().join("deploy");
        for entry in fs::read_dir(&deploy).expect("the folder deploy") {
            let path = entry.expect("an entry").path();
            if path.is_file() {
                let name = path.file_name().expect("a name");
                fs::copy(&path, estate.path().join(name)).expect("a copy");
            }
        }
        let text = fs::read_to_string(deploy.join("axle.toml")).expect("the example");
        let mut shipped: toml::Table = text.parse().expect("an example that can be read");
        let own: toml::Table = estate.configuration().parse().expect("our own");
        for (section, keys) in own {
            let keys = keys.as_table().expect("a section").clone();
            let theirs = shipped
                .entry(section)
                .or_insert_with(|| toml::Table::new().into());
            theirs.as_table_mut().expect("a section").extend(keys);
        }
        estate.write("broker.toml", &shipped.to_string());
        estate
    }

    /// Sets a key of the broker's configuration.
    pub fn configure(&self, section: &str, key: &str, value: impl Into<toml::Value>) {
        let text = fs::read_to_string(self.path().join("broker.toml")).expect("a configuration");
        let mut whole: toml::Table = text.parse().expect("one that can be read");
        let section = whole
            .entry(section)
            .or_insert_with(|| toml::Table::new().into());
        let section = section.as_table_mut().expect("a section");
        section.insert(key.to_owned(), value.into());
        self.write("broker.toml", &whole.to_string());
    }

    /// Gives the broker's store a key, in the file `store.key`.
    pub fn encrypt(&self) {
        self.write("store.key", STORE_KEY);
        self.configure("store", "key_file", "store.key");
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the folder.
    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).expect("a file that can be written");
    }

    /// The folder of the store.
    pub fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// The port of the broker's gRPC door.
    pub fn grpc_port(&self) -> u16 {
        self.ports.0
    }

    /// The port of the broker's door of health and metrics.
    pub fn http_port(&self) -> u16 {
        self.ports.1
    }

    /// The text of the broker's configuration.
    pub fn configuration(&self) -> String {
        let (grpc, http) = self.ports;
        format!(
            r#"[grpc]
listen = "127.0.0.1:{grpc}"
reflection = true
[http]
listen = "127.0.0.1:{http}"
[tls]
certificate = "pki/broker.pem"
key = "pki/broker.key"
client_ca = "pki/ca.pem"
crl = ["pki/crl.pem"]
[store]
directory = "data"
reserve_bytes = 0
[limits]
drain_seconds = 10
[log]
filter = "debug,h2=info,sled=info,hyper=info,tower=info,rustls=info"
"#
        )
    }

    /// The authority's certificate.
    pub fn authority_certificate(&self) -> PathBuf {
        self.path().join("pki/ca.pem")
    }

    /// Issues a certificate under `name`, valid from now on.
    pub fn issue(&self, name: &str, request: &Request) -> Issued {
        self.issue_at(name, request, now())
    }

    /// Issues a certificate under `name`, valid from then on.
    pub fn issue_at(&self, name: &str, request: &Request, time: Timestamp) -> Issued {
        let authority = self.authority.lock().expect("nobody panicked here");
        authority.issue(name, request, time).expect("a certificate")
    }

    /// Revokes the certificate that was issued under `name`.
    pub fn revoke(&self, name: &str) {
        let authority = self.authority.lock().expect("nobody panicked here");
        let path = self.path().join(format!("pki/{name}.pem"));
        let path = path.to_str().expect("a plain path");
        authority.revoke(path, now()).expect("a revocation");
    }

    /// A profile with the certificate of `who`, an ODS code or [`OPERATOR`], issued when first asked
    /// for.
    pub fn profile(&self, who: &str) -> Profile {
        if !self.path().join(format!("pki/{who}.pem")).exists() {
            let operator = who == OPERATOR;
            let request = Request {
                organisation: (!operator).then(|| ods(who)),
                operator,
                days: 2,
                ..Request::default()
            };
            self.issue(who, &request);
        }
        self.profile_of(who)
    }

    /// A profile with the certificate that was issued under `name`.
    pub fn profile_of(&self, name: &str) -> Profile {
        let pki = self.path().join("pki");
        Profile {
            broker: format!("https://127.0.0.1:{}", self.grpc_port()),
            server_name: None,
            ca: self.authority_certificate(),
            certificate: pki.join(format!("{name}.pem")),
            key: pki.join(format!("{name}.key")),
        }
    }

    /// A client with the certificate of `who`.
    pub fn client(&self, who: &str) -> Client {
        Client::connect(&self.profile(who)).expect("a usable profile")
    }
}

impl Default for Estate {
    fn default() -> Self {
        Self::new()
    }
}

/// A wish for one delivery of a mailbox, under a lease of this many seconds, waiting up to ten.
pub fn lease_from(mailbox: &str, lease_seconds: i64) -> LeaseDeliveriesRequest {
    let seconds = |seconds| prost_types::Duration { seconds, nanos: 0 };
    LeaseDeliveriesRequest {
        mailbox: mailbox.to_owned(),
        lease_duration: Some(seconds(lease_seconds)),
        max_deliveries: 1,
        wait: Some(seconds(10)),
        ..LeaseDeliveriesRequest::default()
    }
}

/// Two ports that were free a moment ago, below those the system gives to outgoing connections: a
/// broker that is restarted must find its own free again.
fn free_ports() -> (u16, u16) {
    let listen = || loop {
        let port: u16 = rand::random_range(10_000..30_000);
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
            break listener;
        }
    };
    let port = |listener: &TcpListener| listener.local_addr().expect("an address").port();
    // Both are held until both are known, so they differ.
    let (one, other) = (listen(), listen());
    (port(&one), port(&other))
}
