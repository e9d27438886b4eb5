//! `demo`: plays the main job on this machine.

use std::{io::Write, time::Instant};

use clap::Args;

use super::{Exit, fail, runtime};
use crate::demo::{self, Sabotage};

/// How the demo is to be played.
#[derive(Debug, Args)]
pub(super) struct Play {
    /// Leave the broker running afterwards, and print commands to try on it.
    #[arg(long)]
    keep: bool,
    /// Break a step on purpose, to see that the demo notices.
    #[arg(long, hide = true)]
    sabotage: Option<Sabotage>,
}

pub(super) fn demo(play: &Play, started: Instant, out: &mut (impl Write + Send)) -> Exit {
    let options = demo::Options {
        keep: play.keep,
        sabotage: play.sabotage,
        started,
    };
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(exit) => return exit,
    };
    match runtime.block_on(demo::run(options, out)) {
        Ok(true) => Exit::Ok,
        Ok(false) => Exit::Failed,
        Err(error) => fail(Exit::Failed, &error),
    }
}
