//! Answers on the wire.

use axle_core::{
    answer::{Answer, Answers, Wait},
    delivery::Delivery,
};
use axle_model::answer::{ResponseCode, Stage};
use axle_proto::v1::{self as wire, AnswerStage, AnswerState};

use super::time_of;

/// The answers that a delivery's document asks for.
pub(super) fn expected_of(delivery: &Delivery) -> Vec<wire::ExpectedAnswer> {
    let all = Stage::ALL.into_iter();
    all.filter_map(|stage| expected(&delivery.answers, stage))
        .collect()
}

fn expected(answers: &Answers, stage: Stage) -> Option<wire::ExpectedAnswer> {
    let (state, until, code) = match answers.of(stage) {
        Wait::NotAsked => return None,
        Wait::Asked => (AnswerState::Asked, None, None),
        Wait::Awaited { until } => (AnswerState::Awaited, time_of(until), None),
        Wait::Done { code } => (AnswerState::Done, None, Some(code)),
        Wait::Failed { code } => (AnswerState::Failed, None, Some(code)),
        Wait::Lapsed => (AnswerState::Lapsed, None, None),
    };
    Some(wire::ExpectedAnswer {
        stage: stage_of(stage).into(),
        state: state.into(),
        until_time: until,
        response_code: code.map(ResponseCode::number).unwrap_or_default(),
    })
}

/// How the exchange ended; empty while it goes on.
pub(super) fn end_of(delivery: &Delivery) -> String {
    let end = delivery.answers.end();
    end.map(|end| end.to_string()).unwrap_or_default()
}

pub(super) const fn stage_of(stage: Stage) -> AnswerStage {
    match stage {
        Stage::Infrastructure => AnswerStage::Infrastructure,
        Stage::Business => AnswerStage::Business,
    }
}

/// What a message came to as an answer.
pub(super) fn answer_of(answer: &Answer) -> wire::Answer {
    let name = |name: Option<String>| name.unwrap_or_default();
    wire::Answer {
        delivery: name(answer.delivery.map(|id| id.to_string())),
        response_code: answer.code.map(ResponseCode::number).unwrap_or_default(),
        standing: answer.standing.as_str().to_owned(),
        rerouted_to: name(answer.rerouted_to.map(|id| id.to_string())),
    }
}
