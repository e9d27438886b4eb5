//! What cannot be delivered: whatever the cause, its sender hears of it once on its watch and finds
//! one report in its own mailbox, over a restart of the broker as well.

use axle_client::{connection::Client, watch::Watch};
use axle_core::totals::Totals;
use axle_proto::v1::{DeliveryState, DocumentHeader, LeaseDeliveriesRequest};
use axle_tests::{
    broker::TestBroker,
    documents::{named, to},
    estate::{DIRECTORY, OTHER_PRACTICE, PRACTICE, TRUST, lease_from},
    wait::{self, soon},
};

use super::{
    steps::{lease, reports, send, send_with},
    timeless::{Timeless, identity, letter},
};

/// The next notice: of which delivery, and the state it is in now.
async fn notice(watch: &mut Watch) -> (String, DeliveryState) {
    let update = soon("a notice", watch.next()).await.unwrap().update;
    assert!(update.notice, "{update:?}");
    (update.delivery.clone(), update.state())
}

/// Nobody collects it within its second.
async fn expire(trust: &Client) -> String {
    let second = prost_types::Duration {
        seconds: 1,
        nanos: 0,
    };
    let header = DocumentHeader {
        time_to_live: Some(second),
        ..named("expired", to(&[OTHER_PRACTICE]))
    };
    send_with(trust, header).await.unwrap().deliveries.remove(0)
}

/// The practice refuses it for good.
async fn reject(trust: &Client, practice: &Client) -> String {
    let name = send(trust, "rejected").await.deliveries.remove(0);
    let leased = lease(practice, 60).await;
    let settler = practice.settler();
    settler
        .reject(&leased.lease_token, "20009", false)
        .await
        .unwrap();
    name
}

/// The practice fails at it as often as its workflow allows.
async fn spend(trust: &Client, practice: &Client) -> String {
    let header = DocumentHeader {
        workflow: "FRAGILE".to_owned(),
        ..named("spent", to(&[PRACTICE]))
    };
    let name = send_with(trust, header).await.unwrap().deliveries.remove(0);
    for _ in 0..2 {
        let leased = lease(practice, 60).await;
        let settler = practice.settler();
        settler
            .reject(&leased.lease_token, "30001", true)
            .await
            .unwrap();
    }
    name
}

