#![allow(clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod races;

use std::time::Duration;

use proptest::prelude::*;

use axle_model::{answer::ResponseCode, id::MessageId, refusal::Reason};

use super::*;
use crate::{
    event::{Actor, DeadLetterCause},
    retry::Retry,
};

mod orders;

const START: Timestamp = Timestamp::from_micros(1_000_000);
const DEADLINE: Timestamp = Timestamp::from_micros(1_000_000_000);

fn at(seconds: u64) -> Circumstances {
    Circumstances {
        now: START.after(Duration::from_secs(seconds)),
        deadline: DEADLINE,
        retry: Retry {
            attempts_max: 3,
            ..Retry::default()
        },
        seed: 0,
    }
}

fn practice() -> OdsCode {
    OdsCode::parse("K81003").expect("a code")
}

fn delivery() -> Delivery {
    let sender = OdsCode::parse("RR8").expect("a code");
    Delivery::accept(practice(), MailboxId::of(practice()), sender, START)
}

fn lease(nonce: u8, seconds: u64) -> Move {
    let until = START.after(Duration::from_secs(seconds));
    Move::Lease {
        nonce: [nonce; 16],
        until,
        consumer: "test".into(),
    }
}

/// Takes the step, or says why not.
fn make(delivery: &mut Delivery, wanted: Move, at: Circumstances) -> Result<bool, Reason> {
    match delivery
        .decide(wanted, Actor::Broker, at)
        .map_err(|refusal| refusal.reason)?
    {
        Outcome::Step(step) => {
            delivery.record(step);
            Ok(true)
        }
        Outcome::Unchanged => Ok(false),
    }
}

fn elsewhere() -> MailboxId {
    MailboxId::of(OdsCode::parse("A83008").expect("a code"))
}

fn key(delivery: &Delivery) -> LeaseKey {
    delivery.lease.expect("it has been leased")
}

#[test]
fn a_document_is_leased_acknowledged_and_stays_so() {
    let mut delivery = delivery();
    assert_eq!(make(&mut delivery, lease(1, 60), at(0)), Ok(true));
    let lease_key = key(&delivery);
    assert_eq!(
        make(&mut delivery, Move::Acknowledge { lease: lease_key }, at(1)),
        Ok(true)
    );
    let settled = delivery.clone();
    assert_eq!(
        make(&mut delivery, Move::Acknowledge { lease: lease_key }, at(2)),
        Ok(false)
    );
    let reject = Move::Reject {
        lease: lease_key,
        code: "30002".into(),
        retryable: false,
    };
    assert_eq!(make(&mut delivery, reject, at(3)), Err(Reason::LeaseLost));
    assert_eq!(
        make(&mut delivery, Move::Expire, at(5_000)),
        Err(Reason::DeliveryNotInState)
    );
    assert_eq!(delivery, settled, "terminal is final");
}

#[test]
fn a_late_acknowledgement_counts_until_somebody_else_has_the_delivery() {
    let mut delivery = delivery();
    assert_eq!(make(&mut delivery, lease(1, 60), at(0)), Ok(true));
    let first = key(&delivery);
    assert_eq!(make(&mut delivery, Move::Lapse, at(60)), Ok(true));
    let mut taken_up = delivery.clone();
    assert_eq!(
        make(&mut delivery, Move::Acknowledge { lease: first }, at(61)),
        Ok(true)
    );
    assert_eq!(make(&mut taken_up, lease(2, 200), at(100)), Ok(true));
    let late = Move::Acknowledge { lease: first };
    assert_eq!(make(&mut taken_up, late, at(101)), Err(Reason::LeaseLost));
    assert_eq!(
        taken_up.state,
        State::Leased {
            until: START.after(Duration::from_secs(200))
        }
    );
}

#[test]
fn spent_attempts_make_a_dead_letter_that_an_operator_can_offer_again() {
    let mut delivery = delivery();
    for round in 0..3 {
        let now = at(round * 100);
        assert_eq!(
            make(&mut delivery, lease(1, round * 100 + 10), now),
            Ok(true),
            "{round}"
        );
        assert_eq!(
            make(&mut delivery, Move::Lapse, at(round * 100 + 10)),
            Ok(true)
        );
    }
    assert_eq!(delivery.state, State::DeadLettered);
    assert!(delivery.timeline.last().expect("it has events").is_notice());
    assert_eq!(
        make(&mut delivery, lease(1, 999), at(500)),
        Err(Reason::DeliveryNotInState)
    );
    let requeue = Move::Requeue {
        reason: "adapter mended".into(),
    };
    assert_eq!(make(&mut delivery, requeue, at(501)), Ok(true));
    assert_eq!(make(&mut delivery, lease(1, 999), at(501)), Ok(true));
    assert_eq!(delivery.attempts, 1);
}

