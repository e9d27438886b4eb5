//! Messages to try a store with. Deterministic: the same number gives the same message.

use std::{collections::BTreeMap, time::Duration};

use axle_core::{
    answer::{Answers, Positive},
    change::{Acceptance, Advance, Body, Change},
    delivery::{Circumstances, Delivery, Move, Outcome},
    event::Actor,
    message::{Message, Warning},
    retry::Retry,
};
use axle_model::{
    answer::ResponseCode,
    digest::Digest,
    envelope::{MediaType, Priority},
    facts::Asked,
    id::{DeliveryId, MessageId, SubmissionId},
    mailbox::{MailboxId, WorkflowId},
    ods::OdsCode,
    time::Timestamp,
};
use bytes::Bytes;

use crate::{Claim, Claimed, Store, Waiter};

pub const SENDER: &str = "RR8";
pub const PRACTICES: [&str; 3] = ["K81003", "B86022", "A81001"];

/// `seconds` after the epoch of the tests.
pub fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(1_795_000_000_000_000 + seconds * 1_000_000)
}

pub fn ods(code: &str) -> OdsCode {
    OdsCode::parse(code).unwrap()
}

pub fn mailbox(code: &str) -> MailboxId {
    MailboxId::of(ods(code))
}

/// Somebody who waits at a mailbox and knows that there is nothing yet.
pub fn waiting(store: &impl Store, mailbox: MailboxId) -> Waiter {
    let waiter = store.wait_at(vec![mailbox]);
    while waiter.next().is_some() {}
    waiter
}

/// A message to be changed before it is accepted.
#[derive(Clone, Debug)]
pub struct Draft {
    pub number: u64,
    pub submission: String,
    pub recipients: Vec<&'static str>,
    pub body: Vec<u8>,
    pub document: Option<&'static str>,
    /// The documents it replaces.
    pub replaces: Vec<&'static str>,
    /// Documents of one patient are delivered in order.
    pub patient: Option<String>,
    pub hold: Duration,
    pub priority: Priority,
    pub now: Timestamp,
    pub lifetime: Duration,
    pub warn_after: Duration,
    /// Which answers it asks for.
    pub answers: Answers,
}

/// What the document of that name is looked up by.
pub fn named(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

/// A message to the first practice.
pub fn draft(number: u64) -> Draft {
    Draft {
        number,
        submission: format!("submission-{number}"),
        recipients: vec![PRACTICES[0]],
        body: format!("document {number}").into_bytes(),
        document: None,
        replaces: Vec::new(),
        patient: number
            .is_multiple_of(2)
            .then(|| format!("patient {number}")),
        hold: Duration::from_hours(4),
        priority: Priority::Routine,
        now: at(number),
        lifetime: Duration::from_hours(24),
        warn_after: Duration::from_hours(48),
        answers: Answers::default(),
    }
}

impl Draft {
    pub fn id(&self) -> MessageId {
        let mut id = [7; 16];
        id[..8].copy_from_slice(&self.number.to_be_bytes());
        MessageId::from_bytes(id)
    }

    pub fn message(&self) -> Message {
        let sender = ods(SENDER);
        let digest = Digest::of(&self.body);
        let mut sorted = self.recipients.clone();
        sorted.sort_unstable();
        let recipients = sorted.iter().map(|code| code.as_bytes());
        let request =
            Digest::of_parts([digest.as_bytes().as_slice()].into_iter().chain(recipients));
        let deliveries = self.recipients.iter().map(|code| Delivery {
            answers: self.answers,
            ..Delivery::accept(ods(code), mailbox(code), sender, self.now)
        });
        Message {
            id: self.id(),
            sender,
            submission: SubmissionId::parse(&self.submission).unwrap(),
            request,
            workflow: WorkflowId::parse("TOC_FHIR_IP_DISCH").unwrap(),
            table_version: 3,
            routed_by: Default::default(),
            media_type: MediaType::FhirJson,
            digest,
            size: self.body.len() as u64,
            priority: self.priority,
            order_key: self
                .patient
                .as_ref()
                .map(|name| Digest::of(name.as_bytes())),
            order_hold: self.hold,
            correlation_id: Some("a conversation".into()),
            labels: BTreeMap::from([("ward".to_owned(), self.number.to_string())]),
            document: self.document.map(named),
            names: self.document.map(named).into_iter().collect(),
            replaces: self.replaces.iter().map(|name| named(name)).collect(),
            accept_time: self.now,
            expire_time: self.now.after(self.lifetime),
            warn_time: self.now.after(self.warn_after),
            warnings: vec![Warning {
                rule: "V-107".into(),
                path: "Bundle.entry[0]".into(),
                what: "the date lies ahead".into(),
            }],
            answer: None,
            reroute_once: false,
            rerouted_from: None,
            deliveries: deliveries.collect(),
        }
    }

    pub fn accept(&self) -> Change {
        Change::from(Acceptance {
            message: self.message(),
            body: Body::Whole(Bytes::from(self.body.clone())),
        })
    }
}

/// A claim of up to `deliveries_max` from a practice's mailbox, for a minute.
pub fn claim(code: &str, deliveries_max: usize, now: Timestamp) -> Claim {
    Claim {
        mailbox: mailbox(code),
        deliveries_max,
        bytes_max: u64::MAX,
        until: now.after(Duration::from_secs(60)),
        consumer: "site agent".into(),
        organisation: ods(code),
        now,
        late: false,
    }
}

/// The step a message's delivery takes by `wanted`.
pub fn advance(message: &Message, recipient: OdsCode, wanted: Move, now: Timestamp) -> Advance {
    step_of(message, recipient, wanted, now).expect("a step")
}

/// The same; `None` when it takes none.
pub fn step_of(
    message: &Message,
    recipient: OdsCode,
    wanted: Move,
    now: Timestamp,
) -> Option<Advance> {
    let delivery = message.delivery(recipient).unwrap();
    let circumstances = Circumstances {
        now,
        deadline: message.expire_time,
        retry: Retry::default(),
        seed: 0,
    };
    match delivery.decide(wanted, Actor::Broker, circumstances) {
        Ok(Outcome::Step(step)) => Some(Advance {
            delivery: DeliveryId {
                message: message.id,
                recipient,
            },
            sender: message.sender,
            step,
        }),
        Ok(Outcome::Unchanged) | Err(_) => None,
    }
}

/// Both answers are asked for, and waited for this long.
pub fn both(infrastructure: u64, business: u64) -> Answers {
    let asked = Asked {
        infrastructure: true,
        business: true,
    };
    let [infrastructure, business] = [infrastructure, business].map(Duration::from_secs);
    Answers::asked(asked, infrastructure, business)
}

/// An answer of this code.
pub fn answer(number: u32) -> Move {
    let code = ResponseCode::new(number).unwrap();
    Move::Answer {
        code,
        positive: Positive::default().is(code),
        response: MessageId::from_bytes([3; 16]),
        rerouted_to: None,
    }
}

/// The step that acknowledges a leased delivery.
pub fn acknowledge(claimed: &Claimed, now: Timestamp) -> Change {
    let token = &claimed.token;
    let wanted = Move::Acknowledge { lease: token.key };
    Change::from(advance(
        &claimed.message,
        token.delivery.recipient,
        wanted,
        now,
    ))
}
