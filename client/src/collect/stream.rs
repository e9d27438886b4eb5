//! The task behind a collector: one Collect stream after another. It never waits for its consumer
//! while a stream stands, so that results of commands are always heard: the credits it gives are
//! the places it has.

use std::{collections::HashMap, sync::Arc, time::Duration};

use axle_proto::v1::{
    CollectRequest, CollectResponse, LeasedDelivery, collect_request::Command,
    collect_response::Update,
};
use tokio::{
    sync::{
        mpsc::{self, UnboundedSender},
        oneshot, watch,
    },
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::Streaming;

use super::{
    CollectOptions, Connection, Received, download,
    settle::{Commands, Pending, Settler},
};
use crate::{
    connection::Client,
    error::ClientError,
    retry::{Backoff, CALL_DEADLINE},
    watch::SILENCE_MAX,
};

/// How long a delivery that could not be completed rests before it is offered again.
const RETRY_DELAY: Duration = Duration::from_secs(5);

pub(super) struct Stream {
    pub(super) client: Client,
    pub(super) options: CollectOptions,
    pub(super) settler: Settler,
    pub(super) deliver: mpsc::Sender<Result<Received, ClientError>>,
    pub(super) note: watch::Sender<Connection>,
    pub(super) publish: watch::Sender<Commands>,
    pub(super) downloaded: Arc<watch::Sender<u64>>,
}

/// One stream, from its start to its end.
struct Session {
    requests: UnboundedSender<CollectRequest>,
    responses: Streaming<CollectResponse>,
    waiting: HashMap<u64, oneshot::Sender<Result<(), ClientError>>>,
    last_command: u64,
    /// Deliveries heard, on this stream and those before it.
    heard: u64,
}

impl Stream {
    /// Runs until nobody listens, or until an error that no repeat mends, which is the last item.
    pub(super) async fn run(self) {
        // Dropped, and so stopped, with the collector.
        let mut fetching = JoinSet::new();
        let mut backoff = Backoff::new(self.client.retry());
        let mut alive = Instant::now();
        let mut heard = 0;
        loop {
            // The places taken by the last stream's documents are no credits for the next.
            let places = self.deliver.max_capacity();
            if self.deliver.reserve_many(places).await.is_err() {
                return;
            }
            let error = match self.open(heard).await {
                Ok(mut session) => {
                    let (lived, error) = self.serve(&mut session, &mut fetching).await;
                    heard = session.heard;
                    if let Some(last) = lived {
                        alive = last;
                        backoff = Backoff::new(self.client.retry());
                    }
                    error
                }
                Err(error) => error,
            };
            self.publish.send_replace(None);
            let delay = backoff.next_delay(error.retry_after());
            let spent = (self.options.reconnect_for)
                .is_some_and(|patience| alive.elapsed() + delay > patience);
            if !error.is_retryable() || spent {
                // Without a subject, so that it is told apart from an error about one delivery.
                let _ = self.deliver.send(Err(error.about(""))).await;
                return;
            }
            self.note.send_replace(Connection::Lost(error));
            sleep(delay).await;
        }
    }

    async fn open(&self, heard: u64) -> Result<Session, ClientError> {
        let (requests, outgoing) = mpsc::unbounded_channel();
        let start = CollectRequest {
            command_id: 1,
            command: Some(Command::Start(self.options.start())),
        };
        let ended = || ClientError::unreachable("the stream could not be opened in time");
        requests.send(start).map_err(|_| ended())?;
        let mut service = self.client.collection();
        let opening = service.collect(UnboundedReceiverStream::new(outgoing));
        let responses = timeout(CALL_DEADLINE, opening)
            .await
            .map_err(|_| ended())??;
        Ok(Session {
            requests,
            responses: responses.into_inner(),
            waiting: HashMap::new(),
            last_command: 1,
            heard,
        })
    }

    /// Serves one stream until it ends: when it last gave a sign of life, if ever, and how it ended.
    async fn serve(
        &self,
        session: &mut Session,
        fetching: &mut JoinSet<()>,
    ) -> (Option<Instant>, ClientError) {
        let (commands, mut incoming) = mpsc::unbounded_channel();
        self.publish.send_replace(Some(commands));
        let mut lived: Option<Instant> = None;
        loop {
            let silence = lived.unwrap_or_else(Instant::now) + SILENCE_MAX;
            let error = tokio::select! {
                response = session.responses.message() => match response {
                    Ok(Some(response)) => {
                        lived = Some(Instant::now());
                        self.heard(response, session, fetching);
                        continue;
                    }
                    Ok(None) => ClientError::unreachable("the broker ended the stream"),
                    Err(status) => ClientError::from(status),
                },
                Some(pending) = incoming.recv() => {
                    session.send(pending);
                    continue;
                }
                // Collects the finished ones; their results went their own way.
                Some(_) = fetching.join_next() => continue,
                () = self.deliver.closed() => ClientError::unreachable("nobody listens"),
                () = tokio::time::sleep_until(silence) => ClientError::unreachable(format!(
                    "the broker gave no sign of life for {} s",
                    SILENCE_MAX.as_secs()
                )),
            };
            return (lived, error);
        }
    }

    fn heard(&self, response: CollectResponse, session: &mut Session, fetching: &mut JoinSet<()>) {
        match response.update {
            Some(Update::Delivery(delivery)) => {
                session.heard += 1;
                self.leased(delivery, fetching);
            }
            Some(Update::Result(result)) => {
                if let Some(waiting) = session.waiting.remove(&result.command_id) {
                    // Whoever asked may have stopped waiting.
                    let _ = waiting.send(ClientError::of_result(result));
                }
            }
            Some(Update::Heartbeat(heartbeat)) => {
                let open = matches!(*self.note.borrow(), Connection::Open { .. });
                if !open {
                    self.note.send_replace(Connection::Open {
                        announced: session.heard + heartbeat.queued_count,
                    });
                }
            }
            None => {}
        }
    }
}

impl Stream {
    /// Hands a delivery on: at once and in order when its content came along.
    fn leased(&self, delivery: LeasedDelivery, fetching: &mut JoinSet<()>) {
        let token = delivery.lease_token.clone();
        let (client, settler) = (self.client.clone(), self.settler.clone());
        let (deliver, downloaded) = (self.deliver.clone(), self.downloaded.clone());
        if !delivery.content_inline {
            fetching.spawn(async move {
                let item = download::fetched(&client, &downloaded, delivery).await;
                hand_over(&settler, &deliver, &token, item).await;
            });
            return;
        }
        let item = download::verified(delivery);
        // A place is missing only when a lease ran out here and its delivery came a second time.
        match self.deliver.try_reserve() {
            Ok(place) if item.is_ok() => place.send(item),
            Ok(_) | Err(_) => {
                fetching.spawn(async move { hand_over(&settler, &deliver, &token, item).await });
            }
        }
    }
}

impl Session {
    fn send(&mut self, pending: Pending) {
        self.last_command += 1;
        let request = CollectRequest {
            command_id: self.last_command,
            command: Some(pending.command),
        };
        // When the stream is ending the result is dropped, and the settler makes a call instead.
        if self.requests.send(request).is_ok() {
            self.waiting.insert(self.last_command, pending.result);
        }
    }
}

/// Hands an item to the consumer, waiting for a place; a delivery that could not be completed is
/// given back first. That is best effort: what cannot be given back is offered again when its lease
/// runs out.
async fn hand_over(
    settler: &Settler,
    deliver: &mpsc::Sender<Result<Received, ClientError>>,
    token: &str,
    item: Result<Received, ClientError>,
) {
    let _ = match &item {
        Ok(_) => Ok(()),
        // As a failed attempt, so that a document damaged for good ends as a dead letter.
        Err(error) if error.reason() == download::DAMAGED => {
            settler.reject(token, download::DAMAGED, true).await
        }
        Err(_) => settler.release(token, RETRY_DELAY).await,
    };
    if deliver.send(item).await.is_err() {
        let _ = settler.release(token, Duration::ZERO).await;
    }
}
