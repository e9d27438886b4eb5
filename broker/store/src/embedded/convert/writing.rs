//! Messages written as their records, field by field. The tags are those of the records, which read them.

use axle_core::{delivery::Delivery, message::Message};
use axle_model::{
    answer::Stage,
    envelope::{Priority, RecipientType},
};

use super::{answer, routing};
use crate::embedded::{
    located::Located,
    record::{
        AnswerRecord, EventRecord, LeaseRecord, LocatorRecord, StateRecord, Writer, append_with,
    },
};

/// Writes a `StoredRecord` at the end of `bytes`: a message, its ledger sequence and the place of its body.
pub(in crate::embedded) fn append_stored(
    bytes: &mut Vec<u8>,
    message: &Message,
    sequence: u64,
    body: &Located,
) {
    append_with(bytes, |to| {
        to.within(1, |to| write_message(to, message));
        to.number(2, sequence);
        match body {
            Located::Whole(one) => {
                to.number(3, one.segment.into());
                to.number(4, one.offset);
                to.fixed(5, one.crc);
            }
            Located::Pieces(all) => {
                for &piece in all.iter() {
                    to.made(6, &LocatorRecord::from(piece));
                }
            }
        }
    });
}

/// Writes the fields of a `MessageRecord`.
pub(in crate::embedded) fn write_message(to: &mut Writer<'_>, message: &Message) {
    to.bytes(1, message.id.as_bytes());
    to.bytes(2, message.sender.as_str());
    to.bytes(3, message.submission.as_str());
    to.bytes(4, message.request.as_bytes());
    to.bytes(5, message.workflow.as_str());
    to.number(6, message.table_version.into());
    to.bytes(7, message.media_type.as_str());
    to.bytes(8, message.digest.as_bytes());
    to.number(9, message.size);
    to.number(10, (message.priority == Priority::Urgent).into());
    if let Some(key) = &message.order_key {
        to.some_bytes(11, key.as_bytes());
    }
    if let Some(correlation) = &message.correlation_id {
        to.some_bytes(12, correlation.as_bytes());
    }
    for (key, value) in &message.labels {
        to.within(13, |to| {
            to.bytes(1, key);
            to.bytes(2, value);
        });
    }
    if let Some(document) = &message.document {
        to.some_bytes(14, document.as_bytes());
    }
    to.number(15, message.accept_time.as_micros());
    to.number(16, message.expire_time.as_micros());
    for warning in &message.warnings {
        to.within(17, |to| {
            to.bytes(1, warning.rule.as_bytes());
            to.bytes(2, warning.path.as_bytes());
            to.bytes(3, warning.what.as_bytes());
        });
    }
    for delivery in &message.deliveries {
        to.within(18, |to| write_delivery(to, delivery));
    }
    to.some_number(19, message.warn_time.as_micros());
    if let Ok(hold) = u64::try_from(message.order_hold.as_micros()) {
        to.some_number(20, hold);
    }
    write_names(to, message);
    if let Some(answer) = message.answer.as_deref() {
        to.made(26, &AnswerRecord::from(answer));
    }
    to.number(27, message.reroute_once.into());
    if let Some(from) = &message.rerouted_from {
        to.some_bytes(28, from.to_string());
    }
}

/// What a message goes by, and by what it was routed.
fn write_names(to: &mut Writer<'_>, message: &Message) {
    for name in &message.names {
        to.some_bytes(21, name.as_bytes());
    }
    for name in &message.replaces {
        to.some_bytes(22, name.as_bytes());
    }
    if let Some(class) = &message.routed_by.class {
        to.some_bytes(23, class.as_bytes());
    }
    to.bytes(24, message.routed_by.register_version.as_bytes());
    to.number(25, message.routed_by.restricted.into());
}

