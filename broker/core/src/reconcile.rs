//! Reconcile: a sender's own list of what it sent, its manifest, held against what is known here.
//! Pure: what is known is handed in, and each entry of the manifest comes to exactly one outcome. It
//! looks nothing up and knows nobody's messages but those it is given.

use std::collections::BTreeMap;

use axle_model::{
    digest::Digest,
    id::{DeliveryId, MessageId, SubmissionId},
    ods::OdsCode,
    time::Timestamp,
};

use crate::{
    change::Refused,
    delivery::{Delivery, State},
    event::EventKind,
    message::Message,
};

/// How a manifest names a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Named {
    /// By the sender's own name for its submission.
    Submission(SubmissionId),
    /// By the SHA-256 of its bytes.
    Body(Digest),
}

/// A sender's list of what it sent, with what was found of each entry so far.
#[derive(Clone, Debug)]
pub struct Manifest {
    from: Timestamp,
    to: Timestamp,
    entries: BTreeMap<Named, Option<Standing>>,
}

/// How a document stands: for each recipient the best that became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    message: MessageId,
    progress: Vec<Open>,
}

/// One recipient's delivery, and why it is not further.
#[derive(Clone, Debug, PartialEq)]
pub struct Open {
    /// Which.
    pub delivery: DeliveryId,
    /// What it waits for.
    pub state: State,
    /// Since when.
    pub since: Timestamp,
    /// Why it was given up, as a code or in words; empty while it is not.
    pub reason: Box<str>,
}

/// What the store knows of a manifest's entry.
#[derive(Clone, Debug, PartialEq)]
pub enum Known {
    /// Nothing.
    Nothing,
    /// It was refused, and nothing else.
    Refused(Refused),
    /// It was accepted.
    Accepted(Standing),
}

/// Something a sender must look at.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The submission id it is about; `None` when the manifest named the document by its digest.
    pub submission: Option<SubmissionId>,
    /// The document's digest; `None` when the manifest named its submission.
    pub digest: Option<Digest>,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a document that is not simply delivered.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Nothing of that name has arrived here.
    NeverSubmitted,
    /// It arrived and was refused.
    Refused {
        /// Why, as the code of a reason.
        reason: Box<str>,
        /// When.
        time: Timestamp,
    },
    /// It is on its way: no delivery was given up, and not all are acknowledged.
    Pending {
        /// The message it became.
        message: MessageId,
        /// Those not acknowledged.
        open: Vec<Open>,
    },
    /// At least one recipient does not have it, and will not without somebody's doing.
    Undelivered {
        /// The message it became.
        message: MessageId,
        /// Those not acknowledged.
        open: Vec<Open>,
    },
    /// It was delivered, and the manifest does not name it.
    UnknownToManifest {
        /// The message.
        message: MessageId,
    },
}

/// How many entries came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Entries of the manifest, each counted once.
    pub entries: u64,
    /// Of those: acknowledged by every recipient.
    pub delivered: u64,
    /// Never submitted.
    pub never_submitted: u64,
    /// Refused.
    pub refused: u64,
    /// Still pending.
    pub pending: u64,
    /// Undelivered.
    pub undelivered: u64,
    /// Messages delivered that the manifest does not name.
    pub unknown_to_manifest: u64,
}

impl Manifest {
    /// The most entries of a manifest.
    pub const ENTRIES_MAX: usize = 100_000;

    /// An empty manifest, which claims to name every message accepted from `from` to `to`.
    pub const fn new(from: Timestamp, to: Timestamp) -> Self {
        Self {
            from,
            to,
            entries: BTreeMap::new(),
        }
    }

    /// Adds an entry; a repeated one counts once. `false` when the manifest is full.
    pub fn add(&mut self, named: Named) -> bool {
        if self.entries.len() < Self::ENTRIES_MAX {
            self.entries.entry(named).or_insert(None);
            return true;
        }
        self.entries.contains_key(&named)
    }

    /// From when on it claims to name every message.
    pub const fn from(&self) -> Timestamp {
        self.from
    }

    /// And until when.
    pub const fn to(&self) -> Timestamp {
        self.to
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Holds a message of the sender's, accepted in the manifest's time, against it: newest first.
    /// Returns what is to be said of one that the manifest does not name.
    pub fn meet(&mut self, message: &Message) -> Option<Finding> {
        let names = [
            Named::Submission(message.submission.clone()),
            Named::Body(message.digest),
        ];
        let standing = Standing::of(message);
        let mut named = false;
        for name in names {
            if let Some(found) = self.entries.get_mut(&name) {
                named = true;
                match found {
                    Some(newer) => newer.join(&standing),
                    None => *found = Some(standing.clone()),
                }
            }
        }
        (!named && standing.is_delivered()).then(|| Finding {
            submission: Some(message.submission.clone()),
            digest: Some(message.digest),
            outcome: Outcome::UnknownToManifest {
                message: message.id,
            },
        })
    }

    /// Takes an entry out, with what was found of it in the manifest's time.
    pub fn take(&mut self) -> Option<(Named, Option<Standing>)> {
        self.entries.pop_first()
    }
}

impl Standing {
    /// How one message stands.
    pub fn of(message: &Message) -> Self {
        let progress = message.deliveries.iter().map(|delivery| Open {
            delivery: DeliveryId {
                message: message.id,
                recipient: delivery.recipient,
            },
            state: delivery.state,
            since: Message::state_time(delivery),
            reason: reason(delivery),
        });
        Self {
            message: message.id,
            progress: progress.collect(),
        }
    }

