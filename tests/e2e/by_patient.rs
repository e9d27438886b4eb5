//! A trust names a patient and no practice: the document arrives where the patient is registered, and
//! nowhere when that cannot be said for certain.

use axle_model::nhs_number::NhsNumber;
use axle_proto::v1::{DocumentHeader, PatientAddress};
use axle_tests::{
    broker::TestBroker,
    documents::{document, named, to},
    estate::{Estate, OTHER_PRACTICE, PRACTICE, TRUST},
    wait,
};

use super::steps::{lease, leased_at_once};

/// Registered with [`PRACTICE`].
const PATIENT: &str = "9990000018";
/// Registered nowhere that may be told.
const RESTRICTED: &str = "9990000026";

const SNAPSHOT: &str = r#"{"time":"TIME","lines":3}
{"nhs_number":"9990000018","birth_date":"1961-04-17","family":"O'Brien","practice":"K81003"}
{"nhs_number":"9990000026","birth_date":"1961-04-17","family":"O'Brien","restricted":true}
{"nhs_number":"9990000034","birth_date":"1961-04-17","family":"O'Brien"}
"#;

const MOVED: &str = r#"<Bundle xmlns="http://hl7.org/fhir"><type value="message"/>
<entry><fullUrl value="urn:uuid:1f4d9c52-0000-4000-8000-000000000001"/><resource><MessageHeader>
<event><system value="https://fhir.nhs.uk/STU3/CodeSystem/EventType-1"/><code value="pds-change-of-gp-1"/></event>
<timestamp value="TIME"/></MessageHeader></resource></entry>
<entry><fullUrl value="urn:uuid:1f4d9c52-0000-4000-8000-000000000002"/><resource><Patient>
<identifier><system value="https://fhir.nhs.uk/Id/nhs-number"/><value value="9990000018"/></identifier>
<birthDate value="1961-04-17"/>
<generalPractitioner><reference value="urn:uuid:1f4d9c52-0000-4000-8000-000000000003"/></generalPractitioner></Patient></resource></entry>
<entry><fullUrl value="urn:uuid:1f4d9c52-0000-4000-8000-000000000003"/><resource><Organization>
<identifier><system value="https://fhir.nhs.uk/Id/ods-organization-code"/><value value="A83008"/></identifier></Organization></resource></entry>
</Bundle>"#;

fn estate() -> Estate {
    let estate = Estate::new();
    let demographics = "[demographics]\nsnapshot = \"patients.jsonl\"\nevents = \"events\"\n";
    estate.write("broker.toml", &(estate.configuration() + demographics));
    std::fs::create_dir(estate.path().join("events")).unwrap();
    let taken = axle_tests::documents::now().before(std::time::Duration::from_secs(60));
    estate.write(
        "patients.jsonl",
        &SNAPSHOT.replace("TIME", &taken.to_string()),
    );
    estate
}

fn by_patient(id: &str, number: &str, family: &str) -> DocumentHeader {
    let patient = PatientAddress {
        nhs_number: number.to_owned(),
        birth_date: "1961-04-17".to_owned(),
        family_name: family.to_owned(),
    };
    DocumentHeader {
        patient: Some(patient),
        ..named(id, DocumentHeader::default())
    }
}

