#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use axle_model::{
    format::{self, Limits},
    nhs_number::NhsNumber,
    ods::OdsCode,
    patient::{BirthDate, PatientHint},
    refusal::Reason,
    time::Timestamp,
};

use super::*;
use axle_model::envelope::MediaType;

const NUMBER: &str = "9990000018";
const BORN: &str = "1948-02-23";

fn ods(code: &str) -> OdsCode {
    OdsCode::parse(code).unwrap()
}

fn number(text: &str) -> NhsNumber {
    NhsNumber::parse(text).unwrap()
}

fn born(text: &str) -> BirthDate {
    BirthDate::parse(text).unwrap()
}

fn at(time: &str) -> Timestamp {
    Timestamp::parse(time).unwrap()
}

fn hint(birth_date: &str, family: &str) -> PatientHint {
    PatientHint::new(NUMBER, birth_date, family).unwrap()
}

fn known() -> Known {
    Known {
        birth_date: Some(born(BORN)),
        families: vec![FamilyName::of("O'Brien").unwrap()],
        practice: Some(ods("K81003")),
        deceased: false,
        restricted: false,
    }
}

fn refused(reason: Reason) -> Registration {
    Registration::None(reason)
}

#[test]
fn number_date_and_name_must_all_be_the_patients() {
    let practice = Registration::Registered {
        practice: ods("K81003"),
        deceased: false,
    };
    for (birth_date, family, expected) in [
        (BORN, "OBRIEN", practice),
        ("23021948", "o\u{2019}brien", practice),
        ("1948-02-24", "O'Brien", refused(Reason::PatientMismatch)),
        (BORN, "O'Brian", refused(Reason::PatientMismatch)),
        (BORN, "-", refused(Reason::PatientMismatch)),
    ] {
        let found = known().registration(&hint(birth_date, family));
        assert_eq!(found, expected, "{birth_date} {family}");
    }
}

#[test]
fn who_does_not_know_the_patient_does_not_learn_that_the_record_is_restricted() {
    let restricted = Known {
        restricted: true,
        practice: None,
        ..known()
    };
    let right = hint(BORN, "O'Brien");
    for wrong in [hint("1948-02-24", "O'Brien"), hint(BORN, "Byrne")] {
        for record in [known(), restricted.clone()] {
            let found = record.registration(&wrong);
            assert_eq!(found, refused(Reason::PatientMismatch));
        }
    }
    let found = restricted.registration(&right);
    assert_eq!(found, refused(Reason::RestrictedNeedsRecipient));
    // A record that withholds everything says only that it does.
    let withheld = Known {
        birth_date: None,
        families: Vec::new(),
        ..restricted
    };
    let found = withheld.registration(&right);
    assert_eq!(found, refused(Reason::RestrictedNeedsRecipient));
}

#[test]
fn what_the_record_lacks_confirms_nothing() {
    for lacking in [
        Known {
            birth_date: None,
            ..known()
        },
        Known {
            families: Vec::new(),
            ..known()
        },
    ] {
        let found = lacking.registration(&hint(BORN, "O'Brien"));
        assert_eq!(found, refused(Reason::PatientMismatch));
    }
    let nowhere = Known {
        practice: None,
        ..known()
    };
    let found = nowhere.registration(&hint(BORN, "O'Brien"));
    assert_eq!(found, refused(Reason::PatientNotRegistered));
}

#[test]
fn nothing_of_a_patient_is_printed() {
    let event = event("2026-11-01T00:00:00Z", Happened::Died(true));
    let shown = format!(
        "{:?} {:?} {event:?} {:?} {:?}",
        known(),
        register(),
        FamilyName::of("O'Brien"),
        entry(NUMBER, "O'Brien", Some("K81003")),
    );
    for secret in ["999", "1948", "BRIEN", "Brien", "K81003"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

fn entry<'e>(nhs_number: &str, family: &'e str, practice: Option<&str>) -> Entry<'e> {
    Entry {
        nhs_number: number(nhs_number),
        birth_date: born(BORN),
        family,
        practice: practice.map(ods),
        deceased: false,
        restricted: false,
    }
}

const FORMER: &str = "9990000026";

fn register() -> Register {
    let mut builder = RegisterBuilder::default();
    builder
        .add(&entry(NUMBER, "O'Brien", Some("K81003")))
        .unwrap();
    builder.replace(number(FORMER), number(NUMBER));
    builder.finish(at("2026-10-01T00:00:00Z")).unwrap()
}

