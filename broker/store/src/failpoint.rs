//! Failpoints: named places at which a proof brings a fault about, and mutants: rules it breaks on
//! purpose, to show that the checker sees it. Without the feature `failpoints` every function here is
//! empty and a build holds nothing of them; with it nothing happens until a test program calls
//! `arm`, which the daemon never does. (Not the `fail` crate: it has no abort, and its last release
//! is of 2022.)

#[cfg(feature = "failpoints")]
pub use armed::{arm, hit, is_planted};

/// Passes a place; an error when one is to happen there.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub(crate) const fn hit(_place: &'static str) -> std::io::Result<()> {
    Ok(())
}

/// Whether a rule is broken on purpose.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub const fn is_planted(_mutant: &'static str) -> bool {
    false
}

#[cfg(feature = "failpoints")]
mod armed {
    use std::{
        io, process,
        sync::{
            OnceLock,
            atomic::{AtomicU64, Ordering},
        },
        thread,
        time::Duration,
    };

    static PLAN: OnceLock<Vec<Point>> = OnceLock::new();
    const SLEEP: Duration = Duration::from_millis(500);

    /// A line of the plan.
    struct Point {
        name: String,
        /// `None` for a mutant.
        fault: Option<(Fault, u64)>,
        hits: AtomicU64,
    }

    #[derive(Clone, Copy, Debug)]
    enum Fault {
        Abort,
        Error,
        Panic,
        Sleep,
    }

    impl Point {
        fn parse(text: &str) -> Option<Self> {
            let (name, fault) = match text.split_once('=') {
                None => (text, None),
                Some((name, fault)) => {
                    let (fault, nth) = fault.split_once('@')?;
                    let fault = match fault {
                        "abort" => Fault::Abort,
                        "error" => Fault::Error,
                        "panic" => Fault::Panic,
                        "sleep" => Fault::Sleep,
                        _ => return None,
                    };
                    (name, Some((fault, nth.parse().ok()?)))
                }
            };
            let (name, hits) = (name.to_owned(), AtomicU64::new(0));
            Some(Self { name, fault, hits })
        }
    }

    /// Arms this process, once: `before-sync=error@80,answer-early` fails the eightieth time that
    /// `before-sync` is passed, and that time only, and plants the mutant `answer-early`. Faults are
    /// `abort`, `error` (an I/O error), `panic` and `sleep` (half a second).
    ///
    /// # Errors
    /// The part that is not a plan.
    pub fn arm(plan: &str) -> Result<(), String> {
        let parts = plan.split(',').filter(|part| !part.is_empty());
        let points: Result<_, String> = parts
            .map(|part| Point::parse(part).ok_or_else(|| part.to_owned()))
            .collect();
        PLAN.set(points?).map_err(|_| plan.to_owned())
    }

    /// Passes a place; an error when one is to happen there.
    pub fn hit(place: &'static str) -> io::Result<()> {
        for point in PLAN.get().into_iter().flatten() {
            let Some((fault, nth)) = point.fault else {
                continue;
            };
            if point.name == place && point.hits.fetch_add(1, Ordering::Relaxed) + 1 == nth {
                tracing::warn!(place, ?fault, nth, "a failpoint fires");
                match fault {
                    Fault::Abort => process::abort(),
                    Fault::Error => return Err(rustix::io::Errno::IO.into()),
                    Fault::Panic => panic!("as the failpoint {place} was told"),
                    Fault::Sleep => thread::sleep(SLEEP),
                }
            }
        }
        Ok(())
    }

    /// Whether a rule is broken on purpose.
    pub fn is_planted(mutant: &'static str) -> bool {
        let mut points = PLAN.get().into_iter().flatten();
        points.any(|point| point.fault.is_none() && point.name == mutant)
    }
}
