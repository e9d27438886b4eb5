//! The stream of WatchDeliveries: updates as they happen, and a heartbeat when nothing does.

use std::time::Duration;

use axle_model::time::Timestamp;
use axle_proto::v1::{self as wire, watch_deliveries_response::Update as WireUpdate};
use axle_store::Store;
use futures::stream::{self, BoxStream, StreamExt};
use tokio::sync::watch;
use tonic::Status;

use super::{
    reply::{event_of, state_of, time_of},
    status::status_of,
    streams::Open,
};
use crate::{
    clock::Clock,
    engine::watch::{Update, Watcher},
};

/// How long a stream stays silent at most.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(20);

struct Watching<S, C> {
    watcher: Watcher<S, C>,
    notices_only: bool,
    draining: watch::Receiver<bool>,
    greeted: bool,
    ended: bool,
    _open: Open,
}

/// The updates of a watcher. Begins with a heartbeat, so that the caller knows where it stands.
pub(super) fn updates<S: Store, C: Clock>(
    watcher: Watcher<S, C>,
    notices_only: bool,
    draining: watch::Receiver<bool>,
    open: Open,
) -> BoxStream<'static, Result<wire::WatchDeliveriesResponse, Status>> {
    let watching = Watching {
        watcher,
        notices_only,
        draining,
        greeted: false,
        ended: false,
        _open: open,
    };
    stream::unfold(watching, |mut watching| async move {
        let response = watching.next().await?;
        Some((response, watching))
    })
    .boxed()
}

impl<S: Store, C: Clock> Watching<S, C> {
    async fn next(&mut self) -> Option<Result<wire::WatchDeliveriesResponse, Status>> {
        if self.ended {
            return None;
        }
        if !self.greeted {
            self.greeted = true;
            return Some(Ok(self.heartbeat(false)));
        }
        let silence = tokio::time::sleep(HEARTBEAT);
        tokio::pin!(silence);
        loop {
            tokio::select! {
                biased;
                update = self.watcher.next() => match update {
                    Ok(update) if self.notices_only && !update.event.is_notice() => {}
                    Ok(update) => return Some(Ok(response_of(&update))),
                    Err(refusal) => {
                        self.ended = true;
                        return Some(Err(status_of(refusal)));
                    }
                },
                _ = self.draining.wait_for(|draining| *draining) => {
                    self.ended = true;
                    break;
                }
                () = &mut silence => break,
            }
        }
        Some(Ok(self.heartbeat(self.ended)))
    }

    fn heartbeat(&self, draining: bool) -> wire::WatchDeliveriesResponse {
        wire::WatchDeliveriesResponse {
            update: Some(WireUpdate::Heartbeat(heartbeat(
                self.watcher.now(),
                draining,
                0,
            ))),
            resume_token: self.watcher.position().to_string(),
        }
    }
}

/// A sign of life.
pub(super) fn heartbeat(now: Timestamp, draining: bool, queued_count: u64) -> wire::Heartbeat {
    let server_time = time_of(now);
    wire::Heartbeat {
        server_time,
        draining,
        queued_count,
    }
}

fn response_of(update: &Update) -> wire::WatchDeliveriesResponse {
    wire::WatchDeliveriesResponse {
        update: Some(WireUpdate::Delivery(wire::DeliveryUpdate {
            delivery: update.delivery.to_string(),
            state: state_of(update.state).into(),
            notice: update.event.is_notice(),
            event: Some(event_of(&update.event)),
        })),
        resume_token: update.next.to_string(),
    }
}
