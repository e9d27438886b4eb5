//! `serve`: reads the configuration, begins logging, turns signals into wishes and hands over to the
//! application.

use std::{io, path::Path};

use rustix::{
    fs::Mode,
    process::{Resource, Rlimit, setrlimit, umask},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{mpsc, oneshot},
};

use super::{Exit, fail, runtime};
use crate::{
    app::{self, AppError, Wishes},
    config::Config,
    service, telemetry,
};

pub(super) fn serve(file: &Path) -> Exit {
    let config = match Config::load(file) {
        Ok(config) => config,
        Err(error) => return fail(Exit::BadConfiguration, &error),
    };
    if let Err(error) = telemetry::init(&config.log) {
        return fail(Exit::BadConfiguration, &error);
    }
    if let Err(error) = keep_private() {
        tracing::warn!(%error, "core dumps stay on: a crash would leave documents on the disk");
    }
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(exit) => return exit,
    };
    let served = runtime.block_on(async {
        let wishes = listen_for_signals()?;
        tokio::spawn(service::keep_watchdog());
        Ok(app::serve(config, wishes).await)
    });
    match served {
        Ok(Ok(())) => Exit::Ok,
        Ok(Err(error)) => fail(exit_of(&error), &error),
        Err::<_, io::Error>(error) => fail(
            Exit::Unavailable,
            &format!("listening for signals: {error}"),
        ),
    }
}

/// Files are the broker's alone, and its memory, which holds documents, is never dumped.
fn keep_private() -> io::Result<()> {
    umask(Mode::RWXG | Mode::RWXO);
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    Ok(setrlimit(Resource::Core, none)?)
}

/// SIGTERM and SIGINT stop the broker; SIGHUP has it read its files again.
fn listen_for_signals() -> io::Result<Wishes> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let (stopping, stop) = oneshot::channel();
    let (reloading, reload) = mpsc::channel(1);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                // When one is waiting already it will read the newest files: one is enough.
                _ = hang_up.recv() => drop(reloading.try_send(())),
            }
        }
        // The application is gone only when the process is ending anyway.
        let _ = stopping.send(());
    });
    Ok(Wishes { stop, reload })
}

fn exit_of(error: &AppError) -> Exit {
    match error {
        AppError::Config(_) | AppError::Trust(_) => Exit::BadConfiguration,
        AppError::Store(error) => Exit::from(error),
        AppError::StoreStopped(_) => Exit::TryAgain,
        AppError::Clock { .. } | AppError::Listen { .. } | AppError::Server(_) => Exit::Unavailable,
    }
}
