//! The examination of a mixed folder: it is opened, everything in it is looked at, and the checker
//! holds that against what the clients knew when the power failed.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use axle_core::message::Message;
use axle_model::digest::Digest;
use axle_store::{
    Query, Store as _, StoreError,
    embedded::{Embedded, Options, verify},
};

use super::folder::Mixture;
use crate::{
    checker::{
        self,
        history::{Entry, What},
    },
    documents::now,
};

/// A store that takes longer to open has failed.
const START_MAX: Duration = Duration::from_secs(30);

/// What is promised of a mixture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Promise {
    /// Only what no sync had covered is mixed: it opens, and everything accepted is there.
    Kept,
    /// What was synced is not there any more: nothing wrong is served, and where it was is named,
    /// by file and place.
    Named,
}

/// How often what came of it.
#[derive(Debug, Default)]
pub(super) struct Tally {
    images: u32,
    /// Those in which what was not synced was mixed, and those in which what was synced was.
    torn: u32,
    stale: u32,
    whole: u32,
    named: u32,
    refused: u32,
    slowest: Duration,
    pub(super) breaches: Vec<String>,
}

/// How one mixture behaved.
enum End {
    /// Everything was there.
    Whole,
    /// It opened, and something was named as missing.
    Named,
    /// It did not open, and said why.
    Refused,
}

/// What a store holds.
struct Contents {
    entries: Vec<Entry>,
    /// The places at which a document is damaged.
    damaged: Vec<String>,
}

impl Tally {
    /// Examines one more.
    pub(super) async fn examine(&mut self, mixture: &Mixture, history: &[Entry], promise: Promise) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("store");
        mixture.folder.write(&path);
        self.images += 1;
        let mixed = u32::from(mixture.blocks > 0);
        match promise {
            Promise::Kept => self.torn += mixed,
            Promise::Named => self.stale += mixed,
        }
        let mut wrong = Vec::new();
        match self
            .look(mixture, &path, history, promise, &mut wrong)
            .await
        {
            End::Whole => self.whole += 1,
            End::Named => self.named += 1,
            End::Refused => self.refused += 1,
        }
        let Mixture {
            touched, blocks, ..
        } = mixture;
        for wrong in wrong {
            let breach = format!("{promise:?}, {blocks} blocks of {touched:?}: {wrong}");
            println!("{breach}");
            self.breaches.push(breach);
        }
    }

    async fn look(
        &mut self,
        mixture: &Mixture,
        path: &Path,
        history: &[Entry],
        promise: Promise,
        wrong: &mut Vec<String>,
    ) -> End {
        let mut contents = None;
        // A store may stop because of its index, once: the next start rebuilds it.
        for last in [false, true] {
            let begun = Instant::now();
            let opened = open(path);
            self.slowest = self.slowest.max(begun.elapsed());
            let store = match opened {
                Ok(store) => store,
                Err(error) if promise == Promise::Named => {
                    must_name(&error.to_string(), &mixture.touched, wrong);
                    return End::Refused;
                }
                Err(error) => {
                    wrong.push(error.to_string());
                    return End::Refused;
                }
            };
            match Contents::of(&store).await {
                Ok(all) => {
                    contents = Some(all);
                    break;
                }
                Err(error) if !last && error.to_string().contains("a restart rebuilds it") => {}
                Err(error) => wrong.push(error.to_string()),
            }
        }
        let Some(contents) = contents else {
            return End::Named;
        };
        let mut entries = history.to_vec();
        entries.extend(contents.entries);
        let mut verdict = checker::judge(&entries);
        let report = verify(path, None).expect("a store that opened");
        let whole = verdict.lost.is_empty() && contents.damaged.is_empty();
        let hurt = mixture
            .touched
            .iter()
            .any(|path| path.starts_with("journal"));
        if promise == Promise::Named && hurt {
            must_name(&report.to_string(), &mixture.touched, wrong);
            verdict.lost.clear();
        } else {
            // Also the index can be lost, and nothing with it: where it was mixed, it may be named.
            let mixed = |part: &str| mixture.touched.iter().any(|path| path.starts_with(part));
            let named = |path: &Path| promise == Promise::Named && path.ends_with("index");
            let problems = report.problems.iter();
            let problems = problems.filter(|one| !(mixed("index") && named(&one.path)));
            wrong.extend(contents.damaged);
            wrong.extend(problems.map(ToString::to_string));
        }
        wrong.extend(verdict.breaches());
        if whole { End::Whole } else { End::Named }
    }

    /// What to say of all of them, and whether any took too long.
    pub(super) fn end(mut self) -> (String, Vec<String>) {
        if self.slowest > START_MAX {
            let seconds = self.slowest.as_secs();
            self.breaches.push(format!("one took {seconds} s to open"));
        }
        if self.torn == 0 && self.images > 0 {
            let vacuous = "the broker was never stopped between a write and its sync";
            self.breaches.push(vacuous.to_owned());
        }
        (self.to_string(), self.breaches)
    }
}

