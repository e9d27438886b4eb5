//! Events to records and back.

use axle_core::event::{Actor, DeadLetterCause, Event, EventKind};
use axle_model::{
    answer::{ResponseCode, Stage},
    time::Timestamp,
};

use super::{id, mailbox, ods};
use crate::embedded::record::{EventRecord, EventWord, Malformed};

impl From<&Event> for EventRecord {
    fn from(event: &Event) -> Self {
        let mut record = Self {
            time_micros: event.time.as_micros(),
            ..Self::default()
        };
        match &event.by {
            Actor::Organisation(code) => record.organisation = Some(code.as_str().to_owned()),
            Actor::Operator(serial) => record.operator = Some(serial.to_string()),
            Actor::Broker => {}
        }
        let micros = |time: Timestamp| Some(time.as_micros());
        let word = match &event.kind {
            EventKind::Accepted => EventWord::Accepted,
            EventKind::Leased {
                consumer,
                until,
                epoch,
            } => {
                record.text = consumer.to_string();
                record.until_micros = micros(*until);
                record.number = *epoch;
                EventWord::Leased
            }
            EventKind::Extended { until } => {
                record.until_micros = micros(*until);
                EventWord::Extended
            }
            EventKind::Released { until } => {
                record.until_micros = micros(*until);
                EventWord::Released
            }
            EventKind::Lapsed { until } => {
                record.until_micros = until.and_then(micros);
                EventWord::Lapsed
            }
            EventKind::Acknowledged => EventWord::Acknowledged,
            EventKind::Rejected { code, until } => {
                record.text = code.to_string();
                record.until_micros = until.and_then(micros);
                EventWord::Rejected
            }
            EventKind::DeadLettered { attempts, cause } => {
                record.number = *attempts;
                record.text = cause.as_str().to_owned();
                EventWord::DeadLettered
            }
            EventKind::Expired => EventWord::Expired,
            EventKind::Requeued { reason } => {
                record.text = reason.to_string();
                EventWord::Requeued
            }
            EventKind::Withdrawn { reason } => {
                record.text = reason.to_string();
                EventWord::Withdrawn
            }
            EventKind::Superseded { by } => {
                record.by_message = Some(by.as_bytes().to_vec());
                EventWord::Superseded
            }
            EventKind::Rerouted { from, to, reason } => {
                record.text = reason.to_string();
                record.from_mailbox = Some(from.to_string());
                record.to_mailbox = Some(to.to_string());
                EventWord::Rerouted
            }
            EventKind::Returned { reason } => {
                record.text = reason.to_string();
                EventWord::Returned
            }
            EventKind::Aged => EventWord::Aged,
            EventKind::Answered {
                code,
                positive,
                response,
                rerouted_to,
            } => {
                record.number = code.number();
                record.positive = *positive;
                record.by_message = Some(response.as_bytes().to_vec());
                record.rerouted_to = rerouted_to.map(|id| id.as_bytes().to_vec());
                EventWord::Answered
            }
            EventKind::AnswerLapsed { stage } => {
                record.business = *stage == Stage::Business;
                EventWord::AnswerLapsed
            }
        };
        record.set_word(word);
        record
    }
}

impl TryFrom<EventRecord> for Event {
    type Error = Malformed;

    fn try_from(record: EventRecord) -> Result<Self, Malformed> {
        let by = match (&record.organisation, &record.operator) {
            (Some(code), _) => Actor::Organisation(ods(code)?),
            (None, Some(serial)) => Actor::Operator(serial.as_str().into()),
            (None, None) => Actor::Broker,
        };
        let time = Timestamp::from_micros(record.time_micros);
        let word = record.word();
        let may_rest = record.until_micros.map(Timestamp::from_micros);
        let until = may_rest.ok_or(Malformed("an event without its end"));
        let (text, number): (Box<str>, u32) = (record.text.into(), record.number);
        let kind = match word {
            EventWord::Unknown => return Err(Malformed("an event")),
            EventWord::Accepted => EventKind::Accepted,
            EventWord::Leased => EventKind::Leased {
                consumer: text,
                until: until?,
                epoch: number,
            },
            EventWord::Extended => EventKind::Extended { until: until? },
            EventWord::Released => EventKind::Released { until: until? },
            EventWord::Lapsed => EventKind::Lapsed { until: may_rest },
            EventWord::Acknowledged => EventKind::Acknowledged,
            EventWord::Rejected => EventKind::Rejected {
                code: text,
                until: may_rest,
            },
            EventWord::DeadLettered => EventKind::DeadLettered {
                attempts: number,
                cause: cause(&text)?,
            },
            EventWord::Expired => EventKind::Expired,
            EventWord::Requeued => EventKind::Requeued { reason: text },
            EventWord::Withdrawn => EventKind::Withdrawn { reason: text },
            EventWord::Superseded => EventKind::Superseded {
                by: id(record.by_message.as_deref().unwrap_or_default())?,
            },
            EventWord::Rerouted => EventKind::Rerouted {
                from: mailbox(record.from_mailbox.as_deref().unwrap_or_default())?,
                to: mailbox(record.to_mailbox.as_deref().unwrap_or_default())?,
                reason: text,
            },
            EventWord::Returned => EventKind::Returned { reason: text },
            EventWord::Aged => EventKind::Aged,
            EventWord::Answered => EventKind::Answered {
                code: ResponseCode::new(number).ok_or(Malformed("a response code"))?,
                positive: record.positive,
                response: id(record.by_message.as_deref().unwrap_or_default())?,
                rerouted_to: record.rerouted_to.as_deref().map(id).transpose()?,
            },
            EventWord::AnswerLapsed if record.business => EventKind::AnswerLapsed {
                stage: Stage::Business,
            },
            EventWord::AnswerLapsed => EventKind::AnswerLapsed {
                stage: Stage::Infrastructure,
            },
        };
        Ok(Self::new(kind, by, time))
    }
}

/// Why a delivery was set aside. Earlier versions had one reason and did not write it.
fn cause(text: &str) -> Result<DeadLetterCause, Malformed> {
    if text.is_empty() {
        return Ok(DeadLetterCause::AttemptsSpent);
    }
    let mut all = DeadLetterCause::ALL.into_iter();
    all.find(|cause| cause.as_str() == text)
        .ok_or(Malformed("the cause of a dead letter"))
}
