//! Reply: the engine's words as wire messages.

use axle_core::{
    delivery::{Delivery, State},
    message::{Message, Warning},
};
use axle_model::{
    envelope::Priority,
    id::DeliveryId,
    refusal::{Finding, Refusal},
    time::Timestamp,
};
use axle_proto::v1::{self as wire, DeliveryState};
use axle_store::Claimed;
use bytes::Bytes;

mod alarm;
mod answer;
mod event;
mod route;

pub(super) use alarm::{alarm_of, alarms_of, totals_of};
pub(super) use event::event_of;
pub(super) use route::{explanation_of, planned_of};
use route::{redirects_of, rule_of};

use super::status::code_of;
use crate::engine::collect::MailboxView;

pub(super) fn time_of(time: Timestamp) -> Option<prost_types::Timestamp> {
    let (seconds, micros) = (time.as_micros() / 1_000_000, time.as_micros() % 1_000_000);
    Some(prost_types::Timestamp {
        seconds: i64::try_from(seconds).unwrap_or(i64::MAX),
        nanos: i32::try_from(micros * 1_000).unwrap_or_default(),
    })
}

pub(super) const fn state_of(state: State) -> DeliveryState {
    match state {
        State::Queued { .. } => DeliveryState::Queued,
        State::Leased { .. } => DeliveryState::Leased,
        State::DeadLettered => DeliveryState::DeadLettered,
        State::Acknowledged => DeliveryState::Acknowledged,
        State::Rejected => DeliveryState::Rejected,
        State::Expired => DeliveryState::Expired,
        State::Withdrawn => DeliveryState::Withdrawn,
    }
}

/// The store's word for a state that a query names.
pub(super) const fn state_word(state: DeliveryState) -> Option<&'static str> {
    match state {
        DeliveryState::Unspecified => None,
        DeliveryState::Queued => Some("queued"),
        DeliveryState::Leased => Some("leased"),
        DeliveryState::DeadLettered => Some("dead-lettered"),
        DeliveryState::Acknowledged => Some("acknowledged"),
        DeliveryState::Rejected => Some("rejected"),
        DeliveryState::Expired => Some("expired"),
        DeliveryState::Withdrawn => Some("withdrawn"),
    }
}

pub(super) fn delivery_of(message: &Message, delivery: &Delivery) -> wire::Delivery {
    let id = DeliveryId {
        message: message.id,
        recipient: delivery.recipient,
    };
    wire::Delivery {
        name: id.to_string(),
        recipient: delivery.recipient.as_str().to_owned(),
        mailbox: delivery.mailbox.to_string(),
        state: state_of(delivery.state).into(),
        state_time: time_of(Message::state_time(delivery)),
        attempt_count: delivery.attempts,
        events: delivery.timeline.iter().map(event_of).collect(),
        recipient_type: delivery.recipient_type.as_str().to_owned(),
        basis: delivery.routing.basis.as_str().to_owned(),
        rule: rule_of(&delivery.routing),
        redirects: redirects_of(&delivery.routing),
        deceased: delivery.routing.deceased,
        answers: answer::expected_of(delivery),
        exchange_end: answer::end_of(delivery),
    }
}

/// A message with its deliveries: for its sender, and for operators.
pub(super) fn message_of(message: &Message) -> wire::Message {
    let deliveries = message
        .deliveries
        .iter()
        .map(|delivery| delivery_of(message, delivery));
    wire::Message {
        deliveries: deliveries.collect(),
        ..header_of(message)
    }
}

/// A message without its deliveries: for a recipient, whom the other recipients are no business of.
pub(super) fn header_of(message: &Message) -> wire::Message {
    wire::Message {
        name: message.id.to_string(),
        sender: message.sender.as_str().to_owned(),
        submission_id: message.submission.as_str().to_owned(),
        workflow: message.workflow.as_str().to_owned(),
        media_type: message.media_type.as_str().to_owned(),
        size_bytes: message.size,
        sha256: Bytes::copy_from_slice(message.digest.as_bytes()),
        priority: match message.priority {
            Priority::Routine => wire::Priority::Routine.into(),
            Priority::Urgent => wire::Priority::Urgent.into(),
        },
        correlation_id: message
            .correlation_id
            .as_deref()
            .unwrap_or_default()
            .to_owned(),
        labels: message.labels.clone().into_iter().collect(),
        accept_time: time_of(message.accept_time),
        expire_time: time_of(message.expire_time),
        deliveries: Vec::new(),
        warnings: message.warnings.iter().map(warning_of).collect(),
        routing_table_version: message.table_version,
        document_class: message
            .routed_by
            .class
            .as_deref()
            .unwrap_or_default()
            .to_owned(),
        register_version: message.routed_by.register_version.to_string(),
        restricted: message.routed_by.restricted,
        answer: message.answer.as_deref().map(answer::answer_of),
        rerouted_from: message
            .rerouted_from
            .map(|id| id.to_string())
            .unwrap_or_default(),
    }
}

pub(super) fn warning_of(warning: &Warning) -> wire::Finding {
    wire::Finding {
        rule: warning.rule.to_string(),
        severity: "warning".to_owned(),
        path: warning.path.to_string(),
        description: warning.what.to_string(),
        ..Default::default()
    }
}

pub(super) fn finding_of(finding: &Finding) -> wire::Finding {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let position = finding.position;
    let position = position.map(|place| (number(place.line), number(place.column)));
    wire::Finding {
        rule: finding.rule.unwrap_or_default().to_owned(),
        severity: finding.severity.as_str().to_owned(),
        path: finding.path.clone(),
        description: finding.what.clone(),
        remedy: finding.remedy.clone().into_owned(),
        itk3_code: finding.itk3_code.unwrap_or_default(),
        issue: finding.issue.as_str().to_owned(),
        line: position.map_or(0, |(line, _)| line),
        column: position.map_or(0, |(_, column)| column),
    }
}

pub(super) fn mailbox_of(mailbox: &MailboxView) -> wire::Mailbox {
    wire::Mailbox {
        name: mailbox.id.to_string(),
        display_name: mailbox.display.clone(),
        open: mailbox.open,
        queued_count: mailbox.state.queued,
        leased_count: mailbox.state.leased,
        dead_letter_count: mailbox.state.dead_lettered,
        oldest_unread_time: mailbox.state.oldest_time.and_then(time_of),
    }
}

/// What became of a command, in wire form.
pub(super) fn result_of(command_id: u64, outcome: Result<(), Refusal>) -> wire::CommandResult {
    match outcome {
        Ok(()) => wire::CommandResult {
            command_id,
            ..Default::default()
        },
        Err(refusal) => wire::CommandResult {
            command_id,
            code: code_of(refusal.reason) as i32,
            reason: refusal.reason.as_str().to_owned(),
            description: format!("{} - {}", refusal.what, refusal.remedy),
        },
    }
}

/// A delivery just leased, with its body if that comes inline.
pub(super) fn leased_of(claimed: &Claimed, body: Option<Bytes>) -> wire::LeasedDelivery {
    let delivery = claimed.delivery();
    wire::LeasedDelivery {
        name: claimed.token.delivery.to_string(),
        lease_token: claimed.token.to_string(),
        lease_expire_time: claimed.lease_until().and_then(time_of),
        attempt: delivery.map_or(1, |delivery| delivery.attempts),
        mailbox: delivery
            .map(|delivery| delivery.mailbox.to_string())
            .unwrap_or_default(),
        message: Some(header_of(&claimed.message)),
        content_inline: body.is_some(),
        content: body.unwrap_or_default(),
    }
}
