//! ReconcileSubmissions: a manifest in, part by part; findings out, as they are found.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use axle_core::{
    authorise::organisation_of,
    reconcile::{Counts, Finding, Manifest, Named, Open, Outcome},
};
use axle_model::{
    digest::Digest,
    id::SubmissionId,
    identity::Identity,
    ods::OdsCode,
    refusal::{Reason, Refusal},
    time::Timestamp,
};
use axle_proto::v1::{self as wire, ReconciliationOutcome};
use axle_store::Store;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

use super::{
    principal::caller,
    reply::{state_of, time_of},
    status::status_of,
    streams::{Open as OpenStream, Streams},
};
use crate::{
    clock::Clock,
    engine::{Engine, reconcile::Reconciliation},
};

/// The most entries of one request.
const ENTRIES_MAX: usize = 10_000;
/// The most findings and open deliveries of one response, both counted: about 1 MB.
const RESPONSE_ITEMS_MAX: usize = 4_000;
/// How much of the past a manifest names when it does not say.
const WINDOW: Duration = Duration::from_hours(35 * 24);
/// And at most.
const WINDOW_MAX: Duration = Duration::from_hours(400 * 24);
/// The most reconciliations of all organisations at once; each may hold some 30 MB.
const AT_ONCE_MAX: usize = 8;

type Answer = BoxStream<'static, Result<wire::ReconcileSubmissionsResponse, Status>>;

/// Reads the manifest and answers it.
pub(super) async fn reconcile<S: Store, C: Clock>(
    engine: &Arc<Engine<S, C>>,
    streams: &Streams,
    request: Request<Streaming<wire::ReconcileSubmissionsRequest>>,
) -> Result<Response<Answer>, Status> {
    let identity = caller(&request)?;
    let open = admit(&identity, streams).map_err(status_of)?;
    let manifest = manifest_of(request.into_inner(), engine.now()).await?;
    let reconciliation = engine.reconcile(&identity, manifest).map_err(status_of)?;
    Ok(Response::new(responses(reconciliation, open)))
}

/// One at a time for each organisation, and a few for all.
fn admit(identity: &Identity, streams: &Streams) -> Result<[OpenStream; 2], Refusal> {
    let organisation = organisation_of(identity)?;
    let limited = |what: &str| {
        let remedy = "try again when it has ended";
        Refusal::new(Reason::RateLimited, what, remedy)
    };
    let own = streams.open(format!("reconcile {organisation}"), 1);
    let own = own.map_err(|_| limited("a reconciliation of this organisation is under way"))?;
    let all = streams.open("reconcile".to_owned(), AT_ONCE_MAX);
    let all = all.map_err(|_| limited("other organisations' reconciliations are under way"))?;
    Ok([own, all])
}

async fn manifest_of(
    mut requests: Streaming<wire::ReconcileSubmissionsRequest>,
    now: Timestamp,
) -> Result<Manifest, Status> {
    let first = requests.message().await?.unwrap_or_default();
    let window = window_of(&first, now).map_err(status_of)?;
    let mut manifest = Manifest::new(window.0, window.1);
    add(&mut manifest, first).map_err(status_of)?;
    while let Some(request) = requests.message().await? {
        if request.from_time.is_some() || request.to_time.is_some() {
            let what = "it is not in the first request";
            let refusal = Refusal::field("from_time", what, "say it in the first request only");
            return Err(status_of(refusal));
        }
        add(&mut manifest, request).map_err(status_of)?;
    }
    Ok(manifest)
}

/// From when to when the manifest names every message.
fn window_of(
    first: &wire::ReconcileSubmissionsRequest,
    now: Timestamp,
) -> Result<(Timestamp, Timestamp), Refusal> {
    let read = |path: &str, time: Option<prost_types::Timestamp>| {
        let Some(time) = time else { return Ok(None) };
        let micros = u64::try_from(time.seconds)
            .ok()
            .zip(u64::try_from(time.nanos).ok());
        let micros = micros.and_then(|(seconds, nanos)| {
            seconds.checked_mul(1_000_000)?.checked_add(nanos / 1_000)
        });
        let time = micros.map(Timestamp::from_micros);
        let wrong = || Refusal::field(path, "it is not a time after 1970", "correct it");
        time.map(Some).ok_or_else(wrong)
    };
    let to = read("to_time", first.to_time)?.unwrap_or(now);
    let from = read("from_time", first.from_time)?;
    let from = from.unwrap_or_else(|| to.before(WINDOW));
    if from > to || to.since(from) > WINDOW_MAX {
        let what = "it is after to_time, or more than 400 days before it";
        return Err(Refusal::field("from_time", what, "name a shorter time"));
    }
    Ok((from, to))
}

fn add(manifest: &mut Manifest, request: wire::ReconcileSubmissionsRequest) -> Result<(), Refusal> {
    let wire::ReconcileSubmissionsRequest {
        submission_ids,
        sha256s,
        ..
    } = request;
    let count = submission_ids.len() + sha256s.len();
    if count > ENTRIES_MAX {
        let what = format!("{count} entries; one request takes at most {ENTRIES_MAX}");
        return Err(Refusal::field(
            "submission_ids",
            what,
            "send several requests",
        ));
    }
    for (index, text) in submission_ids.iter().enumerate() {
        let id = SubmissionId::parse(text).map_err(|why| {
            let path = format!("submission_ids[{index}]");
            Refusal::field(
                path,
                why.to_string(),
                "leave it out: it cannot have been submitted",
            )
        })?;
        put(manifest, Named::Submission(id))?;
    }
    for (index, bytes) in sha256s.iter().enumerate() {
        let digest = Digest::from_slice(bytes).ok_or_else(|| {
            let path = format!("sha256s[{index}]");
            Refusal::field(
                path,
                "it is not 32 bytes",
                "send the SHA-256 of the document",
            )
        })?;
        put(manifest, Named::Body(digest))?;
    }
    Ok(())
}

