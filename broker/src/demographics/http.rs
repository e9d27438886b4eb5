//! Demographics from a service over HTTP, asked as the Personal Demographics Service is:
//! `GET BASE/Patient/NHSNUMBER`, answered with a FHIR R4 Patient. Equal look-ups at one time are one
//! request, answers are remembered for a short while, and a service that fails is left alone for a
//! while. The NHS number stands in the address of a request, so no address is ever logged.
//!
//! An answer that is older than its time is not given even when the service is away: most would still
//! be right, and nobody could tell which are not.

mod answer;
mod connect;
mod request;

use std::{
    collections::HashMap,
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use axle_core::{
    alarm::DemographicsPart as Part,
    registration::{Applied, Known, Registration},
};
use axle_model::{nhs_number::NhsNumber, patient::PatientHint, refusal::Reason, time::Timestamp};
use futures::{
    FutureExt as _,
    future::{BoxFuture, Shared, WeakShared},
};
use tokio::sync::Semaphore;

use self::request::Requests;
use super::{
    Demographics, Freshness, Standing,
    breaker::Breaker,
    cache::Cache,
    events::{EventCounts, EventFolder},
};
use crate::config::{ConfigError, PatientServiceSettings};

/// A service of demographics.
pub struct PatientService {
    asking: Arc<Asking>,
    in_flight: Mutex<HashMap<NhsNumber, WeakShared<BoxFuture<'static, Outcome>>>>,
    events: Mutex<Option<EventFolder>>,
    /// Apart from the events, which may take a while to be read.
    found: Mutex<Found>,
}

/// All that one request needs.
struct Asking {
    requests: Requests,
    breaker: Breaker,
    /// One permit for each connection that may be open.
    connections: Semaphore,
    cache: Mutex<Cache>,
}

/// What a look-up came to.
#[derive(Clone)]
enum Outcome {
    /// The service answered.
    Answered(Option<Arc<Known>>),
    /// It answered with somebody of another number.
    SomebodyElse,
    /// It did not answer in time, or not usefully.
    Unavailable,
}

/// How things stood when they were last looked at.
#[derive(Debug, Default)]
struct Found {
    credentials_trouble: Option<Timestamp>,
    breaker_trouble: Option<Timestamp>,
    events_trouble: Option<Timestamp>,
    events: EventCounts,
}

impl PatientService {
    /// Reads certificates and credentials; asks nothing yet.
    pub fn open(
        settings: &PatientServiceSettings,
        events: Option<PathBuf>,
        now: Timestamp,
    ) -> Result<Self, ConfigError> {
        let service = Self {
            asking: Arc::new(Asking {
                requests: Requests::open(settings)?,
                breaker: Breaker::new(settings.failures_max, settings.pause),
                connections: Semaphore::new(settings.connections_max),
                cache: Mutex::new(Cache::new(
                    settings.time_to_live,
                    settings.time_to_live_of_nobody,
                    settings.cache_entries_max,
                )),
            }),
            in_flight: Mutex::default(),
            events: Mutex::new(events.map(EventFolder::new)),
            found: Mutex::default(),
        };
        service.read_events(now);
        Ok(service)
    }

    async fn outcome(&self, number: NhsNumber, freshness: Freshness, now: Timestamp) -> Outcome {
        match freshness {
            // Asked by nobody else's request, which may have begun before the reason to ask.
            Freshness::Fresh => Arc::clone(&self.asking).ask(number, now).await,
            Freshness::Usual => {
                let remembered = held(&self.asking.cache).get(number, Instant::now());
                match remembered {
                    Some(answer) => Outcome::Answered(answer),
                    None => self.together(number, now).await,
                }
            }
        }
    }

    /// One request for all who ask for this number at one time. Whoever still waits drives it on.
    fn together(&self, number: NhsNumber, now: Timestamp) -> Shared<BoxFuture<'static, Outcome>> {
        let mut in_flight = held(&self.in_flight);
        let running = in_flight.get(&number).and_then(WeakShared::upgrade);
        // One that has ended has been remembered, or failed, and is not to be had again.
        if let Some(running) = running.filter(|running| running.peek().is_none()) {
            return running;
        }
        in_flight.retain(|_, request| request.upgrade().is_some());
        let request = Arc::clone(&self.asking).ask(number, now).boxed().shared();
        if let Some(weak) = request.downgrade() {
            in_flight.insert(number, weak);
        }
        request
    }

    /// Forgets what is remembered of those to whom something has happened.
    fn read_events(&self, now: Timestamp) {
        let mut events = held(&self.events);
        let Some(events) = &mut *events else {
            return;
        };
        // What is wrong with the folder has been logged, and stands in what it is asked for.
        let _ = events.read(now, |event| {
            held(&self.asking.cache).forget(event.nhs_number);
            held(&self.in_flight).remove(&event.nhs_number);
            Applied::Changed
        });
        let mut found = held(&self.found);
        (found.events, found.events_trouble) = (events.counts(), events.trouble());
    }
}

