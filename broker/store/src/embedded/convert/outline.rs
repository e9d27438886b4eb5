//! Outlines out of their records: what a start needs of a message that will rest. The tags are those of
//! the records; what is passed over is checked when the message is read whole.

use std::time::Duration;

use axle_core::{
    delivery::{Delivery, State},
    event::{Actor, Event, EventKind},
    message::Message,
    table::Terms,
};
use axle_model::{
    digest::Digest,
    envelope::{MediaType, Priority},
    id::{MessageId, SubmissionId},
    mailbox::WorkflowId,
    ods::OdsCode,
    time::Timestamp,
};

use super::{answer, digest, id, mailbox, ods};
use crate::{
    embedded::{
        located::Located,
        record::{Fields, LocatorRecord, Malformed, StateRecord, Value, WaitRecord},
        segment::Locator,
    },
    state::{Body as _, Outline},
};

/// Reads outlines. Neighbours often share a workflow, so its name is kept once.
#[derive(Debug)]
pub(in crate::embedded) struct Outliner {
    nobody: SubmissionId,
    workflow: WorkflowId,
}

impl Outliner {
    pub(in crate::embedded) fn new() -> Result<Self, Malformed> {
        Ok(Self {
            nobody: SubmissionId::parse("-").map_err(|_| Malformed("a submission id"))?,
            workflow: WorkflowId::parse("NONE").map_err(|_| Malformed("a workflow"))?,
        })
    }

    /// The outline in a `StoredRecord`, and where the body is, though not how long it is there.
    pub(in crate::embedded) fn read(
        &mut self,
        record: &[u8],
    ) -> Result<(Outline, Located), Malformed> {
        let (mut message, mut sequence, mut segment) = (None, 0, 0);
        let mut pieces = Vec::new();
        for field in Fields::of(record)? {
            match field? {
                (1, Value::Bytes(record)) => message = Some(self.message(record)?),
                (2, Value::Number(number)) => sequence = number,
                (3, Value::Number(number)) => segment = number as u32,
                (6, Value::Bytes(record)) => {
                    pieces.push(Locator::from(inner::<LocatorRecord>(record)?))
                }
                _ => {}
            }
        }
        let message = message.ok_or(Malformed("a record without its message"))?;
        let body = if pieces.is_empty() {
            Located::Whole(Locator {
                segment,
                ..Locator::default()
            })
        } else {
            Located::of(pieces)
        };
        Ok((Outline { message, sequence }, body))
    }

    /// Out of a `MessageRecord`.
    fn message(&mut self, record: &[u8]) -> Result<Message, Malformed> {
        let mut message = self.blank();
        let (mut identified, mut warns) = (false, false);
        for field in Fields::within(record) {
            match field? {
                (1, Value::Bytes(bytes)) => (message.id, identified) = (id(bytes)?, true),
                (2, Value::Bytes(bytes)) => message.sender = ods(text(bytes)?)?,
                (5, Value::Bytes(bytes)) => message.workflow = self.workflow(text(bytes)?)?,
                (9, Value::Number(bytes)) => message.size = bytes,
                (10, Value::Number(1)) => message.priority = Priority::Urgent,
                (11, Value::Bytes(bytes)) => message.order_key = Some(digest(bytes)?),
                (15, Value::Number(micros)) => message.accept_time = Timestamp::from_micros(micros),
                (16, Value::Number(micros)) => message.expire_time = Timestamp::from_micros(micros),
                (18, Value::Bytes(record)) => message.deliveries.push(delivery(record)?),
                (19, Value::Number(micros)) => {
                    (message.warn_time, warns) = (Timestamp::from_micros(micros), true);
                }
                (20, Value::Number(micros)) => message.order_hold = Duration::from_micros(micros),
                (21, Value::Bytes(bytes)) => message.names.push(digest(bytes)?),
                _ => {}
            }
        }
        if !warns {
            message.warn_time = message.expire_time;
        }
        match identified {
            true => Ok(message),
            false => Err(Malformed("a message's id")),
        }
    }

    fn workflow(&mut self, name: &str) -> Result<WorkflowId, Malformed> {
        if self.workflow.as_str() != name {
            self.workflow = WorkflowId::parse(name).map_err(|_| Malformed("a workflow"))?;
        }
        Ok(self.workflow.clone())
    }

    /// What nobody asks an outline stays so.
    fn blank(&self) -> Message {
        let digest = Digest::from_bytes([0; 32]);
        Message {
            id: MessageId::from_bytes([0; 16]),
            sender: OdsCode::BROKER,
            workflow: self.workflow.clone(),
            size: 0,
            priority: Priority::Routine,
            order_key: None,
            order_hold: Terms::default().order_hold,
            names: Vec::new(),
            accept_time: Timestamp::default(),
            expire_time: Timestamp::default(),
            warn_time: Timestamp::default(),
            deliveries: Vec::with_capacity(1),
            submission: self.nobody.clone(),
            request: digest,
            digest,
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
        }
    }
}

