//! Results as programs read them: stable snake_case names, times in RFC 3339, states in words. And
//! the small conversions that tables for people need besides.

use std::{collections::BTreeMap, time::Duration};

use axle_model::time::Timestamp;
use axle_proto::v1::{
    DeadLetter, Delivery, DeliveryEvent, Finding, Mailbox, Message, SubmitDocumentResponse,
};
use serde::Serialize;

mod answer;

use super::route::RedirectView;
use answer::{AnswerView, ExpectedView};

use crate::convert::{event_word, priority_word, stage_word, state_word, timestamp};

#[derive(Debug, Serialize)]
pub(super) struct FindingView {
    rule: String,
    /// Missing when the wire did not say.
    #[serde(skip_serializing_if = "String::is_empty")]
    severity: String,
    path: String,
    description: String,
    remedy: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    itk3_code: Option<u32>,
    #[serde(skip_serializing_if = "String::is_empty")]
    issue: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
}

impl From<&Finding> for FindingView {
    fn from(finding: &Finding) -> Self {
        Self {
            rule: finding.rule.clone(),
            severity: finding.severity.clone(),
            path: finding.path.clone(),
            description: finding.description.clone(),
            remedy: finding.remedy.clone(),
            itk3_code: (finding.itk3_code != 0).then_some(finding.itk3_code),
            issue: finding.issue.clone(),
            line: (finding.line != 0).then_some(finding.line),
            column: (finding.line != 0).then_some(finding.column),
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct ReceiptView {
    message: String,
    accept_time: Option<String>,
    expire_time: Option<String>,
    workflow: String,
    deliveries: Vec<String>,
    duplicate: bool,
    warnings: Vec<FindingView>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    parked: BTreeMap<String, String>,
}

impl From<&SubmitDocumentResponse> for ReceiptView {
    fn from(receipt: &SubmitDocumentResponse) -> Self {
        Self {
            message: receipt.message.clone(),
            accept_time: rfc3339(receipt.accept_time.as_ref()),
            expire_time: rfc3339(receipt.expire_time.as_ref()),
            workflow: receipt.workflow.clone(),
            deliveries: receipt.deliveries.clone(),
            duplicate: receipt.duplicate,
            warnings: receipt.warnings.iter().map(FindingView::from).collect(),
            parked: (receipt.parked.iter())
                .map(|parked| (parked.delivery.clone(), parked.reason.clone()))
                .collect(),
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct EventView {
    event: String,
    event_time: Option<String>,
    actor: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    consumer_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    lease_expire_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    #[serde(skip_serializing_if = "String::is_empty")]
    superseded_by: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    from_mailbox: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    to_mailbox: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    answer_stage: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_code: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    positive: Option<bool>,
    #[serde(skip_serializing_if = "String::is_empty")]
    response_message: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    rerouted_to: String,
}

impl From<&DeliveryEvent> for EventView {
    fn from(event: &DeliveryEvent) -> Self {
        Self {
            event: event_word(event.kind()),
            event_time: rfc3339(event.event_time.as_ref()),
            actor: event.actor.clone(),
            consumer_id: event.consumer_id.clone(),
            reason: event.reason.clone(),
            lease_expire_time: rfc3339(event.lease_expire_time.as_ref()),
            retry_time: rfc3339(event.retry_time.as_ref()),
            attempt: (event.attempt != 0).then_some(event.attempt),
            superseded_by: event.superseded_by.clone(),
            from_mailbox: event.from_mailbox.clone(),
            to_mailbox: event.to_mailbox.clone(),
            answer_stage: stage_word(event.answer_stage()),
            response_code: (event.response_code != 0).then_some(event.response_code),
            positive: (event.response_code != 0).then_some(event.positive),
            response_message: event.response_message.clone(),
            rerouted_to: event.rerouted_to.clone(),
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct DeliveryView {
    name: String,
    recipient: String,
    mailbox: String,
    state: String,
    state_time: Option<String>,
    attempt_count: u32,
    #[serde(skip_serializing_if = "String::is_empty")]
    recipient_type: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    basis: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    rule: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    redirects: Vec<RedirectView>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    deceased: bool,
    events: Vec<EventView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    answers: Vec<ExpectedView>,
    #[serde(skip_serializing_if = "String::is_empty")]
    exchange_end: String,
}

impl From<&Delivery> for DeliveryView {
    fn from(delivery: &Delivery) -> Self {
        Self {
            name: delivery.name.clone(),
            recipient: delivery.recipient.clone(),
            mailbox: delivery.mailbox.clone(),
            state: state_word(delivery.state()),
            state_time: rfc3339(delivery.state_time.as_ref()),
            attempt_count: delivery.attempt_count,
            recipient_type: delivery.recipient_type.clone(),
            basis: delivery.basis.clone(),
            rule: delivery.rule.clone(),
            redirects: delivery.redirects.iter().map(RedirectView::from).collect(),
            deceased: delivery.deceased,
            events: delivery.events.iter().map(EventView::from).collect(),
            answers: delivery.answers.iter().map(ExpectedView::from).collect(),
            exchange_end: delivery.exchange_end.clone(),
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct MessageView {
    name: String,
    sender: String,
    submission_id: String,
    workflow: String,
    media_type: String,
    size_bytes: u64,
    sha256: String,
    priority: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    correlation_id: String,
    labels: BTreeMap<String, String>,
    accept_time: Option<String>,
    expire_time: Option<String>,
    routing_table_version: u32,
    #[serde(skip_serializing_if = "String::is_empty")]
    document_class: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    register_version: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    restricted: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deliveries: Vec<DeliveryView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<FindingView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<AnswerView>,
    #[serde(skip_serializing_if = "String::is_empty")]
    rerouted_from: String,
}

impl From<&Message> for MessageView {
    fn from(message: &Message) -> Self {
        Self {
            name: message.name.clone(),
            sender: message.sender.clone(),
            submission_id: message.submission_id.clone(),
            workflow: message.workflow.clone(),
            media_type: message.media_type.clone(),
            size_bytes: message.size_bytes,
            sha256: message
                .sha256
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
            priority: priority_word(message.priority()),
            correlation_id: message.correlation_id.clone(),
            labels: (message.labels.iter())
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            accept_time: rfc3339(message.accept_time.as_ref()),
            expire_time: rfc3339(message.expire_time.as_ref()),
            routing_table_version: message.routing_table_version,
            document_class: message.document_class.clone(),
            register_version: message.register_version.clone(),
            restricted: message.restricted,
            deliveries: message.deliveries.iter().map(DeliveryView::from).collect(),
            warnings: message.warnings.iter().map(FindingView::from).collect(),
            answer: message.answer.as_ref().map(AnswerView::from),
            rerouted_from: message.rerouted_from.clone(),
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct MailboxView {
    name: String,
    display_name: String,
    open: bool,
    queued_count: u64,
    leased_count: u64,
    dead_letter_count: u64,
    oldest_unread_time: Option<String>,
}

impl From<&Mailbox> for MailboxView {
    fn from(mailbox: &Mailbox) -> Self {
        Self {
            name: mailbox.name.clone(),
            display_name: mailbox.display_name.clone(),
            open: mailbox.open,
            queued_count: mailbox.queued_count,
            leased_count: mailbox.leased_count,
            dead_letter_count: mailbox.dead_letter_count,
            oldest_unread_time: rfc3339(mailbox.oldest_unread_time.as_ref()),
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct DeadLetterView {
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery: Option<DeliveryView>,
    sender: String,
    submission_id: String,
    workflow: String,
    accept_time: Option<String>,
    requeueable: bool,
}

impl From<&DeadLetter> for DeadLetterView {
    fn from(letter: &DeadLetter) -> Self {
        Self {
            delivery: letter.delivery.as_ref().map(DeliveryView::from),
            sender: letter.sender.clone(),
            submission_id: letter.submission_id.clone(),
            workflow: letter.workflow.clone(),
            accept_time: rfc3339(letter.accept_time.as_ref()),
            requeueable: letter.requeueable,
        }
    }
}

/// A time for programs.
pub(super) fn rfc3339(time: Option<&prost_types::Timestamp>) -> Option<String> {
    timestamp(time).map(|time| time.to_string())
}

/// A time for people: to the second, in UTC, and a dash for none.
pub(super) fn clock(time: Option<&prost_types::Timestamp>) -> String {
    rfc3339(time).map_or_else(dash, |text| {
        let second = text.split('.').next().unwrap_or_default();
        format!("{}Z", second.replace('T', " "))
    })
}

/// How long ago a time was, for people.
pub(super) fn ago(time: Option<&prost_types::Timestamp>) -> String {
    timestamp(time).map_or_else(dash, |time| span(now().since(time)))
}

/// A span of time for people, in its two largest units at most.
pub(super) fn span(span: Duration) -> String {
    let (seconds, millis) = (span.as_secs(), span.subsec_millis());
    match seconds {
        0 => format!("{millis} ms"),
        1..=9 => format!("{seconds}.{} s", millis / 100),
        10..=59 => format!("{seconds} s"),
        60..=3_599 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..=86_399 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// A number of bytes for people.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..=9_999 => format!("{bytes} B"),
        10_000..=9_999_999 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes / (1024 * 1024)),
    }
}

/// The present moment.
pub(super) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let micros = since.map_or(0, |since| {
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    });
    Timestamp::from_micros(micros)
}

pub(super) fn dash() -> String {
    "-".to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{clock, size, span};

    #[test]
    fn people_read_spans_sizes_and_times() {
        for (millis, text) in [
            (12, "12 ms"),
            (1_250, "1.2 s"),
            (59_999, "59 s"),
            (61_000, "1 min 1 s"),
            (3_720_000, "1 h 2 min"),
            (90_000_000, "1 d 1 h"),
        ] {
            assert_eq!(span(Duration::from_millis(millis)), text);
        }
        assert_eq!(size(9_999), "9999 B");
        assert_eq!(size(16 * 1024), "16 KiB");
        assert_eq!(clock(None), "-");
        let time = prost_types::Timestamp {
            seconds: 1,
            nanos: 999_000_000,
        };
        assert_eq!(clock(Some(&time)), "1970-01-01 00:00:01Z");
    }
}
