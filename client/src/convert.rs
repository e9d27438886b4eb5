//! Between the wire's words and the model's, where the SDK needs the model's: times, durations and
//! the names of states.

use std::time::Duration;

use axle_model::time::Timestamp;
use axle_proto::v1::{
    AlarmKind, AnswerStage, AnswerState, DeliveryEventKind, DeliveryState, Priority,
    ReconciliationOutcome,
};

/// A time from the wire; `None` when it is missing or before 1970.
pub fn timestamp(time: Option<&prost_types::Timestamp>) -> Option<Timestamp> {
    let time = time?;
    let seconds = u64::try_from(time.seconds).ok()?;
    let micros = u64::try_from(time.nanos).ok()? / 1_000;
    Some(Timestamp::from_micros(
        seconds.checked_mul(1_000_000)?.checked_add(micros)?,
    ))
}

/// A time for the wire.
pub fn wire_time(time: Timestamp) -> prost_types::Timestamp {
    let micros = time.as_micros();
    prost_types::Timestamp {
        seconds: i64::try_from(micros / 1_000_000).unwrap_or(i64::MAX),
        nanos: i32::try_from(micros % 1_000_000 * 1_000).unwrap_or_default(),
    }
}

/// A span of time for the wire.
pub fn duration(span: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(span.subsec_nanos()).unwrap_or_default(),
    }
}

/// A delivery's state in a word, for example `dead_lettered`.
pub fn state_word(state: DeliveryState) -> String {
    word(state.as_str_name(), "DELIVERY_STATE_")
}

/// What happened to a delivery in a word, for example `acknowledged`.
pub fn event_word(kind: DeliveryEventKind) -> String {
    word(kind.as_str_name(), "DELIVERY_EVENT_KIND_")
}

/// Which answer, in a word: `infrastructure` or `business`; empty when the wire does not say.
pub fn stage_word(stage: AnswerStage) -> String {
    match stage {
        AnswerStage::Unspecified => String::new(),
        AnswerStage::Infrastructure | AnswerStage::Business => {
            word(stage.as_str_name(), "ANSWER_STAGE_")
        }
    }
}

/// How an answer stands, in a word, for example `awaited`.
pub fn answer_word(state: AnswerState) -> String {
    word(state.as_str_name(), "ANSWER_STATE_")
}

/// What a reconciliation found, in a word, for example `never_submitted`.
pub fn outcome_word(outcome: ReconciliationOutcome) -> String {
    word(outcome.as_str_name(), "RECONCILIATION_OUTCOME_")
}

/// What an alarm is about in a word, for example `sender_silent`.
pub fn alarm_word(kind: AlarmKind) -> String {
    word(kind.as_str_name(), "ALARM_KIND_")
}

/// A priority in a word: `routine` or `urgent`.
pub fn priority_word(priority: Priority) -> String {
    word(priority.as_str_name(), "PRIORITY_")
}

fn word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix)
        .unwrap_or(name)
        .to_ascii_lowercase()
}
