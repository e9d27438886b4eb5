#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod stub;

use std::{sync::Arc, time::Duration};

use axle_core::registration::Registration;
use axle_model::{ods::OdsCode, patient::PatientHint, refusal::Reason, time::Timestamp};
use futures::future::join_all;

use self::stub::{Reply, Stub, nobody, patient};
use super::{Demographics, Freshness, Part, PatientService};
use crate::config::{PatientServiceSettings, ServiceAddress};

const NUMBER: &str = "9990000018";
const OTHER_NUMBER: &str = "9990000026";
const FAMILY: &str = "Testpatient";

fn now() -> Timestamp {
    Timestamp::parse("2026-11-25T12:00:00Z").unwrap()
}

fn settings(stub: &Stub) -> PatientServiceSettings {
    PatientServiceSettings {
        address: ServiceAddress {
            host: "127.0.0.1".into(),
            port: stub.port(),
            base: format!("http://127.0.0.1:{}/FHIR/R4", stub.port()).into(),
            secure: false,
        },
        files: None,
        token: None,
        timeout: Duration::from_millis(500),
        connections_max: 4,
        time_to_live: Duration::from_secs(600),
        time_to_live_of_nobody: Duration::from_secs(60),
        cache_entries_max: 100,
        failures_max: 3,
        pause: Duration::from_secs(600),
    }
}

fn service(stub: &Stub) -> PatientService {
    PatientService::open(&settings(stub), None, now()).unwrap()
}

fn hint(number: &str) -> PatientHint {
    PatientHint::new(number, "1948-02-23", FAMILY).unwrap()
}

async fn ask(service: &PatientService, freshness: Freshness) -> Registration {
    service.look_up(&hint(NUMBER), freshness, now()).await
}

fn at(practice: &str) -> Registration {
    Registration::Registered {
        practice: OdsCode::parse(practice).unwrap(),
        deceased: false,
    }
}

const UNAVAILABLE: Registration = Registration::None(Reason::DemographicsUnavailable);
const NOT_FOUND: Registration = Registration::None(Reason::PatientNotFound);

#[tokio::test]
async fn an_answer_is_remembered_and_a_fresh_one_is_asked_for() {
    let stub = Stub::start(vec![
        patient(NUMBER, FAMILY, "K81003"),
        patient(NUMBER, FAMILY, "A83008"),
    ])
    .await;
    let service = service(&stub);
    for _ in 0..3 {
        assert_eq!(ask(&service, Freshness::Usual).await, at("K81003"));
    }
    assert_eq!(stub.requests(), 1);
    assert_eq!(ask(&service, Freshness::Fresh).await, at("A83008"));
    // What the fresh one learnt is what is remembered.
    assert_eq!(ask(&service, Freshness::Usual).await, at("A83008"));
    assert_eq!(stub.requests(), 2);
    let request = stub.seen();
    assert!(request[0].starts_with("GET /FHIR/R4/Patient/9990000018 HTTP/1.1\r\n"));
    assert!(request[0].to_lowercase().contains("\r\nx-request-id: "));
}

#[tokio::test]
async fn a_remembered_record_is_matched_anew_for_each_sender() {
    let stub = Stub::start(vec![patient(NUMBER, FAMILY, "K81003")]).await;
    let service = service(&stub);
    assert_eq!(ask(&service, Freshness::Usual).await, at("K81003"));
    let stranger = PatientHint::new(NUMBER, "1948-02-24", FAMILY).unwrap();
    let found = service.look_up(&stranger, Freshness::Usual, now()).await;
    assert_eq!(found, Registration::None(Reason::PatientMismatch));
    assert_eq!(stub.requests(), 1);
}

#[tokio::test]
async fn nobody_is_remembered_too() {
    let stub = Stub::start(vec![nobody()]).await;
    let service = service(&stub);
    assert_eq!(ask(&service, Freshness::Usual).await, NOT_FOUND);
    assert_eq!(ask(&service, Freshness::Usual).await, NOT_FOUND);
    assert_eq!(stub.requests(), 1);
}

