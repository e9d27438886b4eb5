//! Demographics: the port to whoever knows which practice a patient is registered with. Behind it is a
//! snapshot in a file or a service over HTTP; in front of it the engine, which learns an outcome and
//! nothing else. Nothing here, and nothing behind it, writes a patient into a log, a metric, an error
//! or a span.

use std::fmt;

use axle_core::registration::Registration;
use axle_model::{patient::PatientHint, time::Timestamp};
use futures::future::BoxFuture;

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
}
