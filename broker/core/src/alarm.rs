//! Alarm: what somebody must look at, told from facts alone. A set of alarms follows from the facts
//! of a moment; what was raised and what was cleared follows from two sets. Nothing is remembered
//! here.

use std::{collections::BTreeMap, fmt, time::Duration};

use axle_model::{
    envelope::Priority,
    mailbox::{MailboxId, WorkflowId},
    ods::OdsCode,
    time::Timestamp,
};

use crate::organisations::Age;

/// What an alarm is about; there is one at most for each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Nothing was accepted from a sender for too long.
    SenderSilent(OdsCode),
    /// Nobody asked for the documents of a mailbox for too long.
    CollectorSilent(MailboxId),
    /// Documents wait longer than their workflow allows without a warning.
    Aged(WorkflowId, Priority),
    /// Documents wait in a mailbox that is closed or not listed, and are about to be set aside.
    Closing(MailboxId),
    /// Deliveries of a mailbox are set aside for an operator.
    DeadLetters(MailboxId),
    /// The practice of patients cannot be looked up, or not as it should be.
    Demographics(DemographicsPart),
    /// The register of organisations will soon be older than it may be.
    RegisterAgeing,
    /// It is.
    RegisterStale,
    /// Its newest edition cannot be used.
    RegisterRefused,
}

/// A part of what tells the practice of patients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DemographicsPart {
    /// The snapshot: too old, or a newer one cannot be used.
    Snapshot,
    /// The service: it fails and is left alone, or the broker's credentials for it cannot be read.
    Service,
    /// The events: some cannot be used.
    Events,
}

/// The kinds of alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// [`Subject::SenderSilent`].
    SenderSilent,
    /// [`Subject::CollectorSilent`].
    CollectorSilent,
    /// [`Subject::Aged`].
    Aged,
    /// [`Subject::Closing`].
    Closing,
    /// [`Subject::DeadLetters`].
    DeadLetters,
    /// [`Subject::Demographics`].
    Demographics,
    /// [`Subject::RegisterAgeing`].
    RegisterAgeing,
    /// [`Subject::RegisterStale`].
    RegisterStale,
    /// [`Subject::RegisterRefused`].
    RegisterRefused,
}

/// What holds of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Since when: when it was last heard of, when its oldest document was accepted, when the register
    /// in force was taken, or when its successor was first refused.
    pub since: Timestamp,
    /// The deliveries concerned; 0 where it is not about deliveries.
    pub deliveries: u64,
}

/// Alarms, each under what it is about.
pub type Alarms = BTreeMap<Subject, Alarm>;

/// Somebody who must not fall silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard<S> {
    /// Who, or which mailbox.
    pub source: S,
    /// When it was last heard of.
    pub last: Timestamp,
    /// How long silence may last.
    pub silent_after: Duration,
}

/// Documents of one kind that have waited too long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgedDeliveries {
    /// The workflow they travel under.
    pub workflow: WorkflowId,
    /// How soon they should be collected.
    pub priority: Priority,
    /// How many.
    pub count: u64,
    /// When the oldest was accepted.
    pub oldest: Timestamp,
}

/// Deliveries in one mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InMailbox {
    /// Which mailbox.
    pub mailbox: MailboxId,
    /// How many.
    pub count: u64,
    /// When the oldest document of the mailbox was accepted.
    pub oldest: Timestamp,
}

/// How things stand at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The senders that are listened for.
    pub senders: Vec<Heard<OdsCode>>,
    /// The mailboxes whose collectors are.
    pub mailboxes: Vec<Heard<MailboxId>>,
    /// What has waited too long, one for each workflow and priority.
    pub aged: Vec<AgedDeliveries>,
    /// What waits in mailboxes that are closed.
    pub closing: Vec<InMailbox>,
    /// What is set aside.
    pub dead: Vec<InMailbox>,
    /// What is wrong with what tells the practice of patients, each since when.
    pub demographics: Vec<(DemographicsPart, Timestamp)>,
    /// The register of organisations.
    pub register: RegisterFacts,
}

/// How the register of organisations stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RegisterFacts {
    /// How old it is, and when it was taken; `None` without one.
    pub in_force: Option<(Age, Timestamp)>,
    /// Since when newer files cannot be used, if they cannot.
    pub refused: Option<Timestamp>,
}

/// A difference between two sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It holds now, and did not before.
    Raised(Subject, Alarm),
    /// It held before, like this, and no longer does.
    Cleared(Subject, Alarm),
}

/// The alarms that the facts call for at `now`.
pub fn alarms(facts: Facts, now: Timestamp) -> Alarms {
    let silent = |subject, last, silent_after| {
        let alarm = Alarm {
            since: last,
            deliveries: 0,
        };
        (now.since(last) >= silent_after).then_some((subject, alarm))
    };
    let present = |subject, since, deliveries| {
        let alarm = Alarm { since, deliveries };
        (deliveries > 0).then_some((subject, alarm))
    };
    let senders = facts.senders.into_iter().filter_map(|sender| {
        let subject = Subject::SenderSilent(sender.source);
        silent(subject, sender.last, sender.silent_after)
    });
    let mailboxes = facts.mailboxes.into_iter().filter_map(|mailbox| {
        let subject = Subject::CollectorSilent(mailbox.source);
        silent(subject, mailbox.last, mailbox.silent_after)
    });
    let aged = facts.aged.into_iter().filter_map(|aged| {
        let subject = Subject::Aged(aged.workflow, aged.priority);
        present(subject, aged.oldest, aged.count)
    });
    let closing = facts
        .closing
        .into_iter()
        .filter_map(|one| present(Subject::Closing(one.mailbox), one.oldest, one.count));
    let dead = facts
        .dead
        .into_iter()
        .filter_map(|one| present(Subject::DeadLetters(one.mailbox), one.oldest, one.count));
    let demographics = facts.demographics.into_iter().map(|(part, since)| {
        let alarm = Alarm {
            since,
            deliveries: 0,
        };
        (Subject::Demographics(part), alarm)
    });
    let all = senders.chain(mailboxes).chain(aged);
    let register = facts.register.subjects();
    let all = all.chain(closing).chain(dead);
    all.chain(register).chain(demographics).collect()
}

