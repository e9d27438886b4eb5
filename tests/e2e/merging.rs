//! Practices merge and close: the register says who stands for whom, and the broker follows it while
//! it runs.

use std::fs;

use axle_client::{alarms::AlarmTurn, connection::Client};
use axle_model::time::Timestamp;
use axle_proto::v1::GetOrganisationResponse;
use axle_tests::{
    broker::TestBroker,
    documents::{named, now, to},
    estate::{Estate, OPERATOR, OTHER_PRACTICE, PRACTICE, ROUTING, TRUST, lease_from},
    wait::{self, soon},
};
use serde_json::{Value, json};

use super::steps::{lease, send_with};

/// A practice that is open, or one that another took over from.
fn record(code: &str, heir: Option<&str>) -> Value {
    let successor = |heir| {
        json!({
            "Type": "Successor",
            "Target": { "OrgId": { "extension": heir } },
            "Date": [{ "Type": "Legal", "Start": "2020-04-01" }],
        })
    };
    json!({ "Organisation": {
        "Name": format!("PRACTICE {code}"),
        "OrgId": { "extension": code },
        "Status": if heir.is_some() { "Inactive" } else { "Active" },
        "Succs": { "Succ": heir.map(successor) },
    } })
}

/// Puts an edition in place, as an operator should: whole, by renaming it.
fn put(estate: &Estate, taken: Timestamp, records: &[Value]) {
    let manifest = json!({ "Manifest": {
        "Taken": taken.to_string(),
        "Organisations": records.len(),
    } });
    let lines = records.iter().chain([&manifest]);
    let lines: Vec<String> = lines.map(Value::to_string).collect();
    estate.write("ods.part", &lines.join("\n"));
    let folder = estate.path();
    fs::rename(folder.join("ods.part"), folder.join("ods.jsonl")).unwrap();
}

/// An estate with a register that was taken so many hours ago.
fn estate(hours: u64, records: &[Value]) -> Estate {
    let estate = Estate::new();
    put(&estate, ago(hours), records);
    let routing = "[routing]\norganisations = \"ods.jsonl\"\n";
    estate.write("broker.toml", &(estate.configuration() + routing));
    estate
}

fn ago(hours: u64) -> Timestamp {
    now().before(std::time::Duration::from_hours(hours))
}