fn put(manifest: &mut Manifest, named: Named) -> Result<(), Refusal> {
    if manifest.add(named) {
        return Ok(());
    }
    let what = format!("more than {} different entries", Manifest::ENTRIES_MAX);
    Err(Refusal::field(
        "submission_ids",
        what,
        "divide the manifest by time, each part with its from_time and to_time",
    ))
}

struct Answering<S, C> {
    reconciliation: Reconciliation<S, C>,
    /// Found and not sent yet, and how much that is.
    ready: VecDeque<Finding>,
    items: usize,
    /// Whether there is no more to be found; and whether that was said.
    exhausted: bool,
    ended: bool,
    _open: [OpenStream; 2],
}

fn responses<S: Store, C: Clock>(
    reconciliation: Reconciliation<S, C>,
    open: [OpenStream; 2],
) -> Answer {
    let answering = Answering {
        reconciliation,
        ready: VecDeque::new(),
        items: 0,
        exhausted: false,
        ended: false,
        _open: open,
    };
    stream::unfold(answering, |mut answering| async move {
        let response = answering.next().await?;
        Some((response, answering))
    })
    .boxed()
}

impl<S: Store, C: Clock> Answering<S, C> {
    async fn next(&mut self) -> Option<Result<wire::ReconcileSubmissionsResponse, Status>> {
        if self.ended {
            return None;
        }
        while !self.exhausted && self.items < RESPONSE_ITEMS_MAX {
            match self.reconciliation.next().await {
                Ok(Some(found)) => {
                    self.items += found.iter().map(items).sum::<usize>();
                    self.ready.extend(found);
                }
                Ok(None) => self.exhausted = true,
                Err(refusal) => {
                    self.ended = true;
                    return Some(Err(status_of(refusal)));
                }
            }
        }
        let (mut findings, mut taken) = (Vec::new(), 0);
        while taken < RESPONSE_ITEMS_MAX
            && let Some(finding) = self.ready.pop_front()
        {
            taken += items(&finding);
            findings.push(finding_of(finding));
        }
        self.items -= taken;
        self.ended = self.exhausted && self.ready.is_empty();
        let summary = self.ended.then(|| self.summary());
        Some(Ok(wire::ReconcileSubmissionsResponse { findings, summary }))
    }

    fn summary(&self) -> wire::ReconciliationSummary {
        let Counts {
            entries,
            delivered,
            never_submitted,
            refused,
            pending,
            undelivered,
            unknown_to_manifest,
        } = self.reconciliation.counts();
        let manifest = self.reconciliation.manifest();
        wire::ReconciliationSummary {
            from_time: time_of(manifest.from()),
            to_time: time_of(manifest.to()),
            entry_count: entries,
            delivered_count: delivered,
            never_submitted_count: never_submitted,
            refused_count: refused,
            pending_count: pending,
            undelivered_count: undelivered,
            unknown_to_manifest_count: unknown_to_manifest,
        }
    }
}

/// How much a finding adds to a response.
fn items(finding: &Finding) -> usize {
    match &finding.outcome {
        Outcome::Pending { open, .. } | Outcome::Undelivered { open, .. } => 1 + open.len(),
        Outcome::NeverSubmitted | Outcome::Refused { .. } | Outcome::UnknownToManifest { .. } => 1,
    }
}

fn finding_of(finding: Finding) -> wire::ReconciliationFinding {
    let digest = finding.digest;
    let named = wire::ReconciliationFinding {
        submission_id: finding
            .submission
            .map(|id| id.to_string())
            .unwrap_or_default(),
        sha256: digest
            .map(|digest| Bytes::copy_from_slice(digest.as_bytes()))
            .unwrap_or_default(),
        ..Default::default()
    };
    let with = |outcome: ReconciliationOutcome| wire::ReconciliationFinding {
        outcome: outcome.into(),
        ..named
    };
    match finding.outcome {
        Outcome::NeverSubmitted => with(ReconciliationOutcome::NeverSubmitted),
        Outcome::Refused { reason, time } => wire::ReconciliationFinding {
            reason: reason.into(),
            refuse_time: time_of(time),
            ..with(ReconciliationOutcome::Refused)
        },
        Outcome::Pending { message, open } => wire::ReconciliationFinding {
            message: message.to_string(),
            deliveries: open.into_iter().map(open_of).collect(),
            ..with(ReconciliationOutcome::Pending)
        },
        Outcome::Undelivered { message, open } => wire::ReconciliationFinding {
            message: message.to_string(),
            deliveries: open.into_iter().map(open_of).collect(),
            ..with(ReconciliationOutcome::Undelivered)
        },
        Outcome::UnknownToManifest { message } => wire::ReconciliationFinding {
            message: message.to_string(),
            ..with(ReconciliationOutcome::UnknownToManifest)
        },
    }
}

fn open_of(open: Open) -> wire::OpenDelivery {
    let recipient: OdsCode = open.delivery.recipient;
    wire::OpenDelivery {
        name: open.delivery.to_string(),
        recipient: recipient.to_string(),
        state: state_of(open.state).into(),
        state_time: time_of(open.since),
        reason: open.reason.into(),
    }
}
