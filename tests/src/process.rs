//! A broker in a process of its own: the real binary, which can be killed, traced and listened to.

use std::{
    env, fs,
    fs::{File, OpenOptions},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::{broker::get, estate::Estate, wait};

/// How long a broker may take to read its journal, on a machine that is busy.
const START_LIMIT: Duration = Duration::from_secs(60);

/// A broker's process. Killed when dropped.
pub struct BrokerProcess {
    child: Child,
    /// Whether it leads a group of its own, which is signalled as a whole.
    grouped: bool,
}

/// The `axle-broker` that was built beside this program.
///
/// # Panics
/// When it was not built.
pub fn broker_binary() -> PathBuf {
    binary("axle-broker")
}

/// A binary of the workspace that was built beside this program.
///
/// # Panics
/// When it was not built.
pub fn binary(name: &str) -> PathBuf {
    let own = env::current_exe().expect("the path of this program");
    let folder = own.parent().expect("a folder");
    let folder = match folder.file_name() {
        Some(name) if name == "deps" => folder.parent().expect("a folder"),
        Some(_) | None => folder,
    };
    let path = folder.join(name);
    assert!(
        path.exists(),
        "{} is missing: run ./tests/run, which builds it, or `cargo build --bin {name}` with the \
         profile of this program",
        path.display()
    );
    path
}

impl BrokerProcess {
    /// Starts a broker and waits until it serves.
    pub async fn start(estate: &Estate) -> Self {
        let mut broker = Self::spawn(estate);
        broker.ready(estate).await;
        broker
    }

    /// Starts a broker and does not wait. Its log is appended to the estate's `broker.log`.
    pub fn spawn(estate: &Estate) -> Self {
        Self::spawn_by(Command::new(broker_binary()), estate)
    }

    /// Starts a broker by way of another command, such as a tracer's.
    pub fn spawn_by(mut command: Command, estate: &Estate) -> Self {
        let log = log(estate);
        let child = command
            .arg("serve")
            .arg("--config")
            .arg(estate.path().join("broker.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::from(log.try_clone().expect("a second handle")))
            .stderr(Stdio::from(log))
            .spawn()
            .expect("a program that can be started");
        Self {
            child,
            grouped: false,
        }
    }

    /// Waits until the broker answers that it is ready.
    ///
    /// # Panics
    /// When its process ends first, or it takes too long; with the end of its log.
    pub async fn ready(&mut self, estate: &Estate) {
        let begun = std::time::Instant::now();
        while get(estate.http_port(), "/readyz").await.is_none() {
            let ended = self.child.try_wait().expect("a child of this process");
            let late = begun.elapsed() > START_LIMIT;
            if ended.is_some() || late {
                panic!(
                    "the broker did not start ({ended:?}); its log ends:\n{}",
                    log_tail(estate)
                );
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The same, started as the leader of a process group: signals go to all of it.
    #[must_use]
    pub fn in_a_group(mut self) -> Self {
        self.grouped = true;
        self
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.signal(Signal::KILL)
            .expect("a process that can be killed");
        self.child.wait().expect("a child of this process");
    }

    /// SIGSTOP: when this returns it does nothing more until it goes on or is killed.
    pub fn pause(&self) {
        self.signal(Signal::STOP)
            .expect("a process that can be stopped");
        // A thread in the middle of a sync stops when that is done.
        while !self.is_paused() {
            std::thread::yield_now();
        }
    }

    fn is_paused(&self) -> bool {
        let tasks = format!("/proc/{}/task", self.child.id());
        let tasks = fs::read_dir(tasks).expect("a process that was not waited for");
        // A thread that ended meanwhile has no state any more.
        let mut states =
            tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("stat")).ok());
        // "ID (NAME) STATE …", and a name may hold anything.
        states.all(|state| {
            let (_, state) = state.rsplit_once(") ").expect("a state");
            state.starts_with(['T', 'Z', 'X'])
        })
    }

    /// SIGCONT: it goes on as if no time had passed.
    pub fn go_on(&self) {
        self.signal(Signal::CONT).expect("a process that can go on");
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended by itself; `None` while it runs.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child of this process")
    }

    /// Sends SIGTERM and waits for the end.
    pub async fn stop(mut self) -> ExitStatus {
        self.signal(Signal::TERM)
            .expect("a process that can be told");
        wait::until("the broker's process to end", async || {
            self.child.try_wait().expect("a child of this process")
        })
        .await
    }
}

impl BrokerProcess {
    fn signal(&self, signal: Signal) -> rustix::io::Result<()> {
        let id = i32::try_from(self.child.id()).expect("a process id");
        let id = Pid::from_raw(id).expect("a process id");
        if self.grouped {
            kill_process_group(id, signal)
        } else {
            kill_process(id, signal)
        }
    }
}

impl Drop for BrokerProcess {
    fn drop(&mut self) {
        // Once it has been waited for, its id may be somebody else's.
        if let Ok(None) = self.child.try_wait() {
            let _ = self.signal(Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

/// All the log lines of the estate's brokers so far.
pub fn read_log(estate: &Estate) -> String {
    let bytes = fs::read(estate.path().join("broker.log")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn log(estate: &Estate) -> File {
    let path = estate.path().join("broker.log");
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .expect("a log file")
}

/// The last of those lines.
pub fn log_tail(estate: &Estate) -> String {
    let log = read_log(estate);
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