/// Out of a `DeliveryRecord`.
fn delivery(record: &[u8]) -> Result<Delivery, Malformed> {
    let (mut recipient, mut waits_in, mut state) = (None, None, None);
    let (mut version, mut aged, mut tried_since) = (0, false, None);
    let (mut newest, mut infrastructure, mut business) = (None, None, None);
    for field in Fields::within(record) {
        match field? {
            (1, Value::Bytes(bytes)) => recipient = Some(ods(text(bytes)?)?),
            (2, Value::Bytes(bytes)) => waits_in = Some(mailbox(text(bytes)?)?),
            (3, Value::Bytes(record)) => state = Some(inner::<StateRecord>(record)?),
            (4, Value::Number(number)) => version = number as u32,
            (7, Value::Bytes(record)) => newest = Some(record),
            (8, Value::Number(number)) => aged = number != 0,
            (9, Value::Number(micros)) => tried_since = Some(Timestamp::from_micros(micros)),
            (13, Value::Bytes(record)) => infrastructure = Some(inner::<WaitRecord>(record)?),
            (14, Value::Bytes(record)) => business = Some(inner::<WaitRecord>(record)?),
            _ => {}
        }
    }
    let state = state.ok_or(Malformed("a delivery without a state"))?;
    Ok(Delivery {
        recipient: recipient.ok_or(Malformed("a delivery without its recipient"))?,
        mailbox: waits_in.ok_or(Malformed("a delivery without its mailbox"))?,
        state: State::try_from(state)?,
        version,
        aged,
        tried_since,
        answers: answer::answers(infrastructure, business)?,
        timeline: newest.map(event).transpose()?.into_iter().collect(),
        // Blank from here on.
        attempts: 0,
        lease: None,
        superseded_by: None,
        recipient_type: Default::default(),
        routing: Default::default(),
    })
}

/// Out of an `EventRecord`: when it was.
fn event(record: &[u8]) -> Result<Event, Malformed> {
    let mut time = Timestamp::default();
    for field in Fields::within(record) {
        if let (2, Value::Number(micros)) = field? {
            time = Timestamp::from_micros(micros);
        }
    }
    Ok(Event::new(EventKind::Accepted, Actor::Broker, time))
}

fn inner<R: prost::Message + Default>(record: &[u8]) -> Result<R, Malformed> {
    R::decode(record).map_err(|_| Malformed("a record's encoding"))
}

fn text(bytes: &[u8]) -> Result<&str, Malformed> {
    str::from_utf8(bytes).map_err(|_| Malformed("a text"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::{super::writing::append_stored, *};
    use crate::{
        conformance::sample::{at, both, draft, named, ods},
        embedded::record::{StoredRecord, encode},
    };

    /// Every field that an outline has, at a value that it does not have by itself.
    fn message() -> Message {
        let mut message = draft(7).message();
        message.priority = Priority::Urgent;
        message.order_key = Some(named("patient"));
        message.order_hold = Duration::from_secs(77);
        message.names = vec![named("one"), named("other")];
        message.warn_time = at(30);
        let mut other = message.deliveries.first().unwrap().clone();
        other.recipient = ods("Y99999");
        other.state = State::Leased { until: at(99) };
        (other.version, other.aged, other.tried_since) = (9, true, Some(at(5)));
        other.answers = both(60, 600);
        let event = Event::new(EventKind::Accepted, Actor::Broker, at(6));
        other.timeline.push(event);
        message.deliveries.push(other);
        message
    }

    fn stored(message: &Message, body: &Located) -> Vec<u8> {
        let mut record = Vec::new();
        append_stored(&mut record, message, 11, body);
        record
    }

    fn outline(message: &Message, body: &Located) -> (Outline, Located) {
        let record = stored(message, body);
        Outliner::new().unwrap().read(&record).unwrap()
    }

    #[test]
    fn an_outline_has_of_its_record_what_queues_and_timers_ask_for() {
        let message = message();
        let at_place = |segment| Locator {
            segment,
            ..Locator::default()
        };
        let (outline, body) = outline(&message, &Located::Whole(at_place(3)));
        assert_eq!((outline.sequence, body), (11, Located::Whole(at_place(3))));
        let read = outline.message;
        let asked = |one: &Message| {
            let of_message = (one.id, one.sender, one.workflow.clone(), one.size);
            let waits = (one.priority, one.order_key, one.order_hold);
            let times = (one.accept_time, one.expire_time, one.warn_time);
            (of_message, waits, times, one.names.clone())
        };
        assert_eq!(asked(&read), asked(&message));
        assert_eq!(read.deliveries.len(), 2);
        for (read, one) in read.deliveries.iter().zip(&message.deliveries) {
            let asked = |one: &Delivery| {
                let names = (one.recipient, one.mailbox.clone());
                let counts = (one.state, one.version, one.aged, one.tried_since);
                let newest = one.timeline.last().map(|event| event.time);
                (names, counts, one.answers, newest)
            };
            assert_eq!(asked(read), asked(one));
        }
    }

    #[test]
    fn a_record_that_is_cut_short_or_of_nobody_is_malformed() {
        let place = Located::Whole(Locator::default());
        let record = stored(&message(), &place);
        let mut outliner = Outliner::new().unwrap();
        for length in 0..record.len() {
            let read = outliner.read(record.get(..length).unwrap());
            // What follows the message may be missing: it is zero, then.
            assert!(read.is_err() || length + 16 > record.len(), "{length}");
        }
        assert!(outliner.read(&encode(&StoredRecord::default())).is_err());
    }
}
