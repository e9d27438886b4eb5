//! Nothing waits in silence: a sender is warned of what waits too long, an operator of who falls
//! silent, and what waits behind a closed door is given back to somebody.

use axle_client::alarms::{AlarmTurn, AlarmWatch};
use axle_model::{digest::Digest, time::Timestamp};
use axle_proto::v1::{AlarmKind, DeliveryEventKind, DeliveryState, DocumentHeader};
use axle_tests::{
    broker::TestBroker,
    documents::{named, now, to},
    estate::{DIRECTORY, Estate, OTHER_PRACTICE, PRACTICE, ROUTING, TRUST},
    wait::{self, soon},
};

use super::steps::{delivery, events, lease, reports, send, send_with};

/// The next turn of a watch over the alarms, in words.
async fn turn(watch: &mut AlarmWatch) -> String {
    let turn = soon("a turn", watch.next()).await.unwrap();
    let (word, alarm) = match turn {
        AlarmTurn::Raised(alarm) => ("raised", alarm),
        AlarmTurn::Cleared(alarm) => ("cleared", alarm),
    };
    format!("{word} {} {}", alarm.kind().as_str_name(), alarm.subject)
}

/// Waits until the metrics say so.
async fn measured(broker: &TestBroker, line: &str) {
    wait::until(line, async || {
        let metrics = broker.metrics().await;
        metrics.lines().any(|told| told == line).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_is_warned_once_of_what_waits_too_long_over_a_restart_too() {
    let hasty = "\n[[workflow]]\nid = \"HASTY\"\nwarn_after_seconds = 1\n";
    let estate = Estate::new();
    let tables = ROUTING.replacen("[[class]]", &format!("{hasty}\n[[class]]"), 1);
    estate.write("routing.toml", &tables);
    let mut broker = TestBroker::start_with(estate).await;
    let trust = broker.client(TRUST);
    let mut watch = trust.watch("", true).await.unwrap();
    let start = watch.resume_token().to_owned();
    let mut names = Vec::new();
    for id in ["1", "2"] {
        let header = DocumentHeader {
            workflow: "HASTY".to_owned(),
            ..named(id, to(&[PRACTICE]))
        };
        let receipt = send_with(&trust, header).await.unwrap();
        let update = soon("a warning", watch.next()).await.unwrap().update;
        assert!(update.notice);
        assert_eq!(update.state(), DeliveryState::Queued);
        let kind = update.event.as_ref().unwrap().kind();
        assert_eq!(kind, DeliveryEventKind::Aged);
        // The second warning is of the second document, so there was no second of the first.
        assert_eq!(update.delivery, receipt.deliveries[0]);
        names.push((receipt.message, update.delivery));
        broker.restart().await;
    }
    let mut resumed = trust.watch(&start, true).await.unwrap();
    for (message, name) in &names {
        let told = soon("a warning", resumed.next()).await.unwrap().update;
        assert_eq!(told.delivery, *name);
        let delivery = delivery(&trust, message, PRACTICE).await;
        assert_eq!(events(&delivery), ["accepted", "aged"]);
    }
    let mut alarms = broker.operator().watch_alarms();
    let aged = "ALARM_KIND_AGED workflows/HASTY/routine";
    assert_eq!(turn(&mut alarms).await, format!("raised {aged}"));
    measured(&broker, "axle_deliveries_aged{priority=\"routine\"} 2.0").await;
    // What is warned of is not given up: it is collected like anything else.
    let practice = broker.client(PRACTICE);
    for _ in 0..2 {
        let leased = lease(&practice, 60).await;
        let settler = practice.settler();
        settler.acknowledge(&leased.lease_token).await.unwrap();
    }
    assert_eq!(turn(&mut alarms).await, format!("cleared {aged}"));
    measured(&broker, "axle_alarms{kind=\"aged\"} 0.0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_an_organisation_that_is_gone_is_given_back_and_can_be_offered_again() {
    let broker = TestBroker::start().await;
    let (trust, operator) = (broker.client(TRUST), broker.operator());
    let other = broker.client(OTHER_PRACTICE);
    let mut notices = trust.watch("", true).await.unwrap();
    let mut alarms = operator.watch_alarms();
    let receipt = send_with(&trust, named("1", to(&[OTHER_PRACTICE])))
        .await
        .unwrap();
    let gone = DIRECTORY.replace("organisation = \"A83008\"", "organisation = \"A83009\"");
    let gone = format!("closing = {{ grace_minutes = 0 }}\n{gone}");
    broker.estate().write("directory.toml", &gone);
    broker.reload().await;
    let notice = soon("a notice", notices.next()).await.unwrap().update;
    assert!(notice.notice);
    assert_eq!(
        (notice.delivery.as_str(), notice.state()),
        (receipt.deliveries[0].as_str(), DeliveryState::DeadLettered)
    );
    let dead = "ALARM_KIND_DEAD_LETTERS mailboxes/A83008";
    assert_eq!(turn(&mut alarms).await, format!("raised {dead}"));
    let told = reports(&trust).await;
    assert_eq!(told, [["1", "dead-lettered", "ORGANISATION_WITHDRAWN"]]);
    balanced(&broker, [2, 1, 1]).await;
    // The organisation is back: an operator offers it again, and nothing sets it aside any more.
    broker.estate().write("directory.toml", DIRECTORY);
    broker.reload().await;
    wait::until("the reload", async || {
        let all = operator.mailboxes(Default::default()).await.unwrap();
        let back = all
            .mailboxes
            .iter()
            .find(|one| one.name == "mailboxes/A83008");
        back.is_some_and(|one| one.open).then_some(())
    })
    .await;
    let again = operator.requeue(receipt.deliveries.clone(), "it is back", false);
    assert_eq!(again.await.unwrap()[0].code, 0);
    assert_eq!(turn(&mut alarms).await, format!("cleared {dead}"));
    let request = axle_tests::estate::lease_from("mailboxes/A83008", 60);
    let leased = other.lease(request).await.unwrap().remove(0);
    let settler = other.settler();
    settler.acknowledge(&leased.lease_token).await.unwrap();
    balanced(&broker, [2, 2, 0]).await;
    assert!(reports(&trust).await.is_empty(), "one report in all");
    assert!(operator.alarms().await.unwrap().is_empty());
}

/// Holds what an operator and a scraper are told against what was accepted, acknowledged and is
/// pending; nothing ended otherwise.
async fn balanced(broker: &TestBroker, [accepted, acknowledged, pending]: [u64; 3]) {
    let status = broker.operator().broker_status().await.unwrap();
    let told = status.deliveries.unwrap();
    assert_eq!(
        (told.accepted, told.acknowledged, told.pending),
        (accepted, acknowledged, pending)
    );
    assert_eq!((told.rejected, told.expired, told.withdrawn), (0, 0, 0));
    let metrics = broker.metrics().await;
    for line in [
        format!("axle_deliveries_accepted_total {accepted}"),
        format!("axle_deliveries_ended_total{{outcome=\"acknowledged\"}} {acknowledged}"),
        format!("axle_deliveries_pending {pending}"),
        "axle_ledger_imbalance 0".to_owned(),
    ] {
        assert!(
            metrics.lines().any(|told| told == line),
            "{line}: {metrics}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_neither_hides_a_silent_sender_nor_makes_one() {
    let estate = Estate::new();
    let listened = format!(
        "{DIRECTORY}\n[[sender]]\norganisation = \"RR8\"\nsilent_after_hours = 12\n\
         [[sender]]\norganisation = \"RBA\"\nsilent_after_hours = 12\n"
    );
    estate.write("directory.toml", &listened);
    let mut broker = TestBroker::start_with(estate).await;
    broker.stop().await;
    // As a broker would have left it that heard of one 13 hours and of the other 11 hours ago.
    let hours_ago = |hours: u64| {
        let micros = now().as_micros() - hours * 3_600_000_000;
        Timestamp::from_micros(micros).as_micros()
    };
    let lines = format!(
        "at {}\nsender RBA {}\nsender RR8 {}\n",
        hours_ago(0),
        hours_ago(11),
        hours_ago(13)
    );
    let text = format!("{lines}sha256 {}\n", Digest::of(lines.as_bytes()));
    broker.estate().write("data/activity", &text);
    broker.start_again().await;
    let mut alarms = broker.operator().watch_alarms();
    let silent = "ALARM_KIND_SENDER_SILENT organisations/RR8";
    assert_eq!(turn(&mut alarms).await, format!("raised {silent}"));
    measured(&broker, "axle_alarms{kind=\"sender_silent\"} 1.0").await;
    // Another restart changes nothing, and nobody who watches over it hears of one.
    let watching = tokio::spawn(async move { turn(&mut alarms).await });
    broker.restart().await;
    let standing = broker.operator().alarms().await.unwrap();
    let subjects = standing
        .iter()
        .map(|one| (one.kind(), one.subject.as_str()));
    let expected = (AlarmKind::SenderSilent, "organisations/RR8");
    assert_eq!(subjects.collect::<Vec<_>>(), [expected]);
    send(&broker.client(TRUST), "1").await;
    assert_eq!(watching.await.unwrap(), format!("cleared {silent}"));
    measured(&broker, "axle_alarms{kind=\"sender_silent\"} 0.0").await;
    broker.restart().await;
    let standing = broker.operator().alarms().await.unwrap();
    assert!(standing.is_empty(), "{standing:?}");
}
