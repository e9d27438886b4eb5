#![allow(clippy::expect_used, reason = "tests fail by panicking")]

use axle_model::{mailbox::MailboxId, ods::OdsCode, refusal::Reason};
use proptest::prelude::*;

use super::*;
use crate::{
    delivery::{Circumstances, Move, Outcome},
    event::Actor,
    retry::Retry,
    totals::Totals,
};

const INFRASTRUCTURE: u64 = 100;
const BUSINESS: u64 = 300;

fn at(seconds: u64) -> Circumstances {
    Circumstances {
        now: Timestamp::from_micros(seconds * 1_000_000),
        deadline: Timestamp::from_micros(u64::MAX),
        retry: Retry::default(),
        seed: 0,
    }
}

fn code(number: u32) -> ResponseCode {
    ResponseCode::new(number).expect("a code")
}

fn delivery(infrastructure: bool, business: bool) -> Delivery {
    let practice = OdsCode::parse("K81003").expect("a code");
    let sender = OdsCode::parse("RR8").expect("a code");
    let asked = Asked {
        infrastructure,
        business,
    };
    let [first, second] = [INFRASTRUCTURE, BUSINESS].map(Duration::from_secs);
    Delivery {
        answers: Answers::asked(asked, first, second),
        ..Delivery::accept(practice, MailboxId::of(practice), sender, at(0).now)
    }
}

fn answer(number: u32) -> Move {
    Move::Answer {
        code: code(number),
        positive: Positive::default().is(code(number)),
        response: MessageId::from_bytes([1; 16]),
        rerouted_to: None,
    }
}

/// Takes the step, or says why not.
fn make(delivery: &mut Delivery, wanted: Move, seconds: u64) -> Result<bool, Reason> {
    let decided = delivery.decide(wanted, Actor::Broker, at(seconds));
    match decided.map_err(|refusal| refusal.reason)? {
        Outcome::Step(step) => {
            delivery.record(step);
            Ok(true)
        }
        Outcome::Unchanged => Ok(false),
    }
}

fn lease(seconds: u64) -> Move {
    Move::Lease {
        nonce: [1; 16],
        until: at(seconds + 50).now,
        consumer: "test".into(),
    }
}

/// A delivery that was acknowledged at second 1.
fn collected(infrastructure: bool, business: bool) -> Delivery {
    let mut delivery = delivery(infrastructure, business);
    assert_eq!(make(&mut delivery, lease(0), 0), Ok(true));
    let lease = delivery.lease.expect("it is leased");
    assert_eq!(
        make(&mut delivery, Move::Acknowledge { lease }, 1),
        Ok(true)
    );
    delivery
}

#[test]
fn both_answers_in_either_order_end_it_well() {
    for order in [[20013, 30001], [30001, 20013]] {
        let mut delivery = collected(true, true);
        assert!(!delivery.is_over(), "its answers are waited for");
        for number in order {
            assert_eq!(delivery.answers.end(), None);
            assert_eq!(make(&mut delivery, answer(number), 2), Ok(true));
        }
        assert_eq!(delivery.answers.end(), Some(End::Done));
        assert!(delivery.is_over());
        assert_eq!(delivery.state, State::Acknowledged);
    }
}

#[test]
fn nothing_follows_a_negative_answer() {
    for (number, end) in [
        (20009, End::Failed(Stage::Infrastructure)),
        (10004, End::Failed(Stage::Infrastructure)),
        (30002, End::Failed(Stage::Business)),
        (30017, End::Failed(Stage::Business)),
    ] {
        let mut delivery = collected(true, true);
        assert_eq!(make(&mut delivery, answer(number), 2), Ok(true));
        assert_eq!(delivery.answers.end(), Some(end), "{number}");
        assert!(delivery.is_over());
        assert!(delivery.timeline.last().is_some_and(Event::is_notice));
        let before = delivery.clone();
        for (other, seconds) in [(20013, 3), (30001, 3), (30001, 9_999)] {
            let told = make(&mut delivery, answer(other), seconds);
            let repeats = code(other).stage() == code(number).stage();
            let expected = if repeats {
                Ok(false)
            } else {
                Err(Reason::DeliveryNotInState)
            };
            assert_eq!(told, expected);
        }
        assert!(make(&mut delivery, Move::LapseAnswer, 9_999).is_err());
        assert_eq!(delivery, before);
    }
}

#[test]
fn silence_ends_it_once_and_a_late_answer_does_not_undo_that() {
    for (came, overdue, end) in [
        (None, INFRASTRUCTURE, End::Lapsed(Stage::Infrastructure)),
        (
            Some(30001),
            INFRASTRUCTURE,
            End::Lapsed(Stage::Infrastructure),
        ),
        (Some(20013), BUSINESS, End::Lapsed(Stage::Business)),
    ] {
        let mut delivery = collected(true, true);
        if let Some(number) = came {
            assert_eq!(make(&mut delivery, answer(number), 2), Ok(true));
        }
        let early = make(&mut delivery, Move::LapseAnswer, overdue);
        assert_eq!(early, Err(Reason::DeliveryNotInState));
        assert_eq!(
            make(&mut delivery, Move::LapseAnswer, overdue + 1),
            Ok(true)
        );
        assert_eq!(delivery.answers.end(), Some(end));
        assert!(delivery.timeline.last().is_some_and(Event::is_reported));
        let lapsed = delivery.clone();
        assert!(make(&mut delivery, Move::LapseAnswer, 9_999).is_err());
        for number in [20013, 20009, 30001, 30002] {
            let repeated = came.is_some_and(|came| code(came).stage() == code(number).stage());
            let expected = if repeated {
                Standing::Repeated
            } else {
                Standing::Late
            };
            let positive = Positive::default().is(code(number));
            assert_eq!(standing(&delivery, code(number), positive), expected);
        }
        assert_eq!(delivery, lapsed);
    }
}

