//! The daemon's configuration: one TOML file, overlaid by `AXLE__SECTION__KEY` variables, read whole
//! before anything starts. Everything wrong with it is told at once, each with its file, line and
//! column. It opens no other file than its own and, when asked, the directory's and the routing
//! table's; whether certificates and disks are usable is `check`'s business.

use std::{
    collections::BTreeMap, env, fs, net::SocketAddr, ops::RangeInclusive, path::Path,
    path::PathBuf, time::Duration,
};

use axle_core::{
    answer::Positive,
    directory::Directory,
    table::RoutingTable,
    validate::{Rules, Setting},
};
use axle_pki::trust::ServerFiles;
use serde::Deserialize;
use tracing_subscriber::EnvFilter;

mod answers;
mod demographics;
mod error;
mod reader;
mod store;

pub use demographics::{
    Demographics, DemographicsSource, PatientFileSettings, PatientServiceSettings, ServiceAddress,
};
pub use error::{ConfigError, Flaw};
use reader::{Reader, Section};
pub use store::{KeySource, Store};

/// The largest document that one unary call carries, in bytes: 4 MiB, gRPC's own customary limit.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The daemon's configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it was read from, to be read again at a reload.
    pub file: PathBuf,
    /// The gRPC door.
    pub grpc: Grpc,
    /// The door of health and metrics; none when the section is missing.
    pub http: Option<Http>,
    /// The broker's certificate, its key and whom it trusts.
    pub tls: ServerFiles,
    /// Where documents are kept.
    pub store: Store,
    /// Where the directory and the routing table are.
    pub routing: Routing,
    /// Who is asked for the practice of a patient; nobody when the section is missing.
    pub demographics: Option<Demographics>,
    /// What one caller, or all of them, may use.
    pub limits: Limits,
    /// How strictly documents are checked: the rules as they come, and what `[validation]` sets.
    pub validation: Rules,
    /// Which answers say that all is well.
    pub answers: Positive,
    /// What is logged, and how.
    pub log: Log,
}

/// `[grpc]`: the door of senders, collectors and operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grpc {
    /// Address and port; `0.0.0.0:7443` unless set.
    pub listen: SocketAddr,
    /// Whether callers may ask for the interface's description; no unless set.
    pub reflection: bool,
}

/// `[http]`: plain HTTP for probes and metrics, meant for the machine itself or a private network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// Address and port; `127.0.0.1:7480` unless set.
    pub listen: SocketAddr,
}

/// `[routing]`: where the files are that say who is reached, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routing {
    /// The directory of mailboxes; `directory.toml` unless set.
    pub directory: PathBuf,
    /// The routing table; `routing.toml` unless set.
    pub table: PathBuf,
    /// The register of organisations, a file or a folder; none unless set.
    pub organisations: Option<PathBuf>,
    /// How old the register may become; 7 days unless set.
    pub organisations_age_max: Duration,
}

/// `[limits]`: everything has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a TLS handshake may take; 10 s unless set.
    pub handshake: Duration,
    /// Open connections, of all callers; 10,000 unless set.
    pub connections_max: usize,
    /// Calls at a time on one connection; 100 unless set.
    pub streams_per_connection_max: u32,
    /// Open streams of each kind that one organisation may hold; 100 unless set.
    pub streams_per_organisation_max: usize,
    /// The largest document; 4 MiB unless set, which is also the most that can be set.
    pub body_bytes_max: usize,
    /// The largest document that is uploaded in pieces; 1 GiB unless set.
    pub document_bytes_max: u64,
    /// The largest of those that the broker reads (FHIR); 32 MiB unless set.
    pub fhir_bytes_max: usize,
    /// After how long an upload that nobody adds to is given up; 24 h unless set.
    pub upload_idle: Duration,
    /// Recipients of one submission; 100 unless set.
    pub recipients_max: usize,
    /// How long a call that is not a stream may take; 30 s unless set.
    pub request: Duration,
    /// How long a stop waits for calls and leases to end; 30 s unless set.
    pub drain: Duration,
    /// How old a connection becomes before its caller is asked to connect anew; 1 h unless set.
    pub connection_age: Duration,
}

