//! Answers: a discharge summary that asks for both is answered, or is not, and its sender hears of it
//! once. Nobody answers for another, and the broker's own receipt is no answer.

mod onward;

use std::time::Duration;

use axle_broker::engine::{collect::Room, settle::Settlement, track::MessageKey};
use axle_client::answer::Question;
use axle_core::{
    answer::{End, Standing},
    delivery::{Delivery, State},
    event::EventKind,
    message::Message,
};
use axle_model::{
    answer::ResponseCode,
    digest::Digest,
    envelope::{MediaType, Submission},
    facts::Facts,
    format::{self, Limits},
    id::MessageId,
    mailbox::WorkflowId,
};
use axle_store::Store as _;
use axle_tests::{
    documents::document,
    estate::{OTHER_PRACTICE, OTHER_TRUST, PRACTICE, TRUST},
};

use super::timeless::{Timeless, identity, letter};

const DIRECTORY: &str = r#"
[[mailbox]]
organisation = "K81003"
[[mailbox]]
organisation = "A83008"
[[mailbox]]
organisation = "RR8"
[[mailbox]]
organisation = "RBA"
"#;

const ROUTING: &str = r#"
version = 8
[[workflow]]
id = "TOC_FHIR_IP_DISCH"
inf_due = "4h"
bus_due = "72h"
[[workflow]]
id = "TOC_FHIR_IP_DISCH_ACK"
[[class]]
id = "discharge"
workflow = "TOC_FHIR_IP_DISCH"
match = { event = ["ITK003D"] }
[[class]]
id = "response"
workflow = "TOC_FHIR_IP_DISCH_ACK"
match = { event = ["ITK008M"] }
[[allow]]
sender = "*"
workflow = "*"
recipient = "*"
"#;

const HOUR: u64 = 3_600;

/// A trust's discharge summary, and who is to answer it.
struct Case {
    world: Timeless,
    id: MessageId,
    question: Question,
}

/// What a document asks, as its recipient's system reads it.
fn question(message: MessageId, text: &str, recipient: &str) -> Question {
    let read = format::read(&MediaType::FhirXml, text.as_bytes(), &Limits::default());
    let facts: Facts<'_> = read.unwrap();
    let asked = facts.asked();
    Question {
        delivery: format!("{message}/deliveries/{recipient}"),
        sender: TRUST.to_owned(),
        recipient: recipient.to_owned(),
        workflow: "TOC_FHIR_IP_DISCH_ACK".to_owned(),
        identifier: facts.header_id().unwrap().to_owned(),
        sender_reference: facts.sender_reference().unwrap().to_owned(),
        infrastructure: asked.infrastructure,
        business: asked.business,
    }
}

impl Case {
    /// It waits in the practice's mailbox.
    async fn submitted() -> Self {
        let world = Timeless::of(DIRECTORY, ROUTING);
        let text = document(1, TRUST, PRACTICE).discharge_summary_xml();
        let submission = Submission {
            media_type: MediaType::FhirXml,
            digest: Digest::of(text.as_bytes()),
            body: text.clone().into(),
            ..letter("discharge", "TOC_FHIR_IP_DISCH", &[PRACTICE])
        };
        let accepted = world.engine.submit(&identity(TRUST), submission).await;
        let receipt = accepted.unwrap().receipt;
        let told = format!("{receipt:?}");
        assert!(!told.contains("20013"), "the broker's word is no answer");
        let question = question(receipt.message, &text, PRACTICE);
        assert!(question.infrastructure && question.business);
        Self {
            world,
            id: receipt.message,
            question,
        }
    }

    /// It was collected.
    async fn collected() -> Self {
        let case = Self::submitted().await;
        case.collect(PRACTICE).await;
        case
    }

    async fn collect(&self, who: &str) {
        let (engine, caller) = (&self.world.engine, identity(who));
        let lease = Duration::from_secs(60);
        let collector = engine.collector(&caller, Vec::new(), "test".into(), lease);
        let room = Room {
            deliveries: 1,
            bytes: u64::MAX,
        };
        let claimed = engine.take(&collector.unwrap(), room).await.unwrap();
        let token = claimed.first().unwrap().token;
        let taken = engine.settle(&caller, &token, &Settlement::Acknowledge);
        taken.await.unwrap();
    }

    /// What an answer comes to.
    async fn answer(&self, who: &str, number: u32, id: &str) -> Message {
        self.answer_to(&self.question, who, number, id).await
    }

    async fn answer_to(&self, to: &Question, who: &str, number: u32, id: &str) -> Message {
        let code = ResponseCode::new(number).unwrap();
        let question = Question {
            recipient: who.to_owned(),
            // Each a document of its own.
            delivery: format!("{}/{id}", to.delivery),
            ..to.clone()
        };
        let response = question.answer(code, number == 20013, self.world.engine.now());
        let text = response.content;
        let workflow = WorkflowId::parse(&response.workflow).unwrap();
        let submission = Submission {
            media_type: MediaType::FhirXml,
            digest: Digest::of(text.as_bytes()),
            body: text.into(),
            workflow: Some(workflow),
            ..letter(id, "TOC_FHIR_IP_DISCH_ACK", &[&response.recipient])
        };
        let accepted = self.world.engine.submit(&identity(who), submission).await;
        self.load(accepted.unwrap().receipt.message).await
    }