#[test]
fn a_document_that_goes_elsewhere_is_answered_from_there() {
    let mut delivery = delivery(true, true);
    assert_eq!(make(&mut delivery, lease(0), 0), Ok(true));
    assert_eq!(make(&mut delivery, answer(20013), 1), Ok(true));
    assert_eq!(make(&mut delivery, Move::Lapse, 50), Ok(true));
    let to = MailboxId::of(OdsCode::parse("A83008").expect("a code"));
    let reason = "moved".into();
    assert_eq!(
        make(&mut delivery, Move::Reroute { to, reason }, 60),
        Ok(true)
    );
    assert_eq!(delivery.answers, self::delivery(true, true).answers);
    assert_eq!(
        standing(&delivery, code(20013), true),
        Standing::NotCollected
    );
}

#[test]
fn an_answer_is_no_second_end_of_the_delivery() {
    let mut totals = Totals {
        accepted: 1,
        ..Totals::default()
    };
    let mut delivery = collected(true, false);
    totals.advance(delivery.state);
    assert_eq!(make(&mut delivery, answer(20013), 2), Ok(true));
    let event = delivery.timeline.last().expect("it has events").clone();
    totals.enter(&crate::change::LedgerEntry {
        sequence: 1,
        records: vec![crate::change::Recorded::Advanced {
            delivery: DeliveryId {
                message: MessageId::from_bytes([1; 16]),
                recipient: delivery.recipient,
            },
            sender: delivery.recipient,
            state: delivery.state,
            event,
        }],
    });
    assert_eq!((totals.acknowledged, totals.pending()), (1, 0));
}

/// What an exchange promises, in as few words as possible.
#[derive(Debug, Default)]
struct Model {
    asked: [bool; 2],
    answered: [Option<bool>; 2],
    lapsed: Option<usize>,
    collected: Option<u64>,
    leased: bool,
    gone: bool,
}

impl Model {
    fn is_open(&self) -> bool {
        let negative = self.answered.contains(&Some(false));
        let waits = (0..2).any(|stage| self.asked[stage] && self.answered[stage].is_none());
        waits && !negative && self.lapsed.is_none()
    }

    fn overdue(&self, now: u64) -> Option<usize> {
        let since = self.collected.filter(|_| self.is_open())?;
        let waits = |stage: &usize| self.asked[*stage] && self.answered[*stage].is_none();
        let due = |stage: usize| (since + [INFRASTRUCTURE, BUSINESS][stage], stage);
        let (until, stage) = (0..2).filter(waits).map(due).min()?;
        (until <= now).then_some(stage)
    }

    fn expects(&self, stage: usize, positive: bool) -> Option<bool> {
        if self.answered[stage].is_some() {
            return Some(false);
        }
        let counts = self.is_open() && self.leased && !self.gone;
        (counts && (self.asked[stage] || !positive)).then_some(true)
    }
}

const CODES: [u32; 7] = [20013, 20009, 10009, 30001, 30002, 30004, 30020];

proptest! {
    #[test]
    fn every_exchange_ends_once_and_as_the_model_says(
        asked in any::<[bool; 2]>(),
        steps in prop::collection::vec((0u8..10, 0u64..80, 0usize..CODES.len()), 1..40)
    ) {
        let mut delivery = delivery(asked[0], asked[1]);
        let (mut model, mut now) = (Model { asked, ..Model::default() }, 0);
        let mut ends = 0;
        for (which, wait, number) in steps {
            now += wait;
            let number = CODES[number];
            let stage = usize::from(number >= 30_000);
            let positive = [20013, 30001, 30004].contains(&number);
            let key = delivery.lease.unwrap_or(crate::lease::LeaseKey { epoch: 9, nonce: [0; 16] });
            let (wanted, expected) = match which {
                0 | 1 => (lease(now), None),
                2 => (Move::Acknowledge { lease: key }, None),
                3 => (Move::Reject { lease: key, code: "x".into(), retryable: false }, None),
                4 => (Move::Withdraw { reason: "error".into() }, None),
                5 | 6 => (Move::LapseAnswer, Some(model.overdue(now).map(|_| true))),
                _ => (answer(number), Some(model.expects(stage, positive))),
            };
            let before = delivery.clone();
            let made = make(&mut delivery, wanted.clone(), now).ok();
            if let Some(expected) = expected {
                prop_assert_eq!(made, expected, "{:?} {:?}", wanted, model);
                prop_assert_eq!(delivery.state, before.state, "the transport stays");
            }
            if made != Some(true) {
                prop_assert_eq!(&delivery, &before);
                continue;
            }
            prop_assert!(before.answers.end().is_none() || expected.is_none(), "it had ended");
            prop_assert!(!before.is_over(), "what is over never changes");
            match which {
                0 | 1 => model.leased = true,
                2 => model.collected = Some(now),
                3 | 4 => model.gone = true,
                5 | 6 => model.lapsed = model.overdue(now),
                _ => model.answered[stage] = Some(positive),
            }
            ends += usize::from(delivery.answers.end() != before.answers.end());
            let open = asked.contains(&true) && delivery.answers.end().is_none();
            prop_assert_eq!(open, model.is_open());
            let waits = model.collected.is_some() && model.is_open();
            prop_assert_eq!(delivery.is_over(), delivery.state.is_terminal() && !waits);
        }
        prop_assert!(ends <= 1, "one end");
    }
}