#[test]
fn a_released_delivery_rests_and_has_spent_no_attempt() {
    let mut delivery = delivery();
    assert_eq!(make(&mut delivery, lease(1, 60), at(0)), Ok(true));
    let not_before = START.after(Duration::from_secs(30));
    let release = Move::Release {
        lease: key(&delivery),
        not_before,
    };
    assert_eq!(make(&mut delivery, release, at(1)), Ok(true));
    assert_eq!(delivery.attempts, 0);
    assert_eq!(
        make(&mut delivery, lease(2, 90), at(29)),
        Err(Reason::DeliveryNotInState)
    );
    assert_eq!(make(&mut delivery, lease(2, 90), at(30)), Ok(true));
}

#[test]
fn a_lease_that_lapses_after_the_deadline_ends_in_expiry() {
    let mut delivery = delivery();
    assert_eq!(make(&mut delivery, lease(1, 2_000), at(0)), Ok(true));
    assert_eq!(
        make(&mut delivery, Move::Expire, at(1_500)),
        Err(Reason::DeliveryNotInState)
    );
    assert_eq!(make(&mut delivery, Move::Lapse, at(2_000)), Ok(true));
    assert_eq!(delivery.state, State::Expired);
    assert!(delivery.timeline.last().expect("it has events").is_notice());
}

#[test]
fn a_timeline_keeps_its_beginning_and_its_end() {
    let mut delivery = delivery();
    assert_eq!(make(&mut delivery, lease(1, 900), at(0)), Ok(true));
    for second in 1..200 {
        let until = START.after(Duration::from_secs(900 - second));
        let extend = Move::Extend {
            lease: key(&delivery),
            until,
        };
        assert_eq!(make(&mut delivery, extend, at(second)), Ok(true));
    }
    assert_eq!(delivery.timeline.len(), Delivery::TIMELINE_EVENTS_MAX);
    assert_eq!(
        delivery.timeline.first().map(|event| &event.kind),
        Some(&EventKind::Accepted)
    );
    assert_eq!(
        delivery.timeline.last().map(|event| event.time),
        Some(at(199).now)
    );
}

/// What a delivery promises, in as few words as possible: who may do what, and when.
#[derive(Default)]
struct Model {
    ended: Option<&'static str>,
    holder: Option<LeaseKey>,
    running: bool,
    dead: bool,
    aged: bool,
    replaced: bool,
    /// What an operator did last, when nothing has happened since.
    ordered: Option<EventKind>,
    /// It was taken elsewhere, and nobody has leased it there yet.
    elsewhere: bool,
}

impl Model {
    /// Whether the move should be made (`Some(true)`), change nothing (`Some(false)`) or be refused.
    fn expects(&self, wanted: &Move, rests: bool, due: bool, late: bool) -> Option<bool> {
        let returned = matches!(self.ordered, Some(EventKind::Returned { .. }));
        let newest = |lease: &LeaseKey| self.holder == Some(*lease) && !self.elsewhere && !returned;
        let live = self.ended.is_none();
        match wanted {
            Move::Withdraw { .. } if self.ended == Some("withdrawn") => Some(false),
            Move::Return { .. } if returned => Some(false),
            Move::Requeue { .. } if matches!(self.ordered, Some(EventKind::Requeued { .. })) => {
                Some(false)
            }
            Move::Reroute { .. } if matches!(self.ordered, Some(EventKind::Rerouted { .. })) => {
                Some(false)
            }
            Move::Lease { .. } => (live && !self.running && !self.dead && !rests).then_some(true),
            Move::Acknowledge { lease } if newest(lease) => match self.ended {
                None => Some(true),
                Some("acknowledged") => Some(false),
                Some(_) => None,
            },
            Move::Reject {
                lease,
                retryable: false,
                ..
            } if newest(lease) => match self.ended {
                None => Some(true),
                Some("rejected") => Some(false),
                Some(_) => None,
            },
            Move::Extend { lease, .. }
            | Move::Release { lease, .. }
            | Move::Reject {
                lease,
                retryable: true,
                ..
            } => (self.running && newest(lease)).then_some(true),
            Move::Lapse => (self.running && due).then_some(true),
            Move::Expire => (live && !self.running && late).then_some(true),
            Move::Requeue { .. } => self.dead.then_some(true),
            Move::Withdraw { .. } | Move::Reroute { .. } | Move::Return { .. } => {
                (live && !self.running).then_some(true)
            }
            Move::Supersede { .. } => (live && !(self.running && self.replaced)).then_some(true),
            Move::Close { .. } => (live && !self.running && !self.dead).then_some(true),
            Move::Age => (live && !self.aged).then_some(true),
            // Nothing is asked of this one: crate::answer has a model of its own.
            Move::Answer { .. } | Move::LapseAnswer => None,
            Move::Acknowledge { .. } | Move::Reject { .. } => None,
        }
    }

