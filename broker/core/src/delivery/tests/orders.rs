//! What operators and senders order: old leases have no say in it, and a repeat changes nothing.

use super::*;

#[test]
fn a_delivery_taken_elsewhere_or_given_back_is_out_of_its_old_leases_reach() {
    let reason: Box<str> = "the practice has merged".into();
    let orders = [
        Move::Reroute {
            to: elsewhere(),
            reason: reason.clone(),
        },
        Move::Return { reason },
    ];
    for order in orders {
        let mut delivery = delivery();
        assert_eq!(make(&mut delivery, lease(1, 60), at(0)), Ok(true));
        let old = key(&delivery);
        assert_eq!(make(&mut delivery, Move::Lapse, at(60)), Ok(true));
        assert_eq!(make(&mut delivery, order.clone(), at(61)), Ok(true));
        let moved = delivery.clone();
        let acknowledge = Move::Acknowledge { lease: old };
        let reject = Move::Reject {
            lease: old,
            code: "30002".into(),
            retryable: false,
        };
        for late in [acknowledge, reject] {
            assert_eq!(make(&mut delivery, late, at(62)), Err(Reason::LeaseLost));
        }
        assert_eq!(make(&mut delivery, order, at(63)), Ok(false), "a repeat");
        assert_eq!(delivery, moved);
    }
}
