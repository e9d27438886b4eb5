//! What a store is given without a broker before it: documents as they are after routing, and the moves
//! of their deliveries.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axle_core::{
    change::{Acceptance, Advance, Body, Change},
    delivery::{Circumstances, Delivery, Move, Outcome},
    event::Actor,
    message::Message,
    retry::Retry,
};
use axle_model::{
    digest::Digest,
    envelope::{MediaType, Priority},
    id::{MessageId, SubmissionId},
    mailbox::MailboxId,
    ods::OdsCode,
    time::Timestamp,
};
use axle_store::{Claim, Claimed, Store as _, StoreError, embedded::Embedded};
use bytes::Bytes;
use uuid::Uuid;

use crate::{documents, load::job::Payload};

/// A document that nobody has sent before. What the broker reads has a name of its own and a patient of
/// its own. `None` never, for what is parsed here is of the right shape.
pub fn acceptance(
    sender: OdsCode,
    practice: OdsCode,
    payload: Payload,
    body: Bytes,
    now: Timestamp,
) -> Option<Change> {
    let id = Uuid::now_v7();
    let unique = Digest::of(id.as_bytes());
    let (media_type, name) = match payload {
        Payload::Opaque => (MediaType::Opaque("application/octet-stream".into()), None),
        Payload::Fhir => (MediaType::FhirJson, Some(unique)),
    };
    let message = Message {
        id: MessageId::new(id),
        sender,
        submission: SubmissionId::parse(&id.to_string()).ok()?,
        request: unique,
        workflow: documents::workflow(0)?,
        table_version: 1,
        routed_by: Default::default(),
        media_type,
        digest: unique,
        size: body.len() as u64,
        priority: Priority::Routine,
        order_key: name,
        order_hold: Duration::from_hours(4),
        correlation_id: None,
        labels: BTreeMap::new(),
        document: name,
        names: name.into_iter().collect(),
        replaces: Vec::new(),
        accept_time: now,
        expire_time: now.after(Duration::from_hours(120)),
        warn_time: now.after(Duration::from_hours(24)),
        warnings: Vec::new(),
        answer: None,
        reroute_once: false,
        rerouted_from: None,
        deliveries: vec![Delivery::accept(
            practice,
            MailboxId::of(practice),
            sender,
            now,
        )],
    };
    Some(Change::from(Acceptance {
        message,
        body: Body::Whole(body),
    }))
}

/// Claims up to `deliveries` of what waits for a practice.
pub async fn claim(
    store: &Arc<Embedded>,
    practice: OdsCode,
    deliveries: usize,
    now: Timestamp,
) -> Result<Vec<Claimed>, StoreError> {
    let claim = Claim {
        mailbox: MailboxId::of(practice),
        deliveries_max: deliveries,
        bytes_max: u64::MAX,
        until: now.after(Duration::from_mins(1)),
        consumer: "surgery-1".into(),
        organisation: practice,
        now,
        late: false,
    };
    store.claim(claim).await
}

/// The acknowledgement of what was claimed; `None` when that is settled already.
pub fn acknowledgement(claimed: &Claimed, now: Timestamp) -> Option<Change> {
    let at = Circumstances {
        now,
        deadline: claimed.message.expire_time,
        retry: Retry::default(),
        seed: 7,
    };
    let lease = claimed.token.key;
    let by = Actor::Organisation(claimed.token.delivery.recipient);
    match claimed
        .delivery()?
        .decide(Move::Acknowledge { lease }, by, at)
    {
        Ok(Outcome::Step(step)) => Some(Change::from(Advance {
            delivery: claimed.token.delivery,
            sender: claimed.message.sender,
            step,
        })),
        Ok(Outcome::Unchanged) | Err(_) => None,
    }
}
