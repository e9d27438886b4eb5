//! Demographics: the port to whoever knows which practice a patient is registered with. Behind it is a
//! snapshot in a file or a service over HTTP; in front of it the engine, which learns an outcome and
//! nothing else. Nothing here, and nothing behind it, writes a patient into a log, a metric, an error
//! or a span.

mod breaker;
mod cache;
mod events;
mod file;
mod http;

use std::{fmt, sync::Arc};

use axle_core::{alarm::DemographicsPart, registration::Registration};
use axle_model::{patient::PatientHint, time::Timestamp};
use futures::future::BoxFuture;

pub use events::EventCounts;
pub use file::PatientFile;
pub use http::PatientService;

use crate::config::{ConfigError, Demographics as Settings, DemographicsSource};

/// How new an answer must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// As new as the configuration allows: it may have been remembered.
    Usual,
    /// Asked for now, of the service itself: for a document whose practice says that the patient is
    /// not theirs.
    Fresh,
}

/// Somebody who knows patients.
pub trait Demographics: Send + Sync + fmt::Debug + 'static {
    /// Where the patient is registered, if it is the patient the sender means. Who cannot tell in
    /// time, or only from an answer that is older than allowed, says
    /// [`DemographicsUnavailable`](axle_model::refusal::Reason::DemographicsUnavailable), never what was
    /// once true.
    fn look_up<'a>(
        &'a self,
        patient: &'a PatientHint,
        freshness: Freshness,
        now: Timestamp,
    ) -> BoxFuture<'a, Registration>;

    /// Reads again whatever has changed: files, events, credentials. Blocks while it reads. What
    /// cannot be used changes nothing; it is logged, and part of [`standing`](Self::standing).
    fn refresh(&self, now: Timestamp);

    /// How it stands.
    fn standing(&self, now: Timestamp) -> Standing;
}

/// How a source of demographics stands: nothing of any patient.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// What is wrong, each since when.
    pub troubles: Vec<(DemographicsPart, Timestamp)>,
    /// Whether the service is left alone after failures.
    pub breaker_open: bool,
    /// When the snapshot in force was taken.
    pub snapshot_time: Option<Timestamp>,
    /// Patients in the snapshot, or answers that are remembered.
    pub patients: u64,
    /// The events that were read.
    pub events: EventCounts,
}

/// Opens what the configuration names. Blocks while it reads.
pub fn open(settings: &Settings, now: Timestamp) -> Result<Arc<dyn Demographics>, ConfigError> {
    Ok(match &settings.source {
        DemographicsSource::File(source) => {
            Arc::new(PatientFile::open(source, settings.events.clone(), now)?)
        }
        DemographicsSource::Http(source) => {
            Arc::new(PatientService::open(source, settings.events.clone(), now)?)
        }
    })
}