/// What is told of damage must name one of these files, and a place in it.
fn must_name(told: &str, touched: &[PathBuf], wrong: &mut Vec<String>) {
    let name = |path: &PathBuf| told.contains(path.to_str().expect("a plain path"));
    if !touched.iter().any(name) || !told.contains("byte") {
        wrong.push(format!("what is told of it is: {told}"));
    }
}

fn open(directory: &Path) -> Result<Embedded, axle_store::embedded::OpenError> {
    let options = Options {
        directory: directory.to_path_buf(),
        segment_bytes_max: super::SEGMENT_BYTES,
        reserve_bytes: Some(0),
        ..Options::default()
    };
    Embedded::open(&options, now())
}

impl Contents {
    /// Looks at every message, and at the bytes of those that wait.
    async fn of(store: &Embedded) -> Result<Self, StoreError> {
        let mut contents = Self {
            entries: Vec::new(),
            damaged: Vec::new(),
        };
        let mut query = Query {
            page_max: 500,
            ..Query::default()
        };
        loop {
            let page = store.find(query.clone()).await?;
            for message in &page.messages {
                contents.add(store, message).await?;
            }
            query.before = page.next;
            if query.before.is_none() {
                return Ok(contents);
            }
        }
    }

    async fn add(&mut self, store: &Embedded, message: &Message) -> Result<(), StoreError> {
        let key = (message.sender.to_string(), message.submission.to_string());
        let waits = !message.is_settled();
        let sha256 = match store.body(message.id).await {
            Ok(body) => Some(Digest::of(&body).to_string()),
            Err(StoreError::Damaged { place, .. }) if waits => {
                self.damaged.push(place);
                None
            }
            // Nobody is given a settled document any more.
            Err(StoreError::Damaged { .. }) => None,
            Err(error) => return Err(error),
        };
        for delivery in &message.deliveries {
            let name = format!("{}/deliveries/{}", message.id, delivery.recipient);
            self.enter(What::State {
                key: key.clone(),
                delivery: name.clone(),
                state: delivery.state.as_str().to_owned(),
            });
            if let Some(sha256) = sha256.clone().filter(|_| !delivery.state.is_terminal()) {
                // As a collector would be given it now.
                self.enter(What::Delivered {
                    key: key.clone(),
                    delivery: name,
                    by: delivery.recipient.to_string(),
                    leased_micros: now().as_micros(),
                    sha256,
                });
            }
        }
        Ok(())
    }

    fn enter(&mut self, what: What) {
        self.entries.push(Entry {
            wall_micros: now().as_micros(),
            elapsed_micros: 0,
            what,
        });
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "torn: images={} torn={} stale={} whole={} named={} refused={} slowest_start_ms={} breaches={}",
            self.images,
            self.torn,
            self.stale,
            self.whole,
            self.named,
            self.refused,
            self.slowest.as_millis(),
            self.breaches.len()
        )
    }
}