    /// The same document was sent in an older message as well: each recipient counts with the better
    /// of the two, since it needs the document once.
    pub fn join(&mut self, older: &Self) {
        for other in &older.progress {
            let recipient = other.delivery.recipient;
            match self.of_recipient(recipient) {
                Some(own) if rank(own.state) >= rank(other.state) => {}
                Some(own) => own.clone_from(other),
                None => self.progress.push(other.clone()),
            }
        }
    }

    fn of_recipient(&mut self, recipient: OdsCode) -> Option<&mut Open> {
        let mut progress = self.progress.iter_mut();
        progress.find(|one| one.delivery.recipient == recipient)
    }

    /// Whether every recipient has acknowledged it.
    pub fn is_delivered(&self) -> bool {
        self.progress.iter().all(|one| rank(one.state) == DELIVERED)
    }

    fn outcome(self) -> Option<Outcome> {
        let Self { message, progress } = self;
        let given_up = progress.iter().any(|one| rank(one.state) == GIVEN_UP);
        let open = progress.into_iter();
        let open: Vec<_> = open.filter(|one| rank(one.state) < DELIVERED).collect();
        match (open.is_empty(), given_up) {
            (true, _) => None,
            (false, true) => Some(Outcome::Undelivered { message, open }),
            (false, false) => Some(Outcome::Pending { message, open }),
        }
    }
}

/// What is to be said of an entry, given what is known; `None` when it was delivered.
pub fn finding(named: Named, known: Known) -> Option<Finding> {
    let outcome = match known {
        Known::Nothing => Outcome::NeverSubmitted,
        Known::Refused(Refused { reason, time, .. }) => Outcome::Refused { reason, time },
        Known::Accepted(standing) => standing.outcome()?,
    };
    let (submission, digest) = match named {
        Named::Submission(id) => (Some(id), None),
        Named::Body(digest) => (None, Some(digest)),
    };
    Some(Finding {
        submission,
        digest,
        outcome,
    })
}

impl Counts {
    /// Counts what an entry came to.
    pub const fn count(&mut self, found: Option<&Finding>) {
        let Some(finding) = found else {
            self.delivered += 1;
            return;
        };
        match finding.outcome {
            Outcome::NeverSubmitted => self.never_submitted += 1,
            Outcome::Refused { .. } => self.refused += 1,
            Outcome::Pending { .. } => self.pending += 1,
            Outcome::Undelivered { .. } => self.undelivered += 1,
            Outcome::UnknownToManifest { .. } => self.unknown_to_manifest += 1,
        }
    }
}

const GIVEN_UP: u8 = 0;
const DELIVERED: u8 = 2;

/// How far a delivery has come.
const fn rank(state: State) -> u8 {
    match state {
        State::DeadLettered | State::Rejected | State::Expired | State::Withdrawn => GIVEN_UP,
        State::Queued { .. } | State::Leased { .. } => 1,
        State::Acknowledged => DELIVERED,
    }
}

/// Why a delivery was given up: what its last event but warnings says.
fn reason(delivery: &Delivery) -> Box<str> {
    if rank(delivery.state) != GIVEN_UP {
        return Box::default();
    }
    let said = delivery.timeline.iter().rev().find_map(|event| {
        Some(match &event.kind {
            EventKind::Rejected { code, until: None } => code.clone(),
            EventKind::DeadLettered { cause, .. } => cause.as_str().into(),
            EventKind::Withdrawn { reason } | EventKind::Returned { reason } => reason.clone(),
            EventKind::Superseded { by } => format!("superseded by {by}").into(),
            EventKind::Expired => "NOT_COLLECTED_IN_TIME".into(),
            EventKind::Accepted
            | EventKind::Leased { .. }
            | EventKind::Extended { .. }
            | EventKind::Released { .. }
            | EventKind::Lapsed { .. }
            | EventKind::Acknowledged
            | EventKind::Rejected { until: Some(_), .. }
            | EventKind::Requeued { .. }
            | EventKind::Rerouted { .. }
            | EventKind::Aged
            | EventKind::Answered { .. }
            | EventKind::AnswerLapsed { .. } => return None,
        })
    });
    said.unwrap_or_default()
}

#[cfg(test)]
mod tests;
