//! The checker: from the history that clients wrote down, whether the broker kept its promise. The
//! arithmetic is that of Jepsen's total queue: everything accepted must come out, nothing else may.
//! It knows nothing of a run but its history, so any run, by any client, can be checked.
//!
//! - *lost*: accepted, and in no mailbox, no terminal state, with no notice to its sender; or
//!   acknowledged in the broker's books though no collector was given its bytes.
//! - *duplicated*: two messages or two deliveries of one submission for one recipient, a lease given
//!   after an acknowledgement was confirmed, or an acknowledgement confirmed under a lease after
//!   another had been given, or under two. A redelivery after a lease ran out is none.
//! - *misrouted*: seen by a certificate whose organisation is not the recipient.
//! - *unexpected*: never submitted, refused, or not the bytes that were submitted.

pub mod history;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use history::{Entry, Key, What};

/// What a history comes to. Each count is of messages; each list has a sentence for every breach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Messages whose sender has a receipt.
    pub accepted: usize,
    /// Those of which every delivery is terminal.
    pub terminal: usize,
    /// Those of which a delivery still waits, visibly.
    pub pending: usize,
    /// Messages stored though their sender never heard so: allowed.
    pub recovered: usize,
    /// Accepted and gone.
    pub lost: Vec<String>,
    /// Delivered twice.
    pub duplicated: Vec<String>,
    /// Delivered to somebody else.
    pub misrouted: Vec<String>,
    /// Delivered and never sent.
    pub unexpected: Vec<String>,
}

/// A submission, as far as its sender and the collectors know.
#[derive(Default)]
struct Submission {
    invoked: bool,
    recipients: BTreeSet<String>,
    sha256: String,
    /// The messages named in receipts.
    receipts: BTreeSet<String>,
    refused: bool,
    /// An attempt went without an answer.
    unanswered: bool,
    deliveries: BTreeMap<String, Delivery>,
}

/// One delivery, as collectors were given it and the broker's books show it.
#[derive(Default)]
struct Delivery {
    handed: Vec<Handed>,
    /// When an acknowledgement was first confirmed.
    acknowledged: Option<u64>,
    /// How many leases' acknowledgements were confirmed.
    confirmed: u32,
    /// An acknowledgement under a lease that was lost was confirmed.
    late: bool,
    state: Option<String>,
}

struct Handed {
    by: String,
    leased: u64,
    sha256: String,
}

/// What became of an accepted message at one recipient.
enum End {
    Terminal,
    Pending,
    Lost(&'static str),
}

/// Judges a history.
pub fn judge(entries: &[Entry]) -> Verdict {
    let mut verdict = Verdict::default();
    let all = gather(entries);
    for ((sender, id), submission) in &all {
        let label = format!("{sender} {id}");
        let accepted = !submission.receipts.is_empty();
        let stored = !submission.deliveries.is_empty();
        // Without a receipt, what was refused and never left unanswered cannot have been stored.
        let impossible = !submission.invoked || submission.refused && !submission.unanswered;
        if stored && !accepted && impossible {
            let why = format!("{label}: was never submitted, or was refused");
            verdict.unexpected.push(why);
            continue;
        }
        submission.examine(&label, &mut verdict);
        if accepted {
            verdict.accepted += 1;
            let holder = holder(&all, sender, submission).unwrap_or(submission);
            submission.count(holder, &label, &mut verdict);
        } else if stored {
            verdict.recovered += 1;
        }
    }
    verdict
}

/// The submission under whose name a message went that `submission` has the receipt of: one document
/// sent to the same recipients under two names is one message, under the name that came first.
fn holder<'a>(
    all: &'a BTreeMap<Key, Submission>,
    sender: &str,
    submission: &Submission,
) -> Option<&'a Submission> {
    let receipt = submission.receipts.first()?;
    if !submission.deliveries.is_empty() {
        return None;
    }
    let mut others = all.iter().filter(|((other, _), _)| other == sender);
    let same = |other: &Submission| {
        (&other.sha256, &other.recipients) == (&submission.sha256, &submission.recipients)
    };
    let of_message = |name: &String| name.split("/deliveries/").next() == Some(receipt);
    let found = others.find(|(_, other)| same(other) && other.deliveries.keys().any(of_message));
    found.map(|(_, other)| other)
}

fn gather(entries: &[Entry]) -> BTreeMap<Key, Submission> {
    let mut all: BTreeMap<Key, Submission> = BTreeMap::new();
    for entry in entries {
        let submission = all.entry(entry.what.key().clone()).or_default();
        match entry.what.clone() {
            What::Invoke {
                recipients, sha256, ..
            } => {
                submission.invoked = true;
                submission.recipients.extend(recipients);
                submission.sha256 = sha256;
            }
            What::Ok { message, .. } => drop(submission.receipts.insert(message)),
            What::Fail { .. } => submission.refused = true,
            What::Unknown { .. } => submission.unanswered = true,
            What::Delivered {
                delivery,
                by,
                leased_micros,
                sha256,
                ..
            } => {
                let handed = Handed {
                    by,
                    leased: leased_micros,
                    sha256,
                };
                let delivery = submission.deliveries.entry(delivery).or_default();
                delivery.handed.push(handed);
            }
            What::Acknowledged { delivery, .. } => {
                let delivery = submission.deliveries.entry(delivery).or_default();
                delivery.acknowledged.get_or_insert(entry.wall_micros);
                delivery.confirmed += 1;
            }
            What::AcknowledgedLate { delivery, .. } => {
                submission.deliveries.entry(delivery).or_default().late = true;
            }
            // Whoever has no answer may be given the document again, or not.
            What::AcknowledgeUnknown { .. } => {}
            What::State {
                delivery, state, ..
            } => {
                submission.deliveries.entry(delivery).or_default().state = Some(state);
            }
        }
    }
    all
}

