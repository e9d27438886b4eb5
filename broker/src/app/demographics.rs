//! What tells the practice of patients, kept up to date: its files are looked at every few seconds and
//! at every reload, apart from everything else, because a snapshot of a country takes a while to read.

use std::{sync::Arc, time::Duration};

use tokio::time::MissedTickBehavior;

use super::App;
use crate::{config::Config, config::ConfigError, demographics};

/// How soon a change of a file is noticed.
const TICK: Duration = Duration::from_secs(5);

impl App {
    /// Looks after the files until it is dropped.
    pub(super) async fn keep_demographics(&self) {
        let Some(demographics) = &self.demographics else {
            return;
        };
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = self.demographics_due.notified() => {}
            }
            let (demographics, now) = (Arc::clone(demographics), self.engine.now());
            let refreshed = tokio::task::spawn_blocking(move || demographics.refresh(now)).await;
            if let Err(error) = refreshed {
                tracing::error!(%error, "the files of demographics could not be looked at; it is tried again");
            }
        }
    }
}

/// What the configuration names, if anything.
pub(super) fn open(
    config: &Config,
    now: axle_model::time::Timestamp,
) -> Result<Option<Arc<dyn demographics::Demographics>>, ConfigError> {
    let settings = config.demographics.as_ref();
    settings
        .map(|settings| demographics::open(settings, now))
        .transpose()
}
