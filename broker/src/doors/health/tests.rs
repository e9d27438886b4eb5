//! The door of probes as a bare TCP client meets it.
#![allow(
    clippy::unwrap_used,
    reason = "a failure to prepare a test is its failure"
)]

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

use super::{Check, LIMITS, Limits, Probe, accept, serve};

struct Broker {
    problem: Option<&'static str>,
}

impl Probe for Broker {
    fn checks(&self) -> Vec<Check> {
        let problem = self.problem.map(str::to_owned);
        let fine = Check {
            name: "draining",
            problem: None,
        };
        vec![
            fine,
            Check {
                name: "store",
                problem,
            },
        ]
    }

    async fn metrics(&self) -> String {
        "axle_dead_letters 0\n# EOF\n".to_owned()
    }

    async fn mailboxes(&self) -> String {
        "# EOF\n".to_owned()
    }
}

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

async fn start(problem: Option<&'static str>) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(async move {
        let shutdown = async { stopped.await.unwrap_or_default() };
        serve(listener, Arc::new(Broker { problem }), shutdown).await;
    });
    Running {
        address,
        stop,
        task,
    }
}

async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn get(address: SocketAddr, path: &str) -> String {
    ask(
        address,
        &format!("GET {path} HTTP/1.1\r\nhost: probe\r\n\r\n"),
    )
    .await
}

#[tokio::test]
async fn each_path_has_its_answer() {
    let broker = start(None).await;
    for (path, status, body) in [
        ("/livez", "200 OK", "alive\n"),
        ("/readyz", "200 OK", "draining: ok\nstore: ok\n"),
        ("/readyz?verbose", "200 OK", "draining: ok\nstore: ok\n"),
        ("/metrics", "200 OK", "axle_dead_letters 0\n# EOF\n"),
        ("/metrics/mailboxes", "200 OK", "# EOF\n"),
        (
            "/",
            "404 Not Found",
            "there are /livez, /readyz, /metrics and /metrics/mailboxes\n",
        ),
    ] {
        let answer = get(broker.address, path).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}\r\n")),
            "{path}: {answer}"
        );
        assert!(
            answer.ends_with(&format!("\r\n\r\n{body}")),
            "{path}: {answer}"
        );
        assert!(
            answer.contains("cache-control: no-store\r\n"),
            "{path}: {answer}"
        );
    }
    let posted = ask(
        broker.address,
        "POST /livez HTTP/1.1\r\nhost: probe\r\n\r\n",
    )
    .await;
    assert!(posted.starts_with("HTTP/1.1 405 "), "{posted}");
}

#[tokio::test]
async fn a_failing_check_is_named_and_the_broker_lives_on() {
    let broker = start(Some("the disk is full")).await;
    let answer = get(broker.address, "/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(
        answer.ends_with("draining: ok\nstore: the disk is full\n"),
        "{answer}"
    );
    assert!(
        get(broker.address, "/livez")
            .await
            .starts_with("HTTP/1.1 200 ")
    );
}

#[tokio::test]
async fn a_silent_connection_ends_and_makes_room() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = Limits {
        connections_max: 1,
        head: Duration::from_millis(50),
        ..LIMITS
    };
    let probe = Arc::new(Broker { problem: None });
    let door = tokio::spawn(async move { accept(&listener, probe, limits).await });
    let mut silent = TcpStream::connect(address).await.unwrap();
    assert!(get(address, "/livez").await.starts_with("HTTP/1.1 200 "));
    let mut told = String::new();
    silent.read_to_string(&mut told).await.unwrap();
    assert!(!told.contains("200 OK"), "{told}");
    door.abort();
}

#[tokio::test]
async fn a_stop_ends_the_door() {
    let broker = start(None).await;
    broker.stop.send(()).unwrap();
    broker.task.await.unwrap();
    assert!(TcpStream::connect(broker.address).await.is_err());
}
