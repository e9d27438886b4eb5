//! The stream of WatchAlarms: the alarms in force, then what is raised and cleared, and a heartbeat
//! when nothing is.

use std::{collections::VecDeque, sync::Arc};

use axle_core::alarm::{Alarms, Turn, turns};
use axle_proto::v1::{self as wire, watch_alarms_response::Update};
use axle_store::Store;
use futures::stream::{self, BoxStream, StreamExt};
use tokio::sync::watch;
use tonic::Status;

use super::{
    reply::{alarm_of, alarms_of},
    streams::Open,
    watch_stream::{HEARTBEAT, heartbeat},
};
use crate::{clock::Clock, engine::Engine};

struct Watching<S, C> {
    engine: Arc<Engine<S, C>>,
    standing: watch::Receiver<Option<Arc<Alarms>>>,
    draining: watch::Receiver<bool>,
    /// What the caller knows of once it has all that is ready; `None` before the first message.
    told: Option<Arc<Alarms>>,
    ready: VecDeque<Turn>,
    ended: bool,
    _open: Open,
}

/// The alarms in force and whatever turns from then on. What is raised and cleared again between two
/// looks is not told.
pub(super) fn updates<S: Store, C: Clock>(
    engine: Arc<Engine<S, C>>,
    standing: watch::Receiver<Option<Arc<Alarms>>>,
    open: Open,
) -> BoxStream<'static, Result<wire::WatchAlarmsResponse, Status>> {
    let watching = Watching {
        draining: engine.draining(),
        engine,
        standing,
        told: None,
        ready: VecDeque::new(),
        ended: false,
        _open: open,
    };
    stream::unfold(watching, |mut watching| async move {
        let update = Some(watching.next().await?);
        Some((Ok(wire::WatchAlarmsResponse { update }), watching))
    })
    .boxed()
}

impl<S: Store, C: Clock> Watching<S, C> {
    async fn next(&mut self) -> Option<Update> {
        if self.ended {
            return None;
        }
        let silence = tokio::time::sleep(HEARTBEAT);
        tokio::pin!(silence);
        loop {
            if let Some(turn) = self.ready.pop_front() {
                return Some(update_of(&turn));
            }
            let now = self
                .standing
                .borrow_and_update()
                .clone()
                .unwrap_or_default();
            let Some(told) = self.told.replace(Arc::clone(&now)) else {
                return Some(Update::Standing(alarms_of(&now)));
            };
            self.ready.extend(turns(&told, &now));
            if !self.ready.is_empty() {
                continue;
            }
            tokio::select! {
                biased;
                changed = self.standing.changed() => self.ended |= changed.is_err(),
                _ = self.draining.wait_for(|draining| *draining) => self.ended = true,
                () = &mut silence => break,
            }
            if self.ended {
                break;
            }
        }
        let draining = self.ended;
        Some(Update::Heartbeat(heartbeat(self.engine.now(), draining, 0)))
    }
}

fn update_of(turn: &Turn) -> Update {
    match turn {
        Turn::Raised(subject, alarm) => Update::Raised(alarm_of(subject, alarm)),
        Turn::Cleared(subject, alarm) => Update::Cleared(alarm_of(subject, alarm)),
    }
}