fn event(time: &str, what: Happened) -> DemographicEvent {
    DemographicEvent {
        nhs_number: number(NUMBER),
        birth_date: Some(born(BORN)),
        family: FamilyName::of("OBRIEN"),
        time: at(time),
        what,
    }
}

fn moved(time: &str, to: &str) -> DemographicEvent {
    event(time, Happened::Moved(Some(ods(to))))
}

fn practice_of(register: &Register) -> Option<OdsCode> {
    register.find(number(NUMBER)).unwrap().practice
}

#[test]
fn a_number_that_was_replaced_finds_the_patient_who_had_it() {
    let register = register();
    let patient = PatientHint::new(FORMER, BORN, "O'Brien").unwrap();
    let found = register.registration(&patient);
    assert!(
        matches!(found, Registration::Registered { .. }),
        "{found:?}"
    );
    let stranger = PatientHint::new(FORMER, BORN, "Byrne").unwrap();
    assert_eq!(
        register.registration(&stranger),
        refused(Reason::PatientMismatch)
    );
    let unknown = PatientHint::new("9990000034", BORN, "O'Brien").unwrap();
    assert_eq!(
        register.registration(&unknown),
        refused(Reason::PatientNotFound)
    );
}

#[test]
fn replaced_numbers_that_lead_in_a_circle_find_nobody() {
    let mut builder = RegisterBuilder::default();
    builder.replace(number(NUMBER), number(FORMER));
    builder.replace(number(FORMER), number(NUMBER));
    let register = builder.finish(Timestamp::default()).unwrap();
    assert!(register.find(number(NUMBER)).is_none());
}

#[test]
fn a_number_that_is_there_twice_is_believed_of_nobody() {
    let mut builder = RegisterBuilder::default();
    for practice in ["K81003", "A83008"] {
        builder
            .add(&entry(NUMBER, "O'Brien", Some(practice)))
            .unwrap();
    }
    let finished = builder.finish(Timestamp::default());
    assert_eq!(finished.err(), Some(NotARegister::Twice));
    let mut builder = RegisterBuilder::default();
    let nameless = builder.add(&entry(NUMBER, "--", None));
    assert_eq!(nameless, Err(NotARegister::Family));
}

#[test]
fn events_count_by_their_time_in_whatever_order_and_however_often_they_come() {
    let events = [
        moved("2026-10-02T00:00:00Z", "A83008"),
        moved("2026-10-04T00:00:00Z", "A83627"),
        moved("2026-10-03T00:00:00Z", "K81003"),
        event("2026-10-05T00:00:00Z", Happened::Died(true)),
    ];
    let orders = [[0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 3, 2], [2, 3, 0, 1]];
    for order in orders {
        let mut register = register();
        for index in order.into_iter().chain(order) {
            register.apply(&events[index]);
        }
        let known = register.find(number(NUMBER)).unwrap();
        assert_eq!(known.practice, Some(ods("A83627")), "{order:?}");
        assert!(known.deceased);
    }
}

#[test]
fn an_event_that_the_snapshot_is_newer_than_changes_nothing() {
    let mut register = register();
    let old = moved("2026-10-01T00:00:00Z", "A83008");
    assert_eq!(register.apply(&old), Applied::Known);
    assert_eq!(practice_of(&register), Some(ods("K81003")));
    assert_eq!(register.changed(), 0);
}

#[test]
fn two_practices_at_one_moment_are_none() {
    let (one, other) = (
        moved("2026-10-02T00:00:00Z", "A83008"),
        moved("2026-10-02T00:00:00Z", "A83627"),
    );
    for order in [[&one, &other, &one], [&other, &one, &other]] {
        let mut register = register();
        for event in order {
            register.apply(event);
        }
        assert_eq!(practice_of(&register), None);
        register.apply(&moved("2026-10-03T00:00:00Z", "K81003"));
        assert_eq!(practice_of(&register), Some(ods("K81003")));
    }
}