/// A document about the patient whom its header names.
fn letter(number: u64, patient: &str, family: &str) -> bytes::Bytes {
    let patient = NhsNumber::parse(patient).unwrap();
    let text = document(number, TRUST, PRACTICE).about(patient);
    let text = text.discharge_summary_xml();
    text.replace("Testpatient", family).into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_names_a_patient_arrives_where_the_patient_is_registered() {
    let broker = TestBroker::start_with(estate()).await;
    let trust = broker.client(TRUST);
    let receipt = trust
        .submit(
            by_patient("1", PATIENT, "OBRIEN"),
            letter(1, PATIENT, "O'Brien"),
        )
        .await
        .unwrap();
    assert!(receipt.deliveries[0].ends_with("/K81003"), "{receipt:?}");
    let leased = lease(&broker.client(PRACTICE), 60).await;
    assert_eq!(leased.message.unwrap().name, receipt.message);
    // As MESH writes it, day first, and with everything that keyboards differ in.
    let address = to(&[&format!("GPPROVIDER_{PATIENT}_17041961_o\u{2019}brien")]);
    let receipt = trust
        .submit(named("2", address), letter(2, PATIENT, "O'Brien"))
        .await
        .unwrap();
    assert!(receipt.deliveries[0].ends_with("/K81003"), "{receipt:?}");
    // The patient moves.
    let now = axle_tests::documents::now().to_string();
    broker
        .estate()
        .write("events/1.xml", &MOVED.replace("TIME", &now));
    broker.reload().await;
    wait::until("the move to be known", async || {
        let answer = trust
            .validate(
                by_patient("3", PATIENT, "O'Brien"),
                letter(3, PATIENT, "O'Brien"),
            )
            .await;
        (answer.unwrap().mailboxes == ["mailboxes/A83008"]).then_some(())
    })
    .await;
    let receipt = trust
        .submit(
            by_patient("3", PATIENT, "O'Brien"),
            letter(3, PATIENT, "O'Brien"),
        )
        .await
        .unwrap();
    assert!(receipt.deliveries[0].ends_with("/A83008"), "{receipt:?}");
    let leased = leased_at_once(&broker.client(OTHER_PRACTICE), "mailboxes/A83008").await;
    assert_eq!(leased, ["3"]);
    let metrics = broker.metrics().await;
    let registered = "axle_demographics_lookups_total{outcome=\"registered\"}";
    assert!(metrics.contains(registered), "{metrics}");
    assert!(
        metrics.contains("axle_demographics_events{outcome=\"changed\"} 1"),
        "{metrics}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_goes_nowhere_when_its_practice_is_not_certain() {
    let broker = TestBroker::start_with(estate()).await;
    let trust = broker.client(TRUST);
    for (id, patient, family, restricted, reason) in [
        ("1", PATIENT, "Byrne", false, "PATIENT_MISMATCH"),
        (
            "2",
            RESTRICTED,
            "O'Brien",
            false,
            "RESTRICTED_NEEDS_RECIPIENT",
        ),
        // Who does not know the patient does not learn that the record is restricted.
        ("3", RESTRICTED, "Byrne", false, "PATIENT_MISMATCH"),
        (
            "4",
            "9990000034",
            "O'Brien",
            false,
            "PATIENT_NOT_REGISTERED",
        ),
        ("5", "9990000042", "O'Brien", false, "PATIENT_NOT_FOUND"),
        ("6", PATIENT, "O'Brien", true, "RESTRICTED_NEEDS_RECIPIENT"),
    ] {
        let header = DocumentHeader {
            restricted,
            ..by_patient(id, patient, family)
        };
        let refused = trust.submit(header, letter(1, patient, family)).await;
        let refusal = refused.unwrap_err();
        assert_eq!(refusal.reason(), reason, "{id}: {refusal:?}");
        let told = format!("{refusal:?}");
        for secret in ["K81003", "1961", "Brien", "999000"] {
            assert!(!told.contains(secret), "{told}");
        }
    }
    // Whom the sender names gets it, restricted or not.
    let explicit = DocumentHeader {
        recipients: vec![OTHER_PRACTICE.to_owned()],
        restricted: true,
        ..by_patient("7", RESTRICTED, "O'Brien")
    };
    let receipt = trust
        .submit(explicit, letter(2, RESTRICTED, "O'Brien"))
        .await
        .unwrap();
    assert!(receipt.deliveries[0].ends_with("/A83008"), "{receipt:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_demographics_nothing_goes_by_its_patient() {
    let broker = TestBroker::start().await;
    let refusal = broker
        .client(TRUST)
        .submit(
            by_patient("1", PATIENT, "O'Brien"),
            letter(1, PATIENT, "O'Brien"),
        )
        .await
        .unwrap_err();
    assert_eq!(refusal.reason(), "RECIPIENT_REQUIRED");
}
