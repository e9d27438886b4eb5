//! The engine: takes a caller's wish through the core's decisions to the store, and tells the caller
//! only what the store has made durable. It knows no wire and decides nothing itself.

pub mod collect;
pub mod expire;
pub mod oversee;
pub mod refuse;
pub mod settle;
pub mod submit;
pub mod track;
pub mod upload;
pub mod watch;

use std::sync::Arc;

use arc_swap::ArcSwap;
use axle_core::{
    change::{Advance, Change},
    delivery::Circumstances,
    message::Message,
    report::report,
    table::Terms,
};
use axle_model::{
    refusal::{Reason, Refusal},
    time::Timestamp,
};
use axle_store::Store;
use tokio::sync::watch as channel;

use crate::{clock::Clock, metrics::Metrics, view::View};

/// The broker behind its doors.
#[derive(Debug)]
pub struct Engine<S, C> {
    store: Arc<S>,
    clock: C,
    view: ArcSwap<View>,
    metrics: Arc<Metrics>,
    draining: channel::Sender<bool>,
    start_time: Timestamp,
}

impl<S: Store, C: Clock> Engine<S, C> {
    /// An engine over a store that is open.
    pub fn new(store: Arc<S>, clock: C, view: View, metrics: Arc<Metrics>) -> Self {
        let (view, start_time) = (ArcSwap::from_pointee(view), clock.now());
        Self {
            store,
            clock,
            view,
            metrics,
            draining: channel::Sender::new(false),
            start_time,
        }
    }

    /// The snapshot in force.
    pub fn view(&self) -> Arc<View> {
        self.view.load_full()
    }

    /// Puts another snapshot in force, for requests that come after.
    pub fn replace_view(&self, view: View) {
        self.view.store(Arc::new(view));
    }

    /// The store, for those who report on it.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// What is counted.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The time, by the broker's clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// When the broker was started.
    pub const fn start_time(&self) -> Timestamp {
        self.start_time
    }

    /// Takes no more documents and gives out none; what is leased can still be settled.
    pub fn drain(&self) {
        self.draining.send_replace(true);
    }

    /// Whether the broker is about to stop; changes when it is.
    pub fn draining(&self) -> channel::Receiver<bool> {
        self.draining.subscribe()
    }

    fn refuse_when_draining(&self) -> Result<(), Refusal> {
        if !*self.draining.borrow() {
            return Ok(());
        }
        Err(Refusal::new(
            Reason::Draining,
            "the broker is shutting down",
            "try again shortly, with the same submission id",
        ))
    }

    /// The change that makes a delivery's step true, with the report to its sender that it calls for.
    fn change(&self, message: &Message, advance: Advance) -> Change {
        let id = submit::new_message_id(advance.step.event.time, self.clock.chance());
        let report = report(message, &advance, id).map(Box::new);
        Change {
            accept: report,
            advance: vec![advance],
        }
    }

    /// The circumstances of a decision about one of a message's deliveries.
    fn circumstances(&self, message: &Message, now: Timestamp) -> Circumstances {
        let view = self.view.load();
        let terms = view.table.terms(&message.workflow).copied();
        let retry = terms.unwrap_or_else(Terms::default).retry;
        Circumstances {
            now,
            deadline: if self.clock.expiry_rests() {
                Timestamp::from_micros(u64::MAX)
            } else {
                message.expire_time
            },
            retry,
            seed: self.clock.chance() as u64,
        }
    }
}
