//! Races: several wishes about one delivery at once, each decided on what its maker saw and counted
//! only if nothing moved since, in every order there is.

use super::*;

/// Somebody with a wish: it looks, decides, and commits; when the delivery moved meanwhile, again.
#[derive(Clone)]
struct Maker {
    wanted: Move,
    decided: Option<Step>,
    /// What it was told in the end.
    told: Option<Result<bool, Reason>>,
}

fn maker(wanted: Move) -> Maker {
    Maker {
        wanted,
        decided: None,
        told: None,
    }
}

impl Maker {
    /// Its next step on its own.
    fn go_on(&mut self, delivery: &mut Delivery, at: Circumstances) {
        match self.decided.take() {
            // A store takes a step only on the version it was decided on.
            Some(step) if step.from == delivery.version => {
                delivery.record(step);
                self.told = Some(Ok(true));
            }
            Some(_) => {}
            None => match delivery.decide(self.wanted.clone(), Actor::Broker, at) {
                Ok(Outcome::Step(step)) => self.decided = Some(step),
                Ok(Outcome::Unchanged) => self.told = Some(Ok(false)),
                Err(refusal) => self.told = Some(Err(refusal.reason)),
            },
        }
    }
}

/// Every way in which it can come out, once for each order of everybody's steps.
fn outcomes(
    delivery: &Delivery,
    makers: &[Maker],
    now: Circumstances,
) -> Vec<(Delivery, Vec<Maker>)> {
    let mut all = Vec::new();
    for next in 0..makers.len() {
        if makers[next].told.is_none() {
            let (mut delivery, mut makers) = (delivery.clone(), makers.to_vec());
            makers[next].go_on(&mut delivery, now);
            all.extend(outcomes(&delivery, &makers, now));
        }
    }
    if all.is_empty() {
        all.push((delivery.clone(), makers.to_vec()));
    }
    all
}

/// Two acknowledgements under one lease against `ending`, which would end the delivery as expired.
fn race(delivery: &Delivery, ending: &Move) {
    let lease = key(delivery);
    let acknowledgement = maker(Move::Acknowledge { lease });
    let makers = [
        acknowledgement.clone(),
        acknowledgement,
        maker(ending.clone()),
    ];
    let (mut acknowledged, mut expired) = (0, 0);
    let all = outcomes(delivery, &makers, at(2_000));
    // Six steps in three pairs, and more where somebody had to decide again.
    assert!(all.len() >= 90, "{}", all.len());
    for (after, makers) in all {
        let told: Vec<_> = makers.iter().filter_map(|maker| maker.told).collect();
        if after.state == State::Acknowledged {
            acknowledged += 1;
            let made = |told: &[_]| told == [Ok(true), Ok(false)] || told == [Ok(false), Ok(true)];
            assert!(made(&told[..2]), "{told:?}");
            assert_eq!(told[2], Err(Reason::DeliveryNotInState));
        } else {
            expired += 1;
            assert_eq!(after.state, State::Expired);
            let lost = Err(Reason::LeaseLost);
            assert_eq!(told, [lost, lost, Ok(true)]);
        }
        let steps = after.timeline.len() - delivery.timeline.len();
        assert_eq!(steps, 1, "one of them ended it, the others changed nothing");
    }
    assert!(acknowledged > 0 && expired > 0, "{acknowledged} {expired}");
}

#[test]
fn of_two_acknowledgements_and_an_expiry_one_counts_in_every_order() {
    let mut leased = delivery();
    assert_eq!(make(&mut leased, lease(1, 2_000), at(0)), Ok(true));
    race(&leased, &Move::Lapse);
    let mut rests = delivery();
    assert_eq!(make(&mut rests, lease(1, 60), at(0)), Ok(true));
    assert_eq!(make(&mut rests, Move::Lapse, at(60)), Ok(true));
    race(&rests, &Move::Expire);
}

#[test]
fn an_acknowledgement_under_an_older_lease_never_counts_in_any_order() {
    let mut delivery = delivery();
    assert_eq!(make(&mut delivery, lease(1, 60), at(0)), Ok(true));
    let older = key(&delivery);
    assert_eq!(make(&mut delivery, Move::Lapse, at(60)), Ok(true));
    assert_eq!(make(&mut delivery, lease(2, 200), at(100)), Ok(true));
    let newest = key(&delivery);
    let makers = [older, newest].map(|lease| maker(Move::Acknowledge { lease }));
    let [late, current] = &makers;
    let makers = [late.clone(), current.clone(), maker(Move::Lapse)];
    for (after, makers) in outcomes(&delivery, &makers, at(300)) {
        assert_eq!(after.state, State::Acknowledged);
        assert_eq!(makers[0].told, Some(Err(Reason::LeaseLost)));
        assert_eq!(makers[1].told, Some(Ok(true)));
    }
}
