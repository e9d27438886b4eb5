//! Requests to the service: their address, their credentials, their limits. Files of credentials are
//! read again while the broker runs, so that short-lived tokens and renewed certificates need no
//! restart.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use arc_swap::{ArcSwap, ArcSwapOption};
use axle_model::{nhs_number::NhsNumber, time::Timestamp};
use axle_pki::trust::{ServiceFiles, service_config};
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use rustls::ClientConfig;

use super::{
    answer::{self, Failure, Said},
    connect::Connector,
};
use crate::config::{ConfigError, PatientServiceSettings};

/// The largest answer, in bytes; real ones have ten thousand.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// The largest token, in bytes.
const TOKEN_BYTES_MAX: u64 = 16 * 1024;
/// How long a connection is kept that nobody uses.
const IDLE: Duration = Duration::from_secs(30);

/// Sends requests.
pub(super) struct Requests {
    client: Client<Connector, Empty<Bytes>>,
    /// Scheme, host and base path, without a slash at the end.
    base: Box<str>,
    timeout: Duration,
    tls: Option<(ServiceFiles, Arc<ArcSwap<ClientConfig>>)>,
    token_file: Option<PathBuf>,
    token: ArcSwapOption<HeaderValue>,
}

impl Requests {
    /// Reads the files; connects to nobody.
    pub(super) fn open(settings: &PatientServiceSettings) -> Result<Self, ConfigError> {
        let address = &settings.address;
        let tls = match &settings.files {
            Some(files) => {
                let config = service_config(files).map_err(ConfigError::from)?;
                Some((files.clone(), Arc::new(ArcSwap::new(config))))
            }
            None => None,
        };
        let connector = Connector {
            host: address.host.clone(),
            port: address.port,
            tls: tls.as_ref().map(|(_, config)| Arc::clone(config)),
        };
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(settings.connections_max)
            .pool_timer(hyper_util::rt::TokioTimer::new())
            .build(connector);
        let requests = Self {
            client,
            base: address.base.clone(),
            timeout: settings.timeout,
            tls,
            token_file: settings.token.clone(),
            token: ArcSwapOption::empty(),
        };
        requests
            .read_token()
            .map_err(|(file, what)| ConfigError::file(&file, what))?;
        Ok(requests)
    }

    /// How long one look-up may take.
    pub(super) const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Reads credentials again. What cannot be used leaves those in force that were.
    pub(super) fn refresh(&self) -> Result<(), String> {
        let token = self
            .read_token()
            .map_err(|(file, what)| format!("{}: {what}", file.display()));
        let certificates = match &self.tls {
            Some((files, standing)) => service_config(files)
                .map(|config| standing.store(config))
                .map_err(|error| error.to_string()),
            None => Ok(()),
        };
        token.and(certificates)
    }

    /// Asks for the patient of a number. A token that is refused is read once more, for it may just
    /// have been renewed.
    pub(super) async fn ask(&self, number: NhsNumber, now: Timestamp) -> Result<Said, Failure> {
        let asked = async {
            let (mut status, mut body) = self.send(number).await?;
            if status == StatusCode::UNAUTHORIZED && self.token_is_renewed() {
                (status, body) = self.send(number).await?;
            }
            answer::read(status, &body, number, now)
        };
        let answered = tokio::time::timeout(self.timeout, asked).await;
        answered.unwrap_or(Err(Failure::TooSlow))
    }

    async fn send(&self, number: NhsNumber) -> Result<(StatusCode, Bytes), Failure> {
        let address = format!("{}/Patient/{:010}", self.base, number.expose());
        let mut request = Request::get(Uri::try_from(address).map_err(|_| Failure::Malformed)?)
            .header(header::ACCEPT, "application/fhir+json")
            .header(header::USER_AGENT, "axle-broker")
            .header("X-Request-ID", uuid::Uuid::new_v4().to_string());
        if let Some(token) = &*self.token.load() {
            request = request.header(header::AUTHORIZATION, HeaderValue::clone(token));
        }
        let request = request.body(Empty::new()).map_err(|_| Failure::Malformed)?;
        // The error of the client is taken apart here, and not shown: it might hold the address.
        let response = self.client.request(request).await.map_err(|error| {
            match (error.is_connect(), io_kind(&error)) {
                (true, kind) => Failure::Unreachable(kind.unwrap_or(io::ErrorKind::Other)),
                (false, _) => Failure::Cut,
            }
        })?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect();
        let body = body.await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                Failure::TooLarge
            } else {
                Failure::Cut
            }
        })?;
        Ok((status, body.to_bytes()))
    }

    /// Whether reading the token's file again gave another one.
    fn token_is_renewed(&self) -> bool {
        let before = self.token.load_full();
        self.read_token().is_ok() && *self.token.load() != before
    }

    fn read_token(&self) -> Result<(), (PathBuf, String)> {
        let Some(file) = &self.token_file else {
            return Ok(());
        };
        let token = token(file).map_err(|what| (file.clone(), what))?;
        self.token.store(Some(Arc::new(token)));
        Ok(())
    }
}

/// The header of a token's file. Marked as a secret, so that nothing prints it.
fn token(file: &Path) -> Result<HeaderValue, String> {
    let mut text = String::new();
    let opened = File::open(file);
    opened
        .and_then(|file| file.take(TOKEN_BYTES_MAX).read_to_string(&mut text))
        .map_err(|error| format!("cannot be read: {}", error.kind()))?;
    let text = text.trim();
    let mut value = HeaderValue::try_from(format!("Bearer {text}"))
        .ok()
        .filter(|_| !text.is_empty() && !text.contains(char::is_whitespace))
        .ok_or("holds no bearer token: one line of printable characters")?;
    value.set_sensitive(true);
    Ok(value)
}

/// The kind of the system's error at the root of another.
fn io_kind(error: &(dyn std::error::Error + 'static)) -> Option<io::ErrorKind> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        source = error.source();
    }
    None
}
