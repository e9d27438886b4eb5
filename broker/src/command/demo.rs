//! `demo`: plays the main job on this machine.

use std::{io::Write, time::Instant};

use clap::Args;
use tokio::runtime::Builder;

use super::{Exit, fail};
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
    let runtime = match Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(Exit::Unavailable, &format!("starting threads: {error}")),
    };
    match runtime.block_on(demo::run(options, out)) {
        Ok(true) => Exit::Ok,
        Ok(false) => Exit::Failed,
        Err(error) => fail(Exit::Failed, &error),
    }
}
