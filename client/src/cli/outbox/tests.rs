#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::cli::save::RealDisk;

fn response(code: u32) -> Response {
    let delivery = "messages/0197a9b0-7c1e-7000-8000-000000000001/deliveries/K81003";
    Response {
        delivery: delivery.to_owned(),
        submission_id: format!("answer/{code}"),
        recipient: "RR8".to_owned(),
        workflow: "TOC_FHIR_IP_DISCH_ACK".to_owned(),
        code,
        content: "<Bundle/>".to_owned(),
    }
}

#[test]
fn an_answer_stays_until_it_is_sent_and_the_first_of_a_stage_counts() {
    let place = tempfile::tempdir().unwrap();
    let outbox = Outbox::of(place.path());
    assert!(outbox.waiting().unwrap().is_empty());
    outbox.put(&RealDisk, &response(20013)).unwrap();
    outbox.put(&RealDisk, &response(30001)).unwrap();
    let again = outbox.put(&RealDisk, &response(20009)).unwrap();
    assert_eq!(again.response, response(20013));
    // As another process finds it.
    let waiting = Outbox::of(place.path()).waiting().unwrap();
    let codes: Vec<_> = waiting.iter().map(|one| one.response.code).collect();
    assert_eq!(codes, [30001, 20013]);
    waiting[0].sent().unwrap();
    let aside = waiting[1].refused().unwrap();
    assert!(aside.exists());
    assert!(outbox.waiting().unwrap().is_empty());
}
