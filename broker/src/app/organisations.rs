//! The register of organisations, read by itself whenever its files change. A set that cannot be used
//! changes nothing and is told in the log, in the metrics and as an alarm.

use std::{path::PathBuf, sync::Arc, time::Duration};

use axle_core::organisations::register::Register;
use tokio::{sync::Mutex, task::JoinError, time::MissedTickBehavior};

use super::App;
use crate::{
    clock::{Clock, SystemClock},
    config::ConfigError,
    register::{self, Edition, Look},
};

/// How often the files are looked at from outside.
const TICK: Duration = Duration::from_secs(1);
/// Of the records that are left out, so many are logged one by one.
const LOGGED_MAX: usize = 10;

/// Where the register is, and what its files looked like when they were read last.
#[derive(Debug)]
pub(super) struct RegisterFiles {
    path: Option<PathBuf>,
    /// Held while they are read, so that they are read once at a time.
    read: Mutex<Option<Look>>,
}

impl RegisterFiles {
    /// Those at `path`, read for the first time: without what they say the broker does not start.
    pub(super) fn open(
        path: Option<PathBuf>,
    ) -> Result<(Self, Option<Arc<Register>>), ConfigError> {
        let (mut look, mut register) = (None, None);
        if let Some(path) = &path {
            look = Some(register::look(path));
            let edition = register::load(path, SystemClock.now())?;
            tell(&edition);
            register = Some(Arc::new(edition.register));
        }
        let read = Mutex::new(look);
        Ok((Self { path, read }, register))
    }
}

impl App {
    /// Reads the register again whenever its files have changed and then stayed the same for a tick,
    /// so that they are not read while they are written. Until it is dropped.
    pub(super) async fn keep_register(&self) {
        let Some(path) = self.register.path.clone() else {
            return;
        };
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut before = None;
        loop {
            tick.tick().await;
            let path = path.clone();
            let look = tokio::task::spawn_blocking(move || register::look(&path)).await;
            let look = look.ok();
            let settled = look == before;
            if settled && look.is_some() && *self.register.read.lock().await != look {
                self.read_register().await;
            }
            before = look;
        }
    }

    /// Reads the register, if there is one, and puts it in force or leaves the one before.
    pub(super) async fn read_register(&self) {
        let Some(path) = self.register.path.clone() else {
            return;
        };
        let mut read = self.register.read.lock().await;
        let loading = tokio::task::spawn_blocking(move || {
            let look = register::look(&path);
            (look, register::load(&path, SystemClock.now()))
        });
        let usable = match loading.await {
            Ok((look, Ok(edition))) => {
                *read = Some(look);
                tell(&edition);
                self.engine.replace_register(&Arc::new(edition.register));
                true
            }
            Ok((look, Err(error))) => {
                *read = Some(look);
                tracing::error!(%error, "the register of organisations stays as it was");
                false
            }
            // A panic while reading, which is a mistake of ours.
            Err::<_, JoinError>(error) => {
                tracing::error!(%error, "the register of organisations stays as it was");
                false
            }
        };
        self.engine.judge_register(usable);
    }
}

fn tell(edition: &Edition) {
    let register = &edition.register;
    for flaw in edition.flaws().take(LOGGED_MAX) {
        tracing::warn!(%flaw, "a record of the register of organisations is left out");
    }
    tracing::info!(
        version = register.version(),
        organisations = register.len(),
        left_out = register.faults().count(),
        taken = %register.taken(),
        "register of organisations in force"
    );
}
