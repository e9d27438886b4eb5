//! The daemon as a service manager meets it: the real binary, its signals, notifications and exit
//! codes. What it does with documents is not looked at here.
#![allow(
    clippy::unwrap_used,
    reason = "a failure to prepare a test is its failure"
)]

use std::{
    fs,
    net::TcpListener,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axle_model::time::Timestamp;
use axle_pki::issue::{Authority, Request};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Longer than anything here takes on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with all that a broker needs.
struct Estate(TempDir);

impl Estate {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = Timestamp::default().after(since);
        let authority = Authority::init(&folder.path().join("tls"), "test", now).unwrap();
        let server = Request {
            server_names: vec!["localhost".to_owned()],
            days: 90,
            ..Request::default()
        };
        authority.issue("broker", &server, now).unwrap();
        let config = "\
[grpc]
listen = \"127.0.0.1:0\"
[tls]
certificate = \"tls/broker.pem\"
key = \"tls/broker.key\"
client_ca = \"tls/ca.pem\"
[store]
directory = \"data\"
";
        fs::write(folder.path().join("axle.toml"), config).unwrap();
        fs::write(folder.path().join("directory.toml"), "").unwrap();
        fs::write(folder.path().join("routing.toml"), "version = 1\n").unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, name: &str) -> Command {
        let mut command = broker();
        command
            .arg(name)
            .arg("--config")
            .arg(self.path("axle.toml"));
        command
    }
}

fn broker() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_axle-broker"));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// A process that is killed when the test ends early.
struct Running(Child);

impl Running {
    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.0.id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails when it has ended already, as it should have.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the service manager hears.
struct Manager(UnixDatagram);

impl Manager {
    fn new(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    /// Waits until it is told `word`; other words before it are passed over.
    fn hear(&self, word: &str) {
        let mut told = [0; 512];
        loop {
            let length = self.0.recv(&mut told).unwrap();
            let told = String::from_utf8_lossy(&told[..length]);
            if told.lines().any(|line| line == word) {
                return;
            }
        }
    }
}

fn exit_code(command: &mut Command) -> Option<i32> {
    command.status().unwrap().code()
}

#[test]
fn the_service_manager_is_told_and_damage_is_found_afterwards() {
    let estate = Estate::new();
    let manager = Manager::new(&estate.path("notify"));
    let mut serve = estate.command("serve");
    serve.env("NOTIFY_SOCKET", estate.path("notify"));
    serve.env("WATCHDOG_USEC", "100000");
    let mut running = Running(serve.spawn().unwrap());
    manager.hear("READY=1");
    manager.hear("WATCHDOG=1");
    running.signal(Signal::HUP);
    manager.hear("RELOADING=1");
    manager.hear("READY=1");
    running.signal(Signal::TERM);
    manager.hear("STOPPING=1");
    assert_eq!(running.0.wait().unwrap().code(), Some(0));
    assert_eq!(exit_code(&mut estate.command("verify")), Some(0), "verify");
    let journal = fs::read_dir(estate.path("data/journal")).unwrap();
    let segment = journal.map(|entry| entry.unwrap().path()).min().unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    bytes[9] ^= 1;
    fs::write(&segment, bytes).unwrap();
    assert_eq!(
        exit_code(&mut estate.command("verify")),
        Some(65),
        "a flipped bit"
    );
    assert_eq!(
        exit_code(&mut estate.command("serve")),
        Some(65),
        "a flipped bit"
    );
}

#[test]
fn a_second_broker_on_a_store_is_told_to_try_again_later() {
    let estate = Estate::new();
    let manager = Manager::new(&estate.path("notify"));
    let mut serve = estate.command("serve");
    let _first = Running(
        serve
            .env("NOTIFY_SOCKET", estate.path("notify"))
            .spawn()
            .unwrap(),
    );
    manager.hear("READY=1");
    for name in ["serve", "verify"] {
        assert_eq!(exit_code(&mut estate.command(name)), Some(75), "{name}");
    }
}

#[test]
fn each_way_to_fail_has_its_exit_code() {
    let estate = Estate::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    assert_eq!(exit_code(&mut broker()), Some(2), "no command");
    let mut elsewhere = estate.command("serve");
    elsewhere.env("AXLE__GRPC__LISTEN", address);
    assert_eq!(exit_code(&mut elsewhere), Some(69), "an address in use");
    let mut wrong = estate.command("serve");
    wrong.env("AXLE__LIMITS__DRAIN_SECONDS", "soon");
    assert_eq!(exit_code(&mut wrong), Some(78), "a variable that is wrong");
    assert_eq!(exit_code(&mut estate.command("check")), Some(0), "check");
    fs::remove_file(estate.path("tls/broker.key")).unwrap();
    assert_eq!(exit_code(&mut estate.command("serve")), Some(78), "no key");
    assert_eq!(
        exit_code(&mut estate.command("check")),
        Some(78),
        "check without a key"
    );
}