/// `[log]`: what is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The form; JSON unless set.
    pub format: LogFormat,
    /// What is logged, as `tracing` filters are written (`info,axle_store=debug`); `info` unless set.
    pub filter: String,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line, for machines.
    #[default]
    Json,
    /// One sentence a line, for people.
    Text,
}

impl Config {
    /// Reads the file at `path` and the process's environment.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = read(path)?;
        // A variable that is not Unicode cannot be one of ours: names and values are plain text.
        let variables = env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Self::parse(path, &text, variables)
    }

    /// Reads the text of the file at `path`, overlaid by those of `variables` that begin with
    /// `AXLE__`. Paths in it are relative to the file's folder.
    pub fn parse(
        path: &Path,
        text: &str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(path, text, variables)?;
        // All sections are read before any is missed, so that all problems are told.
        let (grpc, http) = (reader.section("grpc", grpc), reader.optional("http", http));
        let (tls, store) = (
            reader.section("tls", tls),
            reader.section("store", store::store),
        );
        let routing = reader.section("routing", routing);
        let demographics = reader.optional("demographics", demographics::demographics);
        let limits = reader.section("limits", limits);
        let validation = reader.section("validation", validation);
        let answers = reader.section("answers", answers::answers);
        let log = reader.section("log", log);
        reader.finish(|| {
            let limits = limits?;
            let mut validation = validation?;
            validation.body_bytes_max = limits.body_bytes_max;
            Some(Self {
                file: path.to_owned(),
                grpc: grpc?,
                http: http?,
                tls: tls?,
                store: store?,
                routing: routing?,
                demographics: demographics?,
                limits,
                validation,
                answers: answers?,
                log: log?,
            })
        })
    }
}

