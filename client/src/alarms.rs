//! Alarms for operators: those in force, and what is raised and cleared as it happens.

use std::collections::VecDeque;

use axle_proto::v1::{
    Alarm, ListAlarmsRequest, WatchAlarmsRequest, WatchAlarmsResponse,
    watch_alarms_response::Update,
};
use tokio::time::{sleep, timeout};
use tonic::Streaming;

use crate::{
    connection::Client, error::ClientError, retry::Backoff, retry::CALL_DEADLINE,
    watch::SILENCE_MAX,
};

/// What a watch tells.
#[derive(Clone, Debug, PartialEq)]
pub enum AlarmTurn {
    /// It is in force now, and was not before as far as this watch knows.
    Raised(Alarm),
    /// It was in force, like this, and no longer is.
    Cleared(Alarm),
}

/// A watch over the alarms.
#[derive(Debug)]
pub struct AlarmWatch {
    client: Client,
    stream: Option<Streaming<WatchAlarmsResponse>>,
    /// What was told to be in force.
    told: Vec<Alarm>,
    ready: VecDeque<AlarmTurn>,
}

impl Client {
    /// The alarms in force, by kind and subject.
    pub async fn alarms(&self) -> Result<Vec<Alarm>, ClientError> {
        let answer = self
            .call(CALL_DEADLINE, ListAlarmsRequest {}, |request| {
                let mut service = self.admin();
                async move { service.list_alarms(request).await }
            })
            .await?;
        Ok(answer.alarms)
    }

    /// Watches the alarms, beginning with those in force. It connects with the first call of `next`.
    pub fn watch_alarms(&self) -> AlarmWatch {
        AlarmWatch {
            client: self.clone(),
            stream: None,
            told: Vec::new(),
            ready: VecDeque::new(),
        }
    }
}

impl AlarmWatch {
    /// The next turn. Reconnects for as long as that can help, and then tells what turned meanwhile;
    /// an error is final. May be dropped while it waits without losing a turn.
    pub async fn next(&mut self) -> Result<AlarmTurn, ClientError> {
        let mut backoff = Backoff::new(self.client.retry());
        loop {
            if let Some(turn) = self.ready.pop_front() {
                return Ok(turn);
            }
            let error = match timeout(SILENCE_MAX, self.step()).await {
                Ok(Ok(update)) => {
                    self.note(update);
                    continue;
                }
                Ok(Err(error)) => error,
                Err(_) => ClientError::unreachable(format!(
                    "the broker gave no sign of life for {} s",
                    SILENCE_MAX.as_secs()
                )),
            };
            self.stream = None;
            if !error.is_retryable() {
                return Err(error);
            }
            sleep(backoff.next_delay(error.retry_after())).await;
        }
    }

    async fn step(&mut self) -> Result<Option<Update>, ClientError> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                let mut service = self.client.admin();
                let opened = service.watch_alarms(WatchAlarmsRequest {}).await?;
                self.stream.insert(opened.into_inner())
            }
        };
        let next = stream.message().await?;
        let next = next.ok_or_else(|| ClientError::unreachable("the broker ended the stream"))?;
        Ok(next.update)
    }

    fn note(&mut self, update: Option<Update>) {
        match update {
            Some(Update::Standing(standing)) => {
                let gone = |one: &Alarm| !standing.alarms.iter().any(|other| same(one, other));
                let cleared: Vec<Alarm> =
                    self.told.iter().filter(|one| gone(one)).cloned().collect();
                cleared.into_iter().for_each(|alarm| self.clear(alarm));
                standing
                    .alarms
                    .into_iter()
                    .for_each(|alarm| self.raise(alarm));
            }
            Some(Update::Raised(alarm)) => self.raise(alarm),
            Some(Update::Cleared(alarm)) => self.clear(alarm),
            Some(Update::Heartbeat(_)) | None => {}
        }
    }

    fn raise(&mut self, alarm: Alarm) {
        if !self.told.iter().any(|one| same(one, &alarm)) {
            self.told.push(alarm.clone());
            self.ready.push_back(AlarmTurn::Raised(alarm));
        }
    }

    fn clear(&mut self, alarm: Alarm) {
        self.told.retain(|one| !same(one, &alarm));
        self.ready.push_back(AlarmTurn::Cleared(alarm));
    }
}

/// Whether they are the same alarm, at whatever time and with whatever count.
fn same(one: &Alarm, other: &Alarm) -> bool {
    (one.kind, &one.subject) == (other.kind, &other.subject)
}
