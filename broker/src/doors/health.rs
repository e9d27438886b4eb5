//! The door of probes: `/livez`, `/readyz` and `/metrics` over plain HTTP/1.1, for the machine itself
//! and the monitoring beside it. It shows no document, no patient and no caller, takes no body, and
//! changes nothing.

use std::{convert::Infallible, fmt::Write, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::metrics;

/// A probe sends its few lines at once.
const LIMITS: Limits = Limits {
    connections_max: 64,
    head: Duration::from_secs(5),
    exchange: Duration::from_secs(20),
};
/// Bytes of a request's head.
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// The pause after an accept that failed for want of something on this machine.
const BACK_OFF: Duration = Duration::from_millis(100);
const PLAIN: &str = "text/plain; charset=utf-8";

/// What is asked of the broker.
pub trait Probe: Send + Sync + 'static {
    /// Everything a broker that is ready must fulfil.
    fn checks(&self) -> Vec<Check>;

    /// All metrics but those of single mailboxes, as an OpenMetrics text.
    fn metrics(&self) -> impl Future<Output = String> + Send;

    /// The metrics of single mailboxes, as an OpenMetrics text.
    fn mailboxes(&self) -> impl Future<Output = String> + Send;
}

/// Something a broker that is ready must fulfil.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was looked at, in a word.
    pub name: &'static str,
    /// What is wrong with it, if anything.
    pub problem: Option<String>,
}

/// How much of this machine strangers may hold.
#[derive(Clone, Copy)]
struct Limits {
    /// Connections at one time. A further one waits until one of them ends, which each does in time.
    connections_max: usize,
    /// From the connection to the end of the request's head.
    head: Duration,
    /// From the connection to the end of the answer.
    exchange: Duration,
}

/// Answers until `shutdown`, then drops every connection.
pub async fn serve(
    listener: TcpListener,
    probe: Arc<impl Probe>,
    shutdown: impl Future<Output = ()>,
) {
    tokio::select! {
        () = accept(&listener, probe, LIMITS) => {}
        () = shutdown => {}
    }
}

async fn accept(listener: &TcpListener, probe: Arc<impl Probe>, limits: Limits) {
    let permits = Arc::new(Semaphore::new(limits.connections_max));
    let mut exchanges = JoinSet::new();
    // A semaphore that is never closed always gives.
    while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
        while exchanges.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                let probe = Arc::clone(&probe);
                exchanges.spawn(async move {
                    let _ = timeout(limits.exchange, exchange(stream, probe, limits.head)).await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "accepting a connection of a probe");
                sleep(BACK_OFF).await;
            }
        }
    }
}

/// One request and its answer.
async fn exchange(stream: TcpStream, probe: Arc<impl Probe>, head_limit: Duration) {
    let service = service_fn(|request: Request<Incoming>| {
        let probe = Arc::clone(&probe);
        async move { Ok::<_, Infallible>(answer(&request, &*probe).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_limit)
        .max_buf_size(HEAD_BYTES_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a probe's connection ended early");
    }
}

async fn answer<B>(request: &Request<B>, probe: &impl Probe) -> Response<Full<Bytes>> {
    if request.method() != Method::GET {
        return response(
            StatusCode::METHOD_NOT_ALLOWED,
            PLAIN,
            "only GET\n".to_owned(),
        );
    }
    match request.uri().path() {
        "/livez" => response(StatusCode::OK, PLAIN, "alive\n".to_owned()),
        "/readyz" => readiness(&probe.checks()),
        "/metrics" => response(StatusCode::OK, metrics::CONTENT_TYPE, probe.metrics().await),
        "/metrics/mailboxes" => response(
            StatusCode::OK,
            metrics::CONTENT_TYPE,
            probe.mailboxes().await,
        ),
        _ => {
            let known = "there are /livez, /readyz, /metrics and /metrics/mailboxes\n";
            response(StatusCode::NOT_FOUND, PLAIN, known.to_owned())
        }
    }
}

/// Every check in a line; 503 when one fails.
fn readiness(checks: &[Check]) -> Response<Full<Bytes>> {
    let mut text = String::new();
    for check in checks {
        let state = check.problem.as_deref().unwrap_or("ok");
        // Writing to a String does not fail.
        let _ = writeln!(text, "{}: {state}", check.name);
    }
    let ready = checks.iter().all(|check| check.problem.is_none());
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    response(status, PLAIN, text)
}

fn response(status: StatusCode, media_type: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests;
