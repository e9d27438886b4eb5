//! Watch: a sender hears everything that happens to its deliveries, in the ledger's order and
//! without gaps, from wherever it left off.

use std::{collections::VecDeque, fmt, sync::Arc};

use axle_core::{
    authorise::organisation_of,
    change::{LedgerEntry, Recorded},
    delivery::State,
    event::{Actor, Event, EventKind},
};
use axle_model::{
    id::DeliveryId,
    identity::Identity,
    ods::OdsCode,
    refusal::{Reason, Refusal},
    time::Timestamp,
};
use axle_store::Store;
use tokio::sync::watch;

use super::{Engine, refuse::refusal_of};
use crate::clock::Clock;

/// A place between two updates of the ledger: before update `index` of entry `sequence`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    sequence: u64,
    index: usize,
}

/// One delivery's event, and where to go on after it.
#[derive(Clone, Debug)]
pub struct Update {
    /// Whose.
    pub delivery: DeliveryId,
    /// What it waits for now.
    pub state: State,
    /// What happened.
    pub event: Event,
    /// The place after it.
    pub next: Position,
}

/// A sender's view along the ledger.
#[derive(Debug)]
pub struct Watcher<S, C> {
    engine: Arc<Engine<S, C>>,
    sender: OdsCode,
    position: Position,
    head: watch::Receiver<u64>,
    ready: VecDeque<Update>,
}

/// How many entries are read at a time.
const ENTRIES_MAX: usize = 256;

impl Position {
    /// Reads a resume token.
    pub fn parse(token: &str) -> Result<Self, Refusal> {
        let parts = token.split_once('.');
        let position = parts.and_then(|(sequence, index)| {
            Some(Self {
                sequence: sequence.parse().ok()?,
                index: index.parse().ok()?,
            })
        });
        position.ok_or_else(|| {
            Refusal::new(
                Reason::PageTokenInvalid,
                "this is not a resume token of this broker",
                "use the resume_token of the last update, or none to start from now",
            )
        })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.sequence, self.index)
    }
}

impl<S: Store, C: Clock> Engine<S, C> {
    /// Watches the caller's deliveries from a place on, or from now.
    pub fn watch(
        self: &Arc<Self>,
        caller: &Identity,
        from: Option<Position>,
    ) -> Result<Watcher<S, C>, Refusal> {
        let sender = organisation_of(caller)?;
        let head = self.store.ledger_head();
        let newest = *head.borrow();
        let position = from.unwrap_or(Position {
            sequence: newest + 1,
            index: 0,
        });
        if position.sequence > newest + 1 {
            // From another broker or another life of this one: going on would skip silently.
            return Err(Refusal::new(
                Reason::PageTokenInvalid,
                "this resume token lies ahead of this broker's ledger",
                "list your messages to catch up, then watch without a token",
            ));
        }
        Ok(Watcher {
            engine: Arc::clone(self),
            sender,
            position,
            head,
            ready: VecDeque::new(),
        })
    }
}

impl<S: Store, C: Clock> Watcher<S, C> {
    /// Where to go on, should the watch end now.
    pub const fn position(&self) -> Position {
        self.position
    }

    /// The time, by the broker's clock.
    pub fn now(&self) -> Timestamp {
        self.engine.now()
    }

    /// The next update; waits until there is one. May be dropped and called again: nothing is lost.
    pub async fn next(&mut self) -> Result<Update, Refusal> {
        loop {
            if let Some(update) = self.ready.pop_front() {
                self.position = update.next;
                return Ok(update);
            }
            self.head.borrow_and_update();
            let entries = self
                .engine
                .store
                .ledger(self.position.sequence, ENTRIES_MAX)
                .await;
            let entries = entries.map_err(refusal_of)?;
            let start = self.position;
            for entry in &entries {
                let skip = if entry.sequence == start.sequence {
                    start.index
                } else {
                    0
                };
                self.ready.extend(updates_of(entry, self.sender).skip(skip));
            }
            let past = |entry: &LedgerEntry| Position {
                sequence: entry.sequence + 1,
                index: 0,
            };
            let end = entries.last().map(past);
            if self.ready.is_empty() {
                match end {
                    Some(end) => self.position = end,
                    // The store is gone with its sender: there is nothing more to wait for.
                    None if self.head.changed().await.is_err() => std::future::pending().await,
                    None => {}
                }
            }
        }
    }
}

/// The updates of an entry that are the business of `sender`, each with the place after it.
fn updates_of(entry: &LedgerEntry, sender: OdsCode) -> impl Iterator<Item = Update> {
    let own = entry
        .records
        .iter()
        .filter(move |one| one.sender() == sender);
    let all = own.flat_map(events_of);
    let sequence = entry.sequence;
    all.enumerate()
        .map(move |(index, (delivery, state, event))| {
            let next = Position {
                sequence,
                index: index + 1,
            };
            Update {
                delivery,
                state,
                event,
                next,
            }
        })
}

fn events_of(record: &Recorded) -> Vec<(DeliveryId, State, Event)> {
    match record {
        Recorded::Accepted {
            message,
            sender,
            time,
            recipients,
        } => {
            let by = Actor::Organisation(*sender);
            let accepted = Event::new(EventKind::Accepted, by, *time);
            let state = State::Queued { not_before: *time };
            let delivery = |&recipient| DeliveryId {
                message: *message,
                recipient,
            };
            let each = recipients.iter().map(delivery);
            each.map(|delivery| (delivery, state, accepted.clone()))
                .collect()
        }
        Recorded::Advanced {
            delivery,
            state,
            event,
            ..
        } => vec![(*delivery, *state, event.clone())],
        // Its sender was told in the answer to its call; there is no delivery to watch.
        Recorded::Refused(_) => Vec::new(),
    }
}
