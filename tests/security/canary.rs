//! A canary: a patient who does not exist is planted in documents and hints, good and bad, and must
//! be found in nothing that the broker says of itself: no log line, metric, error or status.

use std::{collections::HashMap, fmt::Write as _};

use axle_client::collect::CollectOptions;
use axle_model::nhs_number::NhsNumber;
use axle_proto::v1::DocumentHeader;
use axle_tests::{
    broker::get,
    documents::{JSON, XML, document, named, to},
    estate::{Estate, OPERATOR, PRACTICE, TRUST, lease_from},
    process::{BrokerProcess, read_log},
    raw::Raw,
    wait::soon,
};
use tonic::Status;

pub(super) const FAMILY: &str = "Quackenbush";
pub(super) const GIVEN: &str = "Zebulon";
pub(super) const NUMBER: &str = "9991234578";
pub(super) const POSTCODE: &str = "ZQ7 8XV";

/// What must be found nowhere, in lower case.
fn canaries() -> [String; 5] {
    let spaced = format!("{} {} {}", &NUMBER[..3], &NUMBER[3..6], &NUMBER[6..]);
    [FAMILY, GIVEN, NUMBER, &spaced, POSTCODE].map(str::to_lowercase)
}

/// The patient instead of the one in a synthetic document.
fn planted(text: &str) -> String {
    let planted = text
        .replace("Testpatient", FAMILY)
        .replace("Synthia", GIVEN)
        .replace("ZZ99 3CZ", POSTCODE);
    assert!(
        [FAMILY, GIVEN, NUMBER, POSTCODE]
            .iter()
            .all(|canary| planted.contains(canary))
    );
    planted
}

/// Good documents, and the same broken in every way that an error might quote.
fn documents() -> Vec<(&'static str, String)> {
    let of = |number| document(number, TRUST, PRACTICE).about(NhsNumber::parse(NUMBER).unwrap());
    let xml = planted(&of(1).discharge_summary_xml());
    let json = planted(&of(2).outpatient_letter_json());
    let at = |text: &str| text.find(FAMILY).unwrap();
    let swap = |text: &str, from: &str, with: &str| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, with, 1)
    };
    let quoted = format!("\"{FAMILY}\"");
    vec![
        (XML, xml.clone()),
        (JSON, json.clone()),
        (XML, xml[..at(&xml) + 20].to_owned()),
        (JSON, json[..at(&json) + 6].to_owned()),
        (XML, format!("{xml}{FAMILY}")),
        (JSON, format!("{json}{{\"{FAMILY}\":1}}")),
        (
            XML,
            swap(&xml, "<Bundle", &format!("<!DOCTYPE {FAMILY}><Bundle")),
        ),
        (XML, swap(&xml, &quoted, &format!("\"&{FAMILY};\""))),
        (XML, swap(&xml, "<family ", &format!("<{FAMILY} "))),
        (
            XML,
            swap(
                &xml,
                "<family ",
                &format!("<family {FAMILY}=\"1\" {FAMILY}=\"2\" "),
            ),
        ),
        (
            JSON,
            swap(&json, "\"family\"", &format!("\"{FAMILY}\":1,\"{FAMILY}\"")),
        ),
        (JSON, swap(&json, &quoted, &format!("\"\u{7}{FAMILY}\""))),
        (JSON, swap(&json, &quoted, &format!("\"\\u{FAMILY}\""))),
        (
            JSON,
            swap(
                &json,
                "\"timestamp\": \"",
                &format!("\"timestamp\": \"{FAMILY}"),
            ),
        ),
        (
            JSON,
            swap(&json, "\"document\"", &format!("\"{GIVEN} {FAMILY}\"")),
        ),
        // Names that could be types: where a Bundle's type is told, where its first entry's, and
        // where the whole document's.
        (JSON, swap(&json, "\"document\"", &quoted)),
        (JSON, swap(&json, "\"Composition\"", &quoted)),
        (JSON, swap(&json, "\"Bundle\"", &quoted)),
        (
            XML,
            swap(&xml, "<MessageHeader", &format!("<{FAMILY}"))
                .replace("</MessageHeader", &format!("</{FAMILY}")),
        ),
        (JSON, swap(&json, &format!("\"{TRUST}\""), &quoted)),
        // Where an address, a reference, a code and a status are told.
        (
            JSON,
            swap(
                &json,
                "\"fullUrl\": \"urn:uuid:",
                &format!("\"fullUrl\": \"{FAMILY}/"),
            ),
        ),
        (
            JSON,
            swap(
                &json,
                "\"reference\": \"urn:uuid:",
                &format!("\"reference\": \"Patient/{NUMBER}-"),
            ),
        ),
        (
            JSON,
            swap(&json, "\"823681000000100\"", &format!("\"{NUMBER}\"")),
        ),
        (JSON, swap(&json, "\"final\"", &quoted)),
        (XML, json),
        (JSON, xml),
    ]
}

