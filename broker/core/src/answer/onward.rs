//! Onward: the message in which a document goes on to the practice that has its patient now, after the
//! first one said that the patient is not theirs. It is the sender's, holds the same document, and may
//! not go on again.

use axle_model::{
    digest::Digest,
    id::{DeliveryId, MessageId, SubmissionId},
    mailbox::MailboxId,
    ods::OdsCode,
    time::Timestamp,
};
use bytes::Bytes;

use crate::{
    change::{Acceptance, Body},
    delivery::{Delivery, State},
    message::Message,
    table::Terms,
};

/// Whether the document of this delivery may go on: once, and never while anybody else may still be
/// given this copy of it.
pub fn may_go_on(message: &Message, delivery: &Delivery) -> bool {
    message.reroute_once && delivery.state == State::Acknowledged
}

/// The message named `id` in which it goes on to `recipient`, into `mailbox`, on these terms.
pub fn onward(
    message: &Message,
    delivery: &Delivery,
    (recipient, mailbox): (OdsCode, MailboxId),
    terms: &Terms,
    (id, body, now): (MessageId, Bytes, Timestamp),
) -> Option<Acceptance> {
    let from = DeliveryId {
        message: message.id,
        recipient: delivery.recipient,
    };
    // One for each delivery, whatever is cut short and tried again.
    let submission = SubmissionId::parse(&format!("reroute:{from}")).ok()?;
    let request = Digest::of_parts([submission.as_str().as_bytes(), message.digest.as_bytes()]);
    let to = Delivery {
        answers: delivery.answers.anew(),
        ..Delivery::accept(recipient, mailbox, message.sender, now)
    };
    let message = Message {
        id,
        submission,
        request,
        // The first message has it: a document is not known twice.
        document: None,
        accept_time: now,
        expire_time: now.after(terms.lifetime),
        warn_time: now.after(terms.warn_after(message.priority)),
        answer: None,
        reroute_once: false,
        rerouted_from: Some(from),
        deliveries: vec![to],
        ..message.clone()
    };
    Some(Acceptance {
        message,
        body: Body::Whole(body),
    })
}
