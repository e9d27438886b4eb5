//! A document that came to the wrong practice goes on once to the one that has the patient now, and its
//! sender is told in any case.

use std::sync::{Arc, Mutex};

use axle_broker::demographics::{Demographics, Freshness, Standing as Condition};
use axle_core::{
    answer::{End, Standing},
    change::{Acceptance, Body, Change},
    delivery::State,
    message::Message,
    registration::Registration,
};
use axle_model::{patient::PatientHint, refusal::Reason, time::Timestamp};
use axle_store::Store as _;
use axle_tests::{
    documents::ods,
    estate::{OTHER_PRACTICE, PRACTICE},
};
use futures::future::BoxFuture;

use super::{Case, DIRECTORY, ROUTING};
use crate::timeless::Timeless;

/// A demographics service with one answer, which counts how often it was asked for it anew.
#[derive(Debug)]
struct Register {
    says: Registration,
    asked: Mutex<u32>,
}

impl Demographics for Register {
    fn look_up<'a>(
        &'a self,
        _patient: &'a PatientHint,
        freshness: Freshness,
        _now: Timestamp,
    ) -> BoxFuture<'a, Registration> {
        assert_eq!(freshness, Freshness::Fresh, "nothing remembered counts");
        *self.asked.lock().unwrap() += 1;
        let says = self.says;
        Box::pin(async move { says })
    }

    fn refresh(&self, _now: Timestamp) {}

    fn standing(&self, _now: Timestamp) -> Condition {
        Condition::default()
    }
}

fn registered(practice: &str) -> Registration {
    Registration::Registered {
        practice: ods(practice),
        deceased: false,
    }
}

/// A collected document that may go on (or not), in a world whose register says this.
async fn collected(may_go_on: bool, says: Registration) -> (Case, Arc<Register>) {
    let scratch = Case::submitted().await;
    let message = Message {
        reroute_once: may_go_on,
        ..scratch.load(scratch.id).await
    };
    let body = scratch.world.store.body(scratch.id).await.unwrap();
    let register = Arc::new(Register {
        says,
        asked: Mutex::default(),
    });
    let asking = Arc::clone(&register) as Arc<dyn Demographics>;
    let world = Timeless::of(DIRECTORY, ROUTING).asking(asking);
    let body = Body::Whole(body);
    let accepted = Change::from(Acceptance { message, body });
    world.store.commit(accepted).await.unwrap();
    let case = Case { world, ..scratch };
    case.collect(PRACTICE).await;
    (case, register)
}

#[tokio::test]
async fn it_goes_on_once_linked_both_ways_and_never_twice_live() {
    let (case, register) = collected(true, registered(OTHER_PRACTICE)).await;
    let response = case.answer(PRACTICE, 30003, "moved").await;
    let answer = response.answer.unwrap();
    assert_eq!(answer.standing, Standing::Counted);
    let onward = answer.rerouted_to.unwrap();
    let first = case.delivery().await;
    assert_eq!(first.state, State::Acknowledged);
    assert_eq!(case.notices().await.len(), 1, "its sender is told");
    let next = case.load(onward).await;
    assert_eq!(next.rerouted_from, answer.delivery);
    let original = case.load(case.id).await;
    assert_eq!(
        (next.sender, next.digest),
        (original.sender, original.digest)
    );
    assert_eq!(
        case.world.store.body(onward).await.unwrap(),
        case.world.store.body(case.id).await.unwrap()
    );
    assert_eq!(next.deliveries[0].recipient, ods(OTHER_PRACTICE));
    // There it is answered by itself; the same answer again is returned with its code.
    case.collect(OTHER_PRACTICE).await;
    let again = case.answer(OTHER_PRACTICE, 30002, "not-here-either").await;
    let again = again.answer.unwrap();
    assert_eq!(again.delivery.map(|one| one.message), Some(onward));
    assert_eq!(
        (again.standing, again.rerouted_to),
        (Standing::Counted, None)
    );
    let ended = case.load(onward).await.deliveries[0].answers.end();
    assert!(matches!(ended, Some(End::Failed(_))));
    assert_eq!(*register.asked.lock().unwrap(), 1);
    // The answers are documents too: two of four deliveries wait for the trust.
    let books = case.world.books();
    assert_eq!((books.accepted, books.pending()), (4, 2));
}

#[tokio::test]
async fn it_goes_back_with_the_code_where_there_is_no_other_practice() {
    for (may_go_on, says, number, asked) in [
        (false, registered(OTHER_PRACTICE), 30002, 0),
        (true, registered(OTHER_PRACTICE), 20009, 0),
        (true, registered(PRACTICE), 30002, 1),
        (true, registered("Z99999"), 30002, 1),
        (
            true,
            Registration::None(Reason::DemographicsUnavailable),
            30003,
            1,
        ),
    ] {
        let (case, register) = collected(may_go_on, says).await;
        let response = case.answer(PRACTICE, number, "no").await;
        let answer = response.answer.unwrap();
        let came_to = (answer.standing, answer.rerouted_to);
        assert_eq!(came_to, (Standing::Counted, None), "{says:?}");
        assert_eq!(*register.asked.lock().unwrap(), asked, "{says:?}");
        assert_eq!(case.notices().await.len(), 1);
        assert_eq!(case.world.books().accepted, 2);
    }
}
