//! A canary for look-ups: a patient who does not exist is looked up at a service over HTTP, rightly,
//! wrongly, and while the service fails in every way, and events of the patient arrive. Nothing of it
//! may be in anything that the broker says of itself, however much it is asked to log.

use std::{fmt::Write as _, fs, sync::Arc, sync::Mutex};

use axle_model::nhs_number::NhsNumber;
use axle_proto::v1::{DocumentHeader, PatientAddress};
use axle_tests::{
    broker::get,
    documents::{JSON, document, named, to},
    estate::{Estate, OPERATOR, PRACTICE, TRUST},
    process::{BrokerProcess, read_log},
    raw::Raw,
    wait,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

const FAMILY: &str = "Quackenbush";
const GIVEN: &str = "Zebulon";
const NUMBER: &str = "9991234578";
const BORN: &str = "1931-07-19";
const POSTCODE: &str = "ZQ7 8XV";

/// What must be found nowhere, in lower case.
fn canaries() -> [String; 6] {
    let day_first = "19071931";
    [FAMILY, GIVEN, NUMBER, BORN, day_first, POSTCODE].map(str::to_lowercase)
}

fn patient() -> String {
    format!(
        r#"{{"resourceType":"Patient","id":"{NUMBER}","meta":{{"security":[{{"code":"U"}}]}},
"identifier":[{{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"{NUMBER}"}}],
"name":[{{"use":"usual","family":"{FAMILY}","given":["{GIVEN}"]}}],"birthDate":"{BORN}",
"address":[{{"postalCode":"{POSTCODE}"}}],"generalPractitioner":[{{"identifier":
{{"system":"https://fhir.nhs.uk/Id/ods-organization-code","value":"{PRACTICE}"}}}}]}}"#
    )
}

/// Whole answers of the service, each the last on its connection.
fn answers() -> Vec<String> {
    let of = |status: &str, body: &str| {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
    };
    let nobody = format!(
        r#"{{"resourceType":"OperationOutcome","issue":[{{"code":"not-found","diagnostics":"{NUMBER} {FAMILY}"}}]}}"#
    );
    let whole = patient();
    vec![
        of("200 OK", &whole),
        of("200 OK", &whole),
        of("200 OK", &whole.replace("\"U\"", "\"R\"")),
        of("200 OK", &whole.replace(NUMBER, "9990000018")),
        of("404 Not Found", &nobody),
        of("500 Trouble", &nobody),
        of("200 OK", &whole[..whole.len() - 40]),
        of(
            "200 OK",
            &whole.replace("\"Patient\"", &format!("\"{FAMILY}\"")),
        ),
        of(
            "200 OK",
            &whole.replace(&format!("\"{BORN}\""), &format!("{{\"{FAMILY}\":1}}")),
        ),
        format!("HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\n{whole}"),
        format!("HTTP/1.1 302 Found\r\nlocation: /{NUMBER}\r\ncontent-length: 0\r\n\r\n"),
        format!("{FAMILY} {NUMBER}\r\n\r\n"),
    ]
}

/// A service that gives these answers one after the other; its port, and the requests it saw.
async fn service(mut answers: Vec<String>) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(Mutex::new(Vec::new()));
    tokio::spawn({
        let seen = Arc::clone(&seen);
        async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    match stream.read_u8().await {
                        Ok(byte) => head.push(byte),
                        Err(_) => break,
                    }
                }
                if head.is_empty() || answers.is_empty() {
                    continue;
                }
                let head = String::from_utf8(head).unwrap();
                seen.lock().unwrap().push(head);
                let _ = stream.write_all(answers.remove(0).as_bytes()).await;
            }
        }
    });
    (port, seen)
}

fn by_patient(id: usize, family: &str) -> DocumentHeader {
    let patient = PatientAddress {
        nhs_number: NUMBER.to_owned(),
        birth_date: BORN.to_owned(),
        family_name: family.to_owned(),
    };
    DocumentHeader {
        media_type: JSON.to_owned(),
        patient: Some(patient),
        ..named(&id.to_string(), DocumentHeader::default())
    }
}

