//! The engine: takes a caller's wish through the core's decisions to the store, and tells the caller
//! only what the store has made durable. It knows no wire and decides nothing itself.

pub mod activity;
pub mod alarm;
pub mod answer;
pub mod close;
pub mod collect;
pub mod expire;
pub mod intervene;
pub mod look_up;
pub mod organisations;
pub mod oversee;
pub mod reconcile;
pub mod refuse;
pub mod remember;
pub mod replace;
pub mod settle;
pub mod submit;
pub mod track;
pub mod upload;
pub mod watch;
pub mod withdraw;

use std::sync::Arc;

use arc_swap::ArcSwap;
use axle_core::{
    alarm::Alarms,
    change::{Advance, Change},
    delivery::Circumstances,
    message::Message,
    report,
    table::Terms,
};
use axle_model::{
    id::DeliveryId,
    ods::OdsCode,
    refusal::{Reason, Refusal},
    time::Timestamp,
};
use axle_store::Store;
use tokio::sync::watch as channel;

use self::{activity::Activity, remember::Allowance, replace::Names};
use crate::{clock::Clock, demographics::Demographics, metrics::Metrics, view::View};

/// The broker behind its doors.
#[derive(Debug)]
pub struct Engine<S, C> {
    store: Arc<S>,
    clock: C,
    view: ArcSwap<View>,
    metrics: Arc<Metrics>,
    allowance: Allowance,
    activity: Activity,
    names: Names,
    demographics: Option<Arc<dyn Demographics>>,
    /// `None` until they were looked for once.
    alarms: channel::Sender<Option<Arc<Alarms>>>,
    draining: channel::Sender<bool>,
    /// Since when the newest files of the register cannot be used.
    register_refused: channel::Sender<Option<Timestamp>>,
    start_time: Timestamp,
}

impl<S: Store, C: Clock> Engine<S, C> {
    /// An engine over a store that is open.
    pub fn new(store: Arc<S>, clock: C, view: View, metrics: Arc<Metrics>) -> Self {
        let start_time = clock.now();
        let activity = Activity::default();
        activity.listen_for(&view.snapshot.directory, start_time);
        let view = ArcSwap::from_pointee(view);
        Self {
            store,
            clock,
            view,
            metrics,
            allowance: Allowance::default(),
            activity,
            names: Names::default(),
            demographics: None,
            alarms: channel::Sender::new(None),
            draining: channel::Sender::new(false),
            register_refused: channel::Sender::new(None),
            start_time,
        }
    }

    /// The same engine with somebody to ask for the practice of a patient.
    #[must_use]
    pub fn with_demographics(mut self, demographics: Arc<dyn Demographics>) -> Self {
        self.demographics = Some(demographics);
        self
    }

    /// The snapshot in force.
    pub fn view(&self) -> Arc<View> {
        self.view.load_full()
    }

    /// Puts another snapshot in force, for requests that come after.
    pub fn replace_view(&self, view: View) {
        self.activity
            .listen_for(&view.snapshot.directory, self.clock.now());
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

    /// When senders and mailboxes were last heard of.
    pub const fn activity(&self) -> &Activity {
        &self.activity
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
        let view = self.view.load();
        let mailbox = |sender| report::mailbox(&view.snapshot.directory, sender);
        Change {
            accept: report::report(message, &advance, id, mailbox).map(Box::new),
            advance: vec![advance],
            ..Change::default()
        }
    }

    /// Counts and logs a delivery that was given up, once that is durable.
    fn undelivered(&self, delivery: DeliveryId, sender: OdsCode, state: &'static str) {
        if sender == OdsCode::BROKER {
            // There is nobody left to tell.
            tracing::warn!(%delivery, state, "a report was not collected");
            return;
        }
        self.metrics.notice(state);
        tracing::warn!(%delivery, state, "undelivered; the sender is told");
    }

    /// The circumstances of a decision about one of a message's deliveries.
    fn circumstances(&self, message: &Message, now: Timestamp) -> Circumstances {
        let view = self.view.load();
        let terms = view.snapshot.table.terms(&message.workflow).copied();
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
