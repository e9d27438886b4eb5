//! Order: one patient's documents one after the other, other patients' at the same time; and a
//! document that is replaced before anybody collected it.

use std::time::Duration;

use axle_client::{connection::Client, error::ClientError};
use axle_model::synthetic::nhs_number;
use axle_proto::v1::{DeliveryEventKind, DeliveryState, DocumentHeader, SubmitDocumentResponse};
use axle_tests::{
    broker::TestBroker,
    documents::{JSON, document, named, to},
    estate::{Estate, PRACTICE, ROUTING, TRUST},
    wait,
};

use super::steps::{MAILBOX, delivery, events, lease, leased_at_once, send_with};

/// A letter about a patient.
fn letter(number: u64, patient: u64) -> String {
    let letter = document(number, TRUST, PRACTICE).about(nhs_number(patient));
    letter.outpatient_letter_json()
}

async fn send(trust: &Client, id: &str, text: String) -> SubmitDocumentResponse {
    try_send(trust, id, text).await.unwrap()
}

async fn try_send(
    trust: &Client,
    id: &str,
    text: String,
) -> Result<SubmitDocumentResponse, ClientError> {
    let header = DocumentHeader {
        media_type: JSON.to_owned(),
        ..named(id, to(&[PRACTICE]))
    };
    trust.submit(header, text.into()).await
}

/// The same letter, saying that it replaces another.
fn replacing(text: &str, other: &str) -> String {
    let (_, rest) = other.split_once("\"value\": \"").unwrap();
    let (identifier, _) = rest.split_once('"').unwrap();
    let said = format!(
        r#""resourceType": "Composition", "relatesTo": [{{"code": "replaces", "targetIdentifier":
        {{"system": "https://tools.ietf.org/html/rfc4122", "value": "{identifier}"}}}}],"#
    );
    let replaced = text.replacen("\"resourceType\": \"Composition\",", &said, 1);
    assert_ne!(replaced, text);
    replaced
}