/// Everything that senders and operators are told.
async fn told(estate: &Estate, count: usize) -> String {
    let mut told = String::new();
    let raw = Raw::of(&estate.profile(TRUST));
    for number in 0..count {
        // The second does not know the name.
        let family = if number == 1 { "Duckenbush" } else { FAMILY };
        let text =
            document(number as u64, TRUST, PRACTICE).about(NhsNumber::parse(NUMBER).unwrap());
        let text = text.outpatient_letter_json().replace("Testpatient", family);
        let text = text.replace("1961-04-17", BORN);
        let answer = raw.submit(by_patient(number, family), text).await;
        match answer {
            Ok(receipt) => writeln!(told, "{number}: {receipt:?}").unwrap(),
            Err(status) => writeln!(told, "{number}: {status:?} {}", status.message()).unwrap(),
        }
    }
    for address in [
        format!("GPPROVIDER_{NUMBER}_19071931"),
        format!("GPPROVIDER_{NUMBER}_31311931_{FAMILY}"),
        format!("GPPROVIDER{NUMBER}_19071931_{FAMILY}"),
    ] {
        let header = DocumentHeader {
            media_type: JSON.to_owned(),
            ..named("x", to(&[&address]))
        };
        let status = raw.submit(header, "{}").await.unwrap_err();
        writeln!(told, "{status:?} {}", status.message()).unwrap();
    }
    let operator = estate.client(OPERATOR);
    told += &format!("{:?}", operator.broker_status().await.unwrap());
    told += &format!(
        "{:?}",
        operator.mailboxes(Default::default()).await.unwrap()
    );
    for path in ["/metrics", "/metrics/mailboxes", "/readyz", "/livez"] {
        told += &get(estate.http_port(), path).await.unwrap_or_default();
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_who_is_looked_up_is_found_in_nothing_the_broker_says() {
    let estate = Estate::new();
    let answers = answers();
    let count = answers.len();
    let (port, seen) = service(answers).await;
    let events = estate.path().join("events");
    fs::create_dir(&events).unwrap();
    let broken = format!("<Bundle><{FAMILY} value=\"{NUMBER}\"");
    fs::write(events.join(format!("{NUMBER} {FAMILY}.xml")), broken).unwrap();
    fs::write(events.join(format!("{FAMILY}.json")), patient()).unwrap();
    let demographics = format!(
        "[demographics]\nurl = \"http://127.0.0.1:{port}/FHIR/R4\"\nevents = \"events\"\n\
         remember_seconds = 0\nremember_nobody_seconds = 0\nfailures_max = 1000\n"
    );
    let loud = estate.configuration();
    let start = loud.find("[log]").unwrap();
    let loud = format!(
        "{}{demographics}[log]\nfilter = \"trace\"\n",
        &loud[..start]
    );
    estate.write("broker.toml", &loud);
    let broker = BrokerProcess::start(&estate).await;
    let told = told(&estate, count).await;
    wait::until("the events to be counted", async || {
        let metrics = get(estate.http_port(), "/metrics").await?;
        metrics
            .contains("axle_demographics_events{outcome=\"unusable\"} 2")
            .then_some(())
    })
    .await;
    broker.stop().await;
    let asked = seen.lock().unwrap().clone();
    assert_eq!(asked.len(), count, "{told}");
    assert!(asked.iter().all(|request| request.contains(NUMBER)));
    for outcome in [
        "K81003",
        "PATIENT_MISMATCH",
        "RESTRICTED_NEEDS_RECIPIENT",
        "PATIENT_NOT_FOUND",
        "DEMOGRAPHICS_UNAVAILABLE",
    ] {
        assert!(told.contains(outcome), "{outcome}: {told}");
    }
    let log = read_log(&estate);
    assert!(log.contains("gave no answer that can be used"), "{log}");
    assert!(log.contains("cannot be used"), "{log}");
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
