//! The model: a list of messages, and what a store must answer worked out from it the slow and
//! obvious way. Any sequence of operations must come out alike.

mod answers;
mod operation;

use std::{collections::BTreeMap, time::Duration};

use super::{
    Place,
    sample::{Draft, PRACTICES, advance, answer, at, both, claim, mailbox, step_of},
};
use axle_core::{
    answer::Answers,
    change::Change,
    delivery::{Move, State},
    event::DeadLetterCause,
    lease::LeaseToken,
    message::Message,
};
use axle_model::{envelope::Priority, id::MessageId, mailbox::MailboxId, time::Timestamp};
pub use operation::{Operation, operation};

use crate::{Claimed, Committed, DueFor, MailboxState, Query, Store, StoreError};

/// What a store should hold.
#[derive(Debug, Default)]
struct Model {
    /// In the order of their acceptance.
    messages: Vec<Message>,
    bodies: BTreeMap<MessageId, Vec<u8>>,
    leases: Vec<Claimed>,
    seconds: u64,
    records: u64,
}

enum Expected {
    Done,
    Repeat(MessageId),
    Conflict,
}

impl Model {
    fn now(&self) -> Timestamp {
        at(1_000 + self.seconds)
    }

    fn expect(&self, new: &Message) -> Expected {
        let mut all = self.messages.iter();
        if let Some(earlier) = all.clone().find(|one| one.submission == new.submission) {
            return match earlier.request == new.request {
                true => Expected::Repeat(earlier.id),
                false => Expected::Conflict,
            };
        }
        let mut same = self
            .messages
            .iter()
            .filter(|one| new.document.is_some() && one.document == new.document);
        if same.clone().any(|one| one.digest != new.digest) {
            return Expected::Conflict;
        }
        let repeat = same.find(|one| one.request == new.request);
        assert!(all.all(|one| one.id != new.id));
        repeat.map_or(Expected::Done, |one| Expected::Repeat(one.id))
    }

    fn message(&mut self, id: MessageId) -> &mut Message {
        self.messages
            .iter_mut()
            .find(|message| message.id == id)
            .unwrap()
    }

    fn mailboxes(&self) -> Vec<(MailboxId, MailboxState)> {
        let mut all = BTreeMap::<_, MailboxState>::new();
        for message in &self.messages {
            for delivery in &message.deliveries {
                if delivery.state.is_terminal() {
                    continue;
                }
                let state = all.entry(delivery.mailbox.clone()).or_default();
                match delivery.state {
                    State::Leased { .. } => state.leased += 1,
                    State::DeadLettered => state.dead_lettered += 1,
                    _ => state.queued += 1,
                }
                state.oldest_time = state.oldest_time.or(Some(message.accept_time));
            }
        }
        all.into_iter().collect()
    }
}

/// Does all of it to a store and to the model, and compares them.
pub async fn run<P: Place>(place: &mut P, operations: Vec<Operation>) {
    let mut store = place.open().await;
    let mut model = Model::default();
    for operation in operations {
        match operation {
            Operation::Reopen => store = place.reopen(store).await,
            other => step(&store, &mut model, other).await,
        }
        let mailboxes = store.mailboxes().await.unwrap();
        assert_eq!(mailboxes, model.mailboxes());
    }
    compare(&store, &model).await;
    let store = place.reopen(store).await;
    compare(&store, &model).await;
}

