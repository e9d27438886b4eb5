//! What the service manager is told (sd_notify(3)): ready, reloading, stopping, alive. Without one,
//! as in a terminal or a container, every call does nothing.

use sd_notify::NotifyState;
use tokio::time::interval;

/// The broker answers callers; also said when a reload is over.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// A reload has begun; [`ready`] ends it.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(moment) => tell(&[NotifyState::Reloading, moment]),
        Err(error) => tracing::warn!(%error, "reading the monotonic clock"),
    }
}

/// The broker takes no new calls and ends.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Says twice in each period the manager asks for that the broker is alive, for as long as its
/// runtime runs tasks. Ends at once when the manager does not ask.
pub async fn keep_watchdog() {
    let Some(period) = sd_notify::watchdog_enabled() else {
        return;
    };
    let mut beats = interval(period / 2);
    loop {
        beats.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "telling the service manager");
    }
}
