//! Demographics from a file: a snapshot of patients that somebody else keeps up to date, and a folder
//! of what has happened since. Read whole, checked whole, and swapped whole; one that cannot be used
//! changes nothing. Older than it may be, it answers nobody: a practice that was right a month ago is
//! a guess.

mod lines;

use std::{
    fs, io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use axle_core::{
    alarm::DemographicsPart as Part,
    registration::{Register, Registration},
};
use axle_model::{patient::PatientHint, refusal::Reason, time::Timestamp};
use futures::{FutureExt as _, future::BoxFuture};

use super::{
    Demographics, Freshness, Standing,
    events::{EventCounts, EventFolder, Stamp},
};
use crate::config::{ConfigError, PatientFileSettings};

/// A snapshot in force.
#[derive(Debug)]
pub struct PatientFile {
    path: PathBuf,
    age_max: Duration,
    register: ArcSwap<Register>,
    reading: Mutex<Reading>,
    /// Apart from the reading, which may take a while.
    found: ArcSwap<Found>,
}

/// What the last reading found.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    file_trouble: Option<Timestamp>,
    events_trouble: Option<Timestamp>,
    events: EventCounts,
}

/// How far the files were read.
#[derive(Debug)]
struct Reading {
    stamp: Option<Stamp>,
    events: Option<EventFolder>,
    /// Since when the file cannot be used as it is.
    file_trouble: Option<Timestamp>,
}

impl PatientFile {
    /// Reads the snapshot and the events. A snapshot that is too old is no error: it may be replaced
    /// any minute.
    pub fn open(
        settings: &PatientFileSettings,
        events: Option<PathBuf>,
        now: Timestamp,
    ) -> Result<Self, ConfigError> {
        let mut reading = Reading {
            stamp: stamp(&settings.path).ok(),
            events: events.map(EventFolder::new),
            file_trouble: None,
        };
        let mut register = lines::read(&settings.path)?;
        reading
            .events(&mut register, now)
            .map_err(|(folder, error)| {
                ConfigError::file(&folder, format!("cannot be read: {error}"))
            })?;
        Ok(Self {
            path: settings.path.clone(),
            age_max: settings.age_max,
            register: ArcSwap::from_pointee(register),
            found: ArcSwap::from_pointee(reading.found()),
            reading: Mutex::new(reading),
        })
    }

    fn is_stale(&self, register: &Register, now: Timestamp) -> bool {
        now.since(register.time()) > self.age_max
    }

    /// Reads the file if it is another one than before. What is wrong with it is said once.
    fn read_file(&self, reading: &mut Reading, now: Timestamp) -> Option<Register> {
        let read = match stamp(&self.path) {
            Ok(found) if reading.stamp == Some(found) => return None,
            Ok(found) => {
                reading.stamp = Some(found);
                lines::read(&self.path).map_err(|error| error.to_string())
            }
            Err(error) => {
                reading.stamp.take()?;
                Err(format!("{}: cannot be read: {error}", self.path.display()))
            }
        };
        match read {
            Ok(register) => {
                reading.file_trouble = None;
                // Every event is read once more, on top of the new snapshot.
                if let Some(events) = &mut reading.events {
                    events.forget();
                }
                Some(register)
            }
            Err(error) => {
                tracing::error!(%error, "the patients stay as they were");
                reading.file_trouble.get_or_insert(now);
                None
            }
        }
    }
}

impl Demographics for PatientFile {
    fn look_up<'a>(
        &'a self,
        patient: &'a PatientHint,
        _freshness: Freshness,
        now: Timestamp,
    ) -> BoxFuture<'a, Registration> {
        let register = self.register.load();
        let registration = if self.is_stale(&register, now) {
            Registration::None(Reason::DemographicsUnavailable)
        } else {
            register.registration(patient)
        };
        std::future::ready(registration).boxed()
    }

    fn refresh(&self, now: Timestamp) {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let renewed = self.read_file(&mut reading, now);
        let is_renewed = renewed.is_some();
        let mut register = renewed.unwrap_or_else(|| Register::clone(&self.register.load()));
        // What is wrong with the folder has been logged, and stands in what it is asked for.
        let _ = reading.events(&mut register, now);
        if is_renewed {
            tracing::info!(
                time = %register.time(),
                patients = register.len(),
                changed = register.changed(),
                "a snapshot of patients is in force"
            );
        }
        self.register.store(Arc::new(register));
        self.found.store(Arc::new(reading.found()));
    }

    fn standing(&self, now: Timestamp) -> Standing {
        let register = self.register.load();
        let found = self.found.load();
        let stale = self
            .is_stale(&register, now)
            .then(|| register.time().after(self.age_max));
        let snapshot = match (stale, found.file_trouble) {
            (Some(stale), Some(trouble)) => Some(stale.min(trouble)),
            (stale, trouble) => stale.or(trouble),
        };
        let troubles = [
            (Part::Snapshot, snapshot),
            (Part::Events, found.events_trouble),
        ];
        Standing {
            troubles: troubles
                .into_iter()
                .filter_map(|(part, since)| Some((part, since?)))
                .collect(),
            breaker_open: false,
            snapshot_time: Some(register.time()),
            patients: register.len() as u64,
            events: found.events,
        }
    }
}

impl Reading {
    fn found(&self) -> Found {
        let events = self.events.as_ref();
        Found {
            file_trouble: self.file_trouble,
            events_trouble: events.and_then(EventFolder::trouble),
            events: events.map(EventFolder::counts).unwrap_or_default(),
        }
    }

    /// Applies the events that are new; the folder, when it cannot be read.
    fn events(
        &mut self,
        register: &mut Register,
        now: Timestamp,
    ) -> Result<(), (PathBuf, io::Error)> {
        let Some(events) = &mut self.events else {
            return Ok(());
        };
        let read = events.read(now, |event| register.apply(event));
        read.map_err(|error| (events.path().to_owned(), error))
    }
}

fn stamp(path: &PathBuf) -> io::Result<Stamp> {
    fs::metadata(path).map(|metadata| Stamp::of(&metadata))
}

#[cfg(test)]
mod tests;
