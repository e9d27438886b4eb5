//! Conversions between the core's values and the records that keep them. Total: what cannot be read
//! is [`Malformed`], never a panic and never a guess.

mod answer;
mod event;
pub(super) mod outline;
mod place;
mod refused;
mod routing;
pub(super) mod writing;

use axle_core::{
    change::Advance,
    delivery::{Delivery, State, Step},
    event::Event,
    lease::LeaseKey,
    message::{Message, Warning},
    table::Terms,
    totals::Totals,
};
use axle_model::{
    digest::Digest,
    envelope::{MediaType, Priority, RecipientType},
    id::{DeliveryId, MessageId, SubmissionId},
    mailbox::{MailboxId, WorkflowId},
    ods::OdsCode,
    time::Timestamp,
};

use super::{
    index::Applied,
    record::{
        AdvanceRecord, AppliedRecord, DeliveryRecord, EventRecord, LeaseRecord, Malformed,
        MessageRecord, StateRecord, StateWord, TotalsRecord,
    },
    segment::Position,
};

fn id(bytes: &[u8]) -> Result<MessageId, Malformed> {
    let bytes = bytes.try_into().map_err(|_| Malformed("a message's id"))?;
    Ok(MessageId::from_bytes(bytes))
}

fn digest(bytes: &[u8]) -> Result<Digest, Malformed> {
    Digest::from_slice(bytes).ok_or(Malformed("a digest"))
}

fn digests(all: &[Vec<u8>]) -> Result<Vec<Digest>, Malformed> {
    all.iter().map(|bytes| digest(bytes)).collect()
}

fn mailbox(text: &str) -> Result<MailboxId, Malformed> {
    MailboxId::parse(text).map_err(|_| Malformed("a mailbox"))
}

fn delivery_id(text: &str) -> Result<DeliveryId, Malformed> {
    DeliveryId::parse(text).map_err(|_| Malformed("a delivery's name"))
}

fn ods(text: &str) -> Result<OdsCode, Malformed> {
    OdsCode::parse(text).map_err(|_| Malformed("an ODS code"))
}

impl TryFrom<MessageRecord> for Message {
    type Error = Malformed;

    fn try_from(mut record: MessageRecord) -> Result<Self, Malformed> {
        let routed_by = routing::routed_by(&mut record);
        let priority = match record.urgent {
            true => Priority::Urgent,
            false => Priority::Routine,
        };
        let warnings = record.warnings.into_iter().map(|warning| Warning {
            rule: warning.rule.into(),
            path: warning.path.into(),
            what: warning.what.into(),
        });
        let deliveries = record.deliveries.into_iter().map(Delivery::try_from);
        Ok(Self {
            id: id(&record.id)?,
            sender: ods(&record.sender)?,
            submission: SubmissionId::parse(&record.submission)
                .map_err(|_| Malformed("a submission id"))?,
            request: digest(&record.request)?,
            workflow: WorkflowId::parse(&record.workflow).map_err(|_| Malformed("a workflow"))?,
            table_version: record.table_version,
            routed_by,
            media_type: MediaType::parse(&record.media_type).ok_or(Malformed("a media type"))?,
            digest: digest(&record.digest)?,
            size: record.size,
            priority,
            order_key: record.order_key.as_deref().map(digest).transpose()?,
            order_hold: record.order_hold_micros.map_or(
                Terms::default().order_hold,
                std::time::Duration::from_micros,
            ),
            correlation_id: record.correlation_id.map(Into::into),
            labels: record.labels,
            document: record.document.as_deref().map(digest).transpose()?,
            names: digests(&record.names)?,
            replaces: digests(&record.replaces)?,
            accept_time: Timestamp::from_micros(record.accept_micros),
            expire_time: Timestamp::from_micros(record.expire_micros),
            warn_time: Timestamp::from_micros(record.warn_micros.unwrap_or(record.expire_micros)),
            warnings: warnings.collect(),
            answer: record.answer.map(answer::of).transpose()?.map(Box::new),
            reroute_once: record.reroute_once,
            rerouted_from: record
                .rerouted_from
                .as_deref()
                .map(delivery_id)
                .transpose()?,
            deliveries: deliveries.collect::<Result<_, _>>()?,
        })
    }
}

impl TryFrom<DeliveryRecord> for Delivery {
    type Error = Malformed;

    fn try_from(record: DeliveryRecord) -> Result<Self, Malformed> {
        let timeline = record.timeline.into_iter().map(Event::try_from);
        Ok(Self {
            recipient: ods(&record.recipient)?,
            mailbox: mailbox(&record.mailbox)?,
            aged: record.aged,
            tried_since: record.tried_since_micros.map(Timestamp::from_micros),
            superseded_by: record.superseded_by.as_deref().map(id).transpose()?,
            recipient_type: match record.for_information {
                true => RecipientType::ForInformation,
                false => RecipientType::ForAction,
            },
            routing: routing::read(record.routing)?,
            state: record
                .state
                .ok_or(Malformed("a delivery without a state"))?
                .try_into()?,
            version: record.version,
            attempts: record.attempts,
            lease: record.lease.map(LeaseKey::try_from).transpose()?,
            answers: answer::answers(record.infrastructure, record.business)?,
            timeline: timeline.collect::<Result<_, _>>()?,
        })
    }
}