impl Demographics for PatientService {
    fn look_up<'a>(
        &'a self,
        patient: &'a PatientHint,
        freshness: Freshness,
        now: Timestamp,
    ) -> BoxFuture<'a, Registration> {
        async move {
            match self.outcome(patient.nhs_number, freshness, now).await {
                Outcome::Answered(Some(known)) => known.registration(patient),
                Outcome::Answered(None) => Registration::None(Reason::PatientNotFound),
                Outcome::SomebodyElse => Registration::None(Reason::PatientMismatch),
                Outcome::Unavailable => Registration::None(Reason::DemographicsUnavailable),
            }
        }
        .boxed()
    }

    fn refresh(&self, now: Timestamp) {
        held(&self.asking.cache).sweep(Instant::now());
        self.read_events(now);
        let refreshed = self.asking.requests.refresh();
        let mut found = held(&self.found);
        match refreshed {
            Ok(()) => found.credentials_trouble = None,
            Err(error) => {
                if found.credentials_trouble.is_none() {
                    found.credentials_trouble = Some(now);
                    tracing::error!(%error, "the demographics service is asked with the old credentials");
                }
            }
        }
    }

    fn standing(&self, now: Timestamp) -> Standing {
        let mut found = held(&self.found);
        let breaker_open = self.asking.breaker.is_open();
        found.breaker_trouble = breaker_open.then(|| found.breaker_trouble.unwrap_or(now));
        let service = found.breaker_trouble.or(found.credentials_trouble);
        let troubles = [
            (Part::Service, service),
            (Part::Events, found.events_trouble),
        ];
        Standing {
            troubles: troubles
                .into_iter()
                .filter_map(|(part, since)| Some((part, since?)))
                .collect(),
            breaker_open,
            snapshot_time: None,
            patients: held(&self.asking.cache).len() as u64,
            events: found.events,
        }
    }
}

impl Asking {
    /// Asks the service, if it may be asked, and remembers its answer.
    async fn ask(self: Arc<Self>, number: NhsNumber, now: Timestamp) -> Outcome {
        let edition = held(&self.cache).edition();
        let waited =
            tokio::time::timeout(self.requests.timeout(), self.connections.acquire()).await;
        let Ok(Ok(_connection)) = waited else {
            tracing::warn!("a look-up of demographics waited too long for its turn");
            return Outcome::Unavailable;
        };
        let Some(attempt) = self.breaker.attempt(Instant::now()) else {
            return Outcome::Unavailable;
        };
        match self.requests.ask(number, now).await {
            Ok(answer::Said::Patient(known)) => {
                attempt.succeeded();
                self.remember(number, Some(Arc::new(known)), edition)
            }
            Ok(answer::Said::Nobody) => {
                attempt.succeeded();
                self.remember(number, None, edition)
            }
            Ok(answer::Said::SomebodyElse) => {
                attempt.succeeded();
                tracing::warn!(
                    "the demographics service answered with another NHS number than asked for"
                );
                Outcome::SomebodyElse
            }
            Err(failure) => {
                attempt.failed(Instant::now());
                tracing::warn!(%failure, "the demographics service gave no answer that can be used");
                Outcome::Unavailable
            }
        }
    }

    fn remember(&self, number: NhsNumber, answer: Option<Arc<Known>>, edition: u64) -> Outcome {
        held(&self.cache).put(number, answer.clone(), edition, Instant::now());
        Outcome::Answered(answer)
    }
}

/// What a lock holds. Whoever panicked with it left a whole value: each change is one call.
fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for PatientService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PatientService").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