impl Submission {
    /// What was delivered: to whom it should be, as it was sent, and once?
    fn examine(&self, label: &str, verdict: &mut Verdict) {
        for (name, delivery) in &self.deliveries {
            let recipient = recipient(name);
            if !self.recipients.contains(recipient) {
                verdict
                    .misrouted
                    .push(format!("{label}: a delivery is for {recipient}"));
            }
            if delivery.late {
                let why = format!("{name}: was settled under a lease that was lost");
                verdict.duplicated.push(why);
            }
            if delivery.confirmed > 1 {
                let times = delivery.confirmed;
                let why = format!("{name}: was acknowledged under {times} leases");
                verdict.duplicated.push(why);
            }
            for handed in &delivery.handed {
                if handed.by != recipient {
                    let why = format!("{name}: was given to {}", handed.by);
                    verdict.misrouted.push(why);
                }
                if handed.sha256 != self.sha256 {
                    let why = format!("{name}: is not the bytes that were submitted");
                    verdict.unexpected.push(why);
                }
                if delivery
                    .acknowledged
                    .is_some_and(|confirmed| handed.leased > confirmed)
                {
                    let why = format!("{name}: was given out again after its acknowledgement");
                    verdict.duplicated.push(why);
                }
            }
        }
        for recipient in &self.recipients {
            let names = self.of(recipient).count();
            if names > 1 {
                let why = format!("{label}: {names} deliveries for {recipient}");
                verdict.duplicated.push(why);
            }
        }
        if self.receipts.len() > 1 {
            let why = format!("{label}: {} messages in its receipts", self.receipts.len());
            verdict.duplicated.push(why);
        }
    }

    /// What was accepted: is each recipient's copy where it can be found?
    fn count(&self, holder: &Self, label: &str, verdict: &mut Verdict) {
        let ends = self
            .recipients
            .iter()
            .map(|recipient| (recipient, holder.end_at(recipient)));
        let (mut pending, mut lost) = (false, false);
        for (recipient, end) in ends {
            match end {
                End::Terminal => {}
                End::Pending => pending = true,
                End::Lost(why) => {
                    lost = true;
                    verdict.lost.push(format!("{label} for {recipient}: {why}"));
                }
            }
        }
        if pending {
            verdict.pending += 1;
        } else if !lost {
            verdict.terminal += 1;
        }
    }

    fn end_at(&self, recipient: &str) -> End {
        let Some((_, delivery)) = self.of(recipient).next() else {
            return End::Lost("nobody has seen it since its receipt");
        };
        match delivery.state.as_deref() {
            Some("acknowledged") => {
                let arrived =
                    |handed: &Handed| handed.by == recipient && handed.sha256 == self.sha256;
                if delivery.handed.iter().any(arrived) {
                    End::Terminal
                } else {
                    End::Lost("acknowledged, but no collector was given it")
                }
            }
            // The sender is told of each.
            Some("rejected" | "expired" | "withdrawn") => End::Terminal,
            Some("queued" | "leased" | "dead_lettered") => End::Pending,
            Some(_) | None => End::Lost("the broker no longer knows it"),
        }
    }

    fn of(&self, recipient: &str) -> impl Iterator<Item = (&String, &Delivery)> {
        let deliveries = self.deliveries.iter();
        deliveries.filter(move |(name, _)| self::recipient(name) == recipient)
    }
}

/// The ODS code in `messages/UUID/deliveries/ODS`.
fn recipient(delivery: &str) -> &str {
    delivery.rsplit('/').next().unwrap_or_default()
}

impl What {
    fn key(&self) -> &Key {
        match self {
            Self::Invoke { key, .. }
            | Self::Ok { key, .. }
            | Self::Fail { key, .. }
            | Self::Unknown { key, .. }
            | Self::Delivered { key, .. }
            | Self::Acknowledged { key, .. }
            | Self::AcknowledgedLate { key, .. }
            | Self::AcknowledgeUnknown { key, .. }
            | Self::State { key, .. } => key,
        }
    }
}

impl Verdict {
    /// Whether the broker kept its promise.
    pub fn is_clean(&self) -> bool {
        self.breaches().next().is_none()
    }

    /// Every breach, in a sentence.
    pub fn breaches(&self) -> impl Iterator<Item = String> {
        let lists = [
            ("lost", &self.lost),
            ("duplicated", &self.duplicated),
            ("misrouted", &self.misrouted),
            ("unexpected", &self.unexpected),
        ];
        let told = lists
            .into_iter()
            .flat_map(|(kind, list)| list.iter().map(move |why| format!("{kind}: {why}")));
        told.collect::<Vec<_>>().into_iter()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "checker: accepted={} terminal={} pending={} recovered={} lost={} duplicated={} \
             misrouted={} unexpected={}",
            self.accepted,
            self.terminal,
            self.pending,
            self.recovered,
            self.lost.len(),
            self.duplicated.len(),
            self.misrouted.len(),
            self.unexpected.len()
        )
    }
}
