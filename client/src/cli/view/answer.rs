//! The answers of recipients (ITK3), for programs.

use axle_proto::v1::{Answer, ExpectedAnswer};
use serde::Serialize;

use super::rfc3339;
use crate::convert::{answer_word, stage_word};

#[derive(Debug, Serialize)]
pub(super) struct ExpectedView {
    stage: String,
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    until_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_code: Option<u32>,
}

impl From<&ExpectedAnswer> for ExpectedView {
    fn from(answer: &ExpectedAnswer) -> Self {
        Self {
            stage: stage_word(answer.stage()),
            state: answer_word(answer.state()),
            until_time: rfc3339(answer.until_time.as_ref()),
            response_code: (answer.response_code != 0).then_some(answer.response_code),
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct AnswerView {
    #[serde(skip_serializing_if = "String::is_empty")]
    delivery: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_code: Option<u32>,
    standing: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    rerouted_to: String,
}

impl From<&Answer> for AnswerView {
    fn from(answer: &Answer) -> Self {
        Self {
            delivery: answer.delivery.clone(),
            response_code: (answer.response_code != 0).then_some(answer.response_code),
            standing: answer.standing.clone(),
            rerouted_to: answer.rerouted_to.clone(),
        }
    }
}
