//! Bit rot (I14): one bit of a stopped broker's files is flipped, or a file is cut short, or two of
//! its blocks change places. The store must then open in time, serve nothing that is not as it was
//! written, and go on with the rest; or refuse, and name the file.

mod contents;
mod daemon;
mod damage;

use std::{
    fmt, fs,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use axle_store::embedded::{Embedded, MasterKeys, verify};
use rand::{SeedableRng as _, rngs::StdRng};
use tokio::runtime::{Builder, Runtime};

use self::{
    contents::{Contents, open},
    damage::Damage,
};
use super::{Outcome, Plan};
use crate::estate::STORE_KEY;

/// A store that takes longer to open has failed.
const START_MAX: Duration = Duration::from_secs(30);
const WORKERS: usize = 4;
/// Every so many copies, the daemon itself is started on one first.
const DAEMON_EVERY: u32 = 50;

/// How often what came of it.
#[derive(Default)]
struct Tally {
    unharmed: u32,
    restarted: u32,
    named: u32,
    refused: u32,
    slowest: Duration,
    breaches: Vec<String>,
}

/// Damages copies of a store, one at a time, and examines each.
pub(super) fn bitflip(plan: &Plan) -> Outcome {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (closed, killed) = (folder.path().join("closed"), folder.path().join("killed"));
    let mut random = StdRng::seed_from_u64(plan.seed);
    let contents = runtime().block_on(async {
        let killed = || copy_folder(&closed, &killed);
        let key = || MasterKeys::parse(STORE_KEY).expect("a key");
        let keys = plan.is_encrypted().then(key);
        let mut contents = Contents::make(&closed, keys, &mut random, killed).await;
        let copy = folder.path().join("copy");
        copy_folder(&closed, &copy);
        contents.learn(&copy).await;
        contents
    });
    let (next, tally) = (AtomicU32::new(0), Mutex::new(Tally::default()));
    thread::scope(|scope| {
        for worker in 0..WORKERS {
            let (contents, closed, killed) = (&contents, &closed, &killed);
            let (next, tally) = (&next, &tally);
            let copy = folder.path().join(format!("damaged-{worker}"));
            scope.spawn(move || {
                let runtime = runtime();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= plan.count {
                        return;
                    }
                    let was_killed = number.is_multiple_of(3);
                    copy_folder(if was_killed { killed } else { closed }, &copy);
                    let seed = plan.seed.wrapping_add(u64::from(number));
                    let damage = Damage::any(&copy, was_killed, &mut StdRng::seed_from_u64(seed));
                    let mut trial = Trial::of(&damage);
                    if number.is_multiple_of(DAEMON_EVERY) {
                        let encrypted = plan.is_encrypted();
                        let told = runtime.block_on(daemon::start(&copy, encrypted, &damage));
                        trial.breaches.extend(told);
                    }
                    let (end, restarted) = runtime.block_on(trial.run(contents, &copy));
                    tally
                        .lock()
                        .expect("nobody panicked")
                        .count(trial, &end, restarted);
                    fs::remove_dir_all(&copy).expect("a folder to be removed");
                }
            });
        }
    });
    let tally = tally.into_inner().expect("nobody panicked");
    Outcome::Counted {
        line: format!("bitflip: damaged={} {tally}", plan.count),
        breaches: tally.breaches,
    }
}

/// What came of one damaged copy.
struct Trial<'t> {
    damage: &'t Damage,
    slowest: Duration,
    breaches: Vec<String>,
}

/// How a copy behaved that broke no promise.
enum End {
    Unharmed,
    /// Something was refused by name, and the rest was there.
    Named,
    /// It did not open, and said why.
    Refused,
}

impl<'t> Trial<'t> {
    fn of(damage: &'t Damage) -> Self {
        Self {
            damage,
            slowest: Duration::ZERO,
            breaches: Vec::new(),
        }
    }

    /// Opens a damaged copy, and again when it stops to have its index rebuilt.
    async fn run(&mut self, contents: &Contents, copy: &Path) -> (End, bool) {
        for restarted in [false, true] {
            let Some(store) = self.open(contents, copy) else {
                return (End::Refused, restarted);
            };
            let found = contents.examine(&store, self.damage.was_killed).await;
            drop(store);
            daemon::wait_for_starts();
            if found.stopped && !restarted && found.wrong.is_empty() {
                continue;
            }
            if found.stopped {
                self.breaches.push("it stops again".to_owned());
            }
            self.breaches.extend(found.wrong);
            if found.refused.is_empty() {
                return (End::Unharmed, restarted);
            }
            let verified = verify(copy, contents.keys.as_ref())
                .map_or_else(|error| error.to_string(), |report| report.to_string());
            for told in found.refused.iter().chain([&verified]) {
                self.names(told);
            }
            return (End::Named, restarted);
        }
        (End::Unharmed, true)
    }

    fn open(&mut self, contents: &Contents, copy: &Path) -> Option<Embedded> {
        let begun = Instant::now();
        let opened = open(copy, contents.keys.as_ref());
        self.slowest = self.slowest.max(begun.elapsed());
        if begun.elapsed() > START_MAX {
            let seconds = begun.elapsed().as_secs();
            self.breaches.push(format!("it took {seconds} s to open"));
        }
        opened.map_err(|error| self.names(&error.to_string())).ok()
    }

    /// Only what cannot be made anew may be refused, and only by name.
    fn names(&mut self, told: &str) {
        if self.damage.is_in_index() || !told.contains(self.damage.file_name()) {
            self.breaches.push(format!("what is told of it is: {told}"));
        }
    }
}

impl Tally {
    fn count(&mut self, trial: Trial<'_>, end: &End, restarted: bool) {
        match end {
            End::Unharmed => self.unharmed += 1,
            End::Named => self.named += 1,
            End::Refused => self.refused += 1,
        }
        self.restarted += u32::from(restarted);
        self.slowest = self.slowest.max(trial.slowest);
        for breach in trial.breaches {
            let breach = format!("{}: {breach}", trial.damage);
            println!("{breach}");
            self.breaches.push(breach);
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "unharmed={} restarted={} named={} refused={} slowest_start_ms={} breaches={}",
            self.unharmed,
            self.restarted,
            self.named,
            self.refused,
            self.slowest.as_millis(),
            self.breaches.len()
        )
    }
}

fn runtime() -> Runtime {
    let built = Builder::new_current_thread().enable_all().build();
    built.expect("a runtime")
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let copy = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_folder(&path, &copy);
        } else {
            fs::copy(&path, &copy).expect("room for a copy");
        }
    }
}
