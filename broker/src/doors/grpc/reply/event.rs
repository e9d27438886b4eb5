//! Events on the wire.

use axle_core::event::{Actor, Event, EventKind};
use axle_proto::v1::{self as wire, DeliveryEventKind};

use super::{answer::stage_of, time_of};

pub(in crate::doors::grpc) fn event_of(event: &Event) -> wire::DeliveryEvent {
    let actor = match &event.by {
        Actor::Organisation(code) => format!("organisations/{code}"),
        Actor::Operator(serial) => format!("operators/{serial}"),
        Actor::Broker => "broker".to_owned(),
    };
    let kind = |kind: DeliveryEventKind| wire::DeliveryEvent {
        kind: kind.into(),
        event_time: time_of(event.time),
        actor: actor.clone(),
        ..Default::default()
    };
    match &event.kind {
        EventKind::Accepted => kind(DeliveryEventKind::Accepted),
        EventKind::Leased {
            consumer,
            until,
            epoch,
        } => wire::DeliveryEvent {
            consumer_id: consumer.to_string(),
            lease_expire_time: time_of(*until),
            attempt: *epoch,
            ..kind(DeliveryEventKind::Leased)
        },
        EventKind::Extended { until } => wire::DeliveryEvent {
            lease_expire_time: time_of(*until),
            ..kind(DeliveryEventKind::Extended)
        },
        EventKind::Released { until } => wire::DeliveryEvent {
            retry_time: time_of(*until),
            ..kind(DeliveryEventKind::Released)
        },
        EventKind::Lapsed { until } => wire::DeliveryEvent {
            retry_time: until.and_then(time_of),
            ..kind(DeliveryEventKind::Lapsed)
        },
        EventKind::Acknowledged => kind(DeliveryEventKind::Acknowledged),
        EventKind::Rejected { code, until } => wire::DeliveryEvent {
            reason: code.to_string(),
            retry_time: until.and_then(time_of),
            ..kind(DeliveryEventKind::Rejected)
        },
        EventKind::DeadLettered { attempts, cause } => wire::DeliveryEvent {
            attempt: *attempts,
            reason: cause.as_str().to_owned(),
            ..kind(DeliveryEventKind::DeadLettered)
        },
        EventKind::Expired => kind(DeliveryEventKind::Expired),
        EventKind::Requeued { reason } => wire::DeliveryEvent {
            reason: reason.to_string(),
            ..kind(DeliveryEventKind::Requeued)
        },
        EventKind::Withdrawn { reason } => wire::DeliveryEvent {
            reason: reason.to_string(),
            ..kind(DeliveryEventKind::Withdrawn)
        },
        EventKind::Superseded { by } => wire::DeliveryEvent {
            superseded_by: by.to_string(),
            ..kind(DeliveryEventKind::Superseded)
        },
        EventKind::Rerouted { from, to, reason } => wire::DeliveryEvent {
            reason: reason.to_string(),
            from_mailbox: from.to_string(),
            to_mailbox: to.to_string(),
            ..kind(DeliveryEventKind::Rerouted)
        },
        EventKind::Returned { reason } => wire::DeliveryEvent {
            reason: reason.to_string(),
            ..kind(DeliveryEventKind::Returned)
        },
        EventKind::Aged => kind(DeliveryEventKind::Aged),
        EventKind::Answered {
            code,
            positive,
            response,
            rerouted_to,
        } => wire::DeliveryEvent {
            answer_stage: stage_of(code.stage()).into(),
            response_code: code.number(),
            positive: *positive,
            response_message: response.to_string(),
            rerouted_to: rerouted_to.map(|id| id.to_string()).unwrap_or_default(),
            ..kind(DeliveryEventKind::Answered)
        },
        EventKind::AnswerLapsed { stage } => wire::DeliveryEvent {
            answer_stage: stage_of(*stage).into(),
            ..kind(DeliveryEventKind::AnswerLapsed)
        },
    }
}