/// Writes the fields of a `DeliveryRecord`.
fn write_delivery(to: &mut Writer<'_>, delivery: &Delivery) {
    to.bytes(1, delivery.recipient.as_str());
    to.bytes(2, delivery.mailbox.to_string());
    to.made(3, &StateRecord::from(delivery.state));
    to.number(4, delivery.version.into());
    to.number(5, delivery.attempts.into());
    if let Some(lease) = delivery.lease {
        to.made(6, &LeaseRecord::from(lease));
    }
    for event in &delivery.timeline {
        to.made(7, &EventRecord::from(event));
    }
    to.number(8, delivery.aged.into());
    if let Some(since) = delivery.tried_since {
        to.some_number(9, since.as_micros());
    }
    if let Some(by) = &delivery.superseded_by {
        to.some_bytes(10, by.as_bytes());
    }
    let informs = delivery.recipient_type == RecipientType::ForInformation;
    to.number(11, informs.into());
    if let Some(routing) = routing::kept(&delivery.routing) {
        to.made(12, &routing);
    }
    if let Some(wait) = answer::wait(&delivery.answers, Stage::Infrastructure) {
        to.made(13, &wait);
    }
    if let Some(wait) = answer::wait(&delivery.answers, Stage::Business) {
        to.made(14, &wait);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::time::Duration;

    use axle_core::{
        answer::{Answer, Standing},
        delivery::{Basis, Redirect, Routing, State},
        lease::LeaseKey,
        message::RoutedBy,
    };
    use axle_model::{answer::ResponseCode, id::DeliveryId};

    use super::*;
    use crate::{
        conformance::sample::{at, both, draft, named, ods},
        embedded::{
            record::{MessageRecord, StoredRecord, decode},
            segment::Locator,
        },
        state::Body as _,
    };

    fn full() -> Message {
        let mut message = draft(8).message();
        message.priority = Priority::Urgent;
        message.order_hold = Duration::from_secs(77);
        message.document = Some(named("document"));
        message.names = vec![named("one"), named("other")];
        message.replaces = vec![named("before")];
        message.routed_by = RoutedBy {
            class: Some("discharge".into()),
            register_version: "2026-11".into(),
            restricted: true,
        };
        let of = DeliveryId {
            message: draft(1).id(),
            recipient: ods("Y99999"),
        };
        message.answer = Some(Box::new(Answer {
            of: Some(named("asked")),
            delivery: Some(of),
            code: ResponseCode::new(30_002),
            standing: Standing::Late,
            rerouted_to: Some(draft(2).id()),
        }));
        (message.reroute_once, message.rerouted_from) = (true, Some(of));
        let mut other = message.deliveries.first().unwrap().clone();
        other.recipient = ods("Y99999");
        other.state = State::Leased { until: at(99) };
        (other.version, other.attempts, other.aged) = (300, 2, true);
        other.lease = Some(LeaseKey {
            epoch: 3,
            nonce: [9; 16],
        });
        (other.tried_since, other.superseded_by) = (Some(at(5)), Some(draft(3).id()));
        other.recipient_type = RecipientType::ForInformation;
        other.answers = both(60, 600);
        other.routing = Routing {
            basis: Basis::Default,
            rule: Some("a rule".into()),
            redirects: vec![Redirect {
                from: ods("Y99998"),
                to: ods("Y99999"),
                why: "it has closed".into(),
            }],
            deceased: true,
        };
        message.deliveries.push(other);
        message
    }

    #[test]
    fn what_is_written_of_a_message_is_read_as_it_was() {
        for message in [draft(1).message(), full()] {
            let mut record = Vec::new();
            append_with(&mut record, |to| write_message(to, &message));
            let read = decode::<MessageRecord>(&record).unwrap();
            assert_eq!(Message::try_from(read).unwrap(), message);
        }
    }

    #[test]
    fn what_is_stored_of_a_message_is_read_as_it_was() {
        let message = full();
        let one = Locator {
            segment: 3,
            offset: 1 << 20,
            length: message.size,
            crc: 0xfedc_ba98,
        };
        for body in [Located::Whole(one), Located::of(vec![one, one])] {
            let mut record = Vec::new();
            append_stored(&mut record, &message, 11, &body);
            let read = decode::<StoredRecord>(&record).unwrap().read().unwrap();
            assert_eq!(read, (message.clone(), 11, body));
        }
    }
}
