//! The demo: a trust, two practices and a real broker on loopback, over mutual TLS. It acts as the
//! senders and receivers, and so is the one part of the broker that uses the SDK. What it says
//! happened is what the SDK saw.

mod cast;
mod script;
mod stage;
mod tell;

use std::{io::Write, time::Instant};

use axle_client::error::ClientError;
use thiserror::Error;

use self::{cast::Cast, script::Script, stage::Stage, tell::Teller};
use crate::app::AppError;

/// How the demo is to be run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Leave the broker running afterwards, until interrupted.
    pub keep: bool,
    /// Break a step on purpose, to see that the demo notices.
    pub sabotage: Option<Sabotage>,
    /// When the process was started.
    pub started: Instant,
}

/// A step broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Sabotage {
    /// A practice never collects.
    Uncollected,
    /// What arrives is compared with other bytes than were sent.
    Altered,
    /// The practice that should be unknown has a mailbox.
    Admitted,
}

/// Why the demo could not be played to its end.
#[derive(Debug, Error)]
pub enum DemoError {
    /// The broker could not be set up.
    #[error(transparent)]
    Broker(#[from] AppError),
    /// A certificate could not be made.
    #[error(transparent)]
    Certificates(#[from] axle_pki::issue::IssueError),
    /// A call failed that should have worked.
    #[error(transparent)]
    Call(#[from] ClientError),
    /// A file of the demo could not be written.
    #[error("setting the stage: {0}")]
    Files(#[from] std::io::Error),
    /// What the demo configures is refused.
    #[error("the demo's own configuration is not valid: {0}")]
    Config(#[from] crate::config::ConfigError),
}

/// Plays the demo and tells it to `out`. True only if everything that should arrive arrived byte
/// for byte, and everything that should be refused was.
pub async fn run(options: Options, out: &mut (impl Write + Send)) -> Result<bool, DemoError> {
    let stage = Stage::set(options.sabotage).await?;
    let script = Script::new();
    let cast = Cast::new(&stage)?;
    let mut teller = Teller::new(out);
    teller.opening(&stage)?;
    let played = cast.play(&script, options.sabotage).await?;
    let took = options.started.elapsed();
    teller.refusals(&played)?;
    teller.deliveries(&played)?;
    let failures = played.failures();
    teller.verdict(&played, &failures, took)?;
    let next = script.write_next(stage.folder())?;
    teller.commands(&stage, &played, &next, options.keep)?;
    if options.keep {
        stage.keep_until_interrupted().await?;
    }
    stage.strike().await?;
    Ok(failures.is_empty())
}
