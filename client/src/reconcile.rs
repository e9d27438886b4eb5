//! Reconciling: the caller's own list of what it sent, its manifest, held against what the broker
//! knows. Reads only, so a call that broke off is made again.

use std::time::Duration;

use axle_model::{digest::Digest, time::Timestamp};
use axle_proto::v1::{ReconcileSubmissionsRequest, ReconciliationFinding, ReconciliationSummary};
use bytes::Bytes;
use futures::stream;
use tonic::{Request, Response, Status};

use crate::{connection::Client, convert, error::ClientError, track::incomplete};

/// The most entries the broker takes in one manifest.
pub const ENTRIES_MAX: usize = 100_000;
/// Entries of one request.
const PART_MAX: usize = 10_000;
/// A reconciliation looks through all that was sent in its time.
const DEADLINE: Duration = Duration::from_mins(5);

/// What the caller believes it sent.
#[derive(Clone, Debug, Default)]
pub struct Manifest {
    /// It names every message accepted from then on: 35 days before `to` when not set.
    pub from: Option<Timestamp>,
    /// And until then: now when not set.
    pub to: Option<Timestamp>,
    /// The caller's own names for its submissions.
    pub submission_ids: Vec<String>,
    /// Digests of documents.
    pub sha256s: Vec<Digest>,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reconciliation {
    /// What the caller must look at. An entry that is not among these was delivered.
    pub findings: Vec<ReconciliationFinding>,
    /// How many entries came to what.
    pub summary: ReconciliationSummary,
}

impl Client {
    /// Holds a manifest against what the broker knows of the caller's submissions.
    pub async fn reconcile(&self, manifest: &Manifest) -> Result<Reconciliation, ClientError> {
        let parts = parts(manifest);
        self.call(DEADLINE, parts, |request| async move {
            self.exchange(request).await.map(Response::new)
        })
        .await?
        .ok_or_else(|| incomplete("summary"))
    }

    /// Sends a manifest in parts and reads the answer to its end; `None` when it has none.
    async fn exchange(
        &self,
        request: Request<Vec<ReconcileSubmissionsRequest>>,
    ) -> Result<Option<Reconciliation>, Status> {
        let request = request.map(stream::iter);
        let answer = self.submission().reconcile_submissions(request).await?;
        let mut answer = answer.into_inner();
        let mut findings = Vec::new();
        while let Some(response) = answer.message().await? {
            findings.extend(response.findings);
            if let Some(summary) = response.summary {
                return Ok(Some(Reconciliation { findings, summary }));
            }
        }
        Ok(None)
    }
}

/// The requests that carry a manifest; at least one.
fn parts(manifest: &Manifest) -> Vec<ReconcileSubmissionsRequest> {
    let ids = manifest.submission_ids.chunks(PART_MAX);
    let ids = ids.map(|ids| ReconcileSubmissionsRequest {
        submission_ids: ids.to_vec(),
        ..ReconcileSubmissionsRequest::default()
    });
    let digests = manifest.sha256s.chunks(PART_MAX);
    let digests = digests.map(|digests| ReconcileSubmissionsRequest {
        sha256s: digests
            .iter()
            .map(|digest| Bytes::copy_from_slice(digest.as_bytes()))
            .collect(),
        ..ReconcileSubmissionsRequest::default()
    });
    let first = ReconcileSubmissionsRequest {
        from_time: manifest.from.map(convert::wire_time),
        to_time: manifest.to.map(convert::wire_time),
        ..ReconcileSubmissionsRequest::default()
    };
    [first].into_iter().chain(ids).chain(digests).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use axle_proto::v1::ReconcileSubmissionsResponse;

    use super::*;
    use crate::testing::Fake;

    fn found(id: &str) -> ReconciliationFinding {
        ReconciliationFinding {
            submission_id: id.to_owned(),
            ..ReconciliationFinding::default()
        }
    }

    #[tokio::test]
    async fn a_long_manifest_goes_in_parts_and_an_answer_that_breaks_off_is_asked_for_again() {
        let broker = Fake::default().start().await;
        let part = |id: &str, last: bool| {
            Ok(ReconcileSubmissionsResponse {
                findings: vec![found(id)],
                summary: last.then(ReconciliationSummary::default),
            })
        };
        let broken = Err(Status::unavailable("the broker stops"));
        let script = &broker.fake.reconciliations;
        script.answer(Ok(vec![part("half", false), broken]));
        script.answer(Ok(vec![part("a", false), part("b", true)]));
        let manifest = Manifest {
            from: Some(Timestamp::from_micros(5_000_001)),
            submission_ids: (0..=PART_MAX).map(|number| number.to_string()).collect(),
            sha256s: vec![Digest::of(b"a document")],
            ..Manifest::default()
        };
        let answer = broker.client().reconcile(&manifest).await.unwrap();
        assert_eq!(answer.findings, [found("a"), found("b")]);
        let asked = script.asked();
        assert_eq!((asked.len(), &asked[0]), (2, &asked[1]));
        let sizes = asked[0]
            .iter()
            .map(|part| (part.submission_ids.len(), part.sha256s.len()));
        assert!(
            sizes.eq([(0, 0), (PART_MAX, 0), (1, 0), (0, 1)]),
            "{:?}",
            asked[0].len()
        );
        let from = asked[0][0].from_time.unwrap();
        assert_eq!((from.seconds, from.nanos), (5, 1_000));
    }

    #[tokio::test]
    async fn an_answer_without_its_summary_is_not_taken_for_a_whole_one() {
        let broker = Fake::default().start().await;
        let response = ReconcileSubmissionsResponse {
            findings: vec![found("a")],
            summary: None,
        };
        broker.fake.reconciliations.answer(Ok(vec![Ok(response)]));
        let error = broker
            .client()
            .reconcile(&Manifest::default())
            .await
            .unwrap_err();
        assert_eq!(error.reason(), "ANSWER_INCOMPLETE");
    }
}
