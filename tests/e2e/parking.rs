//! What is accepted and cannot go on without a person waits where nobody collects: its sender and the
//! operators are told, and once it is let go it finds its recipient by what holds then.

use axle_broker::{
    engine::{Engine, close::Closing},
    view::{Limits, View},
};
use axle_client::connection::Client;
use axle_core::{
    alarm::Subject,
    authorise::authorise,
    change::{Acceptance, Change},
    directory::Directory,
    event::DeadLetterCause,
    registration::Registration,
    route::route,
    snapshot::Snapshot,
    table::RoutingTable,
    validate::validate,
};
use axle_model::id::{DeliveryId, MessageId};
use axle_proto::v1::{
    DeadLetter, DeliveryState, DocumentHeader, ListDeadLettersRequest, WithdrawMessageRequest,
    withdraw_message_request::Key,
};
use axle_store::Store as _;
use axle_tests::{
    broker::TestBroker,
    documents::{named, now, ods, small, to},
    estate::{DIRECTORY, Estate, OTHER_PRACTICE, PRACTICE, ROUTING, TRUST, lease_from},
};

use super::{
    steps::{MAILBOX, delivery, events, lease, leased_at_once, reports, send, send_with},
    timeless::{Timeless, identity, letter},
};

const HOLD: &str =
    "\n[[rule]]\nid = \"held\"\nwhen = { sender = \"RR8\" }\nthen = { hold = true }\n";
const PARKED: &str = "mailboxes/AXLE/PARKED_HELD";

async fn holding(more: &str) -> TestBroker {
    let estate = Estate::new();
    estate.write("routing.toml", &format!("{ROUTING}{more}"));
    TestBroker::start_with(estate).await
}

async fn dead_letters(operator: &Client) -> Vec<DeadLetter> {
    let all = operator.dead_letters(ListDeadLettersRequest::default());
    all.await.unwrap().dead_letters
}