    fn follow(&mut self, delivery: &Delivery) {
        self.ended = delivery
            .state
            .is_terminal()
            .then(|| delivery.state.as_str());
        self.running = matches!(delivery.state, State::Leased { .. });
        self.dead = delivery.state == State::DeadLettered;
        self.holder = delivery.lease;
        self.aged = delivery.aged;
        self.replaced = delivery.superseded_by.is_some();
        self.ordered = delivery.timeline.last().map(|event| event.kind.clone());
        self.elsewhere = match self.ordered {
            Some(EventKind::Rerouted { .. }) => true,
            Some(EventKind::Leased { .. }) => false,
            _ => self.elsewhere,
        };
    }
}

proptest! {
    #[test]
    fn the_state_machine_agrees_with_the_model(
        steps in prop::collection::vec((0u8..22, 0u64..400, any::<bool>(), any::<u8>()), 1..60)
    ) {
        let (mut delivery, mut model, mut clock) = (delivery(), Model::default(), 0);
        let mut keys: Vec<LeaseKey> = Vec::new();
        for (which, wait, newest, nonce) in steps {
            clock += wait;
            let now = at(clock).now;
            let until = now.after(Duration::from_secs(120));
            let held = if newest { keys.last() } else { keys.first() }.copied();
            let lease_key = held.unwrap_or(LeaseKey { epoch: 9_999, nonce: [0; 16] });
            let code: Box<str> = "30002".into();
            let wanted = match which {
                0..=4 => Move::Lease { nonce: [nonce; 16], until, consumer: "model".into() },
                5 => Move::Acknowledge { lease: lease_key },
                6 => Move::Reject { lease: lease_key, code, retryable: false },
                7 => Move::Reject { lease: lease_key, code, retryable: true },
                8 => Move::Extend { lease: lease_key, until },
                9 => Move::Release { lease: lease_key, not_before: until },
                10 | 11 => Move::Lapse,
                12 => Move::Expire,
                13 => Move::Withdraw { reason: "sent in error".into() },
                14 => Move::Supersede { by: MessageId::from_bytes([nonce; 16]) },
                15 => Move::Reroute { to: elsewhere(), reason: "moved".into() },
                16 => Move::Return { reason: "not ours".into() },
                17 => Move::Close { cause: DeadLetterCause::MailboxClosed },
                18 => Move::Age,
                19 => Move::LapseAnswer,
                20 => Move::Answer {
                    code: ResponseCode::SUCCESS,
                    positive: true,
                    response: MessageId::from_bytes([nonce; 16]),
                    rerouted_to: None,
                },
                _ => Move::Requeue { reason: "again".into() },
            };
            let rests = matches!(delivery.state, State::Queued { not_before } if not_before > now);
            let due = matches!(delivery.state, State::Leased { until } if until <= now);
            let expected = model.expects(&wanted, rests, due, DEADLINE <= now);
            let before = delivery.clone();
            let made = make(&mut delivery, wanted.clone(), at(clock)).ok();
            prop_assert_eq!(made, expected, "{:?} on {:?}", wanted, before.state);
            if made == Some(true) {
                let moved = matches!(wanted, Move::Reroute { .. });
                prop_assert_eq!(delivery.mailbox != before.mailbox, moved && before.mailbox != elsewhere());
                prop_assert_eq!(delivery.version, before.version + 1);
                if delivery.lease != before.lease {
                    let epoch = before.lease.map_or(0, |lease| lease.epoch);
                    prop_assert!(key(&delivery).epoch > epoch, "epochs only grow");
                    keys.push(key(&delivery));
                }
            } else {
                prop_assert_eq!(&delivery, &before);
            }
            prop_assert!(delivery.attempts <= 3, "attempts are bounded");
            model.follow(&delivery);
        }
    }
}

#[test]
fn a_leased_delivery_that_is_replaced_ends_when_its_lease_comes_to_nothing() {
    let by = MessageId::from_bytes([9; 16]);
    let ways: [fn(LeaseKey) -> Move; 3] = [
        |_| Move::Lapse,
        |lease| Move::Release {
            lease,
            not_before: START,
        },
        |lease| Move::Reject {
            lease,
            code: "30002".into(),
            retryable: true,
        },
    ];
    for way in ways {
        let mut delivery = delivery();
        assert_eq!(make(&mut delivery, lease(1, 60), at(0)), Ok(true));
        let before = delivery.state;
        assert_eq!(make(&mut delivery, Move::Supersede { by }, at(1)), Ok(true));
        assert_eq!(delivery.state, before, "who has it keeps it");
        let again = make(&mut delivery, Move::Supersede { by }, at(1));
        assert_eq!(again, Err(Reason::DeliveryNotInState));
        let wanted = way(key(&delivery));
        assert_eq!(make(&mut delivery, wanted, at(60)), Ok(true));
        assert_eq!(delivery.state, State::Withdrawn);
        let last = delivery.timeline.last().map(|event| &event.kind);
        assert_eq!(last, Some(&EventKind::Superseded { by }));
    }
}