fn hints(number: usize, media_type: &str) -> DocumentHeader {
    DocumentHeader {
        media_type: media_type.to_owned(),
        patient_ref: format!("{NUMBER} {FAMILY}"),
        correlation_id: format!("about {GIVEN} {FAMILY}"),
        labels: HashMap::from([("patient".to_owned(), format!("{GIVEN} {FAMILY} {NUMBER}"))]),
        ..named(&number.to_string(), to(&[PRACTICE]))
    }
}

/// Everything a status says, in words and in its details.
fn words(status: &Status) -> String {
    format!(
        "{status:?} {} {}",
        status.message(),
        String::from_utf8_lossy(status.details())
    )
}

/// A day in the life of the patient's documents; everything that callers and operators were told.
pub(super) async fn day(estate: &Estate) -> String {
    let mut told = String::new();
    let raw = Raw::of(&estate.profile(TRUST));
    let mut accepted = 0;
    for (number, (media_type, text)) in documents().into_iter().enumerate() {
        match raw.submit(hints(number, media_type), text).await {
            Ok(_) => accepted += 1,
            Err(status) => writeln!(told, "{number}: {}", words(&status)).unwrap(),
        }
    }
    assert!(
        (2..6).contains(&accepted),
        "{accepted} were accepted: {told}"
    );
    let long = DocumentHeader {
        patient_ref: format!("{FAMILY}\u{7}"),
        ..hints(99, JSON)
    };
    told += &words(&raw.submit(long, "{}").await.unwrap_err());
    let conflict = raw.submit(
        hints(0, JSON),
        planted(
            &document(9, TRUST, PRACTICE)
                .about(NhsNumber::parse(NUMBER).unwrap())
                .outpatient_letter_json(),
        ),
    );
    told += &words(&conflict.await.unwrap_err());
    let practice = estate.client(PRACTICE);
    let settler = practice.settler();
    let one = practice
        .lease(lease_from("mailboxes/K81003", 60))
        .await
        .unwrap()
        .remove(0);
    assert!(
        String::from_utf8_lossy(&one.content).contains(FAMILY),
        "the document itself is whole"
    );
    settler
        .reject(&one.lease_token, "20009", false)
        .await
        .unwrap();
    let mut collector = practice.collector(CollectOptions::default());
    let two = soon("the other document", collector.next())
        .await
        .unwrap()
        .unwrap();
    settler.acknowledge(&two.token).await.unwrap();
    told += &format!("{:?} {two:?}", settler.acknowledge(&one.lease_token).await);
    let operator = estate.client(OPERATOR);
    told += &format!("{:?}", operator.broker_status().await.unwrap());
    told += &format!(
        "{:?}",
        operator.mailboxes(Default::default()).await.unwrap()
    );
    told += &format!(
        "{:?}",
        operator.dead_letters(Default::default()).await.unwrap()
    );
    for path in ["/metrics", "/metrics/mailboxes", "/readyz", "/livez"] {
        told += &get(estate.http_port(), path).await.unwrap_or_default();
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planted_patient_is_found_in_nothing_the_broker_says() {
    let estate = Estate::new();
    let loud = estate
        .configuration()
        .replace("filter = \"debug", "filter = \"trace");
    estate.write("broker.toml", &loud);
    let broker = BrokerProcess::start(&estate).await;
    let told = day(&estate).await;
    assert!(
        told.contains("axle_submissions_total"),
        "the metrics were looked at: {told}"
    );
    broker.stop().await;
    let log = read_log(&estate);
    assert!(
        log.contains("a document was refused") && log.lines().count() > 20,
        "{log}"
    );
    for (place, text) in [("the answers", &told), ("the log", &log)] {
        for (number, line) in text.lines().enumerate() {
            let line = line.to_lowercase();
            let found = canaries().into_iter().find(|canary| line.contains(canary));
            assert!(
                found.is_none(),
                "{found:?} in line {number} of {place}: {line}"
            );
        }
    }
}
