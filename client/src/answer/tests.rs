#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use axle_model::{facts::Facts, ods::OdsCode, synthetic};

use super::*;
use crate::testing::delivery;

fn received(media_type: &str, text: String) -> Received {
    let leased = delivery(1, text.as_bytes(), true);
    let mut message = leased.message.unwrap();
    (message.media_type, message.sender) = (media_type.to_owned(), "RR8".to_owned());
    message.workflow = "TOC_FHIR_IP_DISCH".to_owned();
    Received {
        name: leased.name,
        token: leased.lease_token,
        mailbox: "mailboxes/K81003/TOC".to_owned(),
        attempt: 1,
        lease_expire_time: None,
        message,
        content: leased.content,
    }
}

fn document() -> synthetic::Document {
    let ods = |code| OdsCode::parse(code).unwrap();
    synthetic::Document::new(1, ods("RR8"), ods("K81003"))
}

fn question() -> Question {
    let xml = received("application/fhir+xml", document().discharge_summary_xml());
    Question::of(&xml).unwrap()
}

fn with<T>(response: &Response, look: impl FnOnce(&Facts<'_>) -> T) -> T {
    let read = format::read(
        &MediaType::FhirXml,
        response.content.as_bytes(),
        &Limits::default(),
    );
    look(&read.unwrap())
}

#[test]
fn what_a_document_asks_is_read_from_either_syntax() {
    let json = received("application/fhir+json", document().discharge_summary_json());
    let (xml, json) = (question(), Question::of(&json).unwrap());
    assert_eq!(xml, json);
    assert!(xml.infrastructure && xml.business);
    assert_eq!((&*xml.sender, &*xml.recipient), ("RR8", "K81003"));
    assert_eq!(xml.workflow, "TOC_FHIR_IP_DISCH_ACK");
}

#[test]
fn a_document_that_is_no_message_asks_nothing() {
    let letter = received("application/fhir+json", document().outpatient_letter_json());
    assert_eq!(Question::of(&letter), None);
    let scan = received("application/pdf", "%PDF-".to_owned());
    assert_eq!(Question::of(&scan), None);
}

#[test]
fn a_response_names_its_message_and_says_one_thing_of_it() {
    let question = question();
    for (number, positive, fared) in [
        (20013, true, "ok"),
        (20009, false, "fatal-error"),
        (30002, false, "fatal-error"),
        (30020, true, "ok"),
    ] {
        let code = ResponseCode::new(number).unwrap();
        let response = question.answer(code, positive, Timestamp::default());
        with(&response, |facts| {
            assert!(facts.flaws.is_empty());
            let answering = facts.answering().unwrap();
            assert_eq!(answering.identifier, Some(&*question.identifier));
            assert_eq!(answering.code, Some(code));
            assert_eq!(facts.response_codings().count(), 1);
            assert!(facts.asked().is_none(), "an answer asks for none");
            assert_eq!(facts.sender(), OdsCode::parse("K81003").ok());
            assert_eq!(facts.sender_reference(), Some(&*question.sender_reference));
            let said = facts.header().unwrap().response.as_ref().unwrap();
            assert_eq!(said.code.as_deref(), Some(fared));
        });
    }
}

#[test]
fn one_answer_has_one_name_and_its_ids_stay() {
    let question = question();
    let [first, again, business] = [(20013, 1), (20013, 1), (30001, 1)].map(|(number, at)| {
        let code = ResponseCode::new(number).unwrap();
        question.answer(code, true, Timestamp::from_micros(at))
    });
    assert_eq!(first, again);
    assert_ne!(first.submission_id, business.submission_id);
    assert!(first.submission_id.len() <= 100, "{}", first.submission_id);
}

#[test]
fn what_the_sender_wrote_cannot_break_out_of_its_place() {
    let reference = "\"/><Patient>&amp;<\n\t'";
    let question = Question {
        sender_reference: reference.to_owned(),
        ..question()
    };
    let response = question.answer(ResponseCode::SUCCESS, true, Timestamp::default());
    with(&response, |facts| {
        assert_eq!(facts.sender_reference(), Some(reference));
        assert!(facts.patient().is_none());
    });
}