impl RegisterFacts {
    fn subjects(self) -> impl Iterator<Item = (Subject, Alarm)> {
        let alarm = |subject, since| {
            let deliveries = 0;
            (subject, Alarm { since, deliveries })
        };
        let age = self.in_force.and_then(|(age, taken)| match age {
            Age::Fresh => None,
            Age::Ageing => Some(alarm(Subject::RegisterAgeing, taken)),
            Age::Stale => Some(alarm(Subject::RegisterStale, taken)),
        });
        let refused = self
            .refused
            .map(|since| alarm(Subject::RegisterRefused, since));
        age.into_iter().chain(refused)
    }
}

/// What was cleared and raised between two sets, in the order of the subjects; a count that changed
/// is neither.
pub fn turns(before: &Alarms, after: &Alarms) -> Vec<Turn> {
    let gone = |set: &Alarms, subject| !set.contains_key(subject);
    let cleared = before
        .iter()
        .filter(|(subject, _)| gone(after, subject))
        .map(|(subject, alarm)| Turn::Cleared(subject.clone(), *alarm));
    let raised = after
        .iter()
        .filter(|(subject, _)| gone(before, subject))
        .map(|(subject, alarm)| Turn::Raised(subject.clone(), *alarm));
    cleared.chain(raised).collect()
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::SenderSilent,
        Self::CollectorSilent,
        Self::Aged,
        Self::Closing,
        Self::DeadLetters,
        Self::Demographics,
        Self::RegisterAgeing,
        Self::RegisterStale,
        Self::RegisterRefused,
    ];

    /// The kind in a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SenderSilent => "sender_silent",
            Self::CollectorSilent => "collector_silent",
            Self::Aged => "aged",
            Self::Closing => "closing",
            Self::DeadLetters => "dead_letters",
            Self::Demographics => "demographics",
            Self::RegisterAgeing => "register_ageing",
            Self::RegisterStale => "register_stale",
            Self::RegisterRefused => "register_refused",
        }
    }
}

impl DemographicsPart {
    /// The part in a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Service => "service",
            Self::Events => "events",
        }
    }
}

impl Subject {
    /// Its kind.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::SenderSilent(_) => Kind::SenderSilent,
            Self::CollectorSilent(_) => Kind::CollectorSilent,
            Self::Aged(..) => Kind::Aged,
            Self::Closing(_) => Kind::Closing,
            Self::DeadLetters(_) => Kind::DeadLetters,
            Self::Demographics(_) => Kind::Demographics,
            Self::RegisterAgeing => Kind::RegisterAgeing,
            Self::RegisterStale => Kind::RegisterStale,
            Self::RegisterRefused => Kind::RegisterRefused,
        }
    }

    /// What it means and what to do, in a sentence.
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::SenderSilent(_) => {
                "nothing was accepted from this sender for longer than it may be silent: ask it \
                 whether it sends"
            }
            Self::CollectorSilent(_) => {
                "nobody asks for the documents of this mailbox: ask the practice whether its \
                 collector runs"
            }
            Self::Aged(..) => {
                "documents wait longer than their workflow allows, and their senders are warned: \
                 have them collected"
            }
            Self::Closing(_) => {
                "documents wait in a mailbox that is closed or not listed and will be set aside: \
                 mend the directory, or send them to the successor"
            }
            Self::DeadLetters(_) => {
                "deliveries are set aside: mend the cause, then requeue, reroute or return them"
            }
            Self::Demographics(DemographicsPart::Snapshot) => {
                "the snapshot of patients is older than it may be, or the newest cannot be used: \
                 bring a new one; documents that go by their patient are refused for the time being"
            }
            Self::Demographics(DemographicsPart::Service) => {
                "the demographics service fails, or its credentials cannot be read: documents that \
                 go by their patient are refused for the time being"
            }
            Self::Demographics(DemographicsPart::Events) => {
                "events of patients cannot be used: a practice may be an earlier one than the \
                 service knows; the log names the files"
            }
            Self::RegisterAgeing => {
                "the register of organisations will soon be too old to route by: bring a new one"
            }
            Self::RegisterStale => {
                "the register of organisations is too old to route by, and documents are parked: \
                 bring a new one"
            }
            Self::RegisterRefused => {
                "the files of the register cannot be used, and the edition before stays in force: \
                 the broker's log and `axle-broker check` say what is wrong"
            }
        }
    }
}

impl fmt::Display for Subject {
    /// What it is about, as a name: `organisations/RR8`, `mailboxes/K81003`,
    /// `workflows/TOC_FHIR_IP_DISCH/urgent` or `organisations`, which is the register of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SenderSilent(organisation) => write!(f, "organisations/{organisation}"),
            Self::Aged(workflow, priority) => {
                write!(f, "workflows/{workflow}/{}", priority.as_str())
            }
            Self::Demographics(part) => write!(f, "demographics/{}", part.as_str()),
            Self::CollectorSilent(mailbox)
            | Self::Closing(mailbox)
            | Self::DeadLetters(mailbox) => write!(f, "{mailbox}"),
            Self::RegisterAgeing | Self::RegisterStale | Self::RegisterRefused => {
                f.write_str("organisations")
            }
        }
    }
}

#[cfg(test)]
mod tests;
