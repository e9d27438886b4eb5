//! The view: everything a request is decided by besides its own content, as one consistent value. A
//! request takes it once; a reload swaps it whole and touches no request under way.

use std::time::Duration;

use axle_core::snapshot::Snapshot;

/// One consistent snapshot of what operators decide.
#[derive(Debug)]
pub struct View {
    /// What documents are decided by.
    pub snapshot: Snapshot,
    /// How much a caller may ask for.
    pub limits: Limits,
}

/// How much a caller may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest document of one unary call, in bytes.
    pub body_bytes_max: usize,
    /// The largest document that is uploaded, in bytes.
    pub document_bytes_max: u64,
    /// The largest of those that the broker reads, in bytes: it is in memory while it is checked.
    pub fhir_bytes_max: usize,
    /// An upload that nobody adds to for this long is given up.
    pub upload_idle: Duration,
    /// The most recipients of one submission.
    pub recipients_max: usize,
    /// The most streams one organisation may hold open, of each kind.
    pub streams_per_organisation_max: usize,
    /// The longest lease.
    pub lease_max: Duration,
    /// The longest wait of a long poll.
    pub wait_max: Duration,
    /// The most entries of one page.
    pub page_entries_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 4 * 1024 * 1024,
            document_bytes_max: 1 << 30,
            fhir_bytes_max: 32 << 20,
            upload_idle: Duration::from_hours(24),
            recipients_max: 100,
            streams_per_organisation_max: 100,
            lease_max: Duration::from_hours(12),
            wait_max: Duration::from_secs(60),
            page_entries_max: 500,
        }
    }
}
