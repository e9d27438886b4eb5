//! Remember: that a submission was refused is kept, so that its sender can ask about it later. No
//! more of it than its names and the reason, and no more of them than a sender may have.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axle_core::{
    authorise::organisation_of,
    change::{Change, Refused},
};
use axle_model::{
    digest::Digest,
    id::SubmissionId,
    identity::Identity,
    ods::OdsCode,
    refusal::{Reason, Refusal},
    time::Timestamp,
};
use axle_store::Store;

use super::Engine;
use crate::clock::Clock;

/// How many refusals of one sender are kept in each hour: some 4 MiB of the disk.
const REFUSALS_MAX: u32 = 10_000;
const HOUR: Duration = Duration::from_hours(1);

/// How many refusals each sender has had kept since when.
#[derive(Debug, Default)]
pub(super) struct Allowance {
    senders: Mutex<HashMap<OdsCode, (Timestamp, u32)>>,
}

impl Allowance {
    /// Whether one more of this sender's is kept now.
    fn take(&self, sender: OdsCode, now: Timestamp) -> bool {
        let mut senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, kept) = senders.entry(sender).or_insert((now, 0));
        if now.since(*since) >= HOUR {
            (*since, *kept) = (now, 0);
        }
        *kept += 1;
        *kept <= REFUSALS_MAX
    }
}

impl<S: Store, C: Clock> Engine<S, C> {
    /// Keeps a refusal, durably, before its sender hears of it. Trouble of the broker's own is none,
    /// and is not kept; nor is what a sender has beyond its allowance, or what a full disk has no
    /// room for. `digest` is what the sender has; it may be costly to work out.
    pub async fn remember(
        &self,
        caller: &Identity,
        submission: SubmissionId,
        digest: impl FnOnce() -> Digest + Send,
        refusal: &Refusal,
    ) {
        let Ok(sender) = organisation_of(caller) else {
            return;
        };
        let now = self.clock.now();
        if is_passing(refusal.reason) || !self.allowance.take(sender, now) {
            return;
        }
        let refused = Refused {
            sender,
            submission,
            digest: Some(digest()),
            reason: refusal.reason.as_str().into(),
            time: now,
        };
        if let Err(error) = self.store.commit(Change::from(refused)).await {
            // The sender is told all the same; it would be told "never submitted" later.
            tracing::warn!(%error, %sender, "a refusal is not kept");
        }
    }
}

/// Whether the refusal is the broker's trouble and no judgement of the submission.
const fn is_passing(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Draining | Reason::StoreUnavailable | Reason::StorageLow | Reason::RateLimited
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sender_has_so_many_an_hour_and_takes_none_of_anothers() {
        let code = |text: &str| OdsCode::parse(text).unwrap_or(OdsCode::BROKER);
        let (one, other) = (code("RR8"), code("RBA"));
        let start = Timestamp::from_micros(1_000_000);
        let allowance = Allowance::default();
        for _ in 0..REFUSALS_MAX {
            assert!(allowance.take(one, start));
        }
        assert!(!allowance.take(one, start.after(HOUR / 2)));
        assert!(allowance.take(other, start));
        assert!(allowance.take(one, start.after(HOUR)));
    }
}