#[tokio::test(flavor = "multi_thread")]
async fn one_patients_documents_are_collected_one_after_the_other_and_ten_patients_at_once() {
    let broker = TestBroker::start().await;
    let (trust, practice) = (broker.client(TRUST), broker.client(PRACTICE));
    for number in 0..20 {
        send(&trust, &number.to_string(), letter(number, number % 10)).await;
    }
    let first = leased_at_once(&practice, MAILBOX).await;
    assert_eq!(first, (0..10).map(|n| n.to_string()).collect::<Vec<_>>());
    assert!(leased_at_once(&practice, MAILBOX).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_document_of_a_patient_comes_once_the_one_before_is_acknowledged() {
    let broker = TestBroker::start().await;
    let (trust, practice) = (broker.client(TRUST), broker.client(PRACTICE));
    for number in 1..=3 {
        let header = DocumentHeader {
            patient_ref: "bed 7".to_owned(),
            ..named(&number.to_string(), to(&[PRACTICE]))
        };
        send_with(&trust, header).await.unwrap();
    }
    let settler = practice.settler();
    for number in 1..=3 {
        let leased = lease(&practice, 60).await;
        let submission = leased.message.unwrap().submission_id;
        assert_eq!(submission, number.to_string());
        assert!(leased_at_once(&practice, MAILBOX).await.is_empty());
        settler.acknowledge(&leased.lease_token).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_document_holds_up_its_patient_until_it_is_set_aside_and_nobody_else() {
    // What was given back rests for three seconds at least: nobody is offered it meanwhile.
    let rests = ROUTING.replace("retry_base_seconds = 1", "retry_base_seconds = 6");
    let estate = Estate::new();
    estate.write("routing.toml", &rests);
    let broker = TestBroker::start_with(estate).await;
    let (trust, practice) = (broker.client(TRUST), broker.client(PRACTICE));
    let in_order = |id: &str, patient: &str| DocumentHeader {
        workflow: "FRAGILE".to_owned(),
        patient_ref: patient.to_owned(),
        ..named(id, to(&[PRACTICE]))
    };
    let mut receipts = Vec::new();
    for (id, patient) in [("poison", "a"), ("behind", "a"), ("other", "b")] {
        receipts.push(send_with(&trust, in_order(id, patient)).await.unwrap());
    }
    let settler = practice.settler();
    let reject = async || {
        let leased = lease(&practice, 60).await;
        let rejected = settler.reject(&leased.lease_token, "20009", true).await;
        rejected.unwrap();
        leased.message.unwrap().submission_id
    };
    assert_eq!(reject().await, "poison");
    assert_eq!(leased_at_once(&practice, MAILBOX).await, ["other"]);
    assert_eq!(reject().await, "poison");
    let parked = delivery(&trust, &receipts[0].message, PRACTICE).await;
    assert_eq!(parked.state(), DeliveryState::DeadLettered);
    assert_eq!(leased_at_once(&practice, MAILBOX).await, ["behind"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_fails_again_and_again_holds_up_its_patient_for_a_bounded_time() {
    let held = ROUTING.replace(
        "id = \"LETTERS\"\n",
        "id = \"LETTERS\"\norder_hold_seconds = 1\nretry_base_seconds = 600\n",
    );
    let estate = Estate::new();
    estate.write("routing.toml", &held);
    let broker = TestBroker::start_with(estate).await;
    let (trust, practice) = (broker.client(TRUST), broker.client(PRACTICE));
    for number in 1..=2 {
        send(&trust, &number.to_string(), letter(number, 1)).await;
    }
    let failing = lease(&practice, 60).await;
    let settler = practice.settler();
    settler
        .reject(&failing.lease_token, "20009", true)
        .await
        .unwrap();
    // It rests for minutes; the long poll is woken when its hold is over.
    let next = lease(&practice, 60).await;
    assert_eq!(next.message.unwrap().submission_id, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_document_that_nobody_collected_is_never_delivered() {
    let broker = TestBroker::start().await;
    let (trust, practice) = (broker.client(TRUST), broker.client(PRACTICE));
    let old = letter(1, 1);
    let new = replacing(&letter(2, 1), &old);
    let first = send(&trust, "old", old.clone()).await;
    let second = send(&trust, "new", new.clone()).await;
    let again = send(&trust, "new", new).await;
    assert!(again.duplicate && again.message == second.message);
    assert_eq!(leased_at_once(&practice, MAILBOX).await, ["new"]);
    let replaced = delivery(&trust, &first.message, PRACTICE).await;
    assert_eq!(replaced.state(), DeliveryState::Withdrawn);
    assert_eq!(events(&replaced), ["accepted", "superseded"]);
    assert_eq!(replaced.events[1].superseded_by, second.message);
    let repeat = send(&trust, "old", old).await;
    assert!(repeat.duplicate, "a repeat stays one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_was_replaced_before_it_arrived_is_refused() {
    let broker = TestBroker::start().await;
    let trust = broker.client(TRUST);
    let old = letter(1, 1);
    let second = send(&trust, "new", replacing(&letter(2, 1), &old)).await;
    let refused = try_send(&trust, "old", old).await.unwrap_err();
    assert_eq!(refused.reason(), "SUBMISSION_CONFLICT");
    let name = second.message.trim_start_matches("messages/").to_owned();
    assert!(format!("{refused:?}").contains(&name), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_a_document_that_is_replaced_keeps_it_and_nobody_gets_it_afterwards() {
    let broker = TestBroker::start().await;
    let (trust, practice) = (broker.client(TRUST), broker.client(PRACTICE));
    let (kept, dropped) = (letter(1, 1), letter(2, 2));
    let kept_receipt = send(&trust, "kept", kept.clone()).await;
    let dropped_receipt = send(&trust, "dropped", dropped.clone()).await;
    let (one, two) = (lease(&practice, 60).await, lease(&practice, 60).await);
    send(&trust, "for-kept", replacing(&letter(3, 1), &kept)).await;
    let by = send(&trust, "for-dropped", replacing(&letter(4, 2), &dropped)).await;
    assert!(leased_at_once(&practice, MAILBOX).await.is_empty());
    let settler = practice.settler();
    settler.acknowledge(&one.lease_token).await.unwrap();
    settler
        .release(&two.lease_token, Duration::ZERO)
        .await
        .unwrap();
    let now = leased_at_once(&practice, MAILBOX).await;
    assert_eq!(now, ["for-kept", "for-dropped"]);
    let kept = delivery(&trust, &kept_receipt.message, PRACTICE).await;
    assert_eq!(kept.state(), DeliveryState::Acknowledged);
    let dropped = delivery(&trust, &dropped_receipt.message, PRACTICE).await;
    assert_eq!(dropped.state(), DeliveryState::Withdrawn);
    let last = dropped.events.last().unwrap();
    assert_eq!(last.kind(), DeliveryEventKind::Superseded);
    assert_eq!(last.superseded_by, by.message);
}

/// However documents, their replacements and a collector fall together, nothing is given out once its
/// replacement has been accepted. The collector keeps every other document, and gives the rest back
/// until they are replaced.
#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_that_races_a_collector_leaves_one_of_them_current() {
    const ROUNDS: usize = 100;
    let broker = TestBroker::start().await;
    let (trust, practice) = (broker.client(TRUST), broker.client(PRACTICE));
    let collecting = tokio::spawn(async move {
        let (mut given, mut new, settler) = (Vec::new(), 0, practice.settler());
        while new < ROUNDS {
            let leased = lease(&practice, 60).await;
            let id = leased.message.unwrap().submission_id;
            new += usize::from(id.starts_with("new"));
            let kept = !id.starts_with("old-odd");
            given.push(id);
            if kept {
                settler.acknowledge(&leased.lease_token).await.unwrap();
            } else {
                let back = settler.release(&leased.lease_token, Duration::ZERO);
                back.await.unwrap();
            }
        }
        given
    });
    let mut accepted = Vec::new();
    for round in 0..ROUNDS {
        let odd = ["even", "odd"][round % 2];
        let [old, new] = ["old", "new"].map(|which| format!("{which}-{odd}-{round}"));
        let first = letter(2 * round as u64, round as u64);
        let second = replacing(&letter(2 * round as u64 + 1, round as u64), &first);
        let (first, _) = tokio::join!(try_send(&trust, &old, first), async {
            tokio::task::yield_now().await;
            send(&trust, &new, second).await
        });
        match first {
            Ok(receipt) => accepted.push((old, new, receipt.message)),
            Err(late) => assert_eq!(late.reason(), "SUBMISSION_CONFLICT"),
        }
    }
    let given = wait::soon("all to be collected", collecting).await.unwrap();
    let place = |id: &str| given.iter().position(|one| one == id);
    let mut superseded = 0;
    for (old, new, message) in accepted {
        let delivery = delivery(&trust, &message, PRACTICE).await;
        let told = events(&delivery);
        let mut since = told.iter().skip_while(|event| *event != "superseded");
        assert!(!since.any(|event| event == "leased"), "{old}: {told:?}");
        assert!(place(&old) < place(&new), "{old}: {given:?}");
        let kept = place(&old).is_some() && old.starts_with("old-even");
        let expected = [DeliveryState::Withdrawn, DeliveryState::Acknowledged];
        assert_eq!(
            delivery.state(),
            expected[usize::from(kept)],
            "{old}: {told:?}"
        );
        superseded += usize::from(!kept);
    }
    assert!(
        superseded > 0,
        "no replacement came first: nothing was raced"
    );
}
