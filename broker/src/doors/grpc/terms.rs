//! Terms: what a collector asks for on the wire, read into spans, sizes and names, each within its
//! limit or refused by name.

use std::time::Duration;

use axle_model::{mailbox::MailboxId, refusal::Refusal};

use crate::engine::settle::Settlement;

/// The largest inline document a caller can ask for, in bytes.
const INLINE_BYTES_MAX: u64 = 3 * 1024 * 1024;
/// The largest inline document when the caller says nothing, in bytes.
const INLINE_BYTES: u64 = 1024 * 1024;
/// A lease when the caller says nothing.
const LEASE: Duration = Duration::from_secs(60);

/// A span a caller asks for: `default` when not set, and refused outside one second (or zero where
/// that is allowed) to `max`.
pub(super) fn span_of(
    path: &str,
    asked: Option<&prost_types::Duration>,
    default: Duration,
    min: Duration,
    max: Duration,
) -> Result<Duration, Refusal> {
    let Some(asked) = asked else {
        return Ok(default);
    };
    let span = Duration::try_from(*asked)
        .ok()
        .filter(|span| (min..=max).contains(span));
    span.ok_or_else(|| {
        let what = format!(
            "it is not between {} and {} seconds",
            min.as_secs(),
            max.as_secs()
        );
        Refusal::field(path, what, "correct it, or leave it out")
    })
}

pub(super) fn lease_of(
    asked: Option<&prost_types::Duration>,
    max: Duration,
) -> Result<Duration, Refusal> {
    span_of("lease_duration", asked, LEASE, Duration::from_secs(1), max)
}

pub(super) fn inline_of(asked: u64) -> u64 {
    if asked == 0 {
        INLINE_BYTES
    } else {
        asked.min(INLINE_BYTES_MAX)
    }
}

pub(super) fn consumer_of(text: String) -> Result<Box<str>, Refusal> {
    if text.len() > 100 || text.chars().any(char::is_control) {
        let what = "it is longer than 100 bytes or has control characters";
        return Err(Refusal::field(
            "consumer_id",
            what,
            "use a short name, such as the host's",
        ));
    }
    Ok(text.into_boxed_str())
}

pub(super) fn mailbox_id_of(path: &str, name: &str) -> Result<MailboxId, Refusal> {
    MailboxId::parse(name).map_err(|why| Refusal::field(path, why.to_string(), "correct it"))
}

pub(super) fn rejection_of(code: &str, retryable: bool) -> Result<Settlement, Refusal> {
    let plain = code
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if !(1..=50).contains(&code.len()) || !plain {
        let what = "it is not 1 to 50 letters, digits, '-' and '_'";
        return Err(Refusal::field(
            "reason_code",
            what,
            "give a code, for example 20009",
        ));
    }
    Ok(Settlement::Reject {
        code: code.into(),
        retryable,
    })
}

pub(super) fn delay_of(
    asked: Option<&prost_types::Duration>,
    max: Duration,
) -> Result<Duration, Refusal> {
    span_of("delay", asked, Duration::ZERO, Duration::ZERO, max)
}

/// Why a sender or an operator does something, in words; it goes into timelines.
pub(super) fn reason_of(text: &str) -> Result<(), Refusal> {
    if (1..=200).contains(&text.len()) && !text.chars().any(char::is_control) {
        return Ok(());
    }
    let what = "it is not 1 to 200 bytes of plain text";
    Err(Refusal::field("reason", what, "say why, for the timeline"))
}
