//! The stream of Collect: one half hands out what the credits allow, the other carries out what the
//! collector says. Settlements run side by side, so that many share one sync of the store.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axle_core::lease::LeaseToken;
use axle_model::{identity::Identity, refusal::Refusal};
use axle_proto::v1::{self as wire, collect_request::Command, collect_response::Update};
use axle_store::{Claimed, Store};
use futures::stream::{BoxStream, FuturesUnordered, StreamExt};
use tokio::sync::{Notify, mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::{
    credits::Credits,
    foreign::in_our_words,
    reply::{leased_of, result_of},
    status::status_of,
    streams::Open,
    terms::{consumer_of, delay_of, inline_of, lease_of, mailbox_id_of, rejection_of},
    watch_stream::{HEARTBEAT, heartbeat},
};
use crate::{
    clock::Clock,
    engine::{
        Engine,
        collect::Collector,
        settle::{Settlement, not_your_lease},
    },
};

/// Responses on their way to the network; behind them the collector's credits hold back.
const RESPONSES_MAX: usize = 16;
/// Settlements under way at a time.
const SETTLEMENTS_MAX: usize = 256;
/// Mailboxes of one stream.
const MAILBOXES_MAX: usize = 16;
/// Credits: deliveries, when the collector says nothing, and at most.
const DELIVERIES: (u32, u32) = (16, 1_000);
/// Credits: bytes, when the collector says nothing.
const BYTES: u64 = 64 * 1024 * 1024;
/// How soon a stream without room looks for leases that have run out.
const ROOM_TICK: Duration = Duration::from_secs(1);

type Responses = mpsc::Sender<Result<wire::CollectResponse, Status>>;

struct Session<S, C> {
    engine: Arc<Engine<S, C>>,
    identity: Arc<Identity>,
    collector: Collector,
    inline_bytes_max: u64,
    lease_max: Duration,
    credits: Mutex<Credits>,
    given_back: Notify,
    responses: Responses,
}

/// Begins a stream; its first request says what is collected.
pub(super) fn begin<S: Store, C: Clock>(
    engine: Arc<Engine<S, C>>,
    identity: Arc<Identity>,
    mut requests: Streaming<wire::CollectRequest>,
    open: Open,
) -> BoxStream<'static, Result<wire::CollectResponse, Status>> {
    let (responses, receiver) = mpsc::channel(RESPONSES_MAX);
    tokio::spawn(async move {
        let _open = open;
        let first = requests
            .next()
            .await
            .and_then(|request| request.ok()?.command);
        let started = match first {
            Some(Command::Start(start)) => {
                Session::start(engine, identity, start, responses.clone())
            }
            Some(_) | None => {
                let what = "the first request of a Collect stream must be `start`";
                Err(Refusal::field(
                    "start",
                    what,
                    "begin the stream with `start`",
                ))
            }
        };
        match started {
            Ok(session) => session.run(requests).await,
            Err(refusal) => drop(responses.send(Err(status_of(refusal))).await),
        }
    });
    ReceiverStream::new(receiver).boxed()
}

impl<S: Store, C: Clock> Session<S, C> {
    fn start(
        engine: Arc<Engine<S, C>>,
        identity: Arc<Identity>,
        start: wire::CollectStart,
        responses: Responses,
    ) -> Result<Self, Refusal> {
        let lease_max = engine.view().limits.lease_max;
        if start.mailboxes.len() > MAILBOXES_MAX {
            let what = format!(
                "{} mailboxes; a stream takes {MAILBOXES_MAX}",
                start.mailboxes.len()
            );
            return Err(Refusal::field(
                "mailboxes",
                what,
                "open another stream for the rest",
            ));
        }
        let named = start.mailboxes.iter().enumerate();
        let mailboxes =
            named.map(|(index, name)| mailbox_id_of(&format!("mailboxes[{index}]"), name));
        let mailboxes = mailboxes.collect::<Result<Vec<_>, _>>()?;
        let consumer = consumer_of(start.consumer_id)?;
        let lease = lease_of(start.lease_duration.as_ref(), lease_max)?;
        let collector = engine.collector(&identity, mailboxes, consumer, lease)?;
        let (deliveries, bytes) = limits_of(
            start.max_outstanding_deliveries,
            start.max_outstanding_bytes,
        );
        Ok(Self {
            inline_bytes_max: inline_of(start.max_inline_bytes),
            credits: Mutex::new(Credits::new(deliveries, bytes)),
            given_back: Notify::new(),
            engine,
            identity,
            collector,
            lease_max,
            responses,
        })
    }