    async fn standing(&self, who: &str, number: u32, id: &str) -> Standing {
        let response = self.answer(who, number, id).await;
        let waits = response.deliveries[0].mailbox.organisation;
        assert_eq!(waits.as_str(), TRUST, "it is delivered whatever it came to");
        response.answer.unwrap().standing
    }

    async fn load(&self, id: MessageId) -> Message {
        (*self.world.store.load(id).await.unwrap().unwrap()).clone()
    }

    async fn delivery(&self) -> Delivery {
        self.load(self.id).await.deliveries.remove(0)
    }

    /// The notices about it, in their order.
    async fn notices(&self) -> Vec<EventKind> {
        let timeline = self.delivery().await.timeline.into_iter();
        let notices = timeline.filter(axle_core::event::Event::is_notice);
        notices.map(|event| event.kind).collect()
    }

    /// How many reports wait for the trust.
    async fn reports(&self) -> usize {
        let found = self.world.store.find(axle_store::Query {
            sender: Some(axle_model::ods::OdsCode::BROKER),
            page_max: 100,
            ..axle_store::Query::default()
        });
        found.await.unwrap().messages.len()
    }
}

#[tokio::test]
async fn a_timeline_shows_both_answers() {
    let case = Case::collected().await;
    for (number, id) in [(20013, "one"), (30001, "two")] {
        let response = case.answer(PRACTICE, number, id).await;
        let answer = response.answer.unwrap();
        assert_eq!(answer.standing, Standing::Counted);
        assert_eq!(answer.delivery.map(|one| one.message), Some(case.id));
    }
    let delivery = case.delivery().await;
    assert_eq!(delivery.state, State::Acknowledged);
    assert_eq!(delivery.answers.end(), Some(End::Done));
    let codes = delivery.timeline.iter().filter_map(|event| {
        let EventKind::Answered { code, .. } = event.kind else {
            return None;
        };
        Some(code.number())
    });
    assert_eq!(codes.collect::<Vec<_>>(), [20013, 30001]);
    case.world.pass(100 * HOUR).await;
    assert_eq!(case.notices().await, []);
    let own = MessageKey::Message(case.id);
    let tracked = case.world.engine.own_message(&identity(TRUST), &own).await;
    assert_eq!(tracked.unwrap().deliveries, [delivery]);
}

#[tokio::test]
async fn silence_is_told_once_by_notice_and_by_report_and_a_late_answer_undoes_nothing() {
    for (came, hours, end) in [(None, 4, "lapsed-inf"), (Some(20013), 72, "lapsed-bus")] {
        let case = Case::collected().await;
        if let Some(number) = came {
            case.answer(PRACTICE, number, "in-time").await;
        }
        case.world.pass(hours * HOUR - 1).await;
        assert_eq!((case.notices().await.len(), case.reports().await), (0, 0));
        case.world.pass(1).await;
        case.world.pass(1_000).await;
        assert_eq!((case.notices().await.len(), case.reports().await), (1, 1));
        let lapsed = case.delivery().await;
        assert_eq!(lapsed.answers.end().map(End::as_str), Some(end));
        let late = case.standing(PRACTICE, 30001, "late").await;
        assert_eq!(late, Standing::Late);
        assert_eq!(case.delivery().await, lapsed);
        case.world.books();
    }
}

#[tokio::test]
async fn a_negative_answer_ends_it_and_is_a_notice() {
    for number in [20009, 30002, 30013] {
        let case = Case::collected().await;
        assert_eq!(
            case.standing(PRACTICE, number, "no").await,
            Standing::Counted
        );
        let end = case.delivery().await.answers.end();
        assert!(matches!(end, Some(End::Failed(_))), "{number}: {end:?}");
        assert_eq!(case.notices().await.len(), 1);
        let again = case.standing(PRACTICE, number, "no-again").await;
        assert_eq!(again, Standing::Repeated);
        case.world.pass(100 * HOUR).await;
        assert_eq!((case.notices().await.len(), case.reports().await), (1, 0));
    }
}

#[tokio::test]
async fn nobody_answers_for_another() {
    let case = Case::submitted().await;
    // Not before it was given the document, and never for somebody else.
    let early = case.standing(PRACTICE, 20013, "early").await;
    assert_eq!(early, Standing::NotCollected);
    case.collect(PRACTICE).await;
    let before = case.delivery().await;
    let other = case.standing(OTHER_PRACTICE, 30002, "other").await;
    assert_eq!(other, Standing::Unknown);
    // The same name means another thing among what another trust has sent.
    let elsewhere = Question {
        sender: OTHER_TRUST.to_owned(),
        ..case.question.clone()
    };
    let response = case
        .answer_to(&elsewhere, PRACTICE, 30002, "elsewhere")
        .await;
    assert_eq!(response.answer.unwrap().standing, Standing::Unknown);
    assert_eq!(case.delivery().await, before);
    let own = case.standing(PRACTICE, 20013, "own").await;
    assert_eq!(own, Standing::Counted);
}
