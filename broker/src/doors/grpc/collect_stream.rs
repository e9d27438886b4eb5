//! The stream of Collect: one half hands out what the credits allow, the other carries out what the
//! collector says. Whatever there is to say at once goes out as one page.

mod obey;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axle_core::lease::LeaseToken;
use axle_model::{identity::Identity, refusal::Refusal};
use axle_proto::v1::{self as wire, collect_request::Command, collect_response::Update};
use axle_store::{Claimed, Store};
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use tokio::sync::{Notify, mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::{
    credits::Credits,
    reply::leased_of,
    status::status_of,
    streams::Open,
    terms::{consumer_of, inline_of, lease_of, mailbox_id_of},
    watch_stream::{HEARTBEAT, heartbeat},
};
use crate::{
    clock::Clock,
    engine::{Engine, collect::Collector, settle::Settlement},
};

/// Pages of responses on their way to the network; behind them the collector's credits hold back.
const PAGES_MAX: usize = 4;
/// A page of deliveries is handed on once its documents are this long.
const PAGE_BYTES: usize = 256 * 1024;
/// Mailboxes of one stream.
const MAILBOXES_MAX: usize = 16;
/// Credits: deliveries, when the collector says nothing, and at most.
const DELIVERIES: (u32, u32) = (16, 1_000);
/// Credits: bytes, when the collector says nothing.
const BYTES: u64 = 64 * 1024 * 1024;
/// How soon a stream without room looks for leases that have run out.
const ROOM_TICK: Duration = Duration::from_secs(1);

type Responses = mpsc::Sender<Result<Vec<wire::CollectResponse>, Status>>;

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
    let (responses, receiver) = mpsc::channel(PAGES_MAX);
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
    let pages = ReceiverStream::new(receiver);
    pages
        .map_ok(|page| stream::iter(page.into_iter().map(Ok)))
        .try_flatten()
        .boxed()
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
                Ok(claimed) => self.give(claimed).await,
                Err(refusal) => {
                    let _ = self.responses.send(Err(status_of(refusal))).await;
                    return;
                }
            }
        }
        if *draining.borrow() {
            let _ = self
                .respond([Update::Heartbeat(heartbeat(self.engine.now(), true, 0))])
                .await;
            self.settled_or_ended(end).await;
        }
    }

    async fn give(&self, claimed: Vec<Claimed>) {
        let (mut page, mut bytes) = (Vec::with_capacity(claimed.len()), 0);
        for claimed in claimed {
            let body = self.engine.inline_body(&claimed, self.inline_bytes_max);
            let Ok(body) = body.await else {
                // The store has logged it. The lease runs out, and in the end the sender is told.
                continue;
            };
            if let Some(until) = claimed.lease_until() {
                let size = claimed.message.size;
                self.credits().take(&claimed.token, size, until);
            }
            bytes += body.as_ref().map_or(0, Bytes::len);
            page.push((claimed.token, leased_of(&claimed, body)));
            if bytes >= PAGE_BYTES {
                self.hand_over(std::mem::take(&mut page)).await;
                bytes = 0;
            }
        }
        self.hand_over(page).await;
    }

    async fn hand_over(&self, page: Vec<(LeaseToken, wire::LeasedDelivery)>) {
        if page.is_empty() {
            return;
        }
        let (tokens, deliveries): (Vec<_>, Vec<_>) = page.into_iter().unzip();
        let updates = deliveries.into_iter().map(Update::Delivery);
        if self.respond(updates).await.is_err() {
            // Nobody is there to take them: let the next collector have them at once.
            let back = tokens.into_iter();
            let back = back.map(|token| (token, Settlement::Release(Duration::ZERO)));
            let back: Vec<_> = back.collect();
            let _ = self.engine.settle_all(&self.identity, &back).await;
        }
    }

    async fn beat(&self, mut end: watch::Receiver<bool>) {
        let mut tick = tokio::time::interval(HEARTBEAT);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                _ = end.wait_for(|ended| *ended) => return,
            }
            // Should ever a hint of an arrival be lost, nothing waits longer than this.
            self.collector.look_everywhere();
            let queued = self.engine.queued(&self.collector).await;
            if self
                .respond([Update::Heartbeat(heartbeat(
                    self.engine.now(),
                    false,
                    queued,
                ))])
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

    async fn respond(&self, updates: impl IntoIterator<Item = Update>) -> Result<(), ()> {
        let response = |update| wire::CollectResponse {
            update: Some(update),
        };
        let page = updates.into_iter().map(response).collect();
        self.responses.send(Ok(page)).await.map_err(|_| ())
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