impl Routing {
    /// Reads the directory and the routing table, or says everything that is wrong with either.
    pub fn load(&self) -> Result<(Directory, RoutingTable), ConfigError> {
        let directory = read(&self.directory).and_then(|text| {
            Directory::parse(&text)
                .map_err(|problems| ConfigError::of(&self.directory, &text, problems))
        });
        let table = read(&self.table).and_then(|text| {
            // The files it names are beside it, unless they say where.
            let folder = self.table.parent().unwrap_or(Path::new(""));
            let mut beside = |name: &str| {
                fs::read_to_string(folder.join(name)).map_err(|error| error.to_string())
            };
            RoutingTable::parse_with(&text, &mut beside)
                .map_err(|problems| ConfigError::of(&self.table, &text, problems))
        });
        match (directory, table) {
            (Ok(directory), Ok(table)) => Ok((directory, table)),
            (Err(one), Err(other)) => Err(one.and(other)),
            (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
        }
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    fs::read_to_string(path)
        .map_err(|error| ConfigError::file(path, format!("cannot be read: {error}")))
}

fn grpc(section: &mut Section<'_, '_>) -> Option<Grpc> {
    let listen = section.address("listen", SocketAddr::from(([0, 0, 0, 0], 7443)));
    let reflection = section.value("reflection", "true or false", false);
    Some(Grpc {
        listen: listen?,
        reflection: reflection?,
    })
}

fn http(section: &mut Section<'_, '_>) -> Option<Http> {
    let listen = section.address("listen", SocketAddr::from(([127, 0, 0, 1], 7480)))?;
    Some(Http { listen })
}

fn tls(section: &mut Section<'_, '_>) -> Option<ServerFiles> {
    let certificate = section.path("certificate", None);
    let key = section.path("key", None);
    let authorities = section.path("client_ca", None);
    let revocations = section.paths("crl");
    Some(ServerFiles {
        authorities: authorities?,
        certificate: certificate?,
        key: key?,
        revocations: revocations?,
    })
}

fn routing(section: &mut Section<'_, '_>) -> Option<Routing> {
    let directory = section.path("directory", Some("directory.toml"));
    let table = section.path("table", Some("routing.toml"));
    let organisations = section.optional_path("organisations");
    let age_max = section.number("organisations_max_age_days", 7, 1..=366);
    Some(Routing {
        directory: directory?,
        table: table?,
        organisations: organisations?,
        organisations_age_max: Duration::from_hours(24 * age_max?),
    })
}

fn limits(section: &mut Section<'_, '_>) -> Option<Limits> {
    let mut seconds = |key, default, range: RangeInclusive<u64>| {
        let seconds = section.number(key, default, range);
        seconds.map(Duration::from_secs)
    };
    let handshake = seconds("handshake_seconds", 10, 1..=120);
    let request = seconds("request_seconds", 30, 1..=600);
    let drain = seconds("drain_seconds", 30, 0..=3_600);
    let age = seconds("connection_age_seconds", 3_600, 60..=86_400);
    let connections = section.number("connections_max", 10_000, 1..=1_000_000);
    let streams = section.number("streams_per_connection_max", 100, 1..=1_000);
    let held = section.number("streams_per_organisation_max", 100, 1..=10_000);
    let body = section.number("body_bytes_max", BODY_BYTES_MAX, 1_024..=BODY_BYTES_MAX);
    let document = section.number("document_bytes_max", 1 << 30, 1_024..=1 << 40);
    let fhir = section.number("fhir_bytes_max", 32 << 20, 1_024..=256 << 20);
    let idle = section.number("upload_idle_hours", 24, 1..=24 * 90);
    let recipients = section.number("recipients_max", 100, 1..=1_000);
    Some(Limits {
        handshake: handshake?,
        connections_max: connections?,
        streams_per_connection_max: streams?,
        streams_per_organisation_max: held?,
        body_bytes_max: body?,
        document_bytes_max: document?,
        fhir_bytes_max: fhir?,
        upload_idle: Duration::from_hours(idle?),
        recipients_max: recipients?,
        request: request?,
        drain: drain?,
        connection_age: age?,
    })
}

fn validation(section: &mut Section<'_, '_>) -> Option<Rules> {
    let mut rules = Rules::default();
    let is_rule = |rule: &str| Rules::default().with(rule, Setting::Off).is_ok();
    let severities: Option<BTreeMap<String, Setting>> = section.map(
        "severity",
        is_rule,
        "a rule whose severity can be set, such as V-107",
        "\"off\", \"warning\" or \"error\"",
    );
    let synthetic = section.value("synthetic_data", "true or false", false);
    let known = section.value(
        "assume_known",
        "a list of ODS codes such as [\"RR8\"]",
        rules.assume_known.clone(),
    );
    let definitions = section.value(
        "message_definitions",
        "a list of URLs",
        rules.message_definitions.clone(),
    );
    let types = section.value(
        "attachment_types",
        "a list of media types such as [\"application/pdf\"]",
        rules.attachment_types.clone(),
    );
    let attachment = section.number(
        "attachment_bytes_max",
        rules.attachment_bytes_max,
        1_024..=256 << 20,
    );
    rules.assume_known = known?;
    rules.message_definitions = definitions?;
    rules.attachment_types = types?;
    rules.attachment_bytes_max = attachment?;
    let set = |rules: Rules, (rule, setting): (String, Setting)| rules.with(&rule, setting).ok();
    let rules = severities?.into_iter().try_fold(rules, set)?;
    Some(if synthetic? {
        rules.for_synthetic_data()
    } else {
        rules
    })
}

fn log(section: &mut Section<'_, '_>) -> Option<Log> {
    let format = section.value("format", "\"json\" or \"text\"", LogFormat::default());
    let is_filter = |text: &String| EnvFilter::try_new(text).is_ok();
    let filter = section.checked(
        "filter",
        "a filter such as \"info\" or \"info,axle_store=debug\"",
        "info".to_owned(),
        is_filter,
    );
    Some(Log {
        format: format?,
        filter: filter?,
    })
}

#[cfg(test)]
mod tests;
