//! Simulation: many seeds, each a whole life of a broker in a simulated world. Each seed that breaks
//! a promise is named, and can be run alone.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use super::{Outcome, Plan};
use crate::{
    checker::Verdict,
    simulate::{self, Run},
};

/// What all seeds came to.
#[derive(Default)]
struct Total {
    verdict: Verdict,
    crashes: u64,
    happened: BTreeMap<&'static str, u64>,
    breaches: Vec<String>,
}

/// Runs as many seeds as planned, from the plan's on, on every processor there is.
pub(super) fn simulate(plan: &Plan) -> Outcome {
    let (count, next, total) = (
        u64::from(plan.count),
        AtomicU64::new(0),
        Mutex::<Total>::default(),
    );
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return;
            }
            let run = simulate::run(plan.seed.wrapping_add(number), None);
            if let Some(folder) = &plan.keep
                && !run.breaches.is_empty()
            {
                keep(folder, &run);
            }
            let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
            total.add(run);
        }
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    let total = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    let Total {
        verdict,
        crashes,
        happened,
        breaches,
    } = total;
    let line = format!(
        "{verdict}\nsimulate: seeds={count} crashes={crashes} failing={} {happened:?}",
        breaches.len()
    );
    Outcome::Counted { line, breaches }
}

/// Keeps what led to a breach.
fn keep(folder: &Path, run: &Run) {
    let path = folder.join(format!("seed-{}.txt", run.seed));
    fs::create_dir_all(folder).expect("a folder to keep the record in");
    fs::write(path, &run.record).expect("room for the record");
}

impl Total {
    fn add(&mut self, run: Run) {
        if let Some(breach) = run.breaches.first() {
            let seed = run.seed;
            let told = format!("{breach}; alone: soak -- simulate --count 1 --seed {seed}");
            println!("seed {seed}: {told}");
            self.breaches.push(format!("seed {seed}: {told}"));
        }
        self.crashes += u64::from(run.crashes);
        for (word, times) in run.happened {
            *self.happened.entry(word).or_default() += times;
        }
        let (all, one) = (&mut self.verdict, run.verdict);
        all.accepted += one.accepted;
        all.terminal += one.terminal;
        all.pending += one.pending;
        all.recovered += one.recovered;
        all.lost.extend(one.lost);
        all.duplicated.extend(one.duplicated);
        all.misrouted.extend(one.misrouted);
        all.unexpected.extend(one.unexpected);
    }
}