    /// Runs until the collector ends the stream, or the broker does.
    async fn run(self, requests: Streaming<wire::CollectRequest>) {
        let (ended, end) = watch::channel(false);
        let obey = async {
            self.obey(requests, end.clone()).await;
            ended.send_replace(true);
        };
        let hand_out = async {
            self.hand_out(end.clone()).await;
            ended.send_replace(true);
        };
        tokio::join!(obey, hand_out, self.beat(end.clone()));
    }

    async fn hand_out(&self, mut end: watch::Receiver<bool>) {
        let draining = self.engine.draining();
        while !*end.borrow() && !*draining.borrow() {
            let room = self.credits().room(self.engine.now());
            let Some(room) = room else {
                tokio::select! {
                    () = self.given_back.notified() => {}
                    // A lease settled on another connection gives its room back when it runs out.
                    () = tokio::time::sleep(ROOM_TICK) => {}
                    _ = end.changed() => {}
                }
                continue;
            };
            let stop = Box::pin(ended(end.clone()));
            match self.engine.next(&self.collector, room, stop).await {
                Ok(claimed) => {
                    for claimed in claimed {
                        self.give(claimed).await;
                    }
                }
                Err(refusal) => {
                    let _ = self.responses.send(Err(status_of(refusal))).await;
                    return;
                }
            }
        }
        if *draining.borrow() {
            let _ = self
                .respond(Update::Heartbeat(heartbeat(self.engine.now(), true, 0)))
                .await;
            self.settled_or_ended(end).await;
        }
    }

    async fn give(&self, claimed: Claimed) {
        let token = claimed.token;
        let leased = match self
            .engine
            .inline_body(&claimed, self.inline_bytes_max)
            .await
        {
            Ok(body) => leased_of(&claimed, body),
            // The store has logged it. The lease runs out, and in the end the sender is told.
            Err(_) => return,
        };
        if let Some(until) = claimed.lease_until() {
            self.credits().take(&token, claimed.message.size, until);
        }
        if self.respond(Update::Delivery(leased)).await.is_err() {
            // Nobody is there to take it: let the next collector have it at once.
            let back = Settlement::Release(Duration::ZERO);
            let _ = self.engine.settle(&self.identity, &token, &back).await;
        }
    }

    async fn obey(
        &self,
        mut requests: Streaming<wire::CollectRequest>,
        mut end: watch::Receiver<bool>,
    ) {
        let mut settling = FuturesUnordered::new();
        loop {
            tokio::select! {
                request = requests.next(), if settling.len() < SETTLEMENTS_MAX => match request {
                    Some(Ok(request)) => settling.push(self.carry_out(request)),
                    Some(Err(status)) => {
                        self.complain(&status).await;
                        break;
                    }
                    None => break,
                },
                Some(result) = settling.next() => self.report(result).await,
                _ = end.changed() => break,
            }
        }
        while let Some(result) = settling.next().await {
            self.report(result).await;
        }
    }

    /// Tells a collector whose request cannot be read; one that is gone hears nothing.
    async fn complain(&self, status: &Status) {
        if let Some(ours) = in_our_words(status) {
            let _ = self.responses.send(Err(ours)).await;
        }
    }

