//! Message: an accepted submission, with the state of each of its deliveries. The body is not in it:
//! the store keeps that once for all recipients.

use std::{collections::BTreeMap, time::Duration};

use axle_model::{
    digest::Digest,
    envelope::{MediaType, Priority},
    id::{DeliveryId, MessageId, SubmissionId},
    mailbox::WorkflowId,
    ods::OdsCode,
    receipt::Receipt,
    time::Timestamp,
};

use crate::{answer::Answer, delivery::Delivery, event::EventKind};

/// An accepted submission.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// The organisation that sent it.
    pub sender: OdsCode,
    /// The sender's own name for it.
    pub submission: SubmissionId,
    /// What the submission was, for telling a repeat from a conflict.
    pub request: Digest,
    /// The workflow it travels under.
    pub workflow: WorkflowId,
    /// The version of the routing table that routed it.
    pub table_version: u32,
    /// By what else it was routed.
    pub routed_by: RoutedBy,
    /// What the body is declared to be.
    pub media_type: MediaType,
    /// SHA-256 of the body.
    pub digest: Digest,
    /// The body's length in bytes.
    pub size: u64,
    /// How soon it should be collected.
    pub priority: Priority,
    /// What its sender's documents about the same patient have in common: see [`crate::order`].
    pub order_key: Option<Digest>,
    /// How long later documents of that key wait for this one once it has been tried.
    pub order_hold: Duration,
    /// The sender's reference to a conversation.
    pub correlation_id: Option<Box<str>>,
    /// The sender's own small facts.
    pub labels: BTreeMap<String, String>,
    /// What the document's own identifier comes to, with its sender: rule V-118.
    pub document: Option<Digest>,
    /// What a later document may call it by, each with its sender: see [`crate::order`].
    pub names: Vec<Digest>,
    /// The names of the documents that it replaces.
    pub replaces: Vec<Digest>,
    /// When it was accepted.
    pub accept_time: Timestamp,
    /// When what nobody has collected by then ends as expired.
    pub expire_time: Timestamp,
    /// When its sender is warned of what is not settled by then.
    pub warn_time: Timestamp,
    /// Rules it bent without being refused.
    pub warnings: Vec<Warning>,
    /// What it came to as an answer to another message; `None` when it is none.
    pub answer: Option<Box<Answer>>,
    /// Whether it may go on, once, to the practice that has its patient now.
    pub reroute_once: bool,
    /// The delivery that it carries on at another practice.
    pub rerouted_from: Option<DeliveryId>,
    /// One for each recipient, in the order given. At least one.
    pub deliveries: Vec<Delivery>,
}

/// By what a message was routed, besides the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoutedBy {
    /// The class of the table that it fits.
    pub class: Option<Box<str>>,
    /// The edition of the register of organisations; empty without one.
    pub register_version: Box<str>,
    /// Whether it may go to named recipients only.
    pub restricted: bool,
}

/// A rule that an accepted document bends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The rule's id, for example `V-107`.
    pub rule: Box<str>,
    /// Where in the document.
    pub path: Box<str>,
    /// What is wrong, in a sentence without patient data.
    pub what: Box<str>,
}

impl Message {
    /// The most warnings a message keeps.
    pub const WARNINGS_MAX: usize = 16;

    /// What something is called that this sender calls so: no sender's name means anything to another.
    pub fn name_within(sender: OdsCode, name: Digest) -> Digest {
        Digest::of_parts([sender.as_str().as_bytes(), name.as_bytes().as_slice()])
    }

    /// The delivery for `recipient`.
    pub fn delivery(&self, recipient: OdsCode) -> Option<&Delivery> {
        self.deliveries
            .iter()
            .find(|delivery| delivery.recipient == recipient)
    }

    /// Whether every delivery has ended.
    pub fn is_settled(&self) -> bool {
        self.deliveries
            .iter()
            .all(|delivery| delivery.state.is_terminal())
    }

    /// Whether nothing more will happen to it: every delivery has ended, and no answer is waited for.
    pub fn is_over(&self) -> bool {
        self.deliveries.iter().all(Delivery::is_over)
    }

    /// Whether it asks its recipients for an answer.
    pub fn asks(&self) -> bool {
        self.deliveries.iter().any(|one| one.answers.is_asked())
    }

    /// The receipt its sender holds.
    pub fn receipt(&self, duplicate: bool) -> Receipt {
        Receipt {
            message: self.id,
            accept_time: self.accept_time,
            expire_time: self.expire_time,
            workflow: self.workflow.clone(),
            recipients: self
                .deliveries
                .iter()
                .map(|delivery| delivery.recipient)
                .collect(),
            parked: (self.deliveries.iter())
                .filter_map(|one| Some((one.recipient, one.parked()?.as_str())))
                .collect(),
            duplicate,
        }
    }

    /// When the delivery for `recipient` last changed state.
    pub fn state_time(delivery: &Delivery) -> Timestamp {
        let moves = delivery.timeline.iter().rev();
        moves
            .filter(|event| {
                let stays = matches!(event.kind, EventKind::Extended { .. } | EventKind::Aged);
                !stays && !event.kind.is_of_exchange()
            })
            .map(|event| event.time)
            .next()
            .unwrap_or_default()
    }
}
