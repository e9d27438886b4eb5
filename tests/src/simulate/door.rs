//! The door of the simulated broker: it hands a request to the real engine, as the real doors do, and
//! returns what the engine says. It decides nothing.

use std::sync::Arc;

use axle_broker::engine::{
    Engine,
    close::Closing,
    collect::Room,
    intervene::{Intervention, Order},
    watch::Position,
};
use axle_core::lease::LeaseToken;
use axle_model::{identity::Identity, refusal::Refusal};
use axle_store::Store as _;
use futures::FutureExt as _;

use super::{
    clock::VirtualClock,
    network::{Answer, Document, Request},
    planted::{Bug, Planted},
    world::Sites,
};

/// The engine under test.
pub(super) type Broker = Engine<Planted, VirtualClock>;

/// A watch is told at most this much at a time, so that it is resumed often.
const UPDATES_MAX: usize = 8;
const REASON: &str = "simulated";

/// Carries out a request.
pub(super) async fn serve(broker: Arc<Broker>, caller: Identity, request: Request) -> Answer {
    match attempt(&broker, &caller, request).await {
        Ok(answer) => answer,
        Err(refusal) => Answer::Refused(refusal),
    }
}

async fn attempt(
    broker: &Arc<Broker>,
    caller: &Identity,
    request: Request,
) -> Result<Answer, Refusal> {
    match request {
        Request::Submit { draft, .. } => {
            let accepted = broker.submit(caller, draft.submission()).await?;
            Ok(Answer::Receipt(accepted.receipt))
        }
        Request::Watch { from, .. } => watch(broker, caller, &from),
        Request::Collect {
            deliveries_max,
            lease,
            ..
        } => collect(broker, caller, deliveries_max, lease).await,
        Request::Settle { token, what, .. } => {
            let token = counted(broker, token).await;
            broker.settle(caller, &token, &what).await?;
            Ok(Answer::Done)
        }
        Request::Requeue { delivery } => {
            let order = Order {
                reason: REASON,
                validate_only: false,
            };
            let requeue = Intervention::Requeue;
            broker.intervene(caller, delivery, requeue, order).await?;
            Ok(Answer::Done)
        }
        Request::Tick => {
            // What goes wrong is tried again at the next tick, as by the real broker.
            drop(broker.move_due().await);
            drop(broker.look_around(&mut Closing::default()).await);
            Ok(Answer::Done)
        }
    }
}

fn watch(broker: &Arc<Broker>, caller: &Identity, from: &str) -> Result<Answer, Refusal> {
    let mut watcher = broker.watch(caller, Some(Position::parse(from)?))?;
    let mut updates = Vec::new();
    while updates.len() < UPDATES_MAX
        && let Some(update) = watcher.next().now_or_never()
    {
        updates.push(update?);
    }
    Ok(Answer::Updates(updates))
}

async fn collect(
    broker: &Broker,
    caller: &Identity,
    deliveries: usize,
    lease: std::time::Duration,
) -> Result<Answer, Refusal> {
    let collector = broker.collector(caller, Vec::new(), "simulated".into(), lease)?;
    let bytes = u64::MAX;
    let room = Room { deliveries, bytes };
    let leased = broker.now();
    let mut documents = Vec::new();
    for claimed in broker.take(&collector, room).await? {
        let body = broker.inline_body(&claimed, bytes).await?;
        documents.push(Document {
            claimed,
            body: body.unwrap_or_default(),
            leased,
        });
    }
    Ok(Answer::Documents(documents))
}

/// The token as it is; with that bug planted, the newest lease's instead.
async fn counted(broker: &Broker, token: LeaseToken) -> LeaseToken {
    if !broker.store().strikes(Bug::CountsAnyLease) {
        return token;
    }
    let message = broker.store().load(token.delivery.message).await;
    let message = message.ok().flatten();
    let delivery = message
        .as_ref()
        .and_then(|one| one.delivery(token.delivery.recipient));
    let newest = delivery.and_then(|one| one.lease);
    LeaseToken {
        key: newest.unwrap_or(token.key),
        ..token
    }
}

/// Who makes a request.
pub(super) fn caller(sites: &Sites, request: &Request) -> Identity {
    match request {
        Request::Submit { trust, .. } | Request::Watch { trust, .. } => {
            sites.trusts[*trust].identity.clone()
        }
        Request::Collect { practice, .. } | Request::Settle { practice, .. } => {
            sites.practices[*practice].identity.clone()
        }
        Request::Requeue { .. } | Request::Tick => sites.operator.clone(),
    }
}
