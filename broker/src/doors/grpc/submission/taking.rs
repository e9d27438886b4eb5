//! Taking a document in, by a call of its own or on a stream of many: read, handed to the engine, and
//! what came of it counted, written down and, when it is a refusal, kept for its sender to ask about.

use std::time::Instant;

use axle_model::{digest::Digest, id::SubmissionId, identity::Identity, refusal::Refusal};
use axle_proto::v1 as wire;
use axle_store::Store;
use bytes::Bytes;

use super::{super::header::submission_of, receipt_of};
use crate::{clock::Clock, engine::Engine};

/// Accepts a document, or says why not.
pub(in crate::doors::grpc) async fn take<S: Store, C: Clock>(
    engine: &Engine<S, C>,
    identity: &Identity,
    header: Option<wire::DocumentHeader>,
    content: Bytes,
) -> Result<wire::SubmitDocumentResponse, Refusal> {
    let began = Instant::now();
    let named = header.as_ref().and_then(|header| {
        let id = SubmissionId::parse(&header.submission_id).ok()?;
        Some((id, Digest::from_slice(&header.sha256)))
    });
    let body = content.clone();
    let outcome = match submission_of(header, content, &engine.view().limits) {
        Ok(submission) => engine.submit(identity, submission).await,
        Err(refusal) => Err(refusal),
    };
    let metrics = engine.metrics();
    match outcome {
        Ok(accepted) => {
            let word = match accepted.receipt.duplicate {
                true => "duplicate",
                false => "accepted",
            };
            metrics.submission(word, "", began.elapsed());
            Ok(receipt_of(&accepted))
        }
        Err(refusal) => {
            write_down(identity, named.as_ref().map(|(id, _)| id), &refusal);
            if let Some((id, declared)) = named {
                // What the sender calls it, also when it was damaged on its way here.
                let digest = || declared.unwrap_or_else(|| Digest::of(&body));
                Box::pin(engine.remember(identity, id, digest, &refusal)).await;
            }
            metrics.submission("refused", refusal.reason.as_str(), began.elapsed());
            Err(refusal)
        }
    }
}

/// The audit line of a refusal: ids, reason and rules; no field's value, no document.
fn write_down(identity: &Identity, submission: Option<&SubmissionId>, refusal: &Refusal) {
    let rules = refusal.findings.iter().filter_map(|finding| finding.rule);
    tracing::info!(
        target: "audit",
        organisation = identity.organisation.map(tracing::field::display),
        serial = %identity.serial,
        submission = submission.map(tracing::field::display),
        reason = refusal.reason.as_str(),
        rules = ?rules.collect::<Vec<_>>(),
        "a document was refused"
    );
}