    async fn report(&self, result: Option<wire::CommandResult>) {
        if let Some(result) = result {
            let _ = self.respond(Update::Result(result)).await;
        }
    }

    /// Carries out one command; credits are taken silently, everything else has a result.
    async fn carry_out(&self, request: wire::CollectRequest) -> Option<wire::CommandResult> {
        let (token, what) = match request.command {
            Some(Command::Acknowledge(command)) => {
                (command.lease_token, Ok(Settlement::Acknowledge))
            }
            Some(Command::Reject(command)) => (
                command.lease_token,
                rejection_of(&command.reason_code, command.retryable),
            ),
            Some(Command::Extend(command)) => {
                let span = lease_of(command.lease_duration.as_ref(), self.lease_max);
                (command.lease_token, span.map(Settlement::Extend))
            }
            Some(Command::Release(command)) => {
                let delay = delay_of(command.delay.as_ref(), self.lease_max);
                (command.lease_token, delay.map(Settlement::Release))
            }
            Some(Command::Credit(credit)) => {
                let (deliveries, bytes) = limits_of(
                    credit.max_outstanding_deliveries,
                    credit.max_outstanding_bytes,
                );
                self.credits().set(deliveries, bytes);
                self.given_back.notify_one();
                return None;
            }
            Some(Command::Start(_)) | None => {
                let what = "a stream is started once, and every further request is a command";
                let refusal = Refusal::field("command", what, "open another stream to start again");
                return Some(result_of(request.command_id, Err(refusal)));
            }
        };
        let outcome = match (LeaseToken::parse(&token), what) {
            (Some(token), Ok(what)) => self.settle(&token, &what).await,
            (None, _) => Err(not_your_lease()),
            (_, Err(refusal)) => Err(refusal),
        };
        Some(result_of(request.command_id, outcome))
    }

    async fn settle(&self, token: &LeaseToken, what: &Settlement) -> Result<(), Refusal> {
        let outcome = self.engine.settle(&self.identity, token, what).await;
        if let (Settlement::Extend(span), true) = (what, outcome.is_ok()) {
            self.credits().extend(token, self.engine.now().after(*span));
        } else {
            // Settled, or lost: either way it is no longer held.
            self.credits().give_back(token);
            self.given_back.notify_one();
        }
        outcome
    }

    async fn beat(&self, mut end: watch::Receiver<bool>) {
        let mut tick = tokio::time::interval(HEARTBEAT);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                _ = end.wait_for(|ended| *ended) => return,
            }
            let queued = self.engine.queued(&self.collector).await;
            if self
                .respond(Update::Heartbeat(heartbeat(
                    self.engine.now(),
                    false,
                    queued,
                )))
                .await
                .is_err()
            {
                return;
            }
        }
    }

    /// While the broker drains: waits until nothing is held, so that it can still be settled here.
    async fn settled_or_ended(&self, mut end: watch::Receiver<bool>) {
        while !*end.borrow() && !self.credits().holds_nothing(self.engine.now()) {
            tokio::select! {
                () = self.given_back.notified() => {}
                () = tokio::time::sleep(ROOM_TICK) => {}
                _ = end.changed() => {}
            }
        }
    }

    async fn respond(&self, update: Update) -> Result<(), ()> {
        let response = wire::CollectResponse {
            update: Some(update),
        };
        self.responses.send(Ok(response)).await.map_err(|_| ())
    }

    fn credits(&self) -> MutexGuard<'_, Credits> {
        self.credits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn ended(mut end: watch::Receiver<bool>) {
    // A closed channel means the stream's other half is gone: that is an end too.
    let _ = end.wait_for(|ended| *ended).await;
}

fn limits_of(deliveries: u32, bytes: u64) -> (usize, u64) {
    let (default, max) = DELIVERIES;
    let deliveries = if deliveries == 0 {
        default
    } else {
        deliveries.min(max)
    };
    (deliveries as usize, if bytes == 0 { BYTES } else { bytes })
}
