//! L0, bytes and syntax: V-001 here; V-002 to V-010 are found by the readers of the formats and told
//! here. Nothing here looks at what the document means.

use axle_model::{facts::Facts, refusal::Reason};

use super::review::Review;

/// V-001: neither empty nor too large, or the reason to refuse it unread.
pub(super) fn weigh(review: &mut Review<'_>, bytes: usize) -> Result<(), Reason> {
    let most = review.rules().body_bytes_max;
    if bytes == 0 {
        review.found("V-001", "", "the document is empty");
        return Err(Reason::DocumentInvalid);
    }
    if bytes > most {
        let what = format!(
            "the document is {}; this broker takes at most {}",
            size(bytes),
            size(most)
        );
        review.found("V-001", "", what);
        return Err(Reason::DocumentTooLarge);
    }
    Ok(())
}

/// What the reading survived.
pub(super) fn flaws(review: &mut Review<'_>, facts: &Facts<'_>) {
    for flaw in &facts.flaws {
        review.flawed(flaw);
    }
}

/// A size for people; a tenth of a MiB is as fine as it need be.
fn size(bytes: usize) -> String {
    const MIB: usize = 1024 * 1024;
    if bytes < MIB {
        return format!("{bytes} bytes");
    }
    let tenths = (bytes % MIB) * 10 / MIB;
    format!("{}.{tenths} MiB", bytes / MIB)
}