impl From<State> for StateRecord {
    fn from(state: State) -> Self {
        let (word, until) = match state {
            State::Queued { not_before } => (StateWord::Queued, not_before),
            State::Leased { until } => (StateWord::Leased, until),
            State::DeadLettered => (StateWord::DeadLettered, Timestamp::default()),
            State::Acknowledged => (StateWord::Acknowledged, Timestamp::default()),
            State::Rejected => (StateWord::Rejected, Timestamp::default()),
            State::Expired => (StateWord::Expired, Timestamp::default()),
            State::Withdrawn => (StateWord::Withdrawn, Timestamp::default()),
        };
        Self {
            word: word.into(),
            until_micros: until.as_micros(),
        }
    }
}

impl TryFrom<StateRecord> for State {
    type Error = Malformed;

    fn try_from(record: StateRecord) -> Result<Self, Malformed> {
        let until = Timestamp::from_micros(record.until_micros);
        Ok(match record.word() {
            StateWord::Unknown => return Err(Malformed("a delivery's state")),
            StateWord::Queued => Self::Queued { not_before: until },
            StateWord::Leased => Self::Leased { until },
            StateWord::DeadLettered => Self::DeadLettered,
            StateWord::Acknowledged => Self::Acknowledged,
            StateWord::Rejected => Self::Rejected,
            StateWord::Expired => Self::Expired,
            StateWord::Withdrawn => Self::Withdrawn,
        })
    }
}

impl From<LeaseKey> for LeaseRecord {
    fn from(key: LeaseKey) -> Self {
        Self {
            epoch: key.epoch,
            nonce: key.nonce.to_vec(),
        }
    }
}

impl TryFrom<LeaseRecord> for LeaseKey {
    type Error = Malformed;

    fn try_from(record: LeaseRecord) -> Result<Self, Malformed> {
        let nonce = record.nonce.as_slice().try_into();
        Ok(Self {
            epoch: record.epoch,
            nonce: nonce.map_err(|_| Malformed("a lease's nonce"))?,
        })
    }
}

impl From<&Advance> for AdvanceRecord {
    fn from(advance: &Advance) -> Self {
        let step = &advance.step;
        Self {
            message: advance.delivery.message.as_bytes().to_vec(),
            recipient: advance.delivery.recipient.as_str().to_owned(),
            sender: advance.sender.as_str().to_owned(),
            from: step.from,
            state: Some(step.state.into()),
            attempts: step.attempts,
            lease: step.lease.map(LeaseRecord::from),
            event: Some(EventRecord::from(&step.event)),
            mailbox: step.mailbox.as_ref().map(ToString::to_string),
        }
    }
}

impl TryFrom<AdvanceRecord> for Advance {
    type Error = Malformed;

    fn try_from(record: AdvanceRecord) -> Result<Self, Malformed> {
        Ok(Self {
            delivery: DeliveryId {
                message: id(&record.message)?,
                recipient: ods(&record.recipient)?,
            },
            sender: ods(&record.sender)?,
            step: Step {
                from: record.from,
                state: record
                    .state
                    .ok_or(Malformed("a step without a state"))?
                    .try_into()?,
                attempts: record.attempts,
                lease: record.lease.map(LeaseKey::try_from).transpose()?,
                mailbox: record.mailbox.as_deref().map(mailbox).transpose()?,
                event: record
                    .event
                    .ok_or(Malformed("a step without an event"))?
                    .try_into()?,
            },
        })
    }
}

impl From<&Applied> for AppliedRecord {
    fn from(applied: &Applied) -> Self {
        Self {
            // What the files have is for the index to say.
            live_runs: 0,
            keys: 0,
            settled: 0,
            sequence: applied.at.sequence,
            segment: applied.at.segment,
            last: applied.at.last,
            offset: applied.at.offset,
            hash: applied.at.hash.as_bytes().to_vec(),
            live: applied.live,
            totals: Some(TotalsRecord::from(applied.totals)),
        }
    }
}

impl TryFrom<AppliedRecord> for Applied {
    type Error = Malformed;

    fn try_from(record: AppliedRecord) -> Result<Self, Malformed> {
        Ok(Self {
            at: Position {
                sequence: record.sequence,
                segment: record.segment,
                last: record.last,
                offset: record.offset,
                hash: digest(&record.hash)?,
            },
            live: record.live,
            totals: record
                .totals
                .ok_or(Malformed("an index without totals"))?
                .into(),
        })
    }
}

impl From<Totals> for TotalsRecord {
    fn from(totals: Totals) -> Self {
        Self {
            accepted: totals.accepted,
            acknowledged: totals.acknowledged,
            rejected: totals.rejected,
            expired: totals.expired,
            withdrawn: totals.withdrawn,
        }
    }
}

impl From<TotalsRecord> for Totals {
    fn from(record: TotalsRecord) -> Self {
        Self {
            accepted: record.accepted,
            acknowledged: record.acknowledged,
            rejected: record.rejected,
            expired: record.expired,
            withdrawn: record.withdrawn,
        }
    }
}