async fn step(store: &impl Store, model: &mut Model, operation: Operation) {
    match operation {
        Operation::Submit {
            name,
            body,
            document,
            recipients,
            urgent,
            patient,
        } => {
            let chosen = PRACTICES.iter().enumerate();
            let chosen = chosen.filter(|(bit, _)| recipients >> bit & 1 == 1);
            let urgency = [Priority::Routine, Priority::Urgent];
            let new = Draft {
                number: model.bodies.len() as u64 + model.records * 1_000 + model.seconds,
                submission: format!("name-{name}"),
                recipients: chosen.map(|(_, code)| *code).collect(),
                body: vec![body; 10 + usize::from(body)],
                document: document.then_some("urn:uuid:document"),
                replaces: Vec::new(),
                patient: (patient > 0).then(|| patient.to_string()),
                hold: Duration::from_secs(20),
                priority: urgency[usize::from(urgent)],
                now: model.now(),
                lifetime: Duration::from_secs(150),
                warn_after: Duration::from_hours(48),
                answers: if body % 2 == 1 {
                    both(30, 90)
                } else {
                    Answers::default()
                },
            };
            submit(store, model, new).await;
        }
        Operation::Claim { practice, most } => {
            let practice = PRACTICES[usize::from(practice)];
            let expected = model.claimed(practice, most.into());
            let wish = claim(practice, most.into(), model.now());
            let claimed = store.claim(wish).await.unwrap();
            let got: Vec<_> = claimed.iter().map(|one| one.token.delivery).collect();
            assert_eq!(got, expected);
            for one in claimed {
                assert_eq!(
                    store.body(one.message.id).await.unwrap(),
                    model.bodies[&one.message.id]
                );
                *model.message(one.message.id) = (*one.message).clone();
                model.leases.push(one);
                model.records += 1;
            }
        }
        Operation::Settle { lease, how } => settle(store, model, lease.into(), how).await,
        Operation::Answer { which, code } => reply(store, model, which.into(), code.into()).await,
        Operation::Intervene { which, how } => intervene(store, model, which.into(), how).await,
        Operation::Wait { seconds } => {
            model.seconds += u64::from(seconds);
            let mut due = store.due(model.now(), usize::MAX).await.unwrap();
            due.sort_by_key(|one| one.delivery);
            assert_eq!(format!("{due:?}"), format!("{:?}", model.due()));
            for one in due {
                let wanted = match one.what {
                    DueFor::Lapse => Move::Lapse,
                    DueFor::Expire => Move::Expire,
                    DueFor::Age => Move::Age,
                    DueFor::Answer => Move::LapseAnswer,
                };
                let now = model.now();
                let message = model.message(one.delivery.message);
                let step = advance(message, one.delivery.recipient, wanted, now);
                take(store, model, step).await;
            }
        }
        Operation::Reopen => {}
    }
}

async fn submit(store: &impl Store, model: &mut Model, new: Draft) {
    let answer = store.commit(new.accept()).await;
    match model.expect(&new.message()) {
        Expected::Done => {
            assert!(matches!(answer, Ok(Committed::Done)), "{answer:?}");
            model.messages.push(new.message());
            model.bodies.insert(new.id(), new.body);
            model.records += 1;
        }
        Expected::Repeat(id) => {
            assert!(
                matches!(&answer, Ok(Committed::Repeat(one)) if one.id == id),
                "{answer:?}"
            );
        }
        Expected::Conflict => {
            let conflict = matches!(
                answer,
                Err(StoreError::SubmissionConflict { .. } | StoreError::DocumentConflict { .. })
            );
            assert!(conflict, "{answer:?}");
        }
    }
}

async fn settle(store: &impl Store, model: &mut Model, lease: usize, how: u8) {
    let Some(index) = lease.checked_rem(model.leases.len()) else {
        return;
    };
    let LeaseToken {
        delivery: id,
        key: lease,
    } = model.leases[index].token;
    let now = model.now();
    let wanted = match how {
        0 | 1 => Move::Acknowledge { lease },
        2 => Move::Reject {
            lease,
            code: "wrong-patient".into(),
            retryable: false,
        },
        3 => Move::Reject {
            lease,
            code: "busy".into(),
            retryable: true,
        },
        4 => Move::Extend {
            lease,
            until: now.after(Duration::from_secs(90)),
        },
        _ => Move::Release {
            lease,
            not_before: now.after(Duration::from_secs(5)),
        },
    };
    // Decided on what the collector was given; it counts only while that is still so.
    let given = model.leases[index].message.clone();
    let step = advance(&given, id.recipient, wanted, now);
    let current = model
        .message(id.message)
        .delivery(id.recipient)
        .unwrap()
        .version;
    if step.step.from == current {
        take(store, model, step).await;
    } else {
        let stale = store.commit(Change::from(step)).await;
        assert!(matches!(stale, Err(StoreError::Stale { .. })), "{stale:?}");
    }
}

