//! Bit rot (I14): one bit of a stopped broker's files is flipped, or a file is cut short, or two of
//! its blocks change places. The store must then open in time, serve nothing that is not as it was
//! written, and go on with the rest; or refuse, and name the file.

mod contents;

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use axle_store::embedded::{Embedded, verify};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tokio::runtime::{Builder, Runtime};

use self::contents::{Contents, open};
use super::{Outcome, Plan};

/// A store that takes longer to open has failed.
const START_MAX: Duration = Duration::from_secs(30);
const BLOCK: usize = 512;
const WORKERS: usize = 2;

/// What was done to which file.
struct Damage {
    file: PathBuf,
    what: What,
    /// Whether the store was killed before, or closed in good order.
    was_killed: bool,
}

#[derive(Clone, Copy, Debug)]
enum What {
    /// This bit of this byte.
    Flip(usize, u8),
    /// To so many bytes.
    Truncate(usize),
    /// These two blocks.
    Swap(usize, usize),
}

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
        let mut contents = Contents::make(&closed, &mut random, killed).await;
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
                    let trial = next.fetch_add(1, Ordering::Relaxed);
                    if trial >= plan.count {
                        return;
                    }
                    let was_killed = trial % 3 == 0;
                    copy_folder(if was_killed { killed } else { closed }, &copy);
                    let seed = plan.seed.wrapping_add(u64::from(trial));
                    let damage = Damage::any(&copy, was_killed, &mut StdRng::seed_from_u64(seed));
                    let mut trial = Trial::of(&damage);
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
    /// The damaged file's name.
    file: &'t str,
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
        let file = damage.file.file_name().and_then(|name| name.to_str());
        Self {
            damage,
            file: file.expect("a plain name"),
            slowest: Duration::ZERO,
            breaches: Vec::new(),
        }
    }

    /// Opens a damaged copy, and again when it stops to have its index rebuilt.
    async fn run(&mut self, contents: &Contents, copy: &Path) -> (End, bool) {
        for restarted in [false, true] {
            let Some(store) = self.open(copy) else {
                return (End::Refused, restarted);
            };
            let found = contents.examine(&store, self.damage.was_killed).await;
            drop(store);
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
            let verified =
                verify(copy).map_or_else(|error| error.to_string(), |report| report.to_string());
            for told in found.refused.iter().chain([&verified]) {
                self.names(told);
            }
            return (End::Named, restarted);
        }
        (End::Unharmed, true)
    }

    fn open(&mut self, copy: &Path) -> Option<Embedded> {
        let begun = Instant::now();
        let opened = open(copy);
        self.slowest = self.slowest.max(begun.elapsed());
        if begun.elapsed() > START_MAX {
            let seconds = begun.elapsed().as_secs();
            self.breaches.push(format!("it took {seconds} s to open"));
        }
        opened.map_err(|error| self.names(&error.to_string())).ok()
    }

    /// Only what cannot be made anew may be refused, and only by name.
    fn names(&mut self, told: &str) {
        let index = self.damage.file.iter().any(|part| part == "index");
        if index || !told.contains(self.file) {
            self.breaches.push(format!("what is told of it is: {told}"));
        }
    }
}

impl Damage {
    /// Damages one of the files under a folder.
    fn any(folder: &Path, was_killed: bool, random: &mut StdRng) -> Self {
        let mut files = Vec::new();
        list(folder, &mut files);
        files.sort_unstable();
        let file = files.swap_remove(random.random_range(0..files.len()));
        let mut bytes = fs::read(&file).expect("a file to damage");
        // What a killed process wrote last is told from a torn write by the frame behind it: a single
        // flip is always seen there, the loss of the whole end of a file cannot be.
        let what = What::any(&bytes, !was_killed, random);
        what.happen(&mut bytes);
        fs::write(&file, &bytes).expect("room for the damage");
        Self {
            file,
            what,
            was_killed,
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

impl What {
    fn any(bytes: &[u8], blocks_too: bool, random: &mut StdRng) -> Self {
        let length = bytes.len();
        let blocks = length / BLOCK;
        match random.random_range(0..10) {
            _ if length == 0 => Self::Truncate(0),
            0 if blocks_too => Self::Truncate(random.random_range(0..length)),
            1 if blocks_too && blocks > 1 => Self::Swap(
                random.random_range(0..blocks),
                random.random_range(0..blocks),
            ),
            _ => Self::Flip(random.random_range(0..length), random.random_range(0..8)),
        }
    }

    fn happen(self, bytes: &mut Vec<u8>) {
        match self {
            Self::Flip(at, bit) => bytes[at] ^= 1 << bit,
            Self::Truncate(length) => bytes.truncate(length),
            Self::Swap(one, other) => {
                for at in 0..BLOCK {
                    bytes.swap(one * BLOCK + at, other * BLOCK + at);
                }
            }
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ended = if self.was_killed { "killed" } else { "closed" };
        write!(f, "{:?} in {}, {ended}", self.what, self.file.display())
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

/// Every file under a folder.
fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            list(&path, files);
        } else {
            files.push(path);
        }
    }
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
