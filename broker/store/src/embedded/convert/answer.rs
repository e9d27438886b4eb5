//! Answers to records and back.

use std::time::Duration;

use axle_core::answer::{Answer, Answers, Dues, Standing, Wait};
use axle_model::{
    answer::{ResponseCode, Stage},
    time::Timestamp,
};

use super::{delivery_id, digest, id};
use crate::embedded::record::{AnswerRecord, Malformed, WaitRecord, WaitWord};

/// How one of the answers stands; `None` when nothing is to be said.
pub(super) fn wait(answers: &Answers, stage: Stage) -> Option<WaitRecord> {
    let due = match stage {
        Stage::Infrastructure => answers.dues.infrastructure,
        Stage::Business => answers.dues.business,
    };
    let (word, until, code) = match answers.of(stage) {
        Wait::NotAsked => (WaitWord::NotAsked, None, None),
        Wait::Asked => (WaitWord::Asked, None, None),
        Wait::Awaited { until } => (WaitWord::Awaited, Some(until), None),
        Wait::Done { code } => (WaitWord::Done, None, Some(code)),
        Wait::Failed { code } => (WaitWord::Failed, None, Some(code)),
        Wait::Lapsed => (WaitWord::Lapsed, None, None),
    };
    (due.is_some() || word != WaitWord::NotAsked).then(|| WaitRecord {
        word: word.into(),
        due_micros: due.map(|due| u64::try_from(due.as_micros()).unwrap_or(u64::MAX)),
        until_micros: until.unwrap_or_default().as_micros(),
        code: code.map(ResponseCode::number).unwrap_or_default(),
    })
}

/// How both answers stand.
pub(super) fn answers(
    infrastructure: Option<WaitRecord>,
    business: Option<WaitRecord>,
) -> Result<Answers, Malformed> {
    let read = |record: Option<WaitRecord>| record.map_or(Ok(Wait::NotAsked), read_wait);
    let due = |record: Option<WaitRecord>| record?.due_micros.map(Duration::from_micros);
    Ok(Answers {
        infrastructure: read(infrastructure)?,
        business: read(business)?,
        dues: Dues {
            infrastructure: due(infrastructure),
            business: due(business),
        },
    })
}

fn read_wait(record: WaitRecord) -> Result<Wait, Malformed> {
    let word = WaitWord::try_from(record.word).map_err(|_| Malformed("how an answer stands"))?;
    Ok(match word {
        WaitWord::NotAsked => Wait::NotAsked,
        WaitWord::Asked => Wait::Asked,
        WaitWord::Awaited => Wait::Awaited {
            until: Timestamp::from_micros(record.until_micros),
        },
        WaitWord::Done => Wait::Done {
            code: code(record.code)?,
        },
        WaitWord::Failed => Wait::Failed {
            code: code(record.code)?,
        },
        WaitWord::Lapsed => Wait::Lapsed,
    })
}

fn code(number: u32) -> Result<ResponseCode, Malformed> {
    ResponseCode::new(number).ok_or(Malformed("a response code"))
}

impl From<&Answer> for AnswerRecord {
    fn from(answer: &Answer) -> Self {
        Self {
            of: answer.of.map(|name| name.as_bytes().to_vec()),
            delivery: answer.delivery.as_ref().map(ToString::to_string),
            code: answer.code.map(ResponseCode::number),
            standing: answer.standing.as_str().to_owned(),
            rerouted_to: answer.rerouted_to.map(|id| id.as_bytes().to_vec()),
        }
    }
}

/// What a message came to as an answer.
pub(super) fn of(record: AnswerRecord) -> Result<Answer, Malformed> {
    let mut all = Standing::ALL.into_iter();
    let standing = all.find(|standing| standing.as_str() == record.standing);
    Ok(Answer {
        of: record.of.as_deref().map(digest).transpose()?,
        delivery: record.delivery.as_deref().map(delivery_id).transpose()?,
        code: record.code.map(code).transpose()?,
        standing: standing.ok_or(Malformed("the standing of an answer"))?,
        rerouted_to: record.rerouted_to.as_deref().map(id).transpose()?,
    })
}