#[tokio::test]
async fn equal_look_ups_at_one_time_are_one_request() {
    let stub = Stub::start(vec![Reply::After(
        Duration::from_millis(100),
        Box::new(patient(NUMBER, FAMILY, "K81003")),
    )])
    .await;
    let service = service(&stub);
    let all = join_all((0..50).map(|_| ask(&service, Freshness::Usual))).await;
    assert!(all.iter().all(|one| *one == at("K81003")), "{all:?}");
    assert_eq!(stub.requests(), 1);
}

#[tokio::test]
async fn whoever_still_waits_gets_an_answer_when_the_first_went_away() {
    let slow = Reply::After(
        Duration::from_millis(100),
        Box::new(patient(NUMBER, FAMILY, "K81003")),
    );
    let stub = Stub::start(vec![slow]).await;
    let service = Arc::new(service(&stub));
    let first = tokio::spawn({
        let service = Arc::clone(&service);
        async move { ask(&service, Freshness::Usual).await }
    });
    stub.asked(1).await;
    let second = ask(&service, Freshness::Usual);
    tokio::pin!(second);
    assert!(futures::poll!(&mut second).is_pending());
    first.abort();
    assert_eq!(second.await, at("K81003"));
    assert_eq!(stub.requests(), 1);
}

#[tokio::test]
async fn no_more_connections_are_opened_than_may_be() {
    let slow = |number: &str| {
        Reply::After(
            Duration::from_millis(50),
            Box::new(patient(number, FAMILY, "K81003")),
        )
    };
    let stub = Stub::start((0..20).map(|_| slow(NUMBER)).collect()).await;
    let service = service(&stub);
    // Fresh ones are never joined.
    let all = join_all((0..20).map(|_| ask(&service, Freshness::Fresh))).await;
    assert!(all.iter().all(|one| *one == at("K81003")), "{all:?}");
    assert_eq!(stub.requests(), 20);
    assert!(stub.open_max() <= 4, "{} at once", stub.open_max());
}