/// Lets one delivery go; the reason why it cannot be, or none.
async fn let_go(operator: &Client, name: &str, dry_run: bool) -> String {
    let results = operator.requeue(vec![name.to_owned()], "looked at", dry_run);
    results.await.unwrap().remove(0).reason
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_rule_holds_is_kept_told_and_let_go_by_an_operator() {
    let mut broker = holding(HOLD).await;
    let (trust, practice) = (broker.client(TRUST), broker.client(PRACTICE));
    let operator = broker.operator();
    let receipt = send(&trust, "1").await;
    let [parked] = &receipt.parked[..] else {
        panic!("{receipt:?}")
    };
    assert_eq!(
        (&parked.delivery, &*parked.reason),
        (&receipt.deliveries[0], "PARKED_HELD")
    );
    let waiting = delivery(&trust, &receipt.message, PRACTICE).await;
    assert_eq!(
        (waiting.state(), &*waiting.mailbox),
        (DeliveryState::DeadLettered, PARKED)
    );
    assert_eq!(events(&waiting), ["accepted", "dead_lettered"]);
    // Nobody has it, and nobody can ask for it.
    assert!(leased_at_once(&practice, MAILBOX).await.is_empty());
    let refused = practice.lease(lease_from(PARKED, 60)).await.unwrap_err();
    assert_eq!(refused.reason(), "MAILBOX_NOT_YOURS");
    // The sender has a report, and the operators a dead letter.
    assert_eq!(
        reports(&trust).await,
        [["1", "dead-lettered", "PARKED_HELD"]]
    );
    let letters = dead_letters(&operator).await;
    assert!(letters[0].requeueable);
    assert_eq!(letters[0].delivery.as_ref().unwrap().mailbox, PARKED);
    broker.restart().await;
    for _ in 0..2 {
        // The second time nothing is left to do.
        assert_eq!(let_go(&operator, &receipt.deliveries[0], false).await, "");
    }
    let leased = lease(&practice, 60).await;
    assert_eq!(
        (&leased.name, &*leased.mailbox),
        (&receipt.deliveries[0], MAILBOX)
    );
    practice
        .settler()
        .acknowledge(&leased.lease_token)
        .await
        .unwrap();
    let arrived = delivery(&trust, &receipt.message, PRACTICE).await;
    let expected = [
        "accepted",
        "dead_lettered",
        "rerouted",
        "leased",
        "acknowledged",
    ];
    assert_eq!(events(&arrived), expected);
    assert!(dead_letters(&operator).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_let_go_yet_is_refused_with_the_reason() {
    let broker = holding(HOLD).await;
    let (trust, operator) = (broker.client(TRUST), broker.operator());
    let receipt = send(&trust, "1").await;
    let without = DIRECTORY.replace("organisation = \"K81003\"", "organisation = \"B82001\"");
    broker.estate().write("directory.toml", &without);
    broker.reload().await;
    let refused = axle_tests::wait::until("the mailbox to be gone", async || {
        let reason = let_go(&operator, &receipt.deliveries[0], true).await;
        (!reason.is_empty()).then_some(reason)
    });
    assert_eq!(refused.await, "RECIPIENT_UNKNOWN");
    // Its sender can take it back.
    let request = WithdrawMessageRequest {
        key: Some(Key::Name(receipt.message.clone())),
        reason: "sent otherwise".to_owned(),
        recipients: Vec::new(),
    };
    trust.withdraw(request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_are_deliveries_of_their_own_for_information() {
    let copy = "\n[[rule]]\nid = \"copied\"\nwhen = { sender = \"RR8\" }\nthen = { copy_to = \"A83008\" }\n";
    let broker = holding(copy).await;
    let (trust, other) = (broker.client(TRUST), broker.client(OTHER_PRACTICE));
    let receipt = send(&trust, "1").await;
    assert_eq!(receipt.deliveries.len(), 2);
    let message = trust.message(&receipt.message).await.unwrap();
    let told: Vec<_> = (message.deliveries.iter())
        .map(|one| {
            (
                &*one.recipient,
                &*one.recipient_type,
                &*one.basis,
                &*one.rule,
            )
        })
        .collect();
    let expected = [
        (PRACTICE, "FA", "named", ""),
        (OTHER_PRACTICE, "FI", "copy-rule", "copied"),
    ];
    assert_eq!(told, expected);
    let copies = other
        .lease(lease_from("mailboxes/A83008", 60))
        .await
        .unwrap();
    assert_eq!(copies[0].name, receipt.deliveries[1]);
    // Each has a life of its own.
    other
        .settler()
        .acknowledge(&copies[0].lease_token)
        .await
        .unwrap();
    let first = delivery(&trust, &receipt.message, PRACTICE).await;
    assert_eq!(first.state(), DeliveryState::Queued);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_keeps_the_version_of_the_table_that_routed_it() {
    let broker = holding("").await;
    let trust = broker.client(TRUST);
    let version = async |message: &str| trust.message(message).await.unwrap().routing_table_version;
    let first = send(&trust, "1").await.message;
    let next = ROUTING.replace("version = 7", "version = 8");
    broker.estate().write("routing.toml", &next);
    broker.reload().await;
    let mut number = 1;
    axle_tests::wait::until("the next table", async || {
        number += 1;
        let later = send(&trust, &number.to_string()).await.message;
        (version(&later).await == 8).then_some(())
    })
    .await;
    assert_eq!(version(&first).await, 7);
    // A table with a mistake leaves the one before in force.
    broker.estate().write(
        "routing.toml",
        &next.replace("LETTERS\"\n\n[[workflow]]", "LETTER\"\n\n[[workflow]]"),
    );
    broker.reload().await;
    let after = send(&trust, "after").await.message;
    assert_eq!(version(&after).await, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_without_a_recipient_is_refused_at_once() {
    let broker = holding("").await;
    let nobody = DocumentHeader {
        recipients: Vec::new(),
        ..named("1", to(&[PRACTICE]))
    };
    let refused = send_with(&broker.client(TRUST), nobody).await.unwrap_err();
    assert_eq!(refused.reason(), "RECIPIENT_REQUIRED");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_of_a_document_is_told_step_by_step_and_nothing_is_kept() {
    let copy = "\n[[rule]]\nid = \"copied\"\nwhen = { sender = \"RR8\" }\nthen = { copy_to = \"A83008\" }\n";
    let broker = holding(copy).await;
    let trust = broker.client(TRUST);
    let told = trust.explain_route(named("1", to(&[PRACTICE])), small("1", TRUST, 0).into());
    let told = told.await.unwrap();
    assert!(told.routable && told.routing_table_version == 7, "{told:?}");
    let rule = told
        .steps
        .iter()
        .find(|step| step.stage == "rules")
        .unwrap();
    let line = ROUTING.lines().count() + 2;
    assert_eq!(
        (rule.table_line as usize, &*rule.description),
        (line, "rule copied holds")
    );
    let to_whom: Vec<_> = told.deliveries.iter().map(|one| &*one.mailbox).collect();
    assert_eq!(to_whom, [MAILBOX, "mailboxes/A83008"]);
    let refused = trust.explain_route(named("1", to(&["Z99999"])), small("1", TRUST, 0).into());
    let refused = refused.await.unwrap();
    assert_eq!(
        (refused.routable, &*refused.reason),
        (false, "RECIPIENT_UNKNOWN")
    );
    assert!(
        refused
            .steps
            .iter()
            .any(|step| step.description.contains("no mailbox is known"))
    );
    assert!(
        trust.message_of_submission("1").await.is_err(),
        "it was kept"
    );
}

/// The broker dies after a held document was accepted, before it was set aside.
#[tokio::test]
async fn a_crash_before_it_is_set_aside_is_made_good_without_grace() {
    let timeless = Timeless::new();
    let snapshot = Snapshot {
        directory: Directory::parse(DIRECTORY).unwrap(),
        table: RoutingTable::parse(&format!("{ROUTING}{HOLD}")).unwrap(),
        ..Snapshot::default()
    };
    let submission = letter("1", "LETTERS", &[PRACTICE]);
    let policy = snapshot.table.policy();
    let authorised = authorise(policy, &identity(TRUST), submission).unwrap();
    let checked = validate(&snapshot, &authorised, now()).unwrap();
    let routed = route(&snapshot, &checked, Registration::NotAsked, now()).unwrap();
    let message = MessageId::from_bytes([7; 16]);
    let acceptance = Acceptance::new(&routed, message, now());
    timeless
        .store
        .commit(Change::from(acceptance))
        .await
        .unwrap();
    let delivery = DeliveryId {
        message,
        recipient: ods(PRACTICE),
    };
    let state = async || {
        let message = timeless
            .store
            .load(delivery.message)
            .await
            .unwrap()
            .unwrap();
        message.delivery(delivery.recipient).unwrap().state.as_str()
    };
    assert_eq!(state().await, "queued");
    // Begun again, on the same store.
    let view = View {
        snapshot,
        limits: Limits::default(),
    };
    let engine = Engine::new(
        timeless.store.clone(),
        timeless.clock(),
        view,
        Default::default(),
    );
    engine.look_around(&mut Closing::default()).await.unwrap();
    assert_eq!(state().await, "dead-lettered");
    let parked = Subject::DeadLetters(DeadLetterCause::ParkedHeld.mailbox());
    assert!(
        engine.alarms().contains_key(&parked),
        "{:?}",
        engine.alarms()
    );
}