/// An operator gives it back.
async fn give_back(trust: &Client, operator: &Client, id: &str) -> String {
    let names = send(trust, id).await.deliveries;
    let results = operator.return_to_senders(names.clone(), "no such practice", false);
    assert_eq!(results.await.unwrap()[0].code, 0);
    names[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_is_told_once_of_each_way_to_fail_by_notice_and_by_report() {
    let mut broker = TestBroker::start().await;
    let (trust, practice) = (broker.client(TRUST), broker.client(PRACTICE));
    let operator = broker.operator();
    let mut steady = trust.watch("", true).await.unwrap();
    let start = steady.resume_token().to_owned();
    let expired = expire(&trust).await;
    let mut expected = vec![(expired, DeliveryState::Expired)];
    assert_eq!(notice(&mut steady).await, expected[0]);
    let rejected = reject(&trust, &practice).await;
    expected.push((rejected, DeliveryState::Rejected));
    // Two documents, two reports; and all is on disk and adds up.
    let books = broker.books().await;
    let so_far = Totals {
        accepted: 4,
        rejected: 1,
        expired: 1,
        ..Totals::default()
    };
    assert_eq!(books, so_far);
    let spent = spend(&trust, &practice).await;
    expected.push((spent, DeliveryState::DeadLettered));
    let returned = give_back(&trust, &operator, "returned").await;
    expected.push((returned, DeliveryState::Rejected));
    // A last one, so that one notice too many would be heard.
    let last = give_back(&trust, &operator, "last").await;
    expected.push((last, DeliveryState::Rejected));
    for expected in &expected[1..] {
        assert_eq!(notice(&mut steady).await, *expected);
    }
    broker.restart().await;
    let mut resumed = trust.watch(&start, true).await.unwrap();
    for expected in &expected {
        assert_eq!(notice(&mut resumed).await, *expected, "by resume token");
    }
    let told = reports(&trust).await;
    let expected = [
        ["expired", "expired", "NOT_COLLECTED_IN_TIME"],
        ["rejected", "rejected", "20009"],
        ["spent", "dead-lettered", "ATTEMPTS_SPENT"],
        ["returned", "rejected", "no such practice"],
        ["last", "rejected", "no such practice"],
    ];
    assert_eq!(told, expected);
    assert!(reports(&trust).await.is_empty(), "one report each");
    let books = broker.books().await;
    let settled = Totals {
        accepted: 10,
        acknowledged: 5,
        rejected: 3,
        expired: 1,
        withdrawn: 0,
    };
    assert_eq!(books, settled, "one dead letter is pending");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_return_is_a_dry_run_when_asked_and_done_once_when_repeated() {
    let broker = TestBroker::start().await;
    let (trust, practice) = (broker.client(TRUST), broker.client(PRACTICE));
    let operator = broker.operator();
    let names = send(&trust, "1").await.deliveries;
    let give_back = async |dry_run: bool| {
        let results = operator.return_to_senders(names.clone(), "closed", dry_run);
        results.await.unwrap().remove(0)
    };
    assert_eq!(give_back(true).await.code, 0);
    let held = lease(&practice, 60).await;
    let refused = give_back(true).await;
    assert_eq!(
        refused.reason, "DELIVERY_NOT_IN_STATE",
        "the practice has it"
    );
    let settler = practice.settler();
    let rest = std::time::Duration::from_secs(600);
    settler.release(&held.lease_token, rest).await.unwrap();
    assert!(reports(&trust).await.is_empty(), "a dry run does nothing");
    assert_eq!(give_back(false).await.code, 0);
    assert_eq!(give_back(false).await.code, 0, "a repeat is no error");
    assert_eq!(reports(&trust).await.len(), 1);
    let late = settler.acknowledge(&held.lease_token).await.unwrap_err();
    assert_eq!(late.reason(), "LEASE_LOST");
    assert!(late.what().contains("rejected"), "{late}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_finds_its_reports_without_an_entry_in_the_directory_and_nobody_elses() {
    let broker = TestBroker::start().await;
    let (trust, operator) = (broker.client(TRUST), broker.operator());
    give_back(&trust, &operator, "1").await;
    let mailbox = trust.mailbox("mailboxes/RR8").await.unwrap();
    assert_eq!((mailbox.queued_count, mailbox.open), (1, false));
    let all = operator.mailboxes(Default::default()).await.unwrap();
    let listed = all.mailboxes.iter().find(|one| one.name == "mailboxes/RR8");
    assert_eq!(listed.unwrap().queued_count, 1);
    let other = broker.client("RBA");
    let refused = async |name: &str| {
        let error = other.mailbox(name).await.unwrap_err();
        (
            error.reason().to_owned(),
            error.what().replace(name, "NAME"),
        )
    };
    assert_eq!(refused("mailboxes/RR8").await.0, "MAILBOX_NOT_YOURS");
    assert_eq!(
        refused("mailboxes/RR8").await,
        refused("mailboxes/RBA/LETTERS").await
    );
    let lease = LeaseDeliveriesRequest {
        wait: None,
        ..lease_from("mailboxes/RR8", 60)
    };
    let stolen = other.lease(lease).await.unwrap_err();
    assert_eq!(stolen.reason(), "MAILBOX_NOT_YOURS");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_set_apart_for_reports_takes_them() {
    let broker = TestBroker::start().await;
    let (trust, operator) = (broker.client(TRUST), broker.operator());
    let apart = "\n[[mailbox]]\norganisation = \"RR8\"\nworkflow = \"AXLE_REPORT\"\n";
    let directory = format!("{DIRECTORY}{apart}");
    broker.estate().write("directory.toml", &directory);
    broker.reload().await;
    let name = "mailboxes/RR8/AXLE_REPORT";
    wait::until("the reload", async || {
        let mailbox = trust.mailbox(name).await.ok()?;
        mailbox.open.then_some(())
    })
    .await;
    give_back(&trust, &operator, "1").await;
    assert_eq!(trust.mailbox(name).await.unwrap().queued_count, 1);
    let own = trust.mailbox("mailboxes/RR8").await.unwrap();
    assert_eq!(own.queued_count, 0);
}

#[tokio::test]
async fn a_report_that_nobody_collects_ends_after_thirty_days_and_begets_no_other() {
    const DAY: u64 = 24 * 3_600;
    let broker = Timeless::new();
    let stands = || {
        let totals = broker.books();
        (totals.accepted, totals.expired, totals.pending())
    };
    let trust = identity(TRUST);
    let letter = letter("1", "LETTERS", &[PRACTICE]);
    broker.engine.submit(&trust, letter).await.unwrap();
    assert_eq!(stands(), (1, 0, 1));
    broker.pass(6 * DAY).await;
    assert_eq!(
        stands(),
        (2, 1, 1),
        "the letter has ended, its report waits"
    );
    broker.pass(29 * DAY).await;
    assert_eq!(stands(), (2, 1, 1));
    broker.pass(2 * DAY).await;
    assert_eq!(stands(), (2, 2, 0));
    let told = broker.engine.metrics().render(&Default::default());
    let notices = r#"axle_notices_total{state="expired"} 1"#;
    assert!(
        told.contains(notices),
        "the report's end is no notice: {told}"
    );
}