#[test]
fn an_event_about_somebody_else_of_that_number_is_not_believed() {
    let mut register = register();
    let other_date = DemographicEvent {
        birth_date: Some(born("1950-01-01")),
        ..moved("2026-10-02T00:00:00Z", "A83008")
    };
    let other_name = DemographicEvent {
        birth_date: None,
        family: FamilyName::of("Byrne"),
        ..moved("2026-10-02T00:00:00Z", "A83008")
    };
    let stranger = DemographicEvent {
        nhs_number: number("9990000034"),
        ..moved("2026-10-02T00:00:00Z", "A83008")
    };
    assert_eq!(register.apply(&other_date), Applied::Mismatch);
    assert_eq!(register.apply(&other_name), Applied::Mismatch);
    assert_eq!(register.apply(&stranger), Applied::Stranger);
    assert_eq!(practice_of(&register), Some(ods("K81003")));
}

/// A message of one event, as the events service writes it.
fn message(event: &str, kind: &str, patient: &str) -> String {
    format!(
        r#"<Bundle xmlns="http://hl7.org/fhir"><type value="message"/>
<entry><fullUrl value="urn:uuid:1f4d9c52-0000-4000-8000-000000000001"/><resource><MessageHeader>
<extension url="https://fhir.nhs.uk/STU3/StructureDefinition/Extension-MessageEventType-1"><valueCodeableConcept><coding>
<system value="https://fhir.nhs.uk/STU3/CodeSystem/MessageEventType-1"/><code value="{kind}"/></coding></valueCodeableConcept></extension>
<event><system value="https://fhir.nhs.uk/STU3/CodeSystem/EventType-1"/><code value="{event}"/></event>
<timestamp value="2026-10-02T09:00:00+01:00"/></MessageHeader></resource></entry>
<entry><fullUrl value="urn:uuid:1f4d9c52-0000-4000-8000-000000000002"/><resource><Patient>
<identifier><system value="https://fhir.nhs.uk/Id/nhs-number"/><value value="{NUMBER}"/></identifier>
<name><use value="official"/><family value="O'BRIEN"/></name><birthDate value="{BORN}"/>{patient}</Patient></resource></entry>
<entry><fullUrl value="urn:uuid:1f4d9c52-0000-4000-8000-000000000003"/><resource><Organization>
<identifier><system value="https://fhir.nhs.uk/Id/ods-organization-code"/><value value="A83008"/></identifier></Organization></resource></entry>
</Bundle>"#
    )
}

fn read(text: &str) -> Result<DemographicEvent, NotAnEvent> {
    let facts = format::read(&MediaType::FhirXml, text.as_bytes(), &Limits::default()).unwrap();
    DemographicEvent::of(&facts)
}

const PRACTICE: &str = r#"<generalPractitioner><reference value="urn:uuid:1f4d9c52-0000-4000-8000-000000000003"/></generalPractitioner>"#;
const DECEASED: &str = r#"<deceasedDateTime value="2026-10-01T12:00:00+01:00"/>"#;

#[test]
fn moves_and_deaths_are_read_from_messages_of_the_events_service() {
    let (gp, death) = ("pds-change-of-gp-1", "pds-death-notification-1");
    for (kind, event_type, patient, expected) in [
        (gp, "new", PRACTICE, Happened::Moved(Some(ods("A83008")))),
        (gp, "delete", PRACTICE, Happened::Moved(None)),
        (death, "new", DECEASED, Happened::Died(true)),
        (death, "delete", DECEASED, Happened::Died(false)),
        (death, "update", "", Happened::Died(false)),
    ] {
        let event = read(&message(kind, event_type, patient)).unwrap();
        assert_eq!(event.what, expected, "{kind} {event_type}");
        assert_eq!(event.time, at("2026-10-02T08:00:00Z"));
        assert!(event.nhs_number == number(NUMBER) && event.birth_date == Some(born(BORN)));
    }
}

#[test]
fn a_message_that_leaves_something_open_is_no_event() {
    let gp = message("pds-change-of-gp-1", "new", PRACTICE);
    for (text, why) in [
        (
            gp.replace("pds-change-of-gp-1", "pds-record-change-1"),
            NotAnEvent::Kind,
        ),
        (gp.replace("<timestamp", "<time"), NotAnEvent::Time),
        (gp.replace(NUMBER, "9990000019"), NotAnEvent::Patient),
        (gp.replace(BORN, "1948"), NotAnEvent::Patient),
        (gp.replace(PRACTICE, ""), NotAnEvent::Practice),
        (
            gp.replace(PRACTICE, &PRACTICE.repeat(2)),
            NotAnEvent::Practice,
        ),
        (gp.replace("A83008", "a83008"), NotAnEvent::Practice),
    ] {
        assert_eq!(read(&text).err(), Some(why), "{why}");
    }
}
