//! Outlines out of their records: what a start needs of a message that will rest.

use std::time::Duration;

use axle_core::{
    delivery::Delivery,
    event::{Actor, Event, EventKind},
    message::Message,
    table::Terms,
};
use axle_model::{
    digest::Digest,
    envelope::{MediaType, Priority},
    id::SubmissionId,
    mailbox::WorkflowId,
    time::Timestamp,
};
use prost::bytes::Bytes;

use super::{answer, digest, id, mailbox, ods};
use crate::{
    embedded::{
        located::Located,
        record::{
            DeliveryOutline, EventOutline, LocatorRecord, Malformed, MessageOutline, StoredOutline,
        },
        segment::Locator,
    },
    state::{Body as _, Outline},
};

/// Reads outlines. Neighbours often share a workflow, so its name is kept once.
#[derive(Debug, Default)]
pub(in crate::embedded) struct Outliner {
    submission: Option<SubmissionId>,
    workflow: Option<WorkflowId>,
}

impl Outliner {
    /// The outline in a record, and where the body is, though not how long it is there.
    pub(in crate::embedded) fn read(
        &mut self,
        record: StoredOutline,
    ) -> Result<(Outline, Located), Malformed> {
        let body = if record.pieces.is_empty() {
            Located::Whole(Locator {
                segment: record.segment,
                ..Locator::default()
            })
        } else {
            let pieces = record.pieces.into_iter();
            Located::of(pieces.map(|one: LocatorRecord| one.into()).collect())
        };
        let message = record.message;
        let message = message.ok_or(Malformed("a record without its message"))?;
        let outline = Outline {
            message: self.message(&message)?,
            sequence: record.sequence,
        };
        Ok((outline, body))
    }

    fn workflow(&mut self, name: &Bytes) -> Result<WorkflowId, Malformed> {
        let name = text(name)?;
        match &self.workflow {
            Some(last) if last.as_str() == name => Ok(last.clone()),
            Some(_) | None => {
                let read = WorkflowId::parse(name).map_err(|_| Malformed("a workflow"))?;
                Ok(self.workflow.insert(read).clone())
            }
        }
    }

    fn message(&mut self, record: &MessageOutline) -> Result<Message, Malformed> {
        let nobody = match &self.submission {
            Some(blank) => blank.clone(),
            None => {
                let blank = SubmissionId::parse("-").map_err(|_| Malformed("a submission id"))?;
                self.submission.insert(blank).clone()
            }
        };
        let blank = Digest::from_bytes([0; 32]);
        Ok(Message {
            id: id(&record.id)?,
            sender: ods(text(&record.sender)?)?,
            workflow: self.workflow(&record.workflow)?,
            size: record.size,
            priority: match record.urgent {
                true => Priority::Urgent,
                false => Priority::Routine,
            },
            order_key: record.order_key.as_deref().map(digest).transpose()?,
            order_hold: record
                .order_hold_micros
                .map_or(Terms::default().order_hold, Duration::from_micros),
            names: (record.names.iter())
                .map(|name| digest(name))
                .collect::<Result<_, _>>()?,
            accept_time: Timestamp::from_micros(record.accept_micros),
            expire_time: Timestamp::from_micros(record.expire_micros),
            warn_time: Timestamp::from_micros(record.warn_micros.unwrap_or(record.expire_micros)),
            deliveries: (record.deliveries.iter())
                .map(delivery)
                .collect::<Result<_, _>>()?,
            // Blank from here on: nobody asks an outline.
            submission: nobody,
            request: blank,
            digest: blank,
            table_version: 0,
            routed_by: Default::default(),
            media_type: MediaType::FhirJson,
            correlation_id: None,
            labels: Default::default(),
            document: None,
            replaces: Vec::new(),
            warnings: Vec::new(),
            answer: None,
            reroute_once: false,
            rerouted_from: None,
        })
    }
}

fn delivery(record: &DeliveryOutline) -> Result<Delivery, Malformed> {
    let recipient = ods(text(&record.recipient)?)?;
    let last = record.timeline.last().map(|&EventOutline { time_micros }| {
        let time = Timestamp::from_micros(time_micros);
        Event::new(EventKind::Accepted, Actor::Broker, time)
    });
    let state = record.state;
    Ok(Delivery {
        recipient,
        mailbox: mailbox(text(&record.mailbox)?)?,
        state: state
            .ok_or(Malformed("a delivery without a state"))?
            .try_into()?,
        version: record.version,
        aged: record.aged,
        tried_since: record.tried_since_micros.map(Timestamp::from_micros),
        answers: answer::answers(record.infrastructure, record.business)?,
        timeline: last.into_iter().collect(),
        // Blank from here on.
        attempts: 0,
        lease: None,
        superseded_by: None,
        recipient_type: Default::default(),
        routing: Default::default(),
    })
}

fn text(bytes: &Bytes) -> Result<&str, Malformed> {
    str::from_utf8(bytes).map_err(|_| Malformed("a text"))
}