async fn asked(operator: &Client, code: &str) -> GetOrganisationResponse {
    operator.organisation(code).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merger_is_known_once_its_file_is_there_and_a_bad_file_changes_nothing() {
    let open = [
        record(PRACTICE, None),
        record("A83627", None),
        record("A83008", None),
    ];
    let merged = [
        record(PRACTICE, None),
        record("A83627", Some("A83008")),
        record("A83008", None),
    ];
    let broker = TestBroker::start_with(estate(1, &open)).await;
    let operator = broker.operator();
    let before = asked(&operator, "A83627").await;
    assert_eq!((before.reached.as_str(), before.hops.len()), ("A83627", 0));
    assert!(before.organisation.unwrap().open);
    put(broker.estate(), ago(0), &merged);
    let after = wait::until("the new edition", async || {
        let told = asked(&operator, "A83627").await;
        (told.reached == "A83008").then_some(told)
    })
    .await;
    assert_eq!(after.mailboxes, ["mailboxes/A83008"]);
    assert_eq!(after.hops[0].reason, "took over, says the register");
    let found = after.organisation.unwrap();
    assert!(!found.open && found.display_name == "PRACTICE A83627");
    let register = after.register.unwrap();
    assert_eq!(register.organisation_count, 3);
    // One that was cut, and then a whole one again.
    let mut alarms = operator.watch_alarms();
    let text = fs::read_to_string(broker.estate().path().join("ods.jsonl")).unwrap();
    let (_, cut) = text.split_once('\n').unwrap();
    broker.estate().write("ods.jsonl", cut);
    let refused = "ALARM_KIND_REGISTER_REFUSED organisations";
    assert_eq!(turn(&mut alarms).await, format!("raised {refused}"));
    let still = asked(&operator, "A83627").await;
    assert_eq!(
        (still.reached.as_str(), still.register),
        ("A83008", Some(register))
    );
    let metrics = broker.metrics().await;
    for line in [
        "axle_config_last_reload_successful 0",
        "axle_organisations 3",
        "axle_organisations_left_out 0",
        "axle_alarms{kind=\"register_refused\"} 1.0",
    ] {
        assert!(
            metrics.lines().any(|told| told == line),
            "{line}: {metrics}"
        );
    }
    // An operator who asks for it is told the same, and nothing is put in force by halves.
    broker.reload().await;
    put(broker.estate(), ago(0), &merged);
    assert_eq!(turn(&mut alarms).await, format!("cleared {refused}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_for_a_merged_practice_reaches_the_one_that_took_over() {
    let records = [
        record(TRUST, None),
        record(PRACTICE, None),
        record("A83627", Some("A83008")),
        record("A83008", None),
    ];
    let broker = TestBroker::start_with(estate(1, &records)).await;
    let (trust, heir) = (broker.client(TRUST), broker.client(OTHER_PRACTICE));
    let receipt = send_with(&trust, named("1", to(&["A83627"])))
        .await
        .unwrap();
    let leased = heir
        .lease(lease_from("mailboxes/A83008", 60))
        .await
        .unwrap();
    assert_eq!(leased[0].message.as_ref().unwrap().submission_id, "1");
    // The name keeps whom the sender named.
    assert!(receipt.deliveries[0].ends_with("/A83627"), "{receipt:?}");
    // An operator knows better than the register.
    let entry = format!(
        "\n[[successor]]\nfrom = \"A83627\"\nto = \"{PRACTICE}\"\nfrom_date = 2020-05-01\n\
         reason = \"the list moved\"\n"
    );
    broker
        .estate()
        .write("routing.toml", &(ROUTING.to_owned() + &entry));
    broker.reload().await;
    let operator = broker.operator();
    wait::until("the new table", async || {
        let told = asked(&operator, "A83627").await;
        (told.reached == PRACTICE).then_some(())
    })
    .await;
    send_with(&trust, named("2", to(&["A83627"])))
        .await
        .unwrap();
    let leased = lease(&broker.client(PRACTICE), 60).await;
    assert_eq!(leased.message.unwrap().submission_id, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_register_that_ages_is_told_of_and_resolves_nobody_when_it_is_stale() {
    let records = [record(PRACTICE, None)];
    let broker = TestBroker::start_with(estate(24 * 8, &records)).await;
    let operator = broker.operator();
    let mut alarms = operator.watch_alarms();
    let stale = "ALARM_KIND_REGISTER_STALE organisations";
    assert_eq!(turn(&mut alarms).await, format!("raised {stale}"));
    let told = asked(&operator, PRACTICE).await;
    assert!(
        told.obstacle.contains("older than it may be"),
        "{}",
        told.obstacle
    );
    assert!(told.mailboxes.is_empty() && told.organisation.is_some());
    put(broker.estate(), ago(24 * 6), &records);
    assert_eq!(turn(&mut alarms).await, format!("cleared {stale}"));
    let ageing = "ALARM_KIND_REGISTER_AGEING organisations";
    assert_eq!(turn(&mut alarms).await, format!("raised {ageing}"));
    assert_eq!(asked(&operator, PRACTICE).await.obstacle, "");
    put(broker.estate(), ago(1), &records);
    assert_eq!(turn(&mut alarms).await, format!("cleared {ageing}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_register_every_organisation_is_itself() {
    let broker = TestBroker::start().await;
    let told = asked(&broker.estate().client(OPERATOR), PRACTICE).await;
    assert_eq!((told.organisation, told.register), (None, None));
    assert_eq!(
        (told.reached.as_str(), told.obstacle.as_str()),
        (PRACTICE, "")
    );
    assert_eq!(
        told.mailboxes,
        ["mailboxes/K81003", "mailboxes/K81003/PATHOLOGY"]
    );
    let wrong = broker.operator().organisation("k81003").await.unwrap_err();
    assert_eq!(wrong.reason(), "HEADER_FIELD_INVALID");
}

async fn turn(watch: &mut axle_client::alarms::AlarmWatch) -> String {
    let turn = soon("a turn", watch.next()).await.unwrap();
    let (word, alarm) = match turn {
        AlarmTurn::Raised(alarm) => ("raised", alarm),
        AlarmTurn::Cleared(alarm) => ("cleared", alarm),
    };
    format!("{word} {} {}", alarm.kind().as_str_name(), alarm.subject)
}