#[tokio::test]
async fn whatever_is_wrong_with_an_answer_it_is_no_answer() {
    let huge = format!("{{\"padding\":\"{}\"}}", "x".repeat(1024 * 1024));
    for reply in [
        Reply::Status(500, String::new()),
        Reply::Status(503, "{}".to_owned()),
        Reply::Status(429, String::new()),
        Reply::Status(404, "<html></html>".to_owned()),
        Reply::Status(302, String::new()),
        Reply::Status(200, "{\"resourceType\":\"Pat".to_owned()),
        Reply::Status(200, huge),
        Reply::Raw("HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{\"resourceType\""),
        Reply::Raw("HTTP/1.1 200"),
        Reply::Raw(""),
        Reply::Raw("\u{0}\u{1}garbage\r\n\r\n"),
        Reply::Never,
    ] {
        let shown = format!("{reply:?}");
        let stub = Stub::start(vec![reply]).await;
        let service = service(&stub);
        assert_eq!(
            ask(&service, Freshness::Usual).await,
            UNAVAILABLE,
            "{shown}"
        );
        // It is not remembered either.
        stub.next(patient(NUMBER, FAMILY, "K81003"));
        assert_eq!(
            ask(&service, Freshness::Usual).await,
            at("K81003"),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn the_patient_of_another_number_is_never_taken_for_this_one() {
    // A twin: the same birthday, the same name, another practice.
    let stub = Stub::start(vec![patient(OTHER_NUMBER, FAMILY, "A83008")]).await;
    let service = service(&stub);
    let found = ask(&service, Freshness::Usual).await;
    assert_eq!(found, Registration::None(Reason::PatientMismatch));
    stub.next(patient(NUMBER, FAMILY, "K81003"));
    assert_eq!(ask(&service, Freshness::Usual).await, at("K81003"));
}

#[tokio::test]
async fn a_service_that_fails_is_left_alone_and_nothing_old_is_said_in_its_place() {
    let failing = || Reply::Status(503, String::new());
    let stub = Stub::start(vec![
        patient(NUMBER, FAMILY, "K81003"),
        failing(),
        failing(),
        failing(),
    ])
    .await;
    let soon = PatientServiceSettings {
        time_to_live: Duration::ZERO,
        pause: Duration::from_millis(50),
        ..settings(&stub)
    };
    let service = PatientService::open(&soon, None, now()).unwrap();
    assert_eq!(ask(&service, Freshness::Usual).await, at("K81003"));
    for _ in 0..3 {
        assert_eq!(ask(&service, Freshness::Usual).await, UNAVAILABLE);
    }
    let standing = service.standing(now());
    assert!(standing.breaker_open);
    assert_eq!(standing.troubles, [(Part::Service, now())]);
    assert_eq!(ask(&service, Freshness::Usual).await, UNAVAILABLE);
    assert_eq!(stub.requests(), 4, "it was left alone");
    stub.next(patient(NUMBER, FAMILY, "A83008"));
    let back = async {
        while ask(&service, Freshness::Usual).await == UNAVAILABLE {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), back)
        .await
        .unwrap();
    assert_eq!(stub.requests(), 5, "one tried");
    assert!(service.standing(now()).troubles.is_empty());
}

#[tokio::test]
async fn an_event_makes_the_service_be_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let stub = Stub::start(vec![
        patient(NUMBER, FAMILY, "K81003"),
        patient(NUMBER, FAMILY, "A83008"),
    ])
    .await;
    let events = Some(folder.path().to_owned());
    let service = PatientService::open(&settings(&stub), events, now()).unwrap();
    assert_eq!(ask(&service, Freshness::Usual).await, at("K81003"));
    let moved = crate::demographics::events::message(NUMBER, "1948-02-23", FAMILY, "A83008");
    std::fs::write(folder.path().join("1.xml"), moved).unwrap();
    service.refresh(now());
    assert_eq!(ask(&service, Freshness::Usual).await, at("A83008"));
}

#[tokio::test]
async fn a_token_is_read_again_when_it_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "first\n").unwrap();
    let stub = Stub::start(vec![
        Reply::Status(401, String::new()),
        patient(NUMBER, FAMILY, "K81003"),
    ])
    .await;
    let with_token = PatientServiceSettings {
        token: Some(token.clone()),
        ..settings(&stub)
    };
    let service = PatientService::open(&with_token, None, now()).unwrap();
    std::fs::write(&token, "second\n").unwrap();
    assert_eq!(ask(&service, Freshness::Usual).await, at("K81003"));
    let seen = stub.seen();
    assert!(
        seen[0].contains("authorization: Bearer first\r\n"),
        "{seen:?}"
    );
    assert!(
        seen[1].contains("authorization: Bearer second\r\n"),
        "{seen:?}"
    );
    // A file that holds no token leaves the old one in force, and is told.
    std::fs::write(&token, "two words").unwrap();
    service.refresh(now());
    assert_eq!(service.standing(now()).troubles, [(Part::Service, now())]);
    assert!(!format!("{service:?}").contains("second"));
}

#[tokio::test]
async fn a_service_that_is_not_there_is_unavailable() {
    let stub = Stub::start(Vec::new()).await;
    let nobody_listens = settings(&stub);
    drop(stub);
    let service = PatientService::open(&nobody_listens, None, now()).unwrap();
    assert_eq!(ask(&service, Freshness::Usual).await, UNAVAILABLE);
}

#[tokio::test]
async fn the_service_is_told_from_others_by_its_certificate_and_knows_the_broker_by_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let stub = Stub::start_secure(folder.path(), vec![patient(NUMBER, FAMILY, "K81003")]).await;
    let secure = |own: bool, authority: &str| PatientServiceSettings {
        address: ServiceAddress {
            base: format!("https://127.0.0.1:{}", stub.port()).into(),
            secure: true,
            ..settings(&stub).address
        },
        files: Some(axle_pki::trust::ServiceFiles {
            authorities: folder.path().join(authority).join("ca.pem"),
            own: own.then(|| {
                let pki = folder.path().join("pki");
                (pki.join("RR8.pem"), pki.join("RR8.key"))
            }),
        }),
        ..settings(&stub)
    };
    let stranger = PatientService::open(&secure(true, "other"), None, now()).unwrap();
    assert_eq!(ask(&stranger, Freshness::Usual).await, UNAVAILABLE);
    let anonymous = PatientService::open(&secure(false, "pki"), None, now()).unwrap();
    assert_eq!(ask(&anonymous, Freshness::Usual).await, UNAVAILABLE);
    let known = PatientService::open(&secure(true, "pki"), None, now()).unwrap();
    assert_eq!(ask(&known, Freshness::Usual).await, at("K81003"));
}