async fn intervene(store: &impl Store, model: &mut Model, which: usize, how: u8) {
    let all = model.messages.iter();
    let all = all.flat_map(|message| message.deliveries.iter().map(move |one| (message, one)));
    let all: Vec<_> = all.collect();
    let Some(index) = which.checked_rem(all.len()) else {
        return;
    };
    let (message, delivery) = all[index];
    let reason: Box<str> = "a reason".into();
    let wanted = match how {
        0 => Move::Withdraw { reason },
        1 => Move::Supersede { by: message.id },
        2 => Move::Requeue { reason },
        3 => Move::Close {
            cause: DeadLetterCause::MailboxClosed,
        },
        _ => Move::Reroute {
            to: mailbox(PRACTICES[which % PRACTICES.len()]),
            reason,
        },
    };
    if let Some(step) = step_of(message, delivery.recipient, wanted, model.now()) {
        take(store, model, step).await;
    }
}

async fn reply(store: &impl Store, model: &mut Model, which: usize, code: usize) {
    const CODES: [u32; 4] = [20013, 30001, 20009, 30002];
    let all = model.messages.iter();
    let all = all.flat_map(|message| message.deliveries.iter().map(move |one| (message, one)));
    let all: Vec<_> = all.collect();
    let Some(index) = which.checked_rem(all.len()) else {
        return;
    };
    let (message, delivery) = all[index];
    let wanted = answer(CODES[code % CODES.len()]);
    if let Some(step) = step_of(message, delivery.recipient, wanted, model.now()) {
        take(store, model, step).await;
    }
}

async fn take(store: &impl Store, model: &mut Model, step: axle_core::change::Advance) {
    let done = store.commit(Change::from(step.clone())).await;
    assert!(matches!(done, Ok(Committed::Done)), "{done:?}");
    let message = model.message(step.delivery.message);
    let mut deliveries = message.deliveries.iter_mut();
    let delivery = deliveries
        .find(|one| one.recipient == step.delivery.recipient)
        .unwrap();
    delivery.record(step.step);
    model.records += 1;
}

async fn compare(store: &impl Store, model: &Model) {
    for message in &model.messages {
        assert_eq!(
            store.load(message.id).await.unwrap().as_deref(),
            Some(message)
        );
        assert_eq!(
            store.body(message.id).await.unwrap(),
            model.bodies[&message.id]
        );
    }
    let page_max = model.messages.len() + 1;
    let found = store
        .find(Query {
            page_max,
            ..Query::default()
        })
        .await
        .unwrap();
    let mut newest_first: Vec<_> = model.messages.iter().map(|message| message.id).collect();
    newest_first.sort_by(|a, b| b.cmp(a));
    let found: Vec<_> = found.messages.iter().map(|message| message.id).collect();
    assert_eq!(found, newest_first);
    let mut head = store.ledger_head();
    // Leases given at once may be one entry, or several.
    let ledger = loop {
        head.borrow_and_update();
        let ledger = store.ledger(1, usize::MAX).await.unwrap();
        let records: usize = ledger.iter().map(|entry| entry.records.len()).sum();
        assert!(records as u64 <= model.records, "{ledger:?}");
        if records as u64 == model.records {
            break ledger;
        }
        head.changed().await.unwrap();
    };
    let sequences: Vec<u64> = ledger.iter().map(|entry| entry.sequence).collect();
    let whole = 1..=sequences.len() as u64;
    assert!(sequences.iter().copied().eq(whole), "{sequences:?}");
}
